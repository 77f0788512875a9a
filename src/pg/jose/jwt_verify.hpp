// Verification of the tokens of users, in one direction: the text is parsed once (core/jose/jwt.hpp); its alleged signer
// selects the key, one of the extension (own_verify.hpp) or of an external issuer (issuer_verify.hpp); that key verifies
// signature, issuer, audience, type and times; and the verified claims name the user. Called by token_verify.cpp. Verified
// tokens are cached (verified_tokens.hpp).
#pragma once

#include "pg/base/text.hpp"
#include "pg/jose/token_slot.hpp"

namespace bastion::pg {

void verify_jwt(Slot& slot, Utf8 token);

// Phases A and C: whether `key`, which verified a token, may still verify, and its issuer's subject is still the user.
bool verification_key_is_good(const char* key, const pg_uuid_t& user);

}  // namespace bastion::pg
