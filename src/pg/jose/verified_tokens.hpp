// Tokens of users that this backend verified lately, with the identity and claims that they gave. Called by jwt_verify.cpp. Dates
// are checked at every use; a change of any key or issuer, or of bastion.issuer, drops all.
#pragma once

#include "pg/jose/token_slot.hpp"
#include "pg/jose/verified_cache.hpp"

namespace bastion::pg {

// Phase B, all three. Where the token stands in the cache.
[[nodiscard]] VerifiedPlace locate_token(std::string_view token, const char* own_issuer);

// Fills the slot from the cache; false where the token is not there, or does not hold now.
[[nodiscard]] bool find_verified(Slot& slot, const VerifiedPlace& place, double now);

void keep_verified(const Slot& slot, const VerifiedPlace& place);

}  // namespace bastion::pg
