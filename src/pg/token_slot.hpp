// Where the outcome of verifying one token is kept: token_verify.cpp has one for the presented token and one for those
// given as arguments; issuer_verify.cpp fills them, too. What a slot says is valid until another token is verified in it.
#pragma once

#include "pg/token_verify.hpp"

namespace bastion::pg {

// What bastion.identity_create() needs to make a user at first sight.
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

// Phases A and C: whether `key`, of a verified token, may still verify, and its issuer still speaks for the user.
bool verification_key_is_good(const char* key, const pg_uuid_t& user);

}  // namespace bastion::pg
