// Verification of what a client presents: an API key (api_key_verify.hpp) or a JWT (jwt_verify.hpp). Returns the user that
// it identifies, not their current rights (rights.hpp).
#pragma once

#include "pg/base/text.hpp"
#include "pg/jose/token_slot.hpp"
#include "pg/session/token_setting.hpp"

namespace bastion::pg {

// Verifies the value of bastion.token once, and again when keys changed; the result is valid until another value is verified.
const VerifiedToken& verify_presented(const PresentedValue& token);

// Verifies a token given as an argument; the result is valid until the next call.
const VerifiedToken& verify_argument(Utf8 token);

// The same, for authenticate(): creates the user of an issuer's unknown subject, if the issuer allows it.
const VerifiedToken& verify_or_create(Utf8 token);

}  // namespace bastion::pg
