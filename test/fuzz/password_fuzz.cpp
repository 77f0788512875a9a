// Fuzzes the parsers of password hashes and options. The first byte selects the parser; the rest is the text. Expensive
// hashes are parsed but not computed: a slow fuzzer finds nothing.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/identity/bcrypt_hash.hpp"
#include "core/identity/password.hpp"
#include "core/identity/pbkdf2_hash.hpp"

namespace {

using bastion::PasswordAlgorithm;

void require(bool holds) {
    if (!holds) std::abort();
}

// Whether computing the hash takes little, because of small parameters or because it is refused.
bool is_cheap(const bastion::HashDescription& hash) {
    if (hash.obstacle) return true;
    std::uint64_t work = 1;
    for (const auto& [name, value] : hash.parameters) work *= name == "cost" ? std::uint64_t{1} << value : value;
    return work <= 1000;
}

void fuzz_hash(std::string_view text) {
    bool known = false;
    for (const PasswordAlgorithm* algorithm : {&bastion::argon2id, &bastion::bcrypt, &bastion::pbkdf2_sha256})
        known |= !bastion::password_needs_rehash(text, bastion::default_password_params(*algorithm));
    const auto described = bastion::describe_password_hash(text);
    // A hash that needs no rehash can be verified.
    require(!known || (described && !described->obstacle));
    if (described && !is_cheap(*described)) return;
    const auto verified = bastion::password_verify("password", text);
    require(verified.ok() == !(described && described->obstacle));
    require(verified.ok() || verified.error().code == described->obstacle->code);
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
