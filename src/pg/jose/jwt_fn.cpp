// SQL functions jwt_sign, jwt_verify and jws_verify: tokens under keys of the caller. Each backend caches parsed keys and
// options, because a caller verifies many tokens with the same ones, and also the tokens that were verified with them.
#include "core/jose/jws.hpp"
#include "core/jose/jwt.hpp"
#include "pg/base/clock.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/jsonb_build.hpp"
#include "pg/base/text.hpp"
#include "pg/cache/argument_cache.hpp"
#include "pg/jose/verified_cache.hpp"

namespace bastion::pg {
namespace {

using AlgorithmNames = std::vector<std::string>;

std::size_t memory_of(const JwkSet& keys) { return keys.memory(); }

std::size_t memory_of(const JwtOptions& options) {
    return sizeof options + heap_bytes(options.iss) + heap_bytes(options.aud) + heap_bytes(options.algorithms);
}

std::size_t memory_of(const AlgorithmNames& names) { return heap_bytes(names); }

ArgumentCache<JwkSet> key_sets("jwt_keys", memory_of);
ArgumentCache<JwtOptions> option_sets("jwt_options", memory_of);
ArgumentCache<AlgorithmNames> algorithm_sets("jws_algorithms", memory_of);

VerifiedCache verified_claims("jwt_claims");      // jsonb
VerifiedCache verified_payloads("jws_payloads");  // bytea

Utf8 text_of_jsonb(const struct varlena* value) { return jsonb_text(reinterpret_cast<const Jsonb*>(value)); }

// The names on separate lines. A null becomes an empty line: no algorithm has an empty name.
Utf8 text_of_array(const struct varlena* value) {
    Datum* elements = nullptr;
    bool* nulls = nullptr;
    int count = 0;
    deconstruct_array(reinterpret_cast<ArrayType*>(const_cast<struct varlena*>(value)), TEXTOID, -1, false,
                      TYPALIGN_INT, &elements, &nulls, &count);
    StringInfoData names;
    initStringInfo(&names);
    for (int i = 0; i < count; ++i) {
        const std::string_view name = nulls[i] ? Utf8() : utf8_of(elements[i]);
        appendBinaryStringInfo(&names, name.data(), static_cast<int>(name.size()));
        appendStringInfoChar(&names, '\n');
    }
    return Utf8({names.data, static_cast<std::size_t>(names.len)});
}

Result<AlgorithmNames> parse_algorithm_names(std::string_view lines) {
    AlgorithmNames names;
    while (!lines.empty()) {
        const std::size_t end = lines.find('\n');
        const JwsAlgorithm* algorithm = find_jws_algorithm(lines.substr(0, end));
        if (algorithm == nullptr)
            return Error{ErrorCode::invalid_argument, "an algorithm is not supported", "",
                         "Supported are " + jws_algorithm_names() + "."};
        names.emplace_back(algorithm->name);
        lines.remove_prefix(end + 1);
    }
    // An empty list must not mean "any value".
    if (names.empty()) return Error{ErrorCode::invalid_argument, "the list of algorithms is empty"};
    return names;
}

CachedArgument<JwkSet> keys_argument(FunctionCallInfo fcinfo) {
    return cached_argument(key_sets, fcinfo, 1, text_of_jsonb);
}

// Phases B and C. A full cache or exhausted memory raises no error.
void keep(VerifiedCache& cache, const VerifiedPlace& place, const TokenDates& dates, const struct varlena* value) {
    CallFailure ignored;
    (void)guarded(ignored, [&]() -> Result<void> {
        cache.keep(place, dates, view(value));
        return {};
    });
}

struct JwtCall {
    struct varlena* known;  // from the cache
    FlatJson claims;
    VerifiedPlace place;
    TokenDates dates;
    uint64 keys;
    uint64 options;
};

Result<void> verify_anew(std::string_view token, const JwkSet& keys, const JwtOptions& options, double now,
                         JwtCall& call) {
    Result<bastion::VerifiedJwt> verified = bastion::jwt_verify(token, keys, options, now);
    if (!verified) return verified.error();
    call.dates = verified->dates;
    return flatten(verified->claims, verified->payload_json, call.claims);
}

Result<void> verify_jwt(std::string_view token, const CachedArgument<JwkSet>& keys_argument,
                        const CachedArgument<JwtOptions>& options_argument, double now, JwtCall& call) {
    const auto options = parsed(option_sets, options_argument, parse_jwt_options);
    if (!options) return options.error();
    const auto keys = parsed(key_sets, keys_argument, parse_jwk_set);
    if (!keys) return keys.error();
    call.keys = (*keys)->id;
    call.options = (*options)->id;
    call.place = verified_claims.locate(token, call.keys, call.options);
    const VerifiedValue* known = verified_claims.find(call.place);
    if (known == nullptr) return verify_anew(token, *(*keys)->parsed, *(*options)->parsed, now, call);
    if (Result<void> held = jwt_check_dates(known->dates, *(*options)->parsed, now); !held) return held;
    return store(call.known, known->bytes.span());
}

struct JwsCall {
    struct varlena* payload;
    VerifiedPlace place;
    TokenDates dates;  // of the key alone
    uint64 keys;
    uint64 algorithms;
};

Result<void> verify_jws(std::string_view token, const CachedArgument<JwkSet>& keys_argument,
                        const CachedArgument<AlgorithmNames>* names_argument, double now, JwsCall& call) {
    std::span<const std::string> names;
    if (names_argument != nullptr) {
        const auto listed = parsed(algorithm_sets, *names_argument, parse_algorithm_names);
        if (!listed) return listed.error();
        names = *(*listed)->parsed;
        call.algorithms = (*listed)->id;
    }
    const auto keys = parsed(key_sets, keys_argument, parse_jwk_set);
    if (!keys) return keys.error();
    call.keys = (*keys)->id;
    call.place = verified_payloads.locate(token, call.keys, call.algorithms);
    if (const VerifiedValue* known = verified_payloads.find(call.place)) {
        call.place.keeps = false;
        if (Result<void> held = jwk_check_dates(known->dates.key, now); !held) return held;
        return store(call.payload, known->bytes.span());
    }
    Result<bastion::VerifiedJws> verified = bastion::jws_verify(token, *(*keys)->parsed, names);
    if (!verified) return verified.error();
    call.dates.key = verified->key->dates;
    if (Result<void> held = jwk_check_dates(call.dates.key, now); !held) return held;
    return store(call.payload, as_bytes(verified->payload));
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_jwt_sign);
Datum bastion_jwt_sign(PG_FUNCTION_ARGS) {
    const Utf8 claims = jsonb_text(PG_GETARG_JSONB_P(0));
    const CachedArgument<JwkSet> key_argument = keys_argument(fcinfo);
    const Utf8 header = jsonb_text(PG_GETARG_JSONB_P(2));
    Utf8 token;
    uint64 id = 0;
    guarded_or_raise([&]() -> Result<void> {
        const auto keys = parsed(key_sets, key_argument, parse_jwk_set);
        if (!keys) return keys.error();
        const JwkSet& set = *(*keys)->parsed;
        if (set.is_set) return Error{ErrorCode::invalid_argument, "one JSON Web Key is wanted, not a Key Set"};
        Result<std::string> made = bastion::jwt_sign(claims, set.keys.front(), header);
        if (!made) return made.error();
        id = (*keys)->id;
        return store(token, *made);
    });
    remember(fcinfo, 1, id);
    return text_datum(token);
}

PG_FUNCTION_INFO_V1(bastion_jwt_verify);
Datum bastion_jwt_verify(PG_FUNCTION_ARGS) {
    const Utf8 token = utf8_of(PG_GETARG_TEXT_PP(0));
    const CachedArgument<JwkSet> keys = keys_argument(fcinfo);
    const CachedArgument<JwtOptions> options = cached_argument(option_sets, fcinfo, 2, text_of_jsonb);
    const double now = unix_now();
    JwtCall call{};
    guarded_or_raise([&]() { return verify_jwt(token, keys, options, now, call); });
    remember(fcinfo, 1, call.keys);
    remember(fcinfo, 2, call.options);
    if (call.known != nullptr) return PointerGetDatum(call.known);
    Jsonb* claims = build_jsonb(call.claims);
    keep(verified_claims, call.place, call.dates, reinterpret_cast<struct varlena*>(claims));
    PG_RETURN_JSONB_P(claims);
}

PG_FUNCTION_INFO_V1(bastion_jws_verify);
Datum bastion_jws_verify(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) PG_RETURN_NULL();
    const Utf8 token = utf8_of(PG_GETARG_TEXT_PP(0));
    const CachedArgument<JwkSet> keys = keys_argument(fcinfo);
    const bool narrowed = !PG_ARGISNULL(2);
    CachedArgument<AlgorithmNames> names{};
    if (narrowed) names = cached_argument(algorithm_sets, fcinfo, 2, text_of_array);
    const double now = unix_now();
    JwsCall call{};
    guarded_or_raise([&]() { return verify_jws(token, keys, narrowed ? &names : nullptr, now, call); });
    remember(fcinfo, 1, call.keys);
    if (narrowed) remember(fcinfo, 2, call.algorithms);
    keep(verified_payloads, call.place, call.dates, call.payload);
    PG_RETURN_BYTEA_P(call.payload);
}

}  // extern "C"

}  // namespace bastion::pg
