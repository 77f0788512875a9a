// The record of audit_table() about a table: the columns that it was told about, and whether they are still the same ones. The table is the
// relation itself, the one that it is a partition of, or a parent. Read from bastion.audited_tables; lives in the current memory context.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

struct RecordedColumn {
    char kind;  // i: record no others, x: leave it out, r: redact, p: personal, s: names the subject of personal ones
    const char* name;
    AttrNumber number;  // then; 0: unknown
};

struct AuditRecord {
    Oid relation;  // InvalidOid: no record
    std::span<const RecordedColumn> columns;
    AttrNumber last_number;  // of the columns then
    bool differs;            // a name now means another column than then, or none
    bool ambiguous;          // parents have records that differ, so every value is hidden

    [[nodiscard]] bool found() const noexcept { return OidIsValid(relation); }
    [[nodiscard]] bool includes_some() const noexcept;
};

AuditRecord audit_record_of(Relation relation);

// The name of the tenant's column, by the record of protect() about the table of the audit record, the relation or what it is a
// partition of; null for none. The argument of a trigger could name any column.
const char* protected_tenant_column(Relation relation, const AuditRecord& record);

}  // namespace bastion::pg
