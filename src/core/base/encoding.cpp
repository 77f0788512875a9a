#include "core/base/encoding.hpp"

#include <sodium.h>

#include <algorithm>

namespace bastion {
namespace {

// The value that one character adds to its group of four; `not_base64url` for any other character.
using Base64urlTable = std::array<std::uint32_t, 256>;

constexpr std::uint32_t not_base64url = 0x80000000;

constexpr Base64urlTable make_base64url_table(unsigned shift) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    Base64urlTable table{};
    table.fill(not_base64url);
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint32_t>(i) << shift;
    return table;
}

constexpr std::array<Base64urlTable, 4> base64url_tables{make_base64url_table(18), make_base64url_table(12),
                                                         make_base64url_table(6), make_base64url_table(0)};

Error malformed(std::string message) { return {ErrorCode::malformed_text, std::move(message)}; }

std::string encode_base64(ByteSpan bytes, int variant) {
    std::string text(sodium_base64_encoded_len(bytes.size(), variant), '\0');
    sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), variant);
    text.pop_back();  // libsodium's terminating NUL
    return text;
}

// libsodium 1.0.18 reads bytes past 0x7f as '/'.
bool is_ascii(std::string_view text) {
    std::uint8_t seen = 0;
    for (const char c : text) seen = static_cast<std::uint8_t>(seen | static_cast<std::uint8_t>(c));
    return seen < 0x80;
}

// Fills `out`, which has room for every byte that `text` can hold; false when the text is not canonical.
bool decode_base64(std::string_view text, int variant, std::span<std::uint8_t> out, std::size_t& size) {
    const char* end = nullptr;
    size = 0;
    if (text.empty()) return true;
    if (!is_ascii(text)) return false;
    return sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, &end, variant) == 0 &&
           end == text.data() + text.size();
}

// Fills `out`, which has room for half as many bytes; false when the text is not an even number of digits.
bool decode_hex(std::string_view text, std::span<std::uint8_t> out) {
    if (text.empty()) return true;
    if (out.empty()) return false;  // a single digit
    const char* end = nullptr;
    std::size_t size = 0;
    return sodium_hex2bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, &end) == 0 &&
           end == text.data() + text.size() && size * 2 == text.size();
}

std::size_t decoded_capacity(std::string_view text) { return text.size() / 4 * 3 + 3; }

// The 24 bits of a group of four characters, first character highest.
std::uint32_t decode_group(const std::uint8_t* in) {
    return base64url_tables[0][in[0]] | base64url_tables[1][in[1]] | base64url_tables[2][in[2]] |
           base64url_tables[3][in[3]];
}

// The 1 or 2 bytes behind the last 2 or 3 characters; RFC 4648 §3.5: the bits left over must be zero.
bool decode_tail(const std::uint8_t* in, std::size_t characters, char* out) {
    if (characters == 1) return false;
    const std::uint8_t third = characters == 3 ? in[2] : static_cast<std::uint8_t>('A');  // A is zero
    const std::array<std::uint8_t, 4> group{in[0], in[1], third, 'A'};
    const std::uint32_t bits = decode_group(group.data());
    out[0] = static_cast<char>(bits >> 16);
    if (characters == 3) out[1] = static_cast<char>(bits >> 8);
    return (bits & (characters == 3 ? 0xff0000ffU : 0xff00ffffU)) == 0;
}

// 1 where low <= c <= high, else 0, without a branch.
constexpr std::uint32_t in_range(std::uint32_t c, std::uint32_t low, std::uint32_t high) {
    return ~(((c - low) | (high - c)) >> 31) & 1;
}

// The digit of a value below 32: A to Z, then 2 to 7.
constexpr std::uint8_t base32_character(std::uint32_t value) {
    return static_cast<std::uint8_t>('A' + value - in_range(value, 26, 31) * ('A' + 26 - '2'));
}

// The value of a digit; 255 for any other character.
constexpr std::uint32_t base32_value(std::uint32_t c) {
    const std::uint32_t upper = in_range(c, 'A', 'Z');
    const std::uint32_t lower = in_range(c, 'a', 'z');
    const std::uint32_t digit = in_range(c, '2', '7');
    return upper * (c - 'A') + lower * (c - 'a') + digit * (c - '2' + 26) + (1 - (upper | lower | digit)) * 255;
}

}  // namespace

std::string base64url_encode(ByteSpan bytes) { return encode_base64(bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING); }

Result<Bytes> base64url_decode(std::string_view text) {
    Bytes bytes(decoded_capacity(text));
    std::size_t size = 0;
    if (!decode_base64(text, sodium_base64_VARIANT_URLSAFE_NO_PADDING, bytes, size))
        return malformed("invalid base64url");
    bytes.resize(size);
    return bytes;
}

// A table instead of libsodium: constant-time decoding of a 250-byte token takes 1.3 µs, half of what its whole
// verification may cost, and protects nothing in a token that travels in the clear.
bool base64url_decode_append(std::string_view text, std::string& out) {
    const std::size_t before = out.size();
    const std::size_t tail = text.size() % 4;
    out.resize(before + text.size() / 4 * 3 + (tail > 1 ? tail - 1 : 0));
    const auto* in = reinterpret_cast<const std::uint8_t*>(text.data());
    const auto* const groups_end = in + (text.size() - tail);
    char* to = out.data() + before;
    std::uint32_t seen = 0;
    for (; in != groups_end; in += 4, to += 3) {
        const std::uint32_t bits = decode_group(in);
        seen |= bits;
        to[0] = static_cast<char>(bits >> 16);
        to[1] = static_cast<char>(bits >> 8);
        to[2] = static_cast<char>(bits);
    }
    const bool canonical = (seen & not_base64url) == 0 && (tail == 0 || decode_tail(in, tail, to));
    if (!canonical) out.resize(before);
    return canonical;
}

Result<SecretBytes> base64url_decode_secret(std::string_view text) {
    SecretBytes buffer(decoded_capacity(text));
    std::size_t size = 0;
    if (!decode_base64(text, sodium_base64_VARIANT_URLSAFE_NO_PADDING, {buffer.data(), buffer.size()}, size))
        return malformed("invalid base64url");
    return SecretBytes(buffer.span().first(size));
}

SecretBytes base64url_encode_secret(ByteSpan bytes) {
    constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    SecretBytes buffer(sodium_base64_encoded_len(bytes.size(), variant));
    sodium_bin2base64(reinterpret_cast<char*>(buffer.data()), buffer.size(), bytes.data(), bytes.size(), variant);
    return SecretBytes(buffer.span().first(buffer.size() - 1));
}

std::string base64_encode(ByteSpan bytes) { return encode_base64(bytes, sodium_base64_VARIANT_ORIGINAL); }

Result<Bytes> base64_decode(std::string_view text) {
    Bytes bytes(decoded_capacity(text));
    std::size_t size = 0;
    if (!decode_base64(text, sodium_base64_VARIANT_ORIGINAL, bytes, size)) return malformed("invalid base64");
    bytes.resize(size);
    return bytes;
}

SecretBytes base32_encode_secret(ByteSpan bytes) {
    SecretBytes text((bytes.size() * 8 + 4) / 5);
    std::uint32_t group = 0;
    int bits = 0;
    std::uint8_t* out = text.data();
    const auto put = [&](std::uint32_t value) { *out++ = base32_character(value & 31); };
    for (const std::uint8_t byte : bytes) {
        group = group << 8 | byte;
        for (bits += 8; bits >= 5; bits -= 5) put(group >> (bits - 5));
    }
    if (bits > 0) put(group << (5 - bits));
    return text;
}

Result<SecretBytes> base32_decode_secret(std::string_view text) {
    SecretBytes bytes(text.size() * 5 / 8);
    std::uint32_t group = 0;
    std::uint32_t wrong = 0;
    int bits = 0;
    std::uint8_t* out = bytes.data();
    for (const std::uint8_t c : as_bytes(text)) {
        const std::uint32_t value = base32_value(c);
        wrong |= value >> 5;
        group = group << 5 | (value & 31);
        bits += 5;
        if (bits < 8) continue;
        bits -= 8;
        *out++ = static_cast<std::uint8_t>(group >> bits);
    }
    // RFC 4648 §6: what is left are fewer bits than a character, all zero.
    wrong |= group & ((1U << bits) - 1);
    if (wrong != 0 || bits >= 5) return malformed("invalid base32");
    return bytes;
}

std::string hex_encode(ByteSpan bytes) {
    std::string text(bytes.size() * 2 + 1, '\0');
    sodium_bin2hex(text.data(), text.size(), bytes.data(), bytes.size());
    text.pop_back();
    return text;
}

Result<Bytes> hex_decode(std::string_view text) {
    Bytes bytes(text.size() / 2);
    if (!decode_hex(text, bytes)) return malformed("invalid hexadecimal text");
    return bytes;
}

Result<SecretBytes> hex_decode_secret(std::string_view text) {
    SecretBytes bytes(text.size() / 2);
    if (!decode_hex(text, {bytes.data(), bytes.size()})) return malformed("invalid hexadecimal text");
    return bytes;
}

Result<Uuid> parse_uuid(std::string_view text) {
    constexpr std::array<std::size_t, 5> group_sizes{8, 4, 4, 4, 12};
    if (text.size() != 36) return malformed("invalid uuid");
    std::string digits;
    for (const std::size_t size : group_sizes) {
        digits += text.substr(0, size);
        text.remove_prefix(size);
        if (text.empty()) break;
        if (text.front() != '-') return malformed("invalid uuid");
        text.remove_prefix(1);
    }
    const auto bytes = hex_decode(digits);
    if (!bytes) return malformed("invalid uuid");
    Uuid uuid;
    std::copy(bytes->begin(), bytes->end(), uuid.bytes.begin());
    return uuid;
}

std::string format_uuid(const Uuid& uuid) {
    std::string text = hex_encode(uuid.bytes);
    for (const std::size_t position : {8, 13, 18, 23}) text.insert(position, 1, '-');
    return text;
}

}  // namespace bastion
