#include "pg/session/token_verify.hpp"

#include "pg/base/text.hpp"
#include "pg/jose/issuer_verify.hpp"
#include "pg/jose/jwt_verify.hpp"
#include "pg/key/data_keys.hpp"
#include "pg/session/api_key_verify.hpp"

namespace bastion::pg {
namespace {

Slot presented_slot;
Slot argument_slot;

}  // namespace

const VerifiedToken& verify_presented(const PresentedValue& token) {
    const Utf8 text = utf8_of(ServerText({token.text, token.size}));
    if (may_be_api_key(text)) return verify_api_key(text);
    if (presented_slot.id == token.id && presented_slot.verified.keys_generation == keys_generation())
        return presented_slot.verified;
    presented_slot.id = 0;
    verify_jwt(presented_slot, text);
    presented_slot.id = token.id;
    return presented_slot.verified;
}

const VerifiedToken& verify_argument(Utf8 token) {
    if (may_be_api_key(token)) return verify_api_key(token);
    verify_jwt(argument_slot, token);
    return argument_slot.verified;
}

const VerifiedToken& verify_or_create(Utf8 token) {
    const VerifiedToken& verified = verify_argument(token);
    if (!verified.first_sight) return verified;
    create_user_at_first_sight(argument_slot.first_sight);
    // Code that ran when the user was made may have verified another token in the slot.
    return verify_argument(token);
}

}  // namespace bastion::pg
