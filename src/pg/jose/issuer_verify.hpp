// Tokens of the identity providers in bastion.issuers: verified by the keys of the issuer that the token names, mapped to a
// user by (issuer, subject). Called by token_verify.cpp. Parsed rows are kept per backend until a message says that keys
// changed; a user's identity is read by index for each token that is not remembered.
#pragma once

#include "pg/jose/token_slot.hpp"

namespace bastion::pg {

void verify_token_of_issuer(Slot& slot, std::string_view token, const char* issuer);

// Whether the issuer of this reference ("@thumbprint issuer subject") still is enabled and has the key, and its subject is
// still the user.
bool issuer_key_is_good(const char* reference, const pg_uuid_t& user);

// Makes the user of a token whose subject was not known; raises 25006 where nothing can be written.
void create_user_at_first_sight(const FirstSight& token);

}  // namespace bastion::pg
