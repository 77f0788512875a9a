// Rows of audit_rows, inserted without a statement: no trigger, rule or policy runs, and the caller needs no privilege. Called by
// audit_write.cpp for one entry and by audit_statement.cpp for those of a statement.
#pragma once

#include "pg/base/identity.hpp"

namespace bastion::pg {

struct AuditRow {
    int64 era;
    uint64 xid;
    int64 seq;
    TimestampTz time;
    OptionalUuid tenant;
    OptionalUuid actor;
    Datum relation;  // text, or 0 for none
    Datum op;        // text
    struct varlena* entry;
};

// Raises 55000 when there is no partition for a row, or one that was altered. Leaves memory to the context of the caller.
void insert_audit_rows(std::span<const AuditRow> rows);

}  // namespace bastion::pg
