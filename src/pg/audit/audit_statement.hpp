// What the triggers of audited tables keep for one statement: entries that are written together, who acts and from where, and what each
// table records. Entries are in audit_rows when the statement ends. Where no end of a statement can be seen (subscribers, deferred
// triggers, a first statement that loads the library) nothing is kept, and each entry is written at once. Memory ends with the statement.
#pragma once

#include "pg/audit/audit_row.hpp"

namespace bastion::pg {

struct Capture;
struct EntryOrigin;

inline constexpr std::size_t kept_captures = 64;

// A text in both encodings, which consecutive rows share.
struct SharedText {
    std::string_view utf8;
    Datum text;
};

struct AuditStatement {
    AuditStatement* outer;
    SubTransactionId subtransaction;
    MemoryContext memory;  // null before the first entry
    MemoryContext buffer;  // of the rows
    MemoryContext origin_memory;
    AuditRow* rows;
    std::size_t count;
    std::size_t bytes;
    SharedText relation;
    SharedText op;
    EntryOrigin* origin;
    Capture** captures;  // by a hash of the table; a place may be empty
};

// The statement whose triggers run, or null where entries are written at once.
AuditStatement* audit_statement();

// Keeps a row until the statement ends. Its texts are taken from it, its entry is in the buffer already.
void keep_audit_row(AuditStatement& statement, const AuditRow& row, std::string_view relation, std::string_view op);

// Called once, from _PG_init.
void watch_audited_statements();

}  // namespace bastion::pg
