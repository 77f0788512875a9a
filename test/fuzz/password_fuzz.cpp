// Fuzzes the parsers of password hashes and options. The first byte selects the parser; the rest is the text. Expensive
// hashes are parsed but not computed: a slow fuzzer finds nothing.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/identity/argon2_hash.hpp"
#include "core/identity/bcrypt_hash.hpp"
#include "core/identity/password.hpp"
#include "core/identity/pbkdf2_hash.hpp"

namespace {

using bastion::PasswordAlgorithm;

void require(bool holds) {
    if (!holds) std::abort();
}

bool is_cheap(std::string_view text) {
    if (const auto argon2 = bastion::parse_argon2_hash(text))
        return std::uint64_t{argon2->memory_kib} * argon2->iterations <= 64 ||
               argon2->memory_kib > bastion::max_argon2_memory_kib ||
               argon2->iterations > bastion::max_argon2_iterations ||
               argon2->parallelism > bastion::max_argon2_parallelism;
    if (const auto cost = bastion::parse_bcrypt_hash(text)) return *cost <= 4 || *cost > bastion::max_bcrypt_cost;
    if (const auto pbkdf2 = bastion::parse_pbkdf2_hash(text))
        return pbkdf2->iterations <= 100 || pbkdf2->iterations > bastion::max_pbkdf2_iterations;
    return true;
}

void fuzz_hash(std::string_view text) {
    bool known = false;
    for (const PasswordAlgorithm* algorithm : {&bastion::argon2id, &bastion::bcrypt, &bastion::pbkdf2_sha256})
        known |= !bastion::password_needs_rehash(text, bastion::default_password_params(*algorithm));
    if (!is_cheap(text)) return;
    const auto verified = bastion::password_verify("password", text);
    require(verified.ok() || verified.error().code == bastion::ErrorCode::limit_exceeded);
    // A hash that needs no rehash is within the ceilings.
    require(!known || verified.ok());
}

void fuzz_options(const PasswordAlgorithm& algorithm, std::string_view json) {
    const auto params = bastion::parse_password_options(algorithm, json);
    if (!params) {
        require(!params.error().message.empty());
        return;
    }
    require(params->memory_kib >= 8 && params->memory_kib <= bastion::max_argon2_memory_kib);
    require(params->iterations >= 1 && params->iterations <= bastion::max_pbkdf2_iterations);
    require(params->cost >= 4 && params->cost <= bastion::max_bcrypt_cost && params->parallelism == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
    switch (data[0] % 4) {
        case 0: fuzz_options(bastion::argon2id, text); break;
        case 1: fuzz_options(bastion::bcrypt, text); break;
        case 2: fuzz_options(bastion::pbkdf2_sha256, text); break;
        default: fuzz_hash(text); break;
    }
    return 0;
}
