// Verification of API keys: the text against the hashes of the key's secrets. Says whose key it is; whether the key still
// counts, and what it may do, credential.hpp says.
#pragma once

#include "pg/jose/token_slot.hpp"

namespace bastion::pg {

// The result is valid until the next call. Its kid is the id of the secret.
const VerifiedToken& verify_api_key(std::string_view text);

}  // namespace bastion::pg
