#include "core/identity/pbkdf2_hash.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/encoding.hpp"
#include "core/identity/hash_text.hpp"

namespace bastion {

namespace {

constexpr std::size_t hash_bytes = 32;
constexpr std::size_t new_salt_bytes = 16;
constexpr std::size_t min_raw_salt_bytes = 8;
constexpr std::size_t max_raw_salt_bytes = 64;

// passlib's adapted base64 writes "." for "+" and no padding.
std::optional<Bytes> decode_adapted_base64(std::string_view text) {
    if (text.find('+') != std::string_view::npos) return std::nullopt;
    std::string standard(text);
    std::replace(standard.begin(), standard.end(), '.', '+');
    return decode_unpadded_base64(standard);
}

std::string encode_adapted_base64(ByteSpan bytes) {
    std::string text = encode_unpadded_base64(bytes);
    std::replace(text.begin(), text.end(), '+', '.');
    return text;
}

std::optional<Bytes> decode_raw_base64(std::string_view text) {
    auto bytes = base64_decode(text);
    return bytes ? std::optional<Bytes>(std::move(*bytes)) : std::nullopt;
}

std::optional<SecretBytes> derive(std::string_view password, ByteSpan salt, std::uint32_t iterations) {
    SecretBytes out(hash_bytes);
    const int done = PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt.data(),
                                       static_cast<int>(salt.size()), static_cast<int>(iterations), EVP_sha256(),
                                       static_cast<int>(out.size()), out.data());
    return done == 1 ? std::optional<SecretBytes>(std::move(out)) : std::nullopt;
}

Error library_failed() { return {ErrorCode::internal, "cryptographic library failed"}; }

std::string format(std::uint32_t iterations, const std::string& salt, const std::string& hash) {
    return "$pbkdf2-sha256$" + std::to_string(iterations) + "$" + salt + "$" + hash;
}

}  // namespace

std::optional<Pbkdf2Hash> parse_pbkdf2_hash(std::string_view text) {
    HashTextReader in(text);
    const bool raw = in.literal("$bastion-pbkdf2-sha256$i=");
    if (!raw && !in.literal("$pbkdf2-sha256$")) return std::nullopt;
    const auto iterations = in.number();
    if (!iterations || !in.literal("$")) return std::nullopt;
    const auto decode = raw ? decode_raw_base64 : decode_adapted_base64;
    auto salt = decode(in.field());
    if (!salt || !in.literal("$")) return std::nullopt;
    auto hash = decode(in.field());
    if (!hash || hash->size() != hash_bytes || !in.at_end()) return std::nullopt;
    if (raw && (salt->size() < min_raw_salt_bytes || salt->size() > max_raw_salt_bytes)) return std::nullopt;
    return Pbkdf2Hash{*iterations, std::move(*salt), std::move(*hash)};
}

Result<std::string> pbkdf2_hash(std::string_view password, std::uint32_t iterations) {
    std::array<std::uint8_t, new_salt_bytes> salt;
    random_bytes(salt);
    const auto hash = derive(password, salt, iterations);
    if (!hash) return library_failed();
    return format(iterations, encode_adapted_base64(salt), encode_adapted_base64(hash->span()));
}

Result<bool> pbkdf2_verify(std::string_view password, const Pbkdf2Hash& parsed) {
    const auto hash = derive(password, parsed.salt, parsed.iterations);
    if (!hash) return library_failed();
    return constant_time_equal(hash->span(), parsed.hash);
}

std::string pbkdf2_dummy(std::uint32_t iterations) {
    return format(iterations, std::string(22, 'A'), std::string(43, 'A'));
}

}  // namespace bastion
