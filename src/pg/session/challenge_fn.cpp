// SQL functions of challenges; SQL functions of the extension call them and store which challenges were used.
#include "core/base/opaque_token.hpp"
#include "core/session/challenge.hpp"
#include "pg/base/clock.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/text.hpp"
#include "pg/key/pepper.hpp"

namespace bastion::pg {
namespace {

// Phases A to C: the pepper that a challenge names; null for another text, and for a pepper that does not exist.
const HmacKey* pepper_of(Utf8 presented) {
    bool is_challenge = false;
    int32 version = 0;
    guarded_or_raise([&]() -> Result<void> {
        const Result<UnverifiedChallenge> challenge = UnverifiedChallenge::read(presented);
        is_challenge = challenge.ok();
        if (is_challenge) version = static_cast<int32>(challenge->pepper());
        return {};
    });
    return is_challenge ? find_pepper(version) : nullptr;
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_challenge_make);
Datum bastion_challenge_make(PG_FUNCTION_ARGS) {
    const Utf8 purpose = utf8_of(PG_GETARG_TEXT_PP(0));
    const Utf8 body = jsonb_text(PG_GETARG_JSONB_P(1));
    const Utf8 state = utf8_of(PG_GETARG_TEXT_PP(2));
    const double expires_at = unix_now() + PG_GETARG_INT32(3);
    const int32 version = PG_GETARG_INT32(4);
    const HmacKey& pepper = need_pepper(version);
    Utf8 challenge;
    guarded_or_raise([&]() -> Result<void> {
        const Result<std::string> made = challenge_make(pepper,
                                                        {.pepper = static_cast<std::uint32_t>(version),
                                                         .expires_at = static_cast<std::uint32_t>(expires_at),
                                                         .purpose = purpose,
                                                         .body = body},
                                                        state);
        if (!made) return made.error();
        return store(challenge, *made);
    });
    return text_datum(challenge);
}

PG_FUNCTION_INFO_V1(bastion_challenge_open);
Datum bastion_challenge_open(PG_FUNCTION_ARGS) {
    const Utf8 presented = utf8_of(PG_GETARG_TEXT_PP(0));
    const Utf8 purpose = utf8_of(PG_GETARG_TEXT_PP(1));
    const auto now = static_cast<std::uint64_t>(unix_now());
    const HmacKey* const pepper = pepper_of(presented);
    if (pepper == nullptr) PG_RETURN_NULL();
    Utf8 body;
    guarded_or_raise([&]() -> Result<void> {
        const Result<UnverifiedChallenge> challenge = UnverifiedChallenge::read(presented);
        if (!challenge) return challenge.error();
        const Result<const ChallengeTerms*> terms = challenge->verify(*pepper, purpose, now);
        if (!terms) return terms.error();
        return *terms == nullptr ? Result<void>{} : store(body, (*terms)->body);
    });
    if (body.is_null()) PG_RETURN_NULL();
    return jsonb_datum(body);
}

PG_FUNCTION_INFO_V1(bastion_challenge_is_of_state);
Datum bastion_challenge_is_of_state(PG_FUNCTION_ARGS) {
    const Utf8 presented = utf8_of(PG_GETARG_TEXT_PP(0));
    const Utf8 state = utf8_of(PG_GETARG_TEXT_PP(1));
    const HmacKey* const pepper = pepper_of(presented);
    bool same = false;
    if (pepper != nullptr) {
        guarded_or_raise([&]() -> Result<void> {
            const Result<UnverifiedChallenge> challenge = UnverifiedChallenge::read(presented);
            if (!challenge) return challenge.error();
            const Result<bool> compared = challenge->is_of_state(*pepper, state);
            if (!compared) return compared.error();
            same = *compared;
            return {};
        });
    }
    PG_RETURN_BOOL(same);
}

PG_FUNCTION_INFO_V1(bastion_challenge_hash);
Datum bastion_challenge_hash(PG_FUNCTION_ARGS) {
    const Utf8 presented = utf8_of(PG_GETARG_TEXT_PP(0));
    struct varlena* hash = nullptr;
    guarded_or_raise([&]() -> Result<void> { return store(hash, opaque_token_hash(presented)); });
    PG_RETURN_BYTEA_P(hash);
}

}  // extern "C"

}  // namespace bastion::pg
