#include "core/identity/pbkdf2_hash.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <iterator>
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

const EVP_MD* function_of(Pbkdf2Digest digest) noexcept {
    switch (digest) {
        case Pbkdf2Digest::sha1: return EVP_sha1();
        case Pbkdf2Digest::sha256: return EVP_sha256();
        case Pbkdf2Digest::sha512: return EVP_sha512();
    }
    return nullptr;
}

std::string_view scheme_of(Pbkdf2Digest digest) noexcept {
    switch (digest) {
        case Pbkdf2Digest::sha1: return "pbkdf2-sha1";
        case Pbkdf2Digest::sha256: return "pbkdf2-sha256";
        case Pbkdf2Digest::sha512: return "pbkdf2-sha512";
    }
    return {};
}

std::optional<SecretBytes> derive(std::string_view password, const Pbkdf2Hash& like) {
    SecretBytes out(like.hash.size());
    const int done = PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), like.salt.data(),
                                       static_cast<int>(like.salt.size()), static_cast<int>(like.iterations),
                                       function_of(like.digest), static_cast<int>(out.size()), out.data());
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
    Pbkdf2Hash made{Pbkdf2Digest::sha256, params.iterations, Bytes(new_salt_bytes), Bytes(new_hash_bytes)};
    random_bytes(made.salt);
    const auto derived = derive(password, made);
    if (!derived) return library_failed();
    return format(params.iterations, encode_adapted_base64(made.salt), encode_adapted_base64(derived->span()));
}

std::optional<HashDescription> describe(std::string_view text) {
    const auto parsed = parse_pbkdf2_hash(text);
    if (!parsed) return std::nullopt;
    HashDescription out{scheme_of(parsed->digest), {{"iterations", parsed->iterations}}};
    if (auto within = check_ceiling(parsed->iterations); !within) out.obstacle = std::move(within).error();
    return out;
}

Result<bool> verify(std::string_view password, std::string_view text) {
    const auto parsed = parse_pbkdf2_hash(text);
    const auto derived = derive(password, *parsed);
    if (!derived) return library_failed();
    return constant_time_equal(derived->span(), parsed->hash);
}

bool needs_rehash(std::string_view text, const PasswordParams& wanted) {
    const auto parsed = parse_pbkdf2_hash(text);
    return !parsed || parsed->digest != Pbkdf2Digest::sha256 || parsed->hash.size() < new_hash_bytes ||
           parsed->iterations < wanted.iterations || parsed->salt.size() < new_salt_bytes ||
           !check_ceiling(parsed->iterations);
}

std::string dummy(const PasswordParams& params) {
    return format(params.iterations, std::string(22, 'A'), std::string(43, 'A'));
}

using Decode = std::optional<Bytes> (*)(std::string_view);

struct TextForm {
    std::string_view begin;
    Pbkdf2Digest digest;
    std::size_t hash_bytes;
    Decode salt;
    Decode hash;
};

constexpr TextForm forms[] = {
    {"$pbkdf2-sha256$", Pbkdf2Digest::sha256, 32, decode_adapted_base64, decode_adapted_base64},
    {"$pbkdf2-sha512$", Pbkdf2Digest::sha512, 64, decode_adapted_base64, decode_adapted_base64},
    {"$pbkdf2$", Pbkdf2Digest::sha1, 20, decode_adapted_base64, decode_adapted_base64},
    {"$bastion-pbkdf2-sha256$i=", Pbkdf2Digest::sha256, 32, decode_padded_base64, decode_padded_base64},
    {"pbkdf2_sha256$", Pbkdf2Digest::sha256, 32, text_bytes, decode_padded_base64},  // Django
    {"pbkdf2_sha1$", Pbkdf2Digest::sha1, 20, text_bytes, decode_padded_base64},
    {"pbkdf2:sha256:", Pbkdf2Digest::sha256, 32, text_bytes, decode_hex},  // Werkzeug
    {"pbkdf2:sha512:", Pbkdf2Digest::sha512, 64, text_bytes, decode_hex},
    {"pbkdf2:sha1:", Pbkdf2Digest::sha1, 20, text_bytes, decode_hex},
};

std::optional<Pbkdf2Hash> parse_form(const TextForm& form, std::string_view text) {
    HashTextReader in(text);
    if (!in.literal(form.begin)) return std::nullopt;
    const auto iterations = in.number();
    if (!iterations || !in.literal("$")) return std::nullopt;
    auto salt = form.salt(in.field());
    if (!salt || !in.literal("$")) return std::nullopt;
    auto hash = form.hash(in.field());
    if (!hash || hash->size() != form.hash_bytes || !in.at_end()) return std::nullopt;
    if (form.salt == decode_padded_base64 && (salt->size() < min_raw_salt_bytes || salt->size() > max_raw_salt_bytes))
        return std::nullopt;
    return Pbkdf2Hash{form.digest, *iterations, std::move(*salt), std::move(*hash)};
}

std::uint32_t big_endian(ByteSpan bytes) noexcept {
    std::uint32_t value = 0;
    for (const std::uint8_t byte : bytes.first(4)) value = value << 8 | byte;
    return value;
}

// ASP.NET Core Identity: base64 of a version, and for version 3 (1) the pseudorandom function, the iterations and the
// size of the salt before salt and hash. Version 2 (0) has 1,000 iterations of HMAC-SHA-1.
std::optional<Pbkdf2Hash> parse_aspnet(std::string_view text) {
    constexpr std::size_t header_bytes = 13, version2_bytes = 49, salt_bytes = 16;
    if (!text.starts_with('A')) return std::nullopt;
    const auto decoded = decode_padded_base64(text);
    if (!decoded || decoded->empty()) return std::nullopt;
    const ByteSpan bytes = *decoded;
    const auto part = [&](std::size_t from, std::size_t size) {
        const ByteSpan found = bytes.subspan(from, size);
        return Bytes(found.begin(), found.end());
    };
    if (bytes[0] == 0) {
        if (bytes.size() != version2_bytes) return std::nullopt;
        return Pbkdf2Hash{Pbkdf2Digest::sha1, 1000, part(1, salt_bytes), part(1 + salt_bytes, new_hash_bytes)};
    }
    if (bytes[0] != 1 || bytes.size() < header_bytes) return std::nullopt;
    constexpr Pbkdf2Digest digests[] = {Pbkdf2Digest::sha1, Pbkdf2Digest::sha256, Pbkdf2Digest::sha512};
    const std::uint32_t digest = big_endian(bytes.subspan(1));
    const std::uint32_t iterations = big_endian(bytes.subspan(5));
    const std::size_t salt_size = big_endian(bytes.subspan(9));
    const std::size_t rest = bytes.size() - header_bytes;
    if (digest >= std::size(digests) || iterations == 0 || salt_size < salt_bytes || salt_size > rest)
        return std::nullopt;
    const std::size_t hash_size = rest - salt_size;
    // The sizes in use; a hash that was cut off would be right as well.
    if (hash_size != 16 && hash_size != 32 && hash_size != 64) return std::nullopt;
    return Pbkdf2Hash{digests[digest], iterations, part(header_bytes, salt_size),
                      part(header_bytes + salt_size, hash_size)};
}

}  // namespace

std::optional<Pbkdf2Hash> parse_pbkdf2_hash(std::string_view text) {
    for (const TextForm& form : forms)
        if (auto parsed = parse_form(form, text)) return parsed;
    return parse_aspnet(text);
}

constinit const PasswordAlgorithm pbkdf2_sha256{
    names, options, {.iterations = 600'000}, {describe, verify}, check, hash, needs_rehash, dummy};

}  // namespace bastion
