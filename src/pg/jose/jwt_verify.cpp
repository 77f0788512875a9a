#include "pg/jose/jwt_verify.hpp"

#include "pg/base/clock.hpp"
#include "pg/base/text.hpp"
#include "pg/jose/issuer_verify.hpp"
#include "pg/jose/key_store.hpp"
#include "pg/jose/own_verify.hpp"
#include "pg/jose/verified_tokens.hpp"
#include "pg/key/data_keys.hpp"

namespace bastion::pg {
namespace {

// The alleged signer of the token: views of the slot's unverified token.
struct Signer {
    std::string_view issuer;
    std::string_view kid;
    bool is_own;
};

// Whether a name is short enough for a column of this size.
bool is_name(std::string_view name, std::size_t longest) noexcept {
    return !name.empty() && name.size() <= longest && name.find('\0') == std::string_view::npos;
}

// Phase B: parses the token.
Result<void> parse(Slot& slot, std::string_view token) {
    Result<UnverifiedJwt> parsed = parse_jwt(token);
    if (!parsed) return std::move(parsed).error();
    slot.unverified = std::move(*parsed);
    return {};
}

// Phase B: the alleged signer of the parsed token.
Result<void> find_signer(const UnverifiedJwt& token, std::string_view own_issuer, Signer& out) {
    out = {token.claimed_issuer(), token.claimed_kid(), false};
    if (!is_name(out.issuer, longest_issuer_name)) return refuse_token("no iss, or one that is too long");
    out.is_own = out.issuer == own_issuer;
    // Only tokens of the extension must name their key.
    if (out.is_own && !is_name(out.kid, max_kid_size - 1)) return refuse_token("no kid, or one that is too long");
    return {};
}

void verify_anew(Slot& slot, Utf8 own_issuer, Utf8 token) {
    Signer signer{};
    const bool parsed = accepted(slot, [&]() -> Result<void> {
        if (auto done = parse(slot, token); !done) return done;
        return find_signer(*slot.unverified, own_issuer, signer);
    });
    if (parsed && signer.is_own) verify_own_token(slot, own_issuer, signer.kid);
    if (parsed && !signer.is_own) verify_token_of_issuer(slot, Utf8(signer.issuer));
    slot.unverified.reset();
}

}  // namespace

void verify_jwt(Slot& slot, Utf8 token) {
    // The generation of the keys counts what earlier commands changed.
    settle_changes();
    const Utf8 issuer = own_issuer();
    VerifiedPlace place{};
    bool known = false;
    slot.verified.keys_generation = keys_generation();
    guarded_or_raise([&]() -> Result<void> {
        place = locate_token(token, issuer, own_leeway());
        known = find_verified(slot, place, unix_now());
        return {};
    });
    if (known) return;
    verify_anew(slot, issuer, token);
    if (slot.verified.refusal != nullptr) return;
    guarded_or_raise([&]() -> Result<void> {
        keep_verified(slot, place);
        return {};
    });
}

bool verification_key_is_good(const char* key, const pg_uuid_t& user) {
    return key[0] == '@' ? issuer_key_is_good(key, user) : signing_key_verifies(Utf8(key));
}

}  // namespace bastion::pg
