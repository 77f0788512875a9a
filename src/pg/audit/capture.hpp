// What the trigger of an audited table records: the name of the table, its columns and what to do with their values, from the record of
// audit_table(). Made once in a statement for each table, and again when a message about the catalog arrived meanwhile. It holds copies
// alone, no reference into a cache of the server, and lives as long as the memory context that it was made in.
#pragma once

#include "pg/audit/audit_statement.hpp"
#include "pg/audit/audit_write.hpp"

namespace bastion::pg {

// `hide` is for every column while a named one is gone, or has another name, and without a record.
// `personal` values are sealed under the key of the subject.
enum class Treatment : std::uint8_t { keep, leave_out, personal, redact, hide };

struct CapturedColumn {
    std::string_view name;
    Oid type;  // below domains
    Treatment treatment;
    bool is_key;
    bool is_secret;  // not even as a part of the key: a column may get into it after audit_table()
};

struct Capture {
    Oid relation;
    Oid trigger;
    uint64 catalog;  // messages about the catalog before it was made
    MemoryContext memory;
    std::string_view name;
    std::span<const CapturedColumn> columns;
    bool has_key;
    int tenant;  // the place of the column, or -1
    bool has_personal;
    bool subject_is_tenant;  // no column names it
    int subject;             // the place of the column, or -1
    int64 tenant_number;
    std::optional<Uuid> tenant_of_number;  // of tenant_number
    bool in_use;
};

// Quotes around names are those that the names need until AtEOXact_GUC(false, level): quote_all_identifiers of a session adds others.
[[nodiscard]] int begin_plain_quotes();

// The name of a table in entries, and in those about rows: of a partition that of the table as a whole.
std::string_view plain_name(Oid table);
std::string_view audited_name(Relation relation);

// Of the statement, or one of its own in the current memory context. While it is in use, another is made for the same table.
Capture& capture_of(AuditStatement* statement, Relation relation, const Trigger* trigger);

// Called once, from _PG_init.
void watch_captured_tables();

}  // namespace bastion::pg
