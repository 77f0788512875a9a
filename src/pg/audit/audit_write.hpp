// Writes entries of the log of changes: an entry that says what was done gets the user, actors and client of the transaction and its
// place in the log. The row is inserted without a statement, so no trigger, rule or policy runs, and the caller needs no privilege.
// Called by the trigger of audited tables and by audit_log(). An Entry is a POD here: it views memory of the caller.
#pragma once

#include "core/audit/entry.hpp"
#include "pg/base/identity.hpp"
#include "pg/base/text.hpp"

namespace bastion::pg {

Uuid core_uuid(const pg_uuid_t& uuid) noexcept;

// A text of the database as a plain value; redacted if UTF-8 lacks a character of it.
EntryValue plain_value(ServerText text);
std::string_view entry_text(ServerText text);

// Fills in everything but kind, relation, op, key and columns. Without a tenant of its own the entry gets that of the context, unless
// it is about all tenants.
void write_entry(Entry entry, bool of_all_tenants);

}  // namespace bastion::pg
