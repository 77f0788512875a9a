// JSON Web Keys: any text gives keys or a clear error, and every key that may sign makes tokens that it verifies.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/jose/jwk.hpp"
#include "core/jose/jws.hpp"

namespace {

void sign_with_all(const bastion::Jwk& key) {
    for (const bastion::JwsAlgorithm& algorithm : bastion::jws_algorithms()) {
        const std::string input = "header.payload";
        const bool able = key.may_sign() && bastion::jwk_fits(key, algorithm);
        if (!able) continue;
        const auto signature = algorithm.sign(algorithm, key, input);
        if (!signature || signature->size() != bastion::jws_signature_bytes(algorithm, key)) std::abort();
        const auto valid = algorithm.verify(algorithm, key, input, *signature);
        if (!valid || !*valid) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = bastion::as_text({data, size});
    const auto one = bastion::parse_jwk(text);
    const auto set = bastion::parse_jwk_set(text);
    if (one && !set) std::abort();
    if (!set) {
        const auto code = set.error().code;
        if (code != bastion::ErrorCode::invalid_argument && code != bastion::ErrorCode::limit_exceeded &&
            code != bastion::ErrorCode::unsupported)
            std::abort();
        return 0;
    }
    for (const bastion::Jwk& key : set->keys) {
        if (key.is_symmetric() != set->keys.front().is_symmetric()) std::abort();
        const auto is_alike = [&](const bastion::Jwk& other) {
            return other.kid == key.kid && other.kty == key.kty && other.crv == key.crv;
        };
        if (!key.kid.empty() && std::count_if(set->keys.begin(), set->keys.end(), is_alike) != 1) std::abort();
        (void)bastion::jwk_thumbprint(key);
        sign_with_all(key);
    }
    return 0;
}
