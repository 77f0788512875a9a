#include "core/identity/argon2_hash.hpp"

#include <sodium.h>
#include <sys/mman.h>

#include <array>
#include <string>
#include <utility>

#include "core/identity/hash_text.hpp"

namespace bastion {

namespace {

// libsodium's own minima; shorter fields make it refuse the string.
constexpr std::size_t min_salt_bytes = 8;
constexpr std::size_t min_hash_bytes = 16;

constexpr std::string_view names[] = {"argon2id"};
constexpr PasswordOption options[] = {{"memory", &PasswordParams::memory_kib, 8},
                                      {"iterations", &PasswordParams::iterations, 1},
                                      {"parallelism", &PasswordParams::parallelism, 1}};

// Without it libsodium uses its portable implementation and not the fastest one for this processor.
bool sodium_ready() noexcept {
    static const bool ready = sodium_init() >= 0;
    return ready;
}

// libsodium reports a failed allocation as a mismatch. A user whose password was never checked must not learn that it
// is wrong, so a mismatch counts only while the memory can be allocated. No page is touched: this costs microseconds.
bool memory_available(std::uint32_t memory_kib) noexcept {
    const std::size_t size = std::size_t{memory_kib} * 1024;
    void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory != MAP_FAILED && ::munmap(memory, size) == 0;
}

Error out_of_memory() { return {ErrorCode::busy, "could not get the memory for a password hash"}; }

Result<void> check_ceilings(std::uint32_t memory_kib, std::uint32_t iterations, std::uint32_t parallelism) {
    if (memory_kib <= max_argon2_memory_kib && iterations <= max_argon2_iterations &&
        parallelism <= max_argon2_parallelism)
        return {};
    return Error{ErrorCode::limit_exceeded, "Argon2 parameters are above the limit",
                 "At most 1048576 KiB of memory, 20 iterations and a parallelism of 16 are allowed."};
}

Result<void> check(const PasswordParams& params) {
    if (auto within = check_ceilings(params.memory_kib, params.iterations, params.parallelism); !within) return within;
    if (params.parallelism == 1) return {};
    return Error{ErrorCode::unsupported, "new Argon2 hashes have a parallelism of 1",
                 "Existing hashes with a parallelism of up to 16 are verified."};
}

// Django names the family again in front of the PHC string.
std::string_view without_prefix(std::string_view text) noexcept {
    constexpr std::string_view django = "argon2";
    if (text.starts_with("argon2$argon2")) text.remove_prefix(django.size());
    return text;
}

Result<std::string> hash(std::string_view password, const PasswordParams& params) {
    std::array<char, crypto_pwhash_argon2id_STRBYTES> text;
    if (!sodium_ready() || crypto_pwhash_argon2id_str(text.data(), password.data(), password.size(), params.iterations,
                                                      std::size_t{params.memory_kib} * 1024) != 0)
        return out_of_memory();
    return std::string(text.data());
}

// argon2d, version 16, or with a secret or associated data, which the text does not hold.
bool is_other_argon2(std::string_view text) noexcept {
    return text.starts_with("$argon2d$") || text.starts_with("$argon2id$v=16$") || text.starts_with("$argon2i$v=16$") ||
           text.starts_with("$argon2id$m=") || text.starts_with("$argon2i$m=") ||
           (text.starts_with("$argon2") &&
            (text.find(",keyid=") != std::string_view::npos || text.find(",data=") != std::string_view::npos));
}

std::optional<HashDescription> describe(std::string_view text) {
    if (const auto parsed = parse_argon2_hash(text)) {
        HashDescription out{
            parsed->hybrid ? "argon2id" : "argon2i",
            {{"memory", parsed->memory_kib}, {"iterations", parsed->iterations}, {"parallelism", parsed->parallelism}}};
        if (auto within = check_ceilings(parsed->memory_kib, parsed->iterations, parsed->parallelism); !within)
            out.obstacle = std::move(within).error();
        return out;
    }
    if (!is_other_argon2(text)) return std::nullopt;
    return HashDescription{
        "argon2",
        {},
        0,
        Error{ErrorCode::unsupported, "this kind of Argon2 hash is not supported",
              "Supported are argon2id and argon2i of version 19 without a secret or associated data."}};
}

Result<bool> verify(std::string_view password, std::string_view text) {
    const auto parsed = parse_argon2_hash(text);
    if (!sodium_ready()) return out_of_memory();
    const std::string terminated(without_prefix(text));
    const auto compare = parsed->hybrid ? crypto_pwhash_argon2id_str_verify : crypto_pwhash_argon2i_str_verify;
    if (compare(terminated.c_str(), password.data(), password.size()) == 0) return true;
    if (!memory_available(parsed->memory_kib)) return out_of_memory();
    return false;
}

bool needs_rehash(std::string_view text, const PasswordParams& wanted) {
    const auto found = parse_argon2_hash(text);
    return !found || !found->hybrid || found->memory_kib < wanted.memory_kib || found->iterations < wanted.iterations ||
           found->salt_bytes < new_salt_bytes || found->hash_bytes < new_hash_bytes ||
           !check_ceilings(found->memory_kib, found->iterations, found->parallelism);
}

std::string dummy(const PasswordParams& params) {
    return "$argon2id$v=19$m=" + std::to_string(params.memory_kib) + ",t=" + std::to_string(params.iterations) +
           ",p=" + std::to_string(params.parallelism) + "$" + std::string(22, 'A') + "$" + std::string(43, 'A');
}

}  // namespace

std::optional<Argon2Hash> parse_argon2_hash(std::string_view text) {
    HashTextReader in(without_prefix(text));
    Argon2Hash found;
    found.hybrid = in.literal("$argon2id$");
    if ((!found.hybrid && !in.literal("$argon2i$")) || !in.literal("v=19$m=")) return std::nullopt;
    const auto memory = in.number();
    if (!memory || !in.literal(",t=")) return std::nullopt;
    const auto iterations = in.number();
    if (!iterations || !in.literal(",p=")) return std::nullopt;
    const auto parallelism = in.number();
    if (!parallelism || !in.literal("$")) return std::nullopt;
    const auto salt = decode_unpadded_base64(in.field());
    if (!salt || salt->size() < min_salt_bytes || !in.literal("$")) return std::nullopt;
    const auto hash = decode_unpadded_base64(in.field());
    if (!hash || hash->size() < min_hash_bytes || !in.at_end()) return std::nullopt;
    // RFC 9106 3.1: memory is at least 8 blocks of 1 KiB for each lane.
    if (*memory / 8 < *parallelism) return std::nullopt;
    found.memory_kib = *memory;
    found.iterations = *iterations;
    found.parallelism = *parallelism;
    found.salt_bytes = salt->size();
    found.hash_bytes = hash->size();
    return found;
}

constinit const PasswordAlgorithm argon2id{names, options, {}, {describe, verify}, check, hash, needs_rehash, dummy};

}  // namespace bastion
