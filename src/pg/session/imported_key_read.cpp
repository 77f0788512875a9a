#include "pg/session/imported_key_read.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/text.hpp"
#include "pg/cache/backend_cache.hpp"

namespace bastion::pg {
namespace {

const MessageScope scopes[] = {{"api_key_schemes", 0, "api_key_schemes"}};

BackendCache<std::vector<ImportScheme>, 1> schemes("api_key_schemes", invalidation_of("api_key_schemes"),
                                                   {1, mebibyte});
// The key's own message drops an entry, as it drops the key (api_key_read.cpp).
BackendCache<pg_uuid_t, sizeof(ApiKeyMac)> imported_keys("imported_api_keys", invalidation_of("api_keys"),
                                                         {256, mebibyte});

// The rows that were read, as PODs in the current memory context.
struct SchemeRow {
    int32 id;
    int32 pepper;
    int32 other_pepper;
    Utf8 separator;
    SchemeRow* next;
};

void collect_scheme(std::span<const ColumnValue> columns, void* state) {
    auto* first = static_cast<SchemeRow**>(state);
    auto* row = static_cast<SchemeRow*>(palloc(sizeof(SchemeRow)));
    row->id = DatumGetInt32(columns[0].value);
    row->pepper = DatumGetInt32(columns[1].value);
    row->other_pepper = columns[2].is_null ? 0 : DatumGetInt32(columns[2].value);
    row->separator = columns[3].is_null ? Utf8() : utf8_of(columns[3].value);
    row->next = *first;
    *first = row;
}

std::optional<SchemeRow*> read_schemes() {
    ColumnValue row[] = {{"id", 0, true}, {"pepper", 0, true}, {"other_pepper", 0, true}, {"separator", 0, true}};
    SchemeRow* first = nullptr;
    read_all_rows("api_key_schemes", row, collect_scheme, &first);
    return first;
}

Result<Loaded<std::vector<ImportScheme>>> make_schemes(const SchemeRow* row) {
    Loaded<std::vector<ImportScheme>> made{};
    for (; row != nullptr; row = row->next) {
        made.value.push_back({row->id, row->pepper, row->other_pepper, std::string(row->separator)});
        made.heap += heap_bytes(made.value.back().separator);
    }
    made.heap += made.value.capacity() * sizeof(ImportScheme);
    made.keeps = !has_written();
    return made;
}

std::optional<pg_uuid_t> read_owner(const ApiKeyMac& mac) {
    auto* value = static_cast<struct varlena*>(palloc(VARHDRSZ + mac.size()));
    SET_VARSIZE(value, VARHDRSZ + mac.size());
    std::memcpy(VARDATA(value), mac.data(), mac.size());
    ColumnValue row[] = {{"key_id", 0, true}};
    if (!read_row("api_key_secrets", "api_key_secrets_imported_idx", "mac", F_BYTEAEQ, PointerGetDatum(value), row))
        return {};
    return *DatumGetUUIDP(row[0].value);
}

}  // namespace

std::span<const ImportScheme> import_schemes() {
    return *schemes.get(
        CacheKey<1>("-"), [] { return read_schemes(); }, make_schemes);
}

bool find_imported_key(const ApiKeyMac& mac, pg_uuid_t& key) {
    const pg_uuid_t* found = imported_keys.get(
        CacheKey<sizeof(ApiKeyMac)>(as_text(mac)), [&] { return read_owner(mac); },
        [](const pg_uuid_t& id) -> Result<Loaded<pg_uuid_t>> {
            return Loaded<pg_uuid_t>{id, {invalidation_of("api_key", id)}, 0, !has_written()};
        });
    if (found != nullptr) key = *found;
    return found != nullptr;
}

}  // namespace bastion::pg
