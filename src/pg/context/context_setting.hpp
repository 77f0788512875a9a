// bastion.context, the gated setting: holds the identity that authenticate() or impersonate() established, until the
// transaction ends or PostgreSQL's own stack of settings restores the previous value. Its check hook accepts a value
// only while the gate is open, which set_context_setting() alone does. All other code reads the identity through
// context.hpp.
#pragma once

#include "pg/base/identity.hpp"

namespace bastion::pg {

// The basis of an identity: the claims (JSON) of a token and the key that verified them, or nulls.
struct Evidence {
    const char* claims;
    const char* kid;
    uint64 keys_generation;
};

// An accepted value, whose text says only that it is set; memory of the settings machinery, valid until the value changes. In a
// parallel worker without an identity, which the decision of the leader has.
struct ContextValue {
    Identity identity;
    char kid[max_kid_size];          // of the key that verified its token, or empty
    mutable uint64 keys_generation;  // when that key was last known to be valid
    std::size_t claims_size;
    char claims[1];  // JSON, NUL-terminated; longer than declared
};

// The value in force, or null.
const ContextValue* context_value() noexcept;

// Opens the gate and sets the identity for the rest of the transaction.
void set_context_setting(const Identity& identity, const Evidence& evidence);

// Empties the setting for the rest of the transaction.
void clear_context_setting();

bool check_context(char** value, void** extra, GucSource source);
void assign_context(const char* value, void* extra);

}  // namespace bastion::pg
