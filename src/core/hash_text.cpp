#include "core/hash_text.hpp"

#include <sodium.h>

#include <charconv>
#include <limits>
#include <system_error>

namespace bastion {

bool HashTextReader::literal(std::string_view expected) noexcept {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
}

std::optional<std::uint32_t> HashTextReader::number() noexcept {
    if (rest_.empty() || rest_.front() < '1' || rest_.front() > '9') return std::nullopt;
    std::uint32_t value = 0;
    const auto parsed = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    rest_.remove_prefix(static_cast<std::size_t>(parsed.ptr - rest_.data()));
    return parsed.ec == std::errc::result_out_of_range ? std::numeric_limits<std::uint32_t>::max() : value;
}

std::string_view HashTextReader::field() noexcept {
    const std::string_view found = rest_.substr(0, rest_.find('$'));
    rest_.remove_prefix(found.size());
    return found;
}

std::optional<Bytes> decode_unpadded_base64(std::string_view text) {
    Bytes bytes(text.size());
    std::size_t size = 0;
    if (sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &size, nullptr,
                          sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0)
        return std::nullopt;
    bytes.resize(size);
    return bytes;
}

std::string encode_unpadded_base64(ByteSpan bytes) {
    // libsodium ends the text with a NUL, which std::string keeps beyond its size.
    std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL_NO_PADDING) - 1, '\0');
    sodium_bin2base64(text.data(), text.size() + 1, bytes.data(), bytes.size(),
                      sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    return text;
}

}  // namespace bastion
