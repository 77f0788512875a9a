// JWT claims and options: the input is options, a zero byte, then claims. The claims are signed as they stand, so that
// the fuzzer gets past the signature, and what is accepted must keep the promises of jwt_verify.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/base/encoding.hpp"
#include "core/jose/jwk.hpp"
#include "core/jose/jws.hpp"
#include "core/jose/jwt.hpp"

namespace {

const bastion::JwkSet& keys() {
    static const bastion::JwkSet set = [] {
        const std::string k = bastion::base64url_encode(bastion::Bytes(32, 7));
        return std::move(*bastion::parse_jwk_set(R"({"kty":"oct","alg":"HS256","k":")" + k + "\"}"));
    }();
    return set;
}

void check(const bastion::VerifiedJwt& token, const bastion::JwtOptions& options, double now) {
    if (!token.dates.exp && !options.allow_missing_exp) std::abort();
    if (token.dates.exp && !(*token.dates.exp > now - options.leeway)) std::abort();
    if (token.dates.nbf && !(*token.dates.nbf <= now + options.leeway)) std::abort();
    if (!options.iss.empty() && !token.iss) std::abort();
    if (options.max_age && !token.dates.iat) std::abort();
    if (!token.claims.root().is_object() || !token.claims.jsonb_representable()) std::abort();
}

// A token that is parsed before its key is known gets the verdict of its text.
void check_parsed(std::string_view token, const bastion::JwtOptions& options, double now,
                  const bastion::Result<bastion::VerifiedJwt>& by_text) {
    auto parsed = bastion::parse_jwt(token);
    if (!parsed) {
        if (by_text) std::abort();
        return;
    }
    const auto verified = bastion::jwt_verify(*std::move(parsed), keys(), options, now);
    if (verified.ok() != by_text.ok()) std::abort();
    if (verified && verified->payload_json != by_text->payload_json) std::abort();
    if (!verified && verified.error().log_detail != by_text.error().log_detail) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr double clock = 1'700'000'000;
    const std::string_view text = bastion::as_text({data, size});
    const std::size_t split = std::min(text.find('\0'), text.size());
    const auto parsed = bastion::parse_jwt_options(text.substr(0, split));
    const bastion::JwtOptions options = parsed ? *parsed : bastion::JwtOptions{};
    const std::string_view claims = text.substr(std::min(split + 1, text.size()));

    const auto& key = keys().keys.front();
    const auto raw = bastion::jws_sign(R"({"alg":"HS256"})", claims, key, *bastion::find_jws_algorithm("HS256"));
    if (raw) {
        const auto verified = bastion::jwt_verify(*raw, keys(), options, clock);
        if (verified) check(*verified, options, options.now.value_or(clock));
        check_parsed(*raw, options, clock, verified);
        if (!verified && verified.error().code != bastion::ErrorCode::token_refused) std::abort();
    }
    const auto made = bastion::jwt_sign(claims, key);
    bastion::JwtOptions lax;
    lax.allow_missing_exp = true;
    lax.now = clock;
    if (!made) return 0;
    const auto verified = bastion::jwt_verify(*made, keys(), lax, clock);
    const bool dated = verified || verified.error().log_detail.starts_with("the token ");
    if (!dated) std::abort();  // a signed token is well formed; only its dates can refuse it
    return 0;
}
