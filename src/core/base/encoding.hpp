// Text forms of bytes: base64url, base64 and base32 (RFC 4648 §5, §4 and §6), hexadecimal and UUID. Called by every format of
// src/core and by the shims of src/pg. Decoders are strict: one text per value, so that no two texts name the same
// token or key. Nothing here keeps state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"

namespace bastion {

// base64url without padding; decoding refuses padding, white space and non-zero trailing bits.
[[nodiscard]] std::string base64url_encode(ByteSpan bytes);
[[nodiscard]] Result<Bytes> base64url_decode(std::string_view text);

// Appends the decoded bytes; false (and an unchanged `out`) when the text is not canonical. For public text on a hot
// path: its time depends on the text, so key material uses the functions below.
[[nodiscard]] bool base64url_decode_append(std::string_view text, std::string& out);

// Key material: time depends on lengths alone and no copy is left behind.
[[nodiscard]] Result<SecretBytes> base64url_decode_secret(std::string_view text);
[[nodiscard]] SecretBytes base64url_encode_secret(ByteSpan bytes);

// Characters that `size` bytes need in base64url.
[[nodiscard]] constexpr std::size_t base64url_length(std::size_t size) noexcept { return (size * 4 + 2) / 3; }

// Standard alphabet with padding; decoding refuses missing padding, white space and non-zero trailing bits.
[[nodiscard]] std::string base64_encode(ByteSpan bytes);
[[nodiscard]] Result<Bytes> base64_decode(std::string_view text);

// Upper case without padding, for what people read and type. Decoding takes either case, and refuses padding and non-zero
// trailing bits. Time depends on lengths alone and no copy is left behind.
[[nodiscard]] SecretBytes base32_encode_secret(ByteSpan bytes);
[[nodiscard]] Result<SecretBytes> base32_decode_secret(std::string_view text);

// Lower case; decoding takes either case and an even number of digits.
[[nodiscard]] std::string hex_encode(ByteSpan bytes);
[[nodiscard]] Result<Bytes> hex_decode(std::string_view text);
[[nodiscard]] Result<SecretBytes> hex_decode_secret(std::string_view text);

struct Uuid {
    std::array<std::uint8_t, 16> bytes{};

    friend bool operator==(const Uuid&, const Uuid&) = default;
};

// The 8-4-4-4-12 form of RFC 9562, either case; formats in lower case.
[[nodiscard]] Result<Uuid> parse_uuid(std::string_view text);
[[nodiscard]] std::string format_uuid(const Uuid& uuid);

}  // namespace bastion
