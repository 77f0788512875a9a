// Verification of the tokens of users, in one direction: the text is parsed once (core/jose/jwt.hpp); who it claims to be signed
// by chooses the key, one of our own (own_verify.hpp) or of an external issuer (issuer_verify.hpp); that key verifies signature,
// issuer, audience, type and times; and the verified claims name the user. Called by token_verify.cpp. Verified tokens are cached
// (verified_tokens.hpp).
#pragma once

#include "pg/jose/token_slot.hpp"

namespace bastion::pg {

void verify_jwt(Slot& slot, std::string_view token);

// Phases A and C: whether `key`, of a verified token, may still verify, and its issuer still speaks for the user.
bool verification_key_is_good(const char* key, const pg_uuid_t& user);

}  // namespace bastion::pg
