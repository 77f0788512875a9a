// Verification of API keys: the text against the hashes of the key's secrets. Returns the owner of the key;
// credential.hpp decides whether the key is still valid, and its rights.
#pragma once

#include "pg/jose/token_slot.hpp"

namespace bastion::pg {

// The result is valid until the next call. Its kid is the id of the secret.
const VerifiedToken& verify_api_key(std::string_view text);

}  // namespace bastion::pg
