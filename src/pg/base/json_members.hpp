// Writes a JSON object member by member: what the backend reports about an identity or an access. The caller begins with "{" and ends
// with "}"; texts are of the database, in its encoding.
#pragma once

#include "pg/base/identity.hpp"

namespace bastion::pg {

// A member with a text; null for a null pointer.
void append_member(StringInfo json, const char* key, const char* text);
void append_member(StringInfo json, const char* key, const OptionalUuid& uuid);

// Begins a member whose value the caller appends.
void begin_member(StringInfo json, const char* key);

}  // namespace bastion::pg
