#include "core/identity/bcrypt_hash.hpp"

#include <crypt.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/base/secret_bytes.hpp"

namespace bastion {

namespace {

constexpr std::size_t prefix_chars = 7;    // "$2b$12$"
constexpr std::size_t encoded_chars = 53;  // 22 of salt, 31 of hash

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

Error invalid(std::string message, std::string hint = {}) {
    return {ErrorCode::invalid_argument, std::move(message), {}, std::move(hint)};
}

Result<void> check_ceiling(std::uint32_t cost) {
    if (cost <= max_bcrypt_cost) return {};
    return Error{ErrorCode::limit_exceeded, "bcrypt cost is above the limit", "At most 16 is allowed."};
}

Result<void> check(const PasswordParams& params) { return check_ceiling(params.cost); }

Result<std::string> hash(std::string_view password, const PasswordParams& params) {
    if (password.size() > max_bcrypt_password_bytes)
        return invalid("password is too long for bcrypt", "bcrypt reads 72 bytes; argon2id has no such limit.");
    if (password.find('\0') != std::string_view::npos) return invalid("password for bcrypt must not contain NUL");
    std::array<std::uint8_t, new_salt_bytes> salt;
    random_bytes(salt);
    std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
    const char* const made = crypt_gensalt_rn("$2b$", params.cost, reinterpret_cast<const char*>(salt.data()),
                                              salt.size(), setting.data(), static_cast<int>(setting.size()));
    std::string text = made == nullptr ? std::string() : crypt_text(password, made);
    if (!parse_bcrypt_hash(text)) return Error{ErrorCode::internal, "cryptographic library failed"};
    return text;
}

std::optional<Result<bool>> verify(std::string_view password, std::string_view text) {
    const auto cost = parse_bcrypt_hash(text);
    if (!cost) return std::nullopt;
    if (auto within = check_ceiling(*cost); !within) return std::move(within).error();
    if (password.find('\0') != std::string_view::npos) return false;
    const std::string computed = crypt_text(password, std::string(text));
    if (!parse_bcrypt_hash(computed)) return Error{ErrorCode::internal, "cryptographic library failed"};
    return constant_time_equal(as_bytes(computed), as_bytes(text));
}

bool needs_rehash(std::string_view text, const PasswordParams& wanted) {
    const auto cost = parse_bcrypt_hash(text);
    return !cost || *cost < wanted.cost || !check_ceiling(*cost);
}

std::string dummy(const PasswordParams& params) {
    const char digits[] = {static_cast<char>('0' + params.cost / 10), static_cast<char>('0' + params.cost % 10), '\0'};
    return std::string("$2b$") + digits + "$" + std::string(encoded_chars, '.');
}

}  // namespace

std::optional<std::uint32_t> parse_bcrypt_hash(std::string_view text) {
    if (text.size() != prefix_chars + encoded_chars || !text.starts_with("$2") || text[3] != '$' || text[6] != '$')
        return std::nullopt;
    if (text[2] != 'a' && text[2] != 'b' && text[2] != 'y') return std::nullopt;
    if (text[4] < '0' || text[4] > '3' || text[5] < '0' || text[5] > '9') return std::nullopt;
    const auto cost = static_cast<std::uint32_t>((text[4] - '0') * 10 + (text[5] - '0'));
    if (cost < 4 || cost > 31 || !std::all_of(text.begin() + prefix_chars, text.end(), is_bcrypt_char))
        return std::nullopt;
    return cost;
}

constinit const PasswordAlgorithm bcrypt{names, options, {}, check, hash, verify, needs_rehash, dummy};

}  // namespace bastion
