#include "core/identity/scrypt_hash.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "core/base/encoding.hpp"
#include "core/base/libcrypto.hpp"
#include "core/identity/hash_text.hpp"

namespace bastion {

namespace {

constexpr std::uint64_t max_memory_bytes = std::uint64_t{1} << 30;
// A hash that was cut off would be right as well: the first bytes of a longer output are a shorter one.
constexpr std::size_t passlib_hash_bytes = 32;
constexpr std::size_t python_hash_bytes = 64;
constexpr std::uint64_t max_blocks = std::uint64_t{1} << 23;

std::optional<std::uint64_t> power_of_two(std::optional<std::uint32_t> value) {
    if (!value || *value < 2 || (*value & (*value - 1)) != 0) return std::nullopt;
    return *value;
}

// ln=<log2 N>,r=<r>,p=<p>$
bool read_named_parameters(HashTextReader& in, ScryptHash& out) {
    const auto log_n = in.literal("ln=") ? in.number() : std::nullopt;
    const auto r = log_n && in.literal(",r=") ? in.number() : std::nullopt;
    const auto p = r && in.literal(",p=") ? in.number() : std::nullopt;
    if (!p || !in.literal("$")) return false;
    out.n = scrypt_cost(*log_n);
    out.r = *r;
    out.p = *p;
    return true;
}

// $scrypt$ln=16,r=8,p=1$<salt>$<hash>
std::optional<ScryptHash> parse_passlib(HashTextReader in) {
    ScryptHash out;
    if (!read_named_parameters(in, out)) return std::nullopt;
    auto salt = decode_unpadded_base64(in.field());
    if (!salt || !in.literal("$")) return std::nullopt;
    auto hash = decode_unpadded_base64(in.field());
    if (!hash || hash->size() != passlib_hash_bytes || !in.at_end()) return std::nullopt;
    out.salt = *std::move(salt);
    out.hash = *std::move(hash);
    return out;
}

// $firescrypt$ln=14,r=8,p=1$<salt>$<hash>$<salt separator>$<signer key>
std::optional<ScryptHash> parse_firebase(HashTextReader in) {
    ScryptHash out;
    if (!read_named_parameters(in, out)) return std::nullopt;
    std::array<Bytes, 4> parts;
    for (Bytes& part : parts) {
        if (&part != parts.data() && !in.literal("$")) return std::nullopt;
        auto decoded = decode_padded_base64(in.field());
        if (!decoded) return std::nullopt;
        part = *std::move(decoded);
    }
    auto& [salt, hash, separator, signer_key] = parts;
    if (!in.at_end() || signer_key.empty() || hash.size() != signer_key.size()) return std::nullopt;
    salt.insert(salt.end(), separator.begin(), separator.end());
    out.salt = std::move(salt);
    out.hash = std::move(hash);
    out.signer_key = std::move(signer_key);
    return out;
}

// scrypt$<N>$<text of the salt>$<r>$<p>$<hash>
std::optional<ScryptHash> parse_django(HashTextReader in) {
    const auto n = power_of_two(in.number());
    if (!n || !in.literal("$")) return std::nullopt;
    const std::string_view salt = in.field();
    const auto r = in.literal("$") ? in.number() : std::nullopt;
    const auto p = r && in.literal("$") ? in.number() : std::nullopt;
    if (!p || !in.literal("$")) return std::nullopt;
    auto hash = decode_padded_base64(in.field());
    if (!hash || hash->size() != python_hash_bytes || !in.at_end()) return std::nullopt;
    return ScryptHash{*n, *r, *p, *text_bytes(salt), *std::move(hash)};
}

// scrypt:<N>:<r>:<p>$<text of the salt>$<hexadecimal hash>
std::optional<ScryptHash> parse_werkzeug(HashTextReader in) {
    const auto n = power_of_two(in.number());
    const auto r = n && in.literal(":") ? in.number() : std::nullopt;
    const auto p = r && in.literal(":") ? in.number() : std::nullopt;
    if (!p || !in.literal("$")) return std::nullopt;
    const std::string_view salt = in.field();
    if (!in.literal("$")) return std::nullopt;
    auto hash = decode_hex(in.field());
    if (!hash || hash->size() != python_hash_bytes || !in.at_end()) return std::nullopt;
    return ScryptHash{*n, *r, *p, *text_bytes(salt), *std::move(hash)};
}

std::optional<HashDescription> describe(std::string_view text) {
    const auto parsed = parse_scrypt_hash(text);
    if (!parsed) return std::nullopt;
    HashDescription out{parsed->signer_key.empty() ? "scrypt" : "firebase-scrypt",
                        {{"n", parsed->n}, {"r", parsed->r}, {"p", parsed->p}}};
    if (auto within = check_scrypt_ceilings(parsed->n, parsed->r, parsed->p); !within)
        out.obstacle = std::move(within).error();
    return out;
}

Error library_failed() {
    ERR_clear_error();
    return {ErrorCode::busy, "could not get the memory for a password hash"};
}

Result<SecretBytes> derive(std::string_view password, const ScryptHash& like, std::size_t size) {
    SecretBytes out(size);
    // What OpenSSL asks for, beside the blocks themselves.
    const std::uint64_t memory = 128 * like.r * (like.n + like.p + 2) + 4096;
    if (EVP_PBE_scrypt(password.data(), password.size(), like.salt.data(), like.salt.size(), like.n, like.r, like.p,
                       memory, out.data(), out.size()) != 1)
        return library_failed();
    return out;
}

// AES-256 in counter mode, from zero.
Result<SecretBytes> encrypt_signer_key(const SecretBytes& key, const Bytes& signer_key) {
    using Cipher = std::unique_ptr<EVP_CIPHER_CTX, LibcryptoFree<EVP_CIPHER_CTX_free>>;
    const Cipher cipher(EVP_CIPHER_CTX_new());
    constexpr std::array<std::uint8_t, 16> counter{};
    SecretBytes out(signer_key.size());
    int written = 0;
    if (!cipher || EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_ctr(), nullptr, key.data(), counter.data()) != 1 ||
        EVP_EncryptUpdate(cipher.get(), out.data(), &written, signer_key.data(), static_cast<int>(signer_key.size())) !=
            1)
        return library_failed();
    return out;
}

Result<bool> verify(std::string_view password, std::string_view text) {
    const auto parsed = parse_scrypt_hash(text);
    constexpr std::size_t firebase_key_bytes = 32;
    auto derived = derive(password, *parsed, parsed->signer_key.empty() ? parsed->hash.size() : firebase_key_bytes);
    if (derived && !parsed->signer_key.empty()) derived = encrypt_signer_key(*derived, parsed->signer_key);
    if (!derived) return std::move(derived).error();
    return constant_time_equal(derived->span(), parsed->hash);
}

}  // namespace

Result<void> check_scrypt_ceilings(std::uint64_t n, std::uint64_t r, std::uint64_t p) {
    const bool small = n <= max_blocks && r <= max_blocks && p <= max_blocks;
    if (small && n * r * 128 <= max_memory_bytes && n * r <= max_blocks / p) return {};
    return Error{ErrorCode::limit_exceeded, "scrypt parameters are above the limit",
                 "At most 1 GiB of memory and 2^23 blocks (N times r times p) are allowed."};
}

std::optional<ScryptHash> parse_scrypt_hash(std::string_view text) {
    HashTextReader in(text);
    if (in.literal("$scrypt$")) return parse_passlib(in);
    if (in.literal("$firescrypt$")) return parse_firebase(in);
    if (in.literal("scrypt$")) return parse_django(in);
    if (in.literal("scrypt:")) return parse_werkzeug(in);
    return std::nullopt;
}

constinit const PasswordFormat scrypt_format{describe, verify};

}  // namespace bastion
