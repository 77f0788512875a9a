// A reader for the text forms of password hashes: "$"-separated fields, numbers without leading zeros, base64 without
// padding. Used by argon2_hash.cpp and pbkdf2_hash.cpp while they parse, and never longer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/secret_bytes.hpp"

namespace bastion {

class HashTextReader {
public:
    explicit HashTextReader(std::string_view text) noexcept : rest_(text) {}

    // Steps over exactly this text; false, without a move, when other text follows.
    [[nodiscard]] bool literal(std::string_view expected) noexcept;

    // A decimal number of at least 1, no sign, no leading zero. A larger number becomes 4294967295: far above every
    // ceiling, so that the caller refuses it as too large and not as malformed.
    [[nodiscard]] std::optional<std::uint32_t> number() noexcept;

    // The characters up to the next "$" or the end.
    [[nodiscard]] std::string_view field() noexcept;

    [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
    [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

private:
    std::string_view rest_;
};

// The digits of crypt(5) and phpass, in the order of their values.
inline constexpr std::string_view crypt_digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

// The bytes of a salt that its program uses as text.
[[nodiscard]] std::optional<Bytes> text_bytes(std::string_view text);
[[nodiscard]] std::optional<Bytes> decode_hex(std::string_view text);
// Standard alphabet, padded, canonical.
[[nodiscard]] std::optional<Bytes> decode_padded_base64(std::string_view text);
// Standard alphabet, no padding, canonical.
[[nodiscard]] std::optional<Bytes> decode_unpadded_base64(std::string_view text);
[[nodiscard]] std::string encode_unpadded_base64(ByteSpan bytes);

}  // namespace bastion
