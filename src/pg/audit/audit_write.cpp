#include "pg/audit/audit_write.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/context/context.hpp"
#include "pg/session/client_address.hpp"

extern "C" {
#include "access/transam.h"
#include "access/xlog.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/partcache.h"
#include "utils/xid8.h"
}

namespace bastion::pg {
namespace {

// The columns of audit_rows, as CREATE TABLE has them.
enum AuditColumn { a_era, a_xid, a_seq, a_time, a_tenant, a_relation, a_op, a_actor, a_entry, audit_columns };

// Before 1970, in the microseconds of PostgreSQL.
constexpr int64 microseconds_to_2000 = int64{POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE} * USECS_PER_DAY;

// Of this process, whose server, timeline and database stay the same once it may write.
int64 own_era = 0;

// The last number in a transaction; a savepoint that is rolled back leaves a gap.
struct EntryCounter {
    uint64 xid;
    int64 last;
};
EntryCounter counter{};

int64 era() {
    if (own_era == 0) {
        int64 found = 0;
        guarded_or_raise([&]() -> Result<void> {
            const Result<std::int64_t> made = entry_era(GetSystemIdentifier(), GetWALInsertionTimeLine(), MyDatabaseId);
            if (!made) return made.error();
            found = *made;
            return {};
        });
        own_era = found;
    }
    return own_era;
}

// PostgreSQL refuses to assign a transaction id in a read-only transaction of a standby and in parallel mode.
void fill_place(Entry& entry, TimestampTz now) {
    const uint64 xid = U64FromFullTransactionId(GetTopFullTransactionId());
    if (counter.xid != xid) counter = {xid, 0};
    entry.era = era();
    entry.xid = xid;
    entry.seq = ++counter.last;
    entry.time = now + microseconds_to_2000;
}

std::optional<Uuid> optional_uuid(const OptionalUuid& uuid) noexcept {
    if (!uuid.present) return {};
    return core_uuid(uuid.value);
}

std::span<const Uuid> copied_actors(const ActorChain& chain) {
    auto* out = static_cast<Uuid*>(palloc(sizeof(Uuid) * (chain.count + 1)));
    for (std::size_t i = 0; i < chain.count; ++i) out[i] = core_uuid(chain.ids[i]);
    return {out, chain.count};
}

void fill_identity(Entry& entry, const Identity& identity, bool of_all_tenants) {
    if (!entry.tenant && !of_all_tenants) entry.tenant = optional_uuid(identity.tenant);
    entry.user = core_uuid(identity.user);
    entry.actors = copied_actors(identity.actors);
    entry.unit = optional_uuid(identity.unit);
    entry.session = optional_uuid(identity.session);
    entry.api_key = optional_uuid(identity.api_key);
    entry.delegation = optional_uuid(identity.delegation);
    entry.method = pstrdup(identity.method);
}

void fill_client(Entry& entry) {
    IpAddress address;
    if (client_address(address)) {
        char* text = nullptr;
        guarded_or_raise([&]() -> Result<void> { return store_as_is(text, format_ip_address(address)); });
        entry.address = plain_value(ServerText(text));
    }
    if (const NullableDatum agent = request_user_agent(); !agent.isnull)
        entry.agent = plain_value(server_text(agent.value));
}

Oid partition_at(Relation root, TimestampTz time) {
    PartitionDesc partitions = RelationGetPartitionDesc(root, true);
    PartitionBoundInfo bounds = partitions->boundinfo;
    int index = -1;
    if (bounds != nullptr) {
        PartitionKey key = RelationGetPartitionKey(root);
        Datum value = TimestampTzGetDatum(time);
        bool is_equal = false;
        const int place =
            partition_range_datum_bsearch(key->partsupfunc, key->partcollation, bounds, 1, &value, &is_equal);
        index = bounds->indexes[place + 1];
        if (index < 0) index = bounds->default_index;
    }
    if (index < 0)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("table bastion.audit_rows has no partition for an entry"),
                        errhint("Attach a default partition.")));
    return partitions->oids[index];
}

void insert_row(Datum (&values)[audit_columns], bool (&nulls)[audit_columns], TimestampTz time) {
    Relation root = table_open(extension_relation("audit_rows"), RowExclusiveLock);
    Relation partition = table_open(partition_at(root, time), RowExclusiveLock);
    if (partition->rd_rel->relkind != RELKIND_RELATION || RelationGetNumberOfAttributes(partition) != audit_columns)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("table %s has other columns than bastion.audit_rows", RelationGetRelationName(partition))));
    CatalogTupleInsert(partition, heap_form_tuple(RelationGetDescr(partition), values, nulls));
    table_close(partition, RowExclusiveLock);
    table_close(root, RowExclusiveLock);
}

}  // namespace

Uuid core_uuid(const pg_uuid_t& uuid) noexcept {
    Uuid out;
    std::memcpy(out.bytes.data(), uuid.data, out.bytes.size());
    return out;
}

std::string_view entry_text(ServerText text) {
    const Utf8 utf8 = utf8_or_null(text);
    return utf8.is_null() ? std::string_view("?") : utf8.bytes();
}

EntryValue plain_value(ServerText text) {
    const Utf8 utf8 = utf8_or_null(text);
    if (utf8.is_null() && !text.bytes().empty()) return {EntryTag::redacted, {}};
    return {EntryTag::plain, as_bytes(utf8.bytes())};
}

void write_entry(Entry entry, bool of_all_tenants) {
    const TimestampTz now = GetCurrentTimestamp();
    const Decision& decision = decide();
    const OptionalUuid actor = acting_user(decision);
    if (decision.state == ContextState::authenticated)
        fill_identity(entry, decision.identity, of_all_tenants);
    else
        entry.application = entry_text(ServerText(application_name));
    entry.role = entry_text(ServerText(GetUserNameFromId(GetSessionUserId(), false)));
    fill_client(entry);
    fill_place(entry, now);
    struct varlena* bytes = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        const Result<std::string> encoded = encode_entry(entry);
        if (!encoded) return encoded.error();
        return store(bytes, as_bytes(*encoded));
    });
    pg_uuid_t tenant{};
    if (entry.tenant) std::memcpy(tenant.data, entry.tenant->bytes.data(), UUID_LEN);
    Datum values[audit_columns] = {
        Int64GetDatum(entry.era),   FullTransactionIdGetDatum(FullTransactionIdFromU64(entry.xid)),
        Int64GetDatum(entry.seq),   TimestampTzGetDatum(now),
        UUIDPGetDatum(&tenant),     text_datum(Utf8(entry.relation)),
        text_datum(Utf8(entry.op)), UUIDPGetDatum(&actor.value),
        PointerGetDatum(bytes)};
    bool nulls[audit_columns] = {};
    nulls[a_tenant] = !entry.tenant.has_value();
    nulls[a_relation] = entry.relation.empty();
    nulls[a_actor] = !actor.present;
    insert_row(values, nulls, now);
}

}  // namespace bastion::pg
