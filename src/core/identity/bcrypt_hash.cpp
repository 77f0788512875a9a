#include "core/identity/bcrypt_hash.hpp"

#include <crypt.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/base/encoding.hpp"
#include "core/base/secret_bytes.hpp"
#include "core/identity/hash_text.hpp"

namespace bastion {

namespace {

constexpr std::size_t prefix_chars = 7;  // "$2b$12$"
constexpr std::size_t salt_chars = 22;
constexpr std::size_t encoded_chars = salt_chars + 31;

constexpr std::string_view names[] = {"bcrypt"};
constexpr PasswordOption options[] = {{"cost", &PasswordParams::cost, 4}};

bool is_bcrypt_char(char c) noexcept {
    return c == '.' || c == '/' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// crypt(3) over a setting of known shape; empty on failure. libxcrypt takes at most 511 bytes, and no more than the
// first 72 ever count.
std::string crypt_text(std::string_view password, const std::string& setting) {
    SecretBytes phrase(max_bcrypt_password_bytes + 1);
    const std::string_view counted = password.substr(0, max_bcrypt_password_bytes);
    std::copy(counted.begin(), counted.end(), phrase.data());
    SecretBytes scratch(sizeof(crypt_data));
    const char* const text = crypt_rn(reinterpret_cast<const char*>(phrase.data()), setting.c_str(), scratch.data(),
                                      static_cast<int>(scratch.size()));
    return text == nullptr ? std::string() : std::string(text);
}

Error library_failed() { return {ErrorCode::internal, "cryptographic library failed"}; }

Result<void> check_ceiling(std::uint32_t cost) {
    if (cost <= max_bcrypt_cost) return {};
    return Error{ErrorCode::limit_exceeded, "bcrypt cost is above the limit", "At most 16 is allowed."};
}

Result<void> check(const PasswordParams& params) { return check_ceiling(params.cost); }

Result<std::string> hash(std::string_view password, const PasswordParams& params) {
    if (password.size() > max_bcrypt_password_bytes)
        return invalid_argument("password is too long for bcrypt",
                                "bcrypt reads 72 bytes; argon2id has no such limit.");
    if (password.find('\0') != std::string_view::npos)
        return invalid_argument("password for bcrypt must not contain NUL");
    std::array<std::uint8_t, new_salt_bytes> salt;
    random_bytes(salt);
    std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
    const char* const made = crypt_gensalt_rn("$2b$", params.cost, reinterpret_cast<const char*>(salt.data()),
                                              salt.size(), setting.data(), static_cast<int>(setting.size()));
    std::string text = made == nullptr ? std::string() : crypt_text(password, made);
    if (!parse_bcrypt_hash(text)) return library_failed();
    return text;
}

std::optional<HashDescription> describe(std::string_view text) {
    const auto parsed = parse_bcrypt_hash(text);
    if (!parsed) return std::nullopt;
    const bool digested = parsed->prehash != BcryptPrehash::none;
    HashDescription out{digested ? "bcrypt-sha256" : "bcrypt", {{"cost", parsed->cost}}};
    if (!digested) out.password_bytes = max_bcrypt_password_bytes;
    if (auto within = check_ceiling(parsed->cost); !within) out.obstacle = std::move(within).error();
    return out;
}

SecretBytes counted_password(std::string_view password, const BcryptHash& hash) {
    if (hash.prehash == BcryptPrehash::none) return SecretBytes(as_bytes(password));
    SecretBytes digest(crypto_hash_sha256_BYTES);
    const auto* const bytes = reinterpret_cast<const unsigned char*>(password.data());
    if (hash.prehash == BcryptPrehash::hmac_base64) {
        const std::string salt = hash.text.substr(prefix_chars, salt_chars);
        crypto_auth_hmacsha256_state state;
        crypto_auth_hmacsha256_init(&state, reinterpret_cast<const unsigned char*>(salt.data()), salt.size());
        crypto_auth_hmacsha256_update(&state, bytes, password.size());
        crypto_auth_hmacsha256_final(&state, digest.data());
        sodium_memzero(&state, sizeof state);
    } else {
        crypto_hash_sha256(digest.data(), bytes, password.size());
    }
    std::string text =
        hash.prehash == BcryptPrehash::sha256_hex ? hex_encode(digest.span()) : base64_encode(digest.span());
    SecretBytes out(as_bytes(text));
    sodium_memzero(text.data(), text.size());
    return out;
}

Result<bool> verify(std::string_view password, std::string_view text) {
    const auto parsed = parse_bcrypt_hash(text);
    const SecretBytes counted = counted_password(password, *parsed);
    if (counted.text().find('\0') != std::string_view::npos) return false;
    const std::string computed = crypt_text(counted.text(), parsed->text);
    if (!parse_bcrypt_hash(computed)) return library_failed();
    // crypt(3) writes unused bits of the salt as zero; some programs do not.
    return constant_time_equal(as_bytes(std::string_view(computed).substr(prefix_chars + salt_chars)),
                               as_bytes(std::string_view(parsed->text).substr(prefix_chars + salt_chars)));
}

bool needs_rehash(std::string_view text, const PasswordParams& wanted) {
    const auto found = parse_bcrypt_hash(text);
    return !found || found->text[2] == 'x' || found->cost < wanted.cost || !check_ceiling(found->cost);
}

std::string dummy(const PasswordParams& params) {
    const char digits[] = {static_cast<char>('0' + params.cost / 10), static_cast<char>('0' + params.cost % 10), '\0'};
    return std::string("$2b$") + digits + "$" + std::string(encoded_chars, '.');
}

// The cost of a text of this shape.
std::optional<std::uint32_t> plain_cost(std::string_view text) {
    if (text.size() != prefix_chars + encoded_chars || !text.starts_with("$2") || text[3] != '$' || text[6] != '$')
        return std::nullopt;
    if (std::string_view("abxy").find(text[2]) == std::string_view::npos) return std::nullopt;
    if (text[4] < '0' || text[4] > '3' || text[5] < '0' || text[5] > '9') return std::nullopt;
    const auto cost = static_cast<std::uint32_t>((text[4] - '0') * 10 + (text[5] - '0'));
    if (cost < 4 || cost > 31 || !std::all_of(text.begin() + prefix_chars, text.end(), is_bcrypt_char))
        return std::nullopt;
    return cost;
}

std::optional<BcryptHash> plain(std::string_view text, BcryptPrehash prehash) {
    const auto cost = plain_cost(text);
    return cost ? std::optional<BcryptHash>(BcryptHash{std::string(text), *cost, prehash}) : std::nullopt;
}

// $bcrypt-sha256$2b,12$<salt>$<hash> and $bcrypt-sha256$v=2,t=2b,r=12$<salt>$<hash>
std::optional<BcryptHash> parse_passlib(HashTextReader in) {
    const bool second = in.literal("v=2,t=");
    const std::string_view kind = in.literal("2b,") ? "2b" : in.literal("2a,") ? "2a" : "";
    if (kind.empty() || (second && !in.literal("r="))) return std::nullopt;
    const auto cost = in.number();
    if (!cost || *cost > 31 || !in.literal("$")) return std::nullopt;
    const std::string_view salt = in.field();
    if (salt.size() != salt_chars || !in.literal("$")) return std::nullopt;
    const std::string_view hash = in.field();
    if (!in.at_end()) return std::nullopt;
    std::string text = "$" + std::string(kind) + (*cost < 10 ? "$0" : "$") + std::to_string(*cost) + "$";
    text.append(salt).append(hash);
    return plain(text, second ? BcryptPrehash::hmac_base64 : BcryptPrehash::sha256_base64);
}

}  // namespace

std::optional<BcryptHash> parse_bcrypt_hash(std::string_view text) {
    HashTextReader in(text);
    if (in.literal("bcrypt_sha256$")) return plain(in.rest(), BcryptPrehash::sha256_hex);
    if (in.literal("bcrypt$")) return plain(in.rest(), BcryptPrehash::none);
    if (in.literal("$bcrypt-sha256$")) return parse_passlib(in);
    return plain(text, BcryptPrehash::none);
}

constinit const PasswordAlgorithm bcrypt{names, options, {}, {describe, verify}, check, hash, needs_rehash, dummy};

}  // namespace bastion
