// Verification of the tokens that login signed: signature under one of our own signing keys, issuer, audience, type and
// times. Says who the token speaks for, not what they may do now (rights.hpp). The last verified token is kept for the
// statements that follow it.
#pragma once

#include "pg/identity.hpp"
#include "pg/token_setting.hpp"

namespace bastion::pg {

struct VerifiedToken {
    const char* refusal;     // static word, or null
    const char* log_detail;  // for the server log
    Identity identity;       // without rights: the tenant is the one that the token names
    const char* claims;      // JSON
    const char* kid;         // of the key that verified it
    uint64 keys_generation;  // when that key was read
};

// Verifies the value of bastion.token once, and again when keys changed; the result is valid until another value is verified.
const VerifiedToken& verify_presented(const PresentedValue& token);

// Verifies a token given as an argument; the result is valid until the next call.
const VerifiedToken& verify_argument(std::string_view token);

}  // namespace bastion::pg
