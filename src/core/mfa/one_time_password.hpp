// One-time passwords: HOTP (RFC 4226) and TOTP (RFC 6238), and the URI by which an authenticator takes their secret. Called
// by src/pg, which stores the secret sealed and the last step that was used. Clock and randomness come from outside; nothing
// here keeps state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/hmac.hpp"
#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"

namespace bastion {

inline constexpr std::size_t totp_secret_bytes = 20;  // RFC 4226 §4: 160 bits
inline constexpr int totp_digits = 6;
inline constexpr std::int64_t totp_step_seconds = 30;

// The decimal digits of a code, as `size` characters.
struct OneTimePassword {
    static constexpr int most_digits = 8;
    char text[most_digits];
    int size;

    [[nodiscard]] std::string_view view() const noexcept { return {text, static_cast<std::size_t>(size)}; }
};

// RFC 4226 §5.3, with 6 to 8 digits.
[[nodiscard]] Result<OneTimePassword> hotp(const HmacKey& key, std::uint64_t counter, int digits);

// The step of a code: the current one of `unix_seconds`, the one before or the one after, and later than `last_step`. A step
// that was used is used up, and with it all before it (RFC 6238 §5.2). Each candidate costs the same, right or wrong.
[[nodiscard]] Result<std::optional<std::int64_t>> totp_step_of(ByteSpan secret, std::string_view code,
                                                               std::int64_t unix_seconds, std::int64_t last_step);

// The URI that authenticators read, and QR codes hold: SHA-1, six digits, 30 seconds. Others are ignored by the most common of
// them. Issuer and account are shown to the user, and must not be empty; neither may have a colon.
[[nodiscard]] Result<SecretBytes> otpauth_uri(std::string_view issuer, std::string_view account, ByteSpan secret);

}  // namespace bastion
