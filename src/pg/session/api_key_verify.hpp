// Verification of API keys, those of other systems too: the text against the hashes of the key's secrets. Returns the owner of the key;
// credential.hpp decides whether the key is still valid, and its rights.
#pragma once

#include "pg/jose/token_slot.hpp"

namespace bastion::pg {

// Whether only verify_api_key() can tell what the text is. Keys of other systems have no common form: that is any text that is no token
// of JSON, once bastion.api_key_schemes has a row.
bool may_be_api_key(std::string_view text);

// The result is valid until the next call. Its kid is the id of the secret.
const VerifiedToken& verify_api_key(std::string_view text);

}  // namespace bastion::pg
