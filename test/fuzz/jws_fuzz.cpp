// Compact JWS: parsing takes any text, a parsed token has what the parser promises, and no made-up token verifies.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/base/encoding.hpp"
#include "core/base/json.hpp"
#include "core/jose/jwk.hpp"
#include "core/jose/jwt.hpp"

namespace {

const bastion::JwkSet& keys() {
    static const bastion::JwkSet set = [] {
        const auto seed = bastion::Bytes(32, 7);
        return std::move(*bastion::parse_jwk_set(bastion::jwk_from_ed25519_seed(seed, "k1")->public_jwk));
    }();
    return set;
}

// A JWT is a JWS whose claims are an object; it names the same kid, and parsing it first verifies nothing.
void check_jwt(std::string_view text, const bastion::Result<bastion::UnverifiedJws>& jws) {
    auto jwt = bastion::parse_jwt(text);
    if (!jwt && jwt.error().code != bastion::ErrorCode::token_refused) std::abort();
    if (!jwt) return;
    if (!jws || jwt->claimed_kid() != jws->header->kid) std::abort();
    const auto claims = bastion::parse_json(jws->payload, bastion::token_max_bytes);
    if (!claims || !claims->root().is_object()) std::abort();
    const auto issuer = claims->root().find("iss");
    if (jwt->claimed_issuer() != (issuer ? issuer->string().value_or("") : "")) std::abort();
    if (bastion::jwt_verify(*std::move(jwt), keys(), {}, 1'700'000'000)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = bastion::as_text({data, size});
    const auto parsed = bastion::parse_jws(text);
    if (!parsed && parsed.error().code != bastion::ErrorCode::token_refused) std::abort();
    if (parsed) {
        if (parsed->header->alg.empty() || size > bastion::token_max_bytes) std::abort();
        if (!text.starts_with(parsed->signing_input) || parsed->signature.empty()) std::abort();
        const std::string_view header_part = text.substr(0, text.find('.'));
        std::string header;
        if (!bastion::base64url_decode_append(header_part, header)) std::abort();
        const auto document = bastion::parse_json(header, bastion::token_max_bytes);
        if (!document || document->root().find("crit") || document->root().find("b64")) std::abort();
        const std::string payload_part = bastion::base64url_encode(bastion::as_bytes(parsed->payload));
        if (parsed->signing_input != std::string(header_part) + "." + payload_part) std::abort();
    }
    check_jwt(text, parsed);
    if (bastion::jws_verify(text, keys())) std::abort();
    return 0;
}
