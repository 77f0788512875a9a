// SQL functions jwt_sign and jwt_verify: tokens under keys that the caller brings. Parsed keys and options are kept per
// backend, because a caller verifies many tokens with the same ones; keys are wiped when others take their place.
#include "core/jwt.hpp"

#include "core/secret_bytes.hpp"
#include "pg/clock.hpp"
#include "pg/guard.hpp"

namespace bastion::pg {
namespace {

// The last few arguments of one kind, with what they parsed into. Compared whole and in constant time: they may be keys.
template <class Parsed>
class ArgumentCache {
public:
    // The parsed argument or null. Valid until the next call of keep().
    const Parsed* find(ByteSpan argument) const noexcept {
        for (const Entry& entry : entries_)
            if (entry.parsed && constant_time_equal(entry.argument.span(), argument)) return &*entry.parsed;
        return nullptr;
    }

    const Parsed* keep(ByteSpan argument, Parsed&& parsed) {
        Entry& entry = entries_[next_];
        next_ = (next_ + 1) % entries_.size();
        entry.parsed.reset();
        entry.argument = SecretBytes(argument);
        entry.parsed = std::move(parsed);
        return &*entry.parsed;
    }

private:
    struct Entry {
        SecretBytes argument;
        std::optional<Parsed> parsed;
    };
    std::array<Entry, 4> entries_;
    std::size_t next_ = 0;
};

ArgumentCache<JwkSet> key_sets;
ArgumentCache<JwtOptions> option_sets;

// A jsonb argument: its bytes, and its text once it is known to be needed. Phase A.
struct CachedArgument {
    ByteSpan bytes;
    std::string_view text;
};

template <class Parsed>
CachedArgument json_argument(const ArgumentCache<Parsed>& cache, const Jsonb* value) {
    CachedArgument out{as_bytes(view(reinterpret_cast<const struct varlena*>(value))), {}};
    if (cache.find(out.bytes) == nullptr) out.text = jsonb_text(value);
    return out;
}

// Phase B.
template <class Parsed>
Result<const Parsed*> parsed(ArgumentCache<Parsed>& cache, const CachedArgument& argument,
                             Result<Parsed> (*parse)(std::string_view)) {
    if (const Parsed* known = cache.find(argument.bytes)) return known;
    Result<Parsed> fresh = parse(argument.text);
    if (!fresh) return fresh.error();
    return cache.keep(argument.bytes, std::move(*fresh));
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_jwt_sign);
Datum bastion_jwt_sign(PG_FUNCTION_ARGS) {
    const std::string_view claims = jsonb_text(PG_GETARG_JSONB_P(0));
    const std::string_view key_json = jsonb_text(PG_GETARG_JSONB_P(1));
    const std::string_view header = jsonb_text(PG_GETARG_JSONB_P(2));
    struct varlena* token = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        Result<bastion::Jwk> key = parse_jwk(key_json);
        if (!key) return key.error();
        Result<std::string> made = bastion::jwt_sign(claims, *key, header);
        if (!made) return made.error();
        return store(token, *made);
    });
    PG_RETURN_TEXT_P(token);
}

PG_FUNCTION_INFO_V1(bastion_jwt_verify);
Datum bastion_jwt_verify(PG_FUNCTION_ARGS) {
    const std::string_view token = view(PG_GETARG_TEXT_PP(0));
    const CachedArgument keys_argument = json_argument(key_sets, PG_GETARG_JSONB_P(1));
    const CachedArgument options_argument = json_argument(option_sets, PG_GETARG_JSONB_P(2));
    const double now = unix_now();
    char* payload = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        const auto options = parsed(option_sets, options_argument, parse_jwt_options);
        if (!options) return options.error();
        const auto keys = parsed(key_sets, keys_argument, parse_jwk_set);
        if (!keys) return keys.error();
        Result<bastion::VerifiedJwt> verified = bastion::jwt_verify(token, **keys, **options, now);
        if (!verified) return verified.error();
        return store(payload, verified->payload_json);
    });
    return jsonb_datum(payload);
}

}  // extern "C"

}  // namespace bastion::pg
