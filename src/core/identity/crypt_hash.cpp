#include "core/identity/crypt_hash.hpp"

#include <crypt.h>

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/secret_bytes.hpp"
#include "core/identity/hash_text.hpp"
#include "core/identity/scrypt_hash.hpp"

namespace bastion {

namespace {

constexpr std::uint64_t max_rounds = 5'000'000;

bool all_digits(std::string_view text) noexcept {
    return text.find_first_not_of(crypt_digits) == std::string_view::npos;
}

// crypt(5): rounds below 1,000 count as 1,000, and 5,000 are the default.
std::optional<CryptHash> parse_sha(HashTextReader in, std::string_view scheme, std::size_t hash_chars) {
    CryptHash out{scheme, 5000};
    if (in.literal("rounds=")) {
        const auto rounds = in.number();
        if (!rounds || *rounds < 1000 || !in.literal("$")) return std::nullopt;
        out.rounds = *rounds;
    }
    const std::string_view salt = in.field();
    if (salt.empty() || salt.size() > 16 || !in.literal("$")) return std::nullopt;
    const std::string_view hash = in.field();
    if (hash.size() != hash_chars || !in.at_end() || !all_digits(salt) || !all_digits(hash)) return std::nullopt;
    return out;
}

// The value of all digits, the least significant first.
std::uint64_t fixed_number(std::string_view text) {
    std::uint64_t value = 0;
    for (std::size_t i = text.size(); i-- > 0;) value = value << 6 | crypt_digits.find(text[i]);
    return value;
}

constexpr std::size_t memory_hard_hash_chars = 43;

bool ends_with_salt_and_hash(HashTextReader in) {
    const std::string_view salt = in.field();
    if (!in.literal("$")) return false;
    const std::string_view hash = in.field();
    return in.at_end() && !salt.empty() && hash.size() == memory_hard_hash_chars && all_digits(salt) &&
           all_digits(hash);
}

// $7$, log2 N in one digit, r and p in five each, salt, $, hash
std::optional<CryptHash> parse_scrypt(HashTextReader in) {
    const std::string_view rest = in.rest();
    constexpr std::size_t parameters = 11;
    if (rest.size() <= parameters || !all_digits(rest.substr(0, parameters))) return std::nullopt;
    if (!ends_with_salt_and_hash(HashTextReader(rest.substr(parameters)))) return std::nullopt;
    const std::uint64_t log_n = fixed_number(rest.substr(0, 1));
    const std::uint64_t r = fixed_number(rest.substr(1, 5));
    const std::uint64_t p = fixed_number(rest.substr(6, 5));
    if (log_n == 0 || r == 0 || p == 0) return std::nullopt;
    return CryptHash{"scrypt", 0, scrypt_cost(log_n), r, p};
}

// yescrypt's numbers: the first digit says how many follow.
std::optional<std::uint64_t> variable_number(std::string_view& text, std::uint64_t least) {
    if (text.empty()) return std::nullopt;
    std::uint64_t value = least;
    std::uint64_t start = 0, end = 47;
    unsigned more = 0;
    const std::uint64_t first = crypt_digits.find(text.front());
    text.remove_prefix(1);
    for (; first > end; ++more) {
        value += (end + 1 - start) << (6 * more);
        start = end + 1;
        end = start + (62 - end) / 2;
        if (start > 63) return std::nullopt;
    }
    value += (first - start) << (6 * more);
    if (text.size() < more) return std::nullopt;
    for (; more > 0; --more) {
        value += std::uint64_t{crypt_digits.find(text.front())} << (6 * (more - 1));
        text.remove_prefix(1);
    }
    return value;
}

// $y$ or $gy$, the parameters, $, salt, $, hash
std::optional<CryptHash> parse_yescrypt(HashTextReader in, std::string_view scheme) {
    std::string_view parameters = in.field();
    if (!all_digits(parameters) || !in.literal("$") || !ends_with_salt_and_hash(in)) return std::nullopt;
    const auto flavor = variable_number(parameters, 0);
    const auto log_n = flavor ? variable_number(parameters, 1) : std::nullopt;
    const auto r = log_n ? variable_number(parameters, 1) : std::nullopt;
    if (!r) return std::nullopt;
    CryptHash out{scheme, 0, scrypt_cost(*log_n), *r};
    out.is_plain = parameters.empty();
    return out;
}

std::optional<HashDescription> describe(std::string_view text) {
    const auto parsed = parse_crypt_hash(text);
    if (!parsed) return std::nullopt;
    if (parsed->rounds != 0) {
        HashDescription out{parsed->scheme, {{"rounds", parsed->rounds}}};
        if (parsed->rounds > max_rounds)
            out.obstacle =
                Error{ErrorCode::limit_exceeded, "rounds of crypt are above the limit", "At most 5000000 are allowed."};
        return out;
    }
    HashDescription out{parsed->scheme, {{"n", parsed->n}, {"r", parsed->r}, {"p", parsed->p}}};
    if (auto within = check_scrypt_ceilings(parsed->n, parsed->r, parsed->p); !within)
        out.obstacle = std::move(within).error();
    else if (!parsed->is_plain)
        out.obstacle = Error{ErrorCode::unsupported, "yescrypt with further parameters is not supported"};
    return out;
}

// libxcrypt takes at most 511 bytes, and none that is zero.
Result<bool> verify(std::string_view password, std::string_view text) {
    if (password.size() >= CRYPT_MAX_PASSPHRASE_SIZE || password.find('\0') != std::string_view::npos) return false;
    SecretBytes phrase(password.size() + 1);
    std::copy(password.begin(), password.end(), phrase.data());
    SecretBytes scratch(sizeof(crypt_data));
    const std::string setting(text);
    const char* const computed = crypt_rn(reinterpret_cast<const char*>(phrase.data()), setting.c_str(), scratch.data(),
                                          static_cast<int>(scratch.size()));
    // The text is well-formed, so what is missing is memory.
    if (computed == nullptr) return Error{ErrorCode::busy, "could not get the memory for a password hash"};
    return constant_time_equal(as_bytes(computed), as_bytes(text));
}

}  // namespace

std::optional<CryptHash> parse_crypt_hash(std::string_view text) {
    HashTextReader in(text);
    if (in.literal("$5$")) return parse_sha(in, "sha256-crypt", 43);
    if (in.literal("$6$")) return parse_sha(in, "sha512-crypt", 86);
    if (in.literal("$7$")) return parse_scrypt(in);
    if (in.literal("$y$")) return parse_yescrypt(in, "yescrypt");
    if (in.literal("$gy$")) return parse_yescrypt(in, "gost-yescrypt");
    return std::nullopt;
}

constinit const PasswordFormat crypt_format{describe, verify};

}  // namespace bastion
