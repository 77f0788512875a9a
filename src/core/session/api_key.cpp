#include "core/session/api_key.hpp"

#include <sodium.h>

#include <algorithm>

namespace bastion {
namespace {

__extension__ typedef unsigned __int128 Wide;

constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view mac_label{"pg_bastion/api_key/1\0", 21};
constexpr std::size_t id_bytes = 16;

constexpr int digit_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
    if (c >= 'a' && c <= 'z') return c - 'a' + 36;
    return -1;
}

bool all_digits(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) { return digit_value(c) >= 0; });
}

// The number that the digits write; false when it is too large.
bool decode(std::string_view text, Wide& out) noexcept {
    out = 0;
    for (const char c : text) {
        const int value = digit_value(c);
        if (value < 0 || __builtin_mul_overflow(out, Wide{62}, &out) ||
            __builtin_add_overflow(out, static_cast<Wide>(value), &out))
            return false;
    }
    return true;
}

std::uint8_t* encode(Wide value, std::size_t size, std::uint8_t* out) noexcept {
    for (std::size_t i = size; i-- > 0; value /= 62) out[i] = static_cast<std::uint8_t>(digits[value % 62]);
    return out + size;
}

Wide number_of(const Uuid& id) noexcept {
    Wide value = 0;
    for (const std::uint8_t byte : id.bytes) value = value << 8 | byte;
    return value;
}

Uuid uuid_of(Wide value) noexcept {
    Uuid id;
    for (std::size_t i = id.bytes.size(); i-- > 0; value >>= 8) id.bytes[i] = static_cast<std::uint8_t>(value);
    return id;
}

// All digits are equally likely: bytes from 248 = 4 * 62 on are drawn again.
std::uint8_t* random_digits(std::size_t size, std::uint8_t* out) {
    SecretBytes random(2 * size);
    for (std::size_t made = 0; made < size;) {
        random_bytes({random.data(), random.size()});
        for (const std::uint8_t byte : random.span())
            if (byte < 248 && made < size) out[made++] = static_cast<std::uint8_t>(digits[byte % 62]);
    }
    return out + size;
}

constexpr std::array<std::uint32_t, 256> make_crc_table() noexcept {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < table.size(); ++i) {
        table[i] = i;
        for (int bit = 0; bit < 8; ++bit) table[i] = table[i] >> 1 ^ ((table[i] & 1) != 0 ? 0xEDB88320u : 0);
    }
    return table;
}

constexpr std::array<std::uint32_t, 256> crc_table = make_crc_table();

}  // namespace

std::uint32_t crc32(std::string_view text) noexcept {
    std::uint32_t crc = 0xFFFFFFFFu;
    for (const char c : text) crc = crc >> 8 ^ crc_table[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
    return ~crc;
}

std::optional<ApiKeyText> parse_api_key(std::string_view text) noexcept {
    if (text.size() != api_key_size || !looks_like_api_key(text)) return std::nullopt;
    const std::string_view id = text.substr(api_key_prefix.size(), api_key_id_digits);
    const std::string_view secret = text.substr(api_key_prefix.size() + api_key_id_digits + 1, api_key_secret_digits);
    const std::string_view checksum = text.substr(api_key_size - api_key_checksum_digits);
    Wide number = 0;
    Wide expected = 0;
    if (text[api_key_prefix.size() + api_key_id_digits] != '_' || !all_digits(secret)) return std::nullopt;
    if (!decode(id, number) || !decode(checksum, expected)) return std::nullopt;
    if (expected != crc32(text.substr(0, api_key_size - api_key_checksum_digits))) return std::nullopt;
    return ApiKeyText{uuid_of(number), secret};
}

SecretBytes api_key_generate(const Uuid& id) {
    SecretBytes key(api_key_size);
    std::uint8_t* end = std::copy(api_key_prefix.begin(), api_key_prefix.end(), key.data());
    end = encode(number_of(id), api_key_id_digits, end);
    *end++ = '_';
    end = random_digits(api_key_secret_digits, end);
    encode(crc32(key.text().substr(0, api_key_size - api_key_checksum_digits)), api_key_checksum_digits, end);
    return key;
}

Result<ApiKeyMac> api_key_mac(const HmacKey& pepper, const ApiKeyText& key) {
    std::array<char, mac_label.size() + id_bytes + api_key_secret_digits> message;
    if (key.secret.size() != api_key_secret_digits) return Error{ErrorCode::internal, "not the secret of an API key"};
    char* end = std::copy(mac_label.begin(), mac_label.end(), message.begin());
    end = std::copy(key.id.bytes.begin(), key.id.bytes.end(), end);
    std::copy(key.secret.begin(), key.secret.end(), end);
    Result<Mac> mac = pepper.compute({message.data(), message.size()});
    sodium_memzero(message.data(), message.size());
    if (!mac) return mac.error();
    ApiKeyMac out;
    std::copy_n(mac->bytes.begin(), out.size(), out.begin());
    return out;
}

}  // namespace bastion
