// Tokens that login signed: verified under the signing key that the token names, and mapped to a user by its claims. Called by
// jwt_verify.cpp. The key is read by index for each token that is not in the cache of verified tokens.
#pragma once

#include "pg/base/text.hpp"
#include "pg/jose/token_slot.hpp"

namespace bastion::pg {

// Phase A: the issuer of the extension's own tokens (bastion.issuer); raises F0000 when a setting of theirs is not valid.
Utf8 own_issuer();

// Seconds that the dates of the own tokens may be off (bastion.token_leeway).
int own_leeway() noexcept;

// Verifies the slot's unverified token under the key of this kid, as one of this issuer.
void verify_own_token(Slot& slot, Utf8 issuer, std::string_view kid);

}  // namespace bastion::pg
