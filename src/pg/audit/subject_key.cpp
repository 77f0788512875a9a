#include "pg/audit/subject_key.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/owner_spi.hpp"
#include "pg/base/text.hpp"
#include "pg/base/uuid.hpp"
#include "pg/cache/backend_cache.hpp"
#include "pg/key/data_keys.hpp"
#include "pg/key/key_lock.hpp"

extern "C" {
#include "storage/lmgr.h"
}

namespace bastion::pg {
namespace {

constexpr std::string_view value_purpose = "audit_personal";

// What a SealingKey holds, in locked memory and on the heap of the library: an estimate.
constexpr std::size_t opened_key_bytes = 1024;

// No key has it: the subject or the tenant was shredded.
constexpr std::uint32_t shredded = 0;

// Idle backends too forget at once what was shredded.
const MessageScope scope("audit_subjects", 0, "audit_subjects", true);

BackendCache<SubjectKey, sizeof(std::uint32_t)> subject_keys("audit_subject_keys", invalidation_of("audit_subjects"),
                                                             {4096, 8 * mebibyte});
BackendCache<std::uint32_t, 2 * UUID_LEN> key_ids("audit_subjects", invalidation_of("audit_subjects"),
                                                  {16384, 4 * mebibyte});

bool made_in_transaction = false;

Statement add_statement = {"SELECT bastion_internal.audit_subject_key_add($1, $2)", 2, {UUIDOID, UUIDOID}, nullptr};

std::string_view tenant_bytes(const std::optional<Uuid>& tenant) noexcept {
    return tenant ? as_text(tenant->bytes) : std::string_view();
}

Datum datum_of(const Uuid& uuid) {
    auto* out = static_cast<pg_uuid_t*>(palloc(sizeof(pg_uuid_t)));
    *out = server_uuid(uuid);
    return UUIDPGetDatum(out);
}

bool is_shredded(const Uuid& subject) {
    return read_row("audit_subjects", "audit_subjects_pkey", "subject_id", F_UUID_EQ, datum_of(subject), {});
}

std::optional<std::uint32_t> read_key_id(const Uuid& subject, const std::optional<Uuid>& tenant) {
    if (is_shredded(subject) || (tenant && is_shredded(*tenant))) return shredded;
    ColumnValue row[] = {{"id", Datum{0}, true}};
    const KeyCondition conditions[] = {{"subject_id", F_UUID_EQ, datum_of(subject), false},
                                       {"tenant_id", F_UUID_EQ, tenant ? datum_of(*tenant) : Datum{0}, !tenant}};
    if (!read_row("audit_subject_keys", "audit_subject_keys_subject_id_tenant_id_idx", conditions, row)) return {};
    return static_cast<std::uint32_t>(DatumGetInt32(row[0].value));
}

// That a subject was shredded is kept only when it is committed.
std::optional<std::uint32_t> cached_key_id(const Uuid& subject, const std::optional<Uuid>& tenant) {
    const CacheKey<2 * UUID_LEN> name = CacheKey<2 * UUID_LEN>(as_text(subject.bytes)).add(tenant_bytes(tenant));
    const std::uint32_t* id = key_ids.get(
        name, [&] { return read_key_id(subject, tenant); },
        [](std::uint32_t found) -> Result<Loaded<std::uint32_t>> {
            return Loaded<std::uint32_t>{found, {}, 0, found != shredded || !has_written()};
        });
    if (id == nullptr) return {};
    return *id;
}

void read_id(MemoryContext, void* result) {
    const NullableDatum value = cell(0, 1);
    if (value.isnull) ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("no key of a subject was made")));
    *static_cast<int32*>(result) = DatumGetInt32(value.value);
}

// The lock lets other transactions make keys, of the same subject too, so that no writer waits for another. It keeps audit_shred()
// from missing a key that is not committed.
std::uint32_t make_key_id(const Uuid& subject, const std::optional<Uuid>& tenant) {
    LockRelationOid(extension_relation("audit_subject_keys"), RowExclusiveLock);
    if (const std::optional<std::uint32_t> found = read_key_id(subject, tenant)) return *found;
    Datum values[] = {datum_of(subject), tenant ? datum_of(*tenant) : Datum{0}};
    const char nulls[] = {' ', tenant ? ' ' : 'n', '\0'};
    int32 id = 0;
    run_writing(add_statement, values, nulls, read_id, &id);
    return static_cast<std::uint32_t>(id);
}

struct SealedKey {
    ByteSpan sealed;
    DataKey* data_key;
};

std::optional<SealedKey> read_sealed_key(std::uint32_t id) {
    ColumnValue row[] = {{"sealed", Datum{0}, true}};
    if (!read_row("audit_subject_keys", "audit_subject_keys_pkey", "id", F_INT4EQ,
                  Int32GetDatum(static_cast<int32>(id)), row))
        return {};
    const ByteSpan sealed = view(DatumGetByteaPP(row[0].value));
    return SealedKey{sealed, &need_data_key(sealing_key_id(sealed))};
}

Result<Loaded<SubjectKey>> open_key(std::uint32_t id, const SealedKey& row) {
    if (!row.data_key->sealer)
        return Error{ErrorCode::sealed_invalid, "sealed value cannot be opened", "", "",
                     "Its data key seals no values."};
    std::string long_text;
    Result<SecretBytes> bytes =
        row.data_key->sealer->open(row.sealed, row.data_key->additional_data(std::to_string(id), long_text));
    if (!bytes) return bytes.error();
    Result<SealingKey> sealer = SealingKey::create(*bytes);
    if (!sealer) return sealer.error();
    Loaded<SubjectKey> made{SubjectKey{id, std::move(*sealer)}};
    made.heap = opened_key_bytes;
    return made;
}

void forget_unless_committed() noexcept {
    if (made_in_transaction) drop_caches(invalidation_of("audit_subjects"));
}

void on_transaction_event(XactEvent event, void*) {
    switch (event) {
        // A prepared transaction may still be rolled back.
        case XACT_EVENT_ABORT:
        case XACT_EVENT_PREPARE: forget_unless_committed(); [[fallthrough]];
        case XACT_EVENT_COMMIT: made_in_transaction = false; break;
        default: break;
    }
}

void on_subtransaction_event(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
    if (event == SUBXACT_EVENT_ABORT_SUB) forget_unless_committed();
}

}  // namespace

SubjectKey* need_subject_key(const Uuid& subject, const std::optional<Uuid>& tenant) {
    const std::optional<std::uint32_t> cached = cached_key_id(subject, tenant);
    const std::uint32_t id = cached ? *cached : make_key_id(subject, tenant);
    return id == shredded ? nullptr : find_subject_key(id);
}

SubjectKey* find_subject_key(std::uint32_t id) {
    const CacheKey<sizeof id> name(id);
    return subject_keys.get(
        name, [id] { return read_sealed_key(id); }, [id](const SealedKey& row) { return open_key(id, row); });
}

EntryValue sealed_value(SubjectKey& key, const EntryValue& plain, std::string_view column,
                        const std::optional<Uuid>& tenant) {
    const std::size_t size = plain.bytes.size() + sealed_overhead;
    auto* out = static_cast<std::uint8_t*>(palloc(size));
    guarded_or_raise([&]() -> Result<void> {
        return key.sealer.seal_into(plain.bytes, key.id, sealed_aad(tenant_bytes(tenant), value_purpose, column),
                                    {out, size});
    });
    return {EntryTag::sealed, {out, size}};
}

std::optional<ByteSpan> opened_value(SubjectKey& key, ByteSpan sealed, std::string_view column,
                                     const std::optional<Uuid>& tenant) {
    const std::size_t size = sealed.size() - sealed_overhead;
    auto* out = static_cast<std::uint8_t*>(palloc(size + 1));
    bool opened = false;
    guarded_or_raise([&]() -> Result<void> {
        opened =
            key.sealer.open_into(sealed, sealed_aad(tenant_bytes(tenant), value_purpose, column), {out, size}).ok();
        return {};
    });
    if (!opened) return {};
    return ByteSpan{out, size};
}

void watch_subject_keys() {
    RegisterXactCallback(on_transaction_event, nullptr);
    RegisterSubXactCallback(on_subtransaction_event, nullptr);
}

extern "C" {

// Arguments: the data key, and the id of the key of a subject, to which it is bound.
PG_FUNCTION_INFO_V1(bastion_audit_subject_key_make);
Datum bastion_audit_subject_key_make(PG_FUNCTION_ARGS) {
    const auto data_key_id = static_cast<std::uint32_t>(PG_GETARG_INT32(0));
    made_in_transaction = true;
    DataKey* data_key = &need_data_key(data_key_id);
    while (hold_data_key(data_key_id)) data_key = &need_data_key(data_key_id);
    struct varlena* sealed = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        std::string long_text;
        SecretBytes bytes(data_key_bytes);
        random_bytes({bytes.data(), bytes.size()});
        const Result<Bytes> made = data_key->sealer.value().seal(
            bytes.span(), data_key_id, data_key->additional_data(std::to_string(PG_GETARG_INT32(1)), long_text));
        if (!made) return made.error();
        return store(sealed, *made);
    });
    PG_RETURN_BYTEA_P(sealed);
}

}  // extern "C"

}  // namespace bastion::pg
