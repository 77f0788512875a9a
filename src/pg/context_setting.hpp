// bastion.context, the gated setting: holds the identity that authenticate() or impersonate() established, until the
// transaction ends or PostgreSQL's own stack of settings takes it back. Its check hook accepts a value only while the
// gate is open, which set_context_setting() alone does. Everybody else reads the identity through context.hpp.
#pragma once

#include "pg/identity.hpp"

namespace bastion::pg {

// What an accepted value parses into; memory of the settings machinery, valid until the value changes.
struct ContextValue {
    Identity identity;
    std::size_t claims_size;
    char claims[1];  // JSON, NUL-terminated; longer than declared
};

// The value in force, or null.
const ContextValue* context_value() noexcept;

// Opens the gate and sets the identity for the rest of the transaction; null `claims` means none.
void set_context_setting(const Identity& identity, const char* claims);

// Empties the setting for the rest of the transaction.
void clear_context_setting();

bool check_context(char** value, void** extra, GucSource source);
void assign_context(const char* value, void* extra);
const char* show_context();

}  // namespace bastion::pg
