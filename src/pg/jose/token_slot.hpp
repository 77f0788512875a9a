// The place where one token is verified, step by step, and the outcome is kept: token_verify.cpp has a slot for the
// presented token and one for tokens in arguments. Each step reads the result of the step before from the slot, because
// table reads between the steps can raise, and no C++ object on the stack may be alive then. The outcome is valid until
// another token is verified in the slot.
#pragma once

#include "core/jose/jwt.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/identity.hpp"

namespace bastion::pg {

struct VerifiedToken {
    const char* refusal;     // static word, or null
    const char* log_detail;  // for the server log
    Identity identity;       // without rights: the tenant is the one that the token names
    const char* claims;      // JSON
    const char* kid;         // of the key that verified it
    uint64 keys_generation;  // when that key was read
    bool first_sight;        // refused only because the issuer's subject is unknown, and its user may be made
};

// The arguments of bastion_internal.identity_create() for the user of an unknown subject.
struct FirstSight {
    std::string issuer;
    std::string subject;
    std::string email;
    std::string name;
    std::string tenant;
    std::string role;
};

struct Slot {
    uint64 id;
    std::optional<UnverifiedJwt> unverified;  // from parsing to verification; views the caller's text
    VerifiedToken verified;
    std::string claims;
    char key[max_kid_size];
    char log_detail[256];
    FirstSight first_sight;
    double valid_from;  // both with leeway
    double valid_until;
};

void refuse(Slot& slot, std::string_view detail) noexcept;

// Phase C: refuses the token if a step refused it, and raises any other failure.
void refuse_or_raise(Slot& slot, const CallFailure& failure);

// Phases B and C: runs a step; false if the step refused the token.
template <class Step>
[[nodiscard]] bool accepted(Slot& slot, Step&& step) {
    CallFailure failure;
    if (guarded(failure, std::forward<Step>(step))) return true;
    refuse_or_raise(slot, failure);
    return false;
}

}  // namespace bastion::pg
