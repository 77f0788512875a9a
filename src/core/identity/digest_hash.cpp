#include "core/identity/digest_hash.hpp"

#include <openssl/evp.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "core/base/encoding.hpp"
#include "core/base/libcrypto.hpp"
#include "core/base/secret_bytes.hpp"
#include "core/identity/hash_text.hpp"

namespace bastion {

namespace {

using Context = std::unique_ptr<EVP_MD_CTX, LibcryptoFree<EVP_MD_CTX_free>>;

Error library_failed() { return {ErrorCode::internal, "cryptographic library failed"}; }

// The digest of two texts, one after the other.
bool digest_of(EVP_MD_CTX* context, const EVP_MD* function, ByteSpan first, ByteSpan second, std::uint8_t* out) {
    return EVP_DigestInit_ex(context, function, nullptr) == 1 &&
           EVP_DigestUpdate(context, first.data(), first.size()) == 1 &&
           EVP_DigestUpdate(context, second.data(), second.size()) == 1 &&
           EVP_DigestFinal_ex(context, out, nullptr) == 1;
}

struct LdapScheme {
    std::string_view begin;
    std::string_view name;
    std::size_t digest_bytes;
    const EVP_MD* (*function)();
};

constexpr LdapScheme ldap_schemes[] = {{"{SSHA}", "ssha", 20, EVP_sha1},
                                       {"{SSHA256}", "ssha256", 32, EVP_sha256},
                                       {"{SSHA512}", "ssha512", 64, EVP_sha512}};

struct LdapHash {
    const LdapScheme* scheme;
    Bytes digest_and_salt;
};

std::optional<LdapHash> parse_ldap(std::string_view text) {
    for (const LdapScheme& scheme : ldap_schemes) {
        if (!text.starts_with(scheme.begin)) continue;
        auto bytes = base64_decode(text.substr(scheme.begin.size()));
        if (!bytes || bytes->size() <= scheme.digest_bytes) return std::nullopt;
        return LdapHash{&scheme, *std::move(bytes)};
    }
    return std::nullopt;
}

std::optional<HashDescription> describe_ldap(std::string_view text) {
    const auto parsed = parse_ldap(text);
    if (!parsed) return std::nullopt;
    return HashDescription{parsed->scheme->name};
}

Result<bool> verify_ldap(std::string_view password, std::string_view text) {
    const auto parsed = parse_ldap(text);
    const std::size_t size = parsed->scheme->digest_bytes;
    const ByteSpan stored = parsed->digest_and_salt;
    const Context context(EVP_MD_CTX_new());
    SecretBytes digest(size);
    if (!context ||
        !digest_of(context.get(), parsed->scheme->function(), as_bytes(password), stored.subspan(size), digest.data()))
        return library_failed();
    return constant_time_equal(digest.span(), stored.first(size));
}

// phpass: $P$, a digit for log2 of the rounds, a salt of eight characters, 16 bytes in 22 digits.
constexpr std::size_t phpass_chars = 34, phpass_salt_chars = 8, phpass_begin_chars = 4, md5_bytes = 16;
constexpr std::size_t max_phpass_log_rounds = 24;

std::optional<std::size_t> phpass_log_rounds(std::string_view text) {
    if (text.size() != phpass_chars || (!text.starts_with("$P$") && !text.starts_with("$H$"))) return std::nullopt;
    const std::size_t log_rounds = crypt_digits.find(text[3]);
    if (log_rounds < 7 || log_rounds > 30) return std::nullopt;  // as phpass itself
    if (text.substr(phpass_begin_chars).find_first_not_of(crypt_digits) != std::string_view::npos) return std::nullopt;
    return log_rounds;
}

std::optional<HashDescription> describe_phpass(std::string_view text) {
    const auto log_rounds = phpass_log_rounds(text);
    if (!log_rounds) return std::nullopt;
    HashDescription out{"phpass", {{"rounds", std::uint64_t{1} << *log_rounds}}};
    if (*log_rounds > max_phpass_log_rounds)
        out.obstacle =
            Error{ErrorCode::limit_exceeded, "rounds of phpass are above the limit", "At most 2^24 are allowed."};
    return out;
}

// Three bytes in four digits, the least significant first.
std::string phpass_text(ByteSpan bytes) {
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t value = 0;
        for (std::size_t k = 0; k < count; ++k) value |= std::uint32_t{bytes[i + k]} << (8 * k);
        for (std::size_t k = 0; k <= count; ++k) out += crypt_digits[value >> (6 * k) & 63];
    }
    return out;
}

Result<bool> verify_phpass(std::string_view password, std::string_view text) {
    const std::uint64_t rounds = std::uint64_t{1} << *phpass_log_rounds(text);
    const Context context(EVP_MD_CTX_new());
    SecretBytes digest(md5_bytes);
    const ByteSpan salt = as_bytes(text.substr(phpass_begin_chars, phpass_salt_chars));
    bool done = context && digest_of(context.get(), EVP_md5(), salt, as_bytes(password), digest.data());
    for (std::uint64_t i = 0; done && i < rounds; ++i)
        done = digest_of(context.get(), EVP_md5(), digest.span(), as_bytes(password), digest.data());
    if (!done) return library_failed();
    return constant_time_equal(as_bytes(phpass_text(digest.span())),
                               as_bytes(text.substr(phpass_begin_chars + phpass_salt_chars)));
}

}  // namespace

constinit const PasswordFormat ldap_format{describe_ldap, verify_ldap};
constinit const PasswordFormat phpass_format{describe_phpass, verify_phpass};

}  // namespace bastion
