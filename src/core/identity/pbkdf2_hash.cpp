#include "core/identity/pbkdf2_hash.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/base/encoding.hpp"
#include "core/identity/hash_text.hpp"

namespace bastion {

namespace {

constexpr std::size_t min_raw_salt_bytes = 8;
constexpr std::size_t max_raw_salt_bytes = 64;

constexpr std::string_view names[] = {"pbkdf2-sha256", "pbkdf2_sha256"};
constexpr PasswordOption options[] = {{"iterations", &PasswordParams::iterations, 1000}};  // NIST SP 800-132 5.2

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
    SecretBytes out(new_hash_bytes);
    const int done = PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt.data(),
                                       static_cast<int>(salt.size()), static_cast<int>(iterations), EVP_sha256(),
                                       static_cast<int>(out.size()), out.data());
    return done == 1 ? std::optional<SecretBytes>(std::move(out)) : std::nullopt;
}

Error library_failed() { return {ErrorCode::internal, "cryptographic library failed"}; }

std::string format(std::uint32_t iterations, const std::string& salt, const std::string& hash) {
    return "$pbkdf2-sha256$" + std::to_string(iterations) + "$" + salt + "$" + hash;
}

Result<void> check_ceiling(std::uint32_t iterations) {
    if (iterations <= max_pbkdf2_iterations) return {};
    return Error{ErrorCode::limit_exceeded, "PBKDF2 iterations are above the limit", "At most 10000000 are allowed."};
}

Result<void> check(const PasswordParams& params) { return check_ceiling(params.iterations); }

Result<std::string> hash(std::string_view password, const PasswordParams& params) {
    std::array<std::uint8_t, new_salt_bytes> salt;
    random_bytes(salt);
    const auto derived = derive(password, salt, params.iterations);
    if (!derived) return library_failed();
    return format(params.iterations, encode_adapted_base64(salt), encode_adapted_base64(derived->span()));
}

std::optional<Result<bool>> verify(std::string_view password, std::string_view text) {
    const auto parsed = parse_pbkdf2_hash(text);
    if (!parsed) return std::nullopt;
    if (auto within = check_ceiling(parsed->iterations); !within) return std::move(within).error();
    const auto derived = derive(password, parsed->salt, parsed->iterations);
    if (!derived) return library_failed();
    return constant_time_equal(derived->span(), parsed->hash);
}

bool needs_rehash(std::string_view text, const PasswordParams& wanted) {
    const auto parsed = parse_pbkdf2_hash(text);
    return !parsed || parsed->iterations < wanted.iterations || parsed->salt.size() < new_salt_bytes ||
           !check_ceiling(parsed->iterations);
}

std::string dummy(const PasswordParams& params) {
    return format(params.iterations, std::string(22, 'A'), std::string(43, 'A'));
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
    if (!hash || hash->size() != new_hash_bytes || !in.at_end()) return std::nullopt;
    if (raw && (salt->size() < min_raw_salt_bytes || salt->size() > max_raw_salt_bytes)) return std::nullopt;
    return Pbkdf2Hash{*iterations, std::move(*salt), std::move(*hash)};
}

constinit const PasswordAlgorithm pbkdf2_sha256{names,        options, {.iterations = 600'000}, check, hash, verify,
                                                needs_rehash, dummy};

}  // namespace bastion
