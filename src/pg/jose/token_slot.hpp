// Where the outcome of verifying one token is kept: token_verify.cpp has one for the presented token and one for those
// given as arguments; issuer_verify.cpp fills them, too. What a slot says is valid until another token is verified in it.
#pragma once

#include "pg/base/identity.hpp"

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

// What bastion_internal.identity_create() needs to make a user at first sight.
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
    VerifiedToken verified;
    std::string claims;
    char key[max_kid_size];
    char log_detail[256];
    FirstSight first_sight;
    double valid_from;  // both with leeway
    double valid_until;
};

void refuse(Slot& slot, std::string_view detail) noexcept;

}  // namespace bastion::pg
