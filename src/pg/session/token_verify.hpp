// Verification of the tokens that login signed, under one of our own signing keys, and of those that external issuers
// signed (issuer_verify.hpp): signature, issuer, audience, type and times. Says who the token speaks for, not what they may
// do now (rights.hpp). Verified tokens are remembered by their SHA-256; dates are checked at every use, and a change of any
// key forgets them all.
#pragma once

#include "pg/jose/token_slot.hpp"
#include "pg/session/token_setting.hpp"

namespace bastion::pg {

// How many verified tokens of each kind a backend keeps (bastion.token_cache_entries).
std::size_t token_cache_entries() noexcept;

// Verifies the value of bastion.token once, and again when keys changed; the result is valid until another value is verified.
const VerifiedToken& verify_presented(const PresentedValue& token);

// Phases A and C: whether `key`, of a verified token, may still verify, and its issuer still speaks for the user.
bool verification_key_is_good(const char* key, const pg_uuid_t& user);

// Verifies a token given as an argument; the result is valid until the next call.
const VerifiedToken& verify_argument(std::string_view token);

// The same, for authenticate(): makes the user of an issuer's token at first sight, where the issuer is set so.
const VerifiedToken& verify_or_create(std::string_view token);

}  // namespace bastion::pg
