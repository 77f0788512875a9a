#include "core/identity/hash_text.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

#include "core/base/encoding.hpp"

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

namespace {

std::optional<Bytes> value_of(Result<Bytes>&& bytes) {
    return bytes ? std::optional<Bytes>(*std::move(bytes)) : std::nullopt;
}

}  // namespace

std::optional<Bytes> text_bytes(std::string_view text) {
    const ByteSpan bytes = as_bytes(text);
    return Bytes(bytes.begin(), bytes.end());
}

std::optional<Bytes> decode_hex(std::string_view text) { return value_of(hex_decode(text)); }

std::optional<Bytes> decode_padded_base64(std::string_view text) { return value_of(base64_decode(text)); }

std::optional<Bytes> decode_unpadded_base64(std::string_view text) {
    if (text.ends_with('=')) return std::nullopt;
    std::string padded(text);
    padded.append((4 - text.size() % 4) % 4, '=');
    return decode_padded_base64(padded);
}

std::string encode_unpadded_base64(ByteSpan bytes) {
    std::string text = base64_encode(bytes);
    text.erase(std::min(text.find('='), text.size()));
    return text;
}

}  // namespace bastion
