// Tokens of the identity providers in bastion.issuers: verified by the keys of the issuer that the token names, mapped to a
// user by (issuer, subject). Called by jwt_verify.cpp. A user's identity is read by index for each token that is not in the
// cache of verified tokens.
#pragma once

#include "pg/base/text.hpp"
#include "pg/jose/issuer_read.hpp"
#include "pg/jose/token_slot.hpp"

namespace bastion::pg {

// Verifies the slot's unverified token under the keys of this issuer.
void verify_token_of_issuer(Slot& slot, Utf8 issuer);

// Whether the issuer of this reference ("@thumbprint issuer subject") still is enabled and has the key, and its subject is
// still the user.
bool issuer_key_is_good(const char* reference, const pg_uuid_t& user);

// Makes the user of a token whose subject is unknown; raises 25006 in a read-only transaction.
void create_user_at_first_sight(const FirstSight& token);

}  // namespace bastion::pg
