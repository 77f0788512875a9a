// Writes entries of the log of changes: an entry that says what was done gets the user, actors and client of the transaction and its
// place in the log.
// Called by the trigger of audited tables and by audit_log(). An Entry is a POD here: it views memory of the caller.
#pragma once

#include "core/audit/entry.hpp"
#include "pg/base/identity.hpp"
#include "pg/base/text.hpp"
#include "pg/base/uuid.hpp"

namespace bastion::pg {

// Where transactions of this database are numbered while the server is on this timeline.
int64 era_of(TimeLineID timeline);

// A text of the database as a plain value; redacted if UTF-8 lacks a character of it.
EntryValue plain_value(ServerText text);
std::string_view entry_text(ServerText text);

// Fills in everything but kind, relation, op, key and columns. Without a tenant of its own the entry gets that of the context, unless
// it is about all tenants.
void write_entry(const Entry& done, bool of_all_tenants);

// The same for a row that changed, in its statement: the entry may wait for the end of it. Without a statement it is written at once.
struct AuditStatement;
void write_entry_of(AuditStatement* statement, const Entry& done);

// The tenant of such an entry.
std::optional<Uuid> tenant_of_entry(AuditStatement* statement, const Entry& done);

// Fills in the place in the log alone: for an entry about what another transaction did.
void append_entry(Entry entry, const OptionalUuid& actor);

}  // namespace bastion::pg
