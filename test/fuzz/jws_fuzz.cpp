// Compact JWS: parsing takes any text, a parsed token has what the parser promises, and no made-up token verifies.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/base/encoding.hpp"
#include "core/base/json.hpp"
#include "core/jose/jwk.hpp"
#include "core/jose/jws.hpp"

namespace {

const bastion::JwkSet& keys() {
    static const bastion::JwkSet set = [] {
        const auto seed = bastion::Bytes(32, 7);
        return std::move(*bastion::parse_jwk_set(bastion::jwk_from_ed25519_seed(seed, "k1")->public_jwk));
    }();
    return set;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = bastion::as_text({data, size});
    const auto parsed = bastion::parse_jws(text);
    const auto kid = bastion::jws_unverified_kid(text);
    if (parsed.ok() != kid.ok()) std::abort();
    if (!parsed && parsed.error().code != bastion::ErrorCode::token_refused) std::abort();
    if (parsed) {
        if (parsed->header->alg.empty() || parsed->header->kid != *kid || size > bastion::token_max_bytes) std::abort();
        std::string header;
        if (!bastion::base64url_decode_append(text.substr(0, text.find('.')), header)) std::abort();
        const auto document = bastion::parse_json(header, bastion::token_max_bytes);
        if (!document || document->root().find("crit") || document->root().find("b64")) std::abort();
    }
    if (bastion::jws_verify(text, keys())) std::abort();
    return 0;
}
