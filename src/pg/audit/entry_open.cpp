#include "pg/audit/entry_open.hpp"

#include "pg/audit/subject_key.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/base/uuid.hpp"
#include "pg/context/context.hpp"

extern "C" {
#include "utils/rls.h"
}

namespace bastion::pg {
namespace {

// The shortest column with a sealed value: its name may be empty.
constexpr std::size_t least_column = 2 + 1 + 3 + sealed_overhead;

struct SealedColumn {
    std::size_t place;  // among the columns of the entry
    std::string_view name;
    ByteSpan sealed;
    std::uint32_t key;
    bool done;
    EntryValue value;
};

struct SealedColumns {
    SealedColumn* columns;
    std::size_t count;
    std::optional<Uuid> tenant;
};

// Phase B. One that does not have the form of sealed values stays as it is.
void note_sealed(const Entry& entry, SealedColumns& out) {
    out.tenant = entry.tenant;
    for (std::size_t i = 0; i < entry.columns.size(); ++i) {
        const EntryColumn& column = entry.columns[i];
        if (column.value.tag != EntryTag::sealed) continue;
        const Result<SealedHeader> header = parse_sealed_header(column.value.bytes);
        if (header)
            out.columns[out.count++] = {i, column.name, column.value.bytes, header->key_id, false, column.value};
    }
}

bool may_read(const std::optional<Uuid>& tenant) {
    const Oid log = extension_relation("audit_rows");
    if (pg_class_aclcheck(log, GetUserId(), ACL_SELECT) != ACLCHECK_OK) return false;
    if (check_enable_rls(log, InvalidOid, true) != RLS_ENABLED) return true;
    const Decision& decision = decide();
    if (!tenant || decision.state != ContextState::authenticated || !decision.identity.tenant.present ||
        core_uuid(decision.identity.tenant.value) != *tenant)
        return false;
    const Permission* held = held_permission(decision, "tenant.events.read");
    return held != nullptr && held->tenant_wide;
}

// An entry has the values of one or two subjects.
void open_columns(const SealedColumns& sealed) {
    for (std::size_t i = 0; i < sealed.count; ++i) {
        if (sealed.columns[i].done) continue;
        const std::uint32_t id = sealed.columns[i].key;
        SubjectKey* key = find_subject_key(id);
        for (std::size_t k = i; k < sealed.count; ++k) {
            SealedColumn& column = sealed.columns[k];
            if (column.key != id) continue;
            column.done = true;
            if (key == nullptr) {
                column.value = {EntryTag::shredded, {}};
            } else if (const auto plain = opened_value(*key, column.sealed, column.name, sealed.tenant)) {
                column.value = {EntryTag::plain, *plain};
            }
        }
    }
}

}  // namespace

Utf8 readable_entry(ByteSpan bytes) {
    Utf8 json;
    SealedColumns sealed{};
    sealed.columns = static_cast<SealedColumn*>(palloc(sizeof(SealedColumn) * (bytes.size() / least_column + 1)));
    guarded_or_raise([&]() -> Result<void> {
        const auto read = read_entry(bytes);
        if (!read) return {};
        note_sealed(read->entry, sealed);
        return store(json, entry_json(read->entry));
    });
    if (sealed.count == 0 || !may_read(sealed.tenant)) return json;
    open_columns(sealed);
    guarded_or_raise([&]() -> Result<void> {
        auto read = read_entry(bytes);
        if (!read) return read.error();
        for (std::size_t i = 0; i < sealed.count; ++i)
            read->columns[sealed.columns[i].place].value = sealed.columns[i].value;
        return store(json, entry_json(read->entry));
    });
    return json;
}

}  // namespace bastion::pg
