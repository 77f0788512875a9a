// Verification of the tokens that login signed, under one of our own signing keys, and of those that external issuers
// signed (issuer_verify.hpp): signature, issuer, audience, type and times. Says who the token speaks for, not what they may
// do now (rights.hpp). Verified tokens are remembered by their SHA-256; dates are checked at every use, and a change of any
// key forgets them all.
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
    bool first_sight;        // refused only because the issuer's subject is not known, and may be made
};

// Verifies the value of bastion.token once, and again when keys changed; the result is valid until another value is verified.
const VerifiedToken& verify_presented(const PresentedValue& token);

// Verifies a token given as an argument; the result is valid until the next call.
const VerifiedToken& verify_argument(std::string_view token);

// The same, for authenticate(): makes the user of an issuer's token at first sight, where the issuer is set so.
const VerifiedToken& verify_or_create(std::string_view token);

}  // namespace bastion::pg
