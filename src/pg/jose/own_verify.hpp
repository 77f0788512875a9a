// Tokens that login signed: verified under the signing key that the token names, and mapped to a user by its claims. Called by
// jwt_verify.cpp. The key is read by index for each token that is not in the cache of verified tokens.
#pragma once

#include "pg/jose/token_slot.hpp"

namespace bastion::pg {

// The issuer of the extension's own tokens (bastion.issuer).
const char* own_issuer() noexcept;

// Verifies the slot's unverified token under the key of this kid.
void verify_own_token(Slot& slot, std::string_view kid);

}  // namespace bastion::pg
