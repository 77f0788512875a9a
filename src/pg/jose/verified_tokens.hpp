// A cache of users' tokens that this backend verified, with their identity and claims. Called by jwt_verify.cpp. Dates are
// checked at every use; a change of any key or issuer, of bastion.issuer or of bastion.token_leeway, drops all.
#pragma once

#include "pg/jose/token_slot.hpp"
#include "pg/jose/verified_cache.hpp"

namespace bastion::pg {

// Phase B, all three. The place of the token in the cache.
[[nodiscard]] VerifiedPlace locate_token(std::string_view token, std::string_view own_issuer, int own_leeway);

// Fills the slot from the cache; false if the token is not cached, or not valid now.
[[nodiscard]] bool find_verified(Slot& slot, const VerifiedPlace& place, double now);

void keep_verified(const Slot& slot, const VerifiedPlace& place);

}  // namespace bastion::pg
