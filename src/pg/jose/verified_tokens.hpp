// Tokens of users that this backend verified lately, by their SHA-256, with the identity and claims that they gave. Called by
// jwt_verify.cpp; the shims of jwt_verify() and jws_verify() keep what they verified beside it, in caches of the same size.
// Dates are checked at every use; a change of any key or issuer, or of bastion.issuer, drops all.
#pragma once

#include "core/jose/verified_cache.hpp"
#include "pg/jose/token_slot.hpp"

namespace bastion::pg {

// How many verified tokens of each kind a backend keeps (bastion.token_cache_entries).
std::size_t token_cache_entries() noexcept;

// Phase B, all three. Where the token stands in the cache; false where none are kept.
[[nodiscard]] bool locate_token(VerifiedKey& place, std::string_view token, const char* own_issuer);

// Fills the slot from the cache; false where the token is not there, or does not hold now.
[[nodiscard]] bool find_verified(Slot& slot, const VerifiedKey& place, double now);

void keep_verified(const Slot& slot, const VerifiedKey& place);

}  // namespace bastion::pg
