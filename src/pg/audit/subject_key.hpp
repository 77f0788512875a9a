// The keys of subjects: values of personal columns are sealed under the key of the person or tenant whom they are about, so that
// audit_shred() erases them from the log of changes with that key. Each subject has a key for each tenant, and one for entries without a
// tenant. Read from bastion.audit_subject_keys, opened, and cached. Called by the trigger of audited tables, and by what reads entries.
#pragma once

#include "core/audit/entry.hpp"
#include "core/key/sealed.hpp"
#include "pg/base/pg.hpp"

namespace bastion::pg {

struct SubjectKey {
    std::uint32_t id;
    SealingKey sealer;
};

// The key that seals values about a subject in a tenant, made when there is none; null once one of the two was shredded. Writes. Valid
// until the next call of this or the next function.
SubjectKey* need_subject_key(const Uuid& subject, const std::optional<Uuid>& tenant);

// The key of this id; null when it was destroyed. Raises as need_data_key().
SubjectKey* find_subject_key(std::uint32_t id);

// A plain value of a column, sealed, in the current memory context.
EntryValue sealed_value(SubjectKey& key, const EntryValue& plain, std::string_view column,
                        const std::optional<Uuid>& tenant);

// What a value of a column was sealed from, in the current memory context; empty for one that this key did not seal there.
std::optional<ByteSpan> opened_value(SubjectKey& key, ByteSpan sealed, std::string_view column,
                                     const std::optional<Uuid>& tenant);

// Registers the callbacks of transactions. Called once, from _PG_init.
void watch_subject_keys();

}  // namespace bastion::pg
