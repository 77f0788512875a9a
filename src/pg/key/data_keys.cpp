#include "pg/key/data_keys.hpp"

#include "core/key/root_key.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/base/owner_spi.hpp"
#include "pg/base/text.hpp"
#include "pg/cache/backend_cache.hpp"
#include "pg/key/key_lock.hpp"
#include "pg/key/key_message.hpp"
#include "pg/key/root_keys.hpp"

namespace bastion::pg {
namespace {

Statement sealing_key_statement = {
    "SELECT bastion_internal.sealing_key($1, $2, $3)", 3, {TEXTOID, UUIDOID, BOOLOID}, nullptr};

Statement renewal_statement = {"SELECT bastion_internal.data_key_renew($1)", 1, {INT4OID}, nullptr};

void read_key_id(MemoryContext, void* result) {
    const NullableDatum value = cell(0, 1);
    if (value.isnull) ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("no data key was made")));
    *static_cast<int32*>(result) = DatumGetInt32(value.value);
}

// What a SealingKey or HmacKey holds, in locked memory and on the heap of the libraries: an estimate.
constexpr std::size_t opened_key_bytes = 1024;

// The longest name of a resource, a separator, and a tenant.
constexpr std::size_t active_name_size = 128 + 1 + UUID_LEN;

BackendCache<DataKey, sizeof(std::uint32_t)> data_keys("data_keys", keys_invalidation(), {4096, 8 * mebibyte});
BackendCache<std::uint32_t, active_name_size> active_ids("active_data_keys", keys_invalidation(), {4096, 4 * mebibyte});

struct Generation final : CacheListener {
    using CacheListener::CacheListener;
    void drop_all() noexcept override { ++value; }
    uint64 value = 1;
};

Generation generation(keys_invalidation());
bool made_in_transaction = false;

std::string_view tenant_bytes(const OptionalUuid& tenant) noexcept {
    return tenant.present ? as_text({tenant.value.data, UUID_LEN}) : std::string_view();
}

CacheKey<active_name_size> active_name(const OptionalUuid& tenant, std::string_view purpose) noexcept {
    return CacheKey<active_name_size>(purpose).add(std::string_view("", 1)).add(tenant_bytes(tenant));
}

// A row of bastion.data_keys as PODs. Its texts are ASCII by the checks of the table.
struct DataKeyRow {
    pg_uuid_t vault;
    OptionalUuid tenant;
    std::string_view purpose;
    std::uint32_t version;
    ByteSpan wrapped;
    std::string_view root_key_id;
    bool recorded;
    TimestampTz rotates_at;
};

// What bastion.purpose_update() decided for the purpose of a key.
void read_purpose(DataKeyRow& row, Datum purpose, Datum created_at) {
    ColumnValue found[] = {{"record", 0, true}, {"rotate_every", 0, true}};
    if (!read_row("purposes", "purposes_pkey", "purpose", F_TEXTEQ, purpose, found)) return;
    row.recorded = DatumGetBool(found[0].value);
    if (!found[1].is_null)
        row.rotates_at = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, created_at, found[1].value));
}

[[noreturn]] void cannot_open(std::uint32_t id, const char* reason) {
    ereport(ERROR, (errcode(MAKE_SQLSTATE('B', 'A', '0', '0', '3')), errmsg("sealed value cannot be opened"),
                    errdetail_log("Data key %u %s.", id, reason)));
    pg_unreachable();
}

// Empty, with the reason, for a key that does not exist or may not open.
std::optional<DataKeyRow> find_data_key_row(std::uint32_t id, const char*& reason) {
    ColumnValue vault[] = {{"id", 0, true}};
    ColumnValue row[] = {{"tenant_id", 0, true},   {"purpose", 0, true}, {"version", 0, true},   {"wrapped", 0, true},
                         {"root_key_id", 0, true}, {"state", 0, true},   {"created_at", 0, true}};
    reason = "does not exist";
    if (!read_only_row("vault", vault) ||
        !read_row("data_keys", "data_keys_pkey", "id", F_INT4EQ, Int32GetDatum(static_cast<int32>(id)), row))
        return {};
    const std::string_view state = server_text(DatumGetTextPP(row[5].value)).bytes();
    reason = "is disabled or shredded";
    if (row[3].is_null || (state != "active" && state != "decrypt_only")) return {};
    DataKeyRow out{};
    out.vault = *DatumGetUUIDP(vault[0].value);
    out.tenant.present = !row[0].is_null;
    if (out.tenant.present) out.tenant.value = *DatumGetUUIDP(row[0].value);
    out.purpose = server_text(DatumGetTextPP(row[1].value)).bytes();
    out.version = static_cast<std::uint32_t>(DatumGetInt32(row[2].value));
    out.wrapped = view(DatumGetByteaPP(row[3].value));
    out.root_key_id = server_text(DatumGetTextPP(row[4].value)).bytes();
    read_purpose(out, row[1].value, row[6].value);
    return out;
}

std::optional<DataKeyRow> read_data_key(std::uint32_t id) {
    const char* reason = nullptr;
    std::optional<DataKeyRow> row = find_data_key_row(id, reason);
    if (!row) cannot_open(id, reason);
    return row;
}

Result<Loaded<DataKey>> unwrap(const DataKeyRow& row, std::uint32_t id) {
    Result<const SecretBytes*> kek = need_kek(row.vault, row.root_key_id);
    if (!kek) return kek.error();
    Result<SecretBytes> dek =
        unwrap_data_key(row.wrapped, **kek, {tenant_bytes(row.tenant), row.purpose, row.version, id});
    if (!dek) return dek.error();
    DataKey key{id,
                row.tenant,
                std::string(row.purpose),
                sealed_aad_prefix(tenant_bytes(row.tenant), row.purpose),
                {},
                {},
                row.recorded,
                row.rotates_at};
    if (row.purpose.starts_with(blind_index_prefix)) {
        Result<HmacKey> indexer = HmacKey::create(HashId::sha256, dek->span());
        if (!indexer) return indexer.error();
        key.indexer = std::move(*indexer);
    } else {
        Result<SealingKey> sealer = SealingKey::create(*dek);
        if (!sealer) return sealer.error();
        key.sealer = std::move(*sealer);
    }
    Loaded<DataKey> made{std::move(key)};
    made.heap = heap_bytes(made.value.purpose) + heap_bytes(made.value.bound) + opened_key_bytes;
    return made;
}

// The key of that id; `read` reads its row where the cache has none.
template <class Read>
DataKey* cached_key(std::uint32_t id, Read read) {
    const CacheKey<sizeof id> key(id);
    return data_keys.get(key, read, [id](const DataKeyRow& row) { return unwrap(row, id); });
}

// Asks for the next version of a key that is due, once a minute in a backend. The key may leave the cache.
void renew(DataKey& key) {
    constexpr TimestampTz again = 60 * USECS_PER_SEC;
    key.rotates_at = GetCurrentStatementStartTimestamp() + again;
    Datum id = Int32GetDatum(static_cast<int32>(key.id));
    run_writing(renewal_statement, &id, nullptr, read_nothing, nullptr);
}

void forget_unless_committed() noexcept {
    if (!made_in_transaction) return;
    drop_caches(keys_invalidation());
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

std::string_view DataKey::additional_data(std::string_view bound_to, std::string& long_text) {
    constexpr std::size_t most_kept = 64 * 1024;
    static std::string scratch;
    return sealed_aad(bound_to.size() <= most_kept ? scratch : long_text, bound, bound_to);
}

DataKey& need_data_key(std::uint32_t id) {
    return *cached_key(id, [id] { return read_data_key(id); });
}

DataKey* find_data_key(std::uint32_t id) {
    return cached_key(id, [id] {
        const char* reason = nullptr;
        return find_data_key_row(id, reason);
    });
}

DataKey& need_data_key_of(const OptionalUuid& tenant, std::uint32_t id) {
    const auto require_own = [&](const OptionalUuid& of) {
        if (!same_uuid(of, tenant)) cannot_open(id, "is another tenant's");
    };
    DataKey* key = cached_key(id, [&] {
        std::optional<DataKeyRow> row = read_data_key(id);
        require_own(row->tenant);
        return row;
    });
    require_own(key->tenant);
    return *key;
}

std::uint32_t sealing_key_id(ByteSpan sealed) {
    std::uint32_t id = 0;
    guarded_or_raise([&]() -> Result<void> {
        Result<SealedHeader> header = parse_sealed_header(sealed);
        if (!header) return header.error();
        id = header->key_id;
        return {};
    });
    return id;
}

std::optional<std::uint32_t> find_active_data_key(const OptionalUuid& tenant, std::string_view purpose) {
    ColumnValue row[] = {{"id", 0, true}};
    const KeyCondition conditions[] = {
        {"tenant_id", F_UUID_EQ, UUIDPGetDatum(const_cast<pg_uuid_t*>(&tenant.value)), !tenant.present},
        {"purpose", F_TEXTEQ, text_datum(ServerText(purpose)), false}};
    if (!read_row("data_keys", "data_keys_active_idx", conditions, row)) return {};
    return static_cast<std::uint32_t>(DatumGetInt32(row[0].value));
}

DataKey* find_active_key(const OptionalUuid& tenant, std::string_view purpose) {
    const CacheKey<active_name_size> name = active_name(tenant, purpose);
    for (;;) {
        const std::uint32_t* id = active_ids.get(
            name, [&] { return find_active_data_key(tenant, purpose); },
            [](std::uint32_t found) -> Result<Loaded<std::uint32_t>> { return Loaded<std::uint32_t>{found}; });
        if (id == nullptr) return nullptr;
        if (DataKey* key = find_data_key(*id)) return key;
        // Between the two reads, the key was retired or shredded.
        drop_caches(keys_invalidation());
        CHECK_FOR_INTERRUPTS();
    }
}

DataKey* find_active_index_key(const OptionalUuid& tenant, std::string_view purpose) {
    char name[blind_index_prefix.size() + 128];
    if (purpose.size() > sizeof name - blind_index_prefix.size()) return nullptr;
    std::copy(purpose.begin(), purpose.end(), std::copy(blind_index_prefix.begin(), blind_index_prefix.end(), name));
    return find_active_key(tenant, {name, blind_index_prefix.size() + purpose.size()});
}

int32 make_sealing_key(const OptionalUuid& tenant, std::string_view purpose, bool for_index) {
    Datum values[3] = {text_datum(ServerText(purpose)), uuid_datum(tenant.value), BoolGetDatum(for_index)};
    const char nulls[4] = {' ', tenant.present ? ' ' : 'n', ' ', '\0'};
    int32 out = 0;
    run_writing(sealing_key_statement, values, nulls, read_key_id, &out);
    return out;
}

DataKey& need_active_key(const OptionalUuid& tenant, std::string_view purpose, bool for_index) {
    for (bool asked = false;;) {
        DataKey* key = for_index ? find_active_index_key(tenant, purpose) : find_active_key(tenant, purpose);
        if (key == nullptr || key->indexer.has_value() != for_index)
            key = find_data_key(static_cast<std::uint32_t>(make_sealing_key(tenant, purpose, for_index)));
        if (key == nullptr) continue;
        if (!for_index && !asked && is_due(*key)) {
            asked = true;
            renew(*key);
            continue;
        }
        // Before it was held, the key may have been retired.
        if (for_index || !hold_data_key(key->id)) return *key;
    }
}

struct varlena* make_data_key(const pg_uuid_t& vault, int32 key_id, const pg_uuid_t* tenant, const char* purpose,
                              int32 version) {
    struct varlena* wrapped = nullptr;
    made_in_transaction = true;
    guarded_or_raise([&]() -> Result<void> {
        Result<const SecretBytes*> kek = need_kek(vault);
        if (!kek) return kek.error();
        const OptionalUuid owner = tenant != nullptr ? OptionalUuid{true, *tenant} : OptionalUuid{};
        Result<Bytes> made = wrap_data_key(
            generate_data_key(), **kek,
            {tenant_bytes(owner), purpose, static_cast<std::uint32_t>(version), static_cast<std::uint32_t>(key_id)});
        if (!made) return made.error();
        return store(wrapped, *made);
    });
    return wrapped;
}

struct varlena* rewrap_data_key(const pg_uuid_t& vault, int32 key_id, const pg_uuid_t* tenant, const char* purpose,
                                int32 version, ByteSpan wrapped, std::string_view root_key_id) {
    struct varlena* rewrapped = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        const OptionalUuid owner = tenant != nullptr ? OptionalUuid{true, *tenant} : OptionalUuid{};
        const DataKeyLabel label{tenant_bytes(owner), purpose, static_cast<std::uint32_t>(version),
                                 static_cast<std::uint32_t>(key_id)};
        Result<const SecretBytes*> old_kek = need_kek(vault, root_key_id);
        if (!old_kek) return old_kek.error();
        Result<SecretBytes> dek = unwrap_data_key(wrapped, **old_kek, label);
        if (!dek) return dek.error();
        Result<const SecretBytes*> kek = need_kek(vault);
        if (!kek) return kek.error();
        Result<Bytes> made = wrap_data_key(*dek, **kek, label);
        if (!made) return made.error();
        return store(rewrapped, *made);
    });
    return rewrapped;
}

NullableDatum find_data_key_guard(const OptionalUuid& tenant, const NullableDatum& purpose) {
    ColumnValue row[] = {{"reason", 0, true}};
    if (purpose.isnull && read_only_row("data_key_guards", row)) return {row[0].value, false};
    // A guard names the tenant or all, and the purpose or all.
    for (const bool every_tenant : {false, true})
        for (const bool every_purpose : {false, true}) {
            const KeyCondition conditions[] = {{"tenant_id", F_UUID_EQ, uuid_datum(tenant.value), every_tenant},
                                               {"purpose", F_TEXTEQ, purpose.value, every_purpose}};
            if ((every_tenant || tenant.present) && (every_purpose || !purpose.isnull) &&
                read_row("data_key_guards", "data_key_guards_tenant_id_purpose_key", conditions, row))
                return {row[0].value, false};
        }
    return {Datum{}, true};
}

uint64 keys_generation() noexcept { return generation.value; }

uint64 data_keys_generation() noexcept { return data_keys.generation(); }

uint64 data_key_lease() noexcept { return data_keys.lease(); }

void watch_data_keys() {
    RegisterXactCallback(on_transaction_event, nullptr);
    RegisterSubXactCallback(on_subtransaction_event, nullptr);
    watch_held_keys();
}

}  // namespace bastion::pg
