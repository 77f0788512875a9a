#include "pg/session/api_key_read.hpp"

#include "core/base/json.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/base/text.hpp"
#include "pg/cache/announcement.hpp"
#include "pg/cache/backend_cache.hpp"
#include "pg/throttle/transaction_slots.hpp"

namespace bastion::pg {
namespace {

const MessageScope scopes[] = {{"api_key", 1, "api_keys"}, {"api_keys", 0, "api_keys"}};

// Of JSON text that jsonb writes, with more white space than what was checked.
constexpr std::size_t most_limits_bytes = 100'000;

BackendCache<ApiKey, UUID_LEN> keys("api_keys", invalidation_of("api_keys"), {256, 4 * mebibyte});

// The rows that were read, as PODs in the current memory context.
struct SecretRow {
    pg_uuid_t id;
    int32 pepper;
    int32 scheme;
    TimestampTz expires_at;
    ByteSpan mac;
    SecretRow* next;
};

struct KeyRow {
    pg_uuid_t user;
    pg_uuid_t tenant;
    OptionalUuid unit;
    bool usable;
    TimestampTz expires_at;
    TimestampTz last_used_at;
    std::span<std::string_view> scopes;
    const char** networks;
    int network_count;
    Utf8 limits;
    SecretRow* secrets;
};

TimestampTz time_or(const ColumnValue& value, TimestampTz otherwise) {
    return value.is_null ? otherwise : DatumGetTimestampTz(value.value);
}

void read_networks(Datum array, KeyRow& out) {
    Datum* elements = nullptr;
    deconstruct_array(DatumGetArrayTypeP(array), CIDROID, -1, false, TYPALIGN_INT, &elements, nullptr,
                      &out.network_count);
    out.networks = static_cast<const char**>(palloc(sizeof(char*) * (out.network_count + 1)));
    for (int i = 0; i < out.network_count; ++i)
        out.networks[i] = DatumGetCString(DirectFunctionCall1(cidr_out, elements[i]));
}

std::optional<KeyRow> read_key(const pg_uuid_t& id) {
    ColumnValue row[] = {{"user_id", 0, true},  {"tenant_id", 0, true},  {"unit_id", 0, true},
                         {"disabled", 0, true}, {"revoked_at", 0, true}, {"expires_at", 0, true},
                         {"scopes", 0, true},   {"cidrs", 0, true},      {"last_used_at", 0, true},
                         {"limits", 0, true}};
    if (!read_row("api_keys", "api_keys_pkey", "id", F_UUID_EQ, UUIDPGetDatum(&id), row)) return {};
    KeyRow out{};
    out.user = *DatumGetUUIDP(row[0].value);
    out.tenant = *DatumGetUUIDP(row[1].value);
    out.unit.present = !row[2].is_null;
    if (out.unit.present) out.unit.value = *DatumGetUUIDP(row[2].value);
    out.usable = !DatumGetBool(row[3].value) && row[4].is_null;
    out.expires_at = time_or(row[5], DT_NOEND);
    out.scopes = text_elements(row[6].value);
    read_networks(row[7].value, out);
    out.last_used_at = time_or(row[8], DT_NOBEGIN);
    out.limits = jsonb_text(DatumGetJsonbP(row[9].value));
    return out;
}

void collect_secret(std::span<const ColumnValue> columns, void* state) {
    auto* first = static_cast<SecretRow**>(state);
    auto* row = static_cast<SecretRow*>(palloc(sizeof(SecretRow)));
    row->id = *DatumGetUUIDP(columns[0].value);
    row->pepper = DatumGetInt32(columns[1].value);
    row->mac = view(DatumGetByteaPP(columns[2].value));
    row->expires_at = time_or(columns[3], DT_NOEND);
    row->scheme = columns[4].is_null ? 0 : DatumGetInt32(columns[4].value);
    row->next = *first;
    *first = row;
}

SecretRow* read_secrets(const pg_uuid_t& id) {
    ColumnValue row[] = {
        {"id", 0, true}, {"pepper", 0, true}, {"mac", 0, true}, {"expires_at", 0, true}, {"scheme", 0, true}};
    SecretRow* first = nullptr;
    read_rows("api_key_secrets", "api_key_secrets_key_id_idx", "key_id", F_UUID_EQ, UUIDPGetDatum(&id), row,
              collect_secret, &first);
    return first;
}

// Both tables are read for a missing key too, so that it costs as much as a wrong secret.
std::optional<KeyRow> read_with_secrets(const pg_uuid_t& id) {
    std::optional<KeyRow> row = read_key(id);
    SecretRow* secrets = read_secrets(id);
    if (row) row->secrets = secrets;
    return row;
}

// check_api_key() refuses limits that do not parse; a key that an operator gave such is not usable.
void set_limits(ApiKey& key, std::string_view text) {
    const Result<JsonDocument> parsed = parse_json(text, most_limits_bytes, JsonNumbers::any);
    key.usable = key.usable && parsed.ok();
    if (!parsed) return;
    if (const std::optional<JsonValue> rate = parsed->root().find("rate")) {
        const std::optional<JsonValue> per_second = rate->find("per_second");
        const std::optional<JsonValue> burst = rate->find("burst");
        if (per_second && burst) key.rate = rate_rule(per_second->number().value_or(0), burst->integer().value_or(0));
        key.usable = key.usable && key.rate;
    }
    if (const std::optional<JsonValue> concurrent = parsed->root().find("concurrent")) {
        key.concurrent =
            static_cast<int>(std::clamp<std::int64_t>(concurrent->integer().value_or(0), 0, most_slots + 1));
        key.usable = key.usable && key.concurrent >= 1 && key.concurrent <= most_slots;
    }
}

ApiKey make_key(const pg_uuid_t& id, const KeyRow& row) {
    ApiKey key{};
    key.id = id;
    key.user = row.user;
    key.tenant = row.tenant;
    key.unit = row.unit;
    key.usable = row.usable;
    key.expires_at = row.expires_at;
    key.last_used_at = row.last_used_at;
    for (const std::string_view scope : row.scopes) key.scopes.emplace_back(scope);
    for (int i = 0; i < row.network_count; ++i) {
        const std::optional<IpNetwork> network = parse_ip_network(row.networks[i]);
        // An unreadable list of networks admits no client.
        if (!network) key.usable = false;
        if (network) key.networks.push_back(*network);
    }
    set_limits(key, row.limits);
    for (const SecretRow* secret = row.secrets; secret != nullptr; secret = secret->next) {
        ApiKeySecret& made = key.secrets.emplace_back();
        made.id = secret->id;
        made.pepper = secret->pepper;
        made.scheme = secret->scheme;
        made.expires_at = secret->expires_at;
        if (secret->mac.size() != made.mac.size()) throw std::invalid_argument("malformed secret of an API key");
        std::memcpy(made.mac.data(), secret->mac.data(), made.mac.size());
    }
    return key;
}

}  // namespace

const ApiKey* find_api_key(const pg_uuid_t& id) noexcept {
    settle_changes();
    return keys.find(CacheKey<UUID_LEN>(id));
}

const ApiKey* load_api_key(const pg_uuid_t& id) {
    return keys.load(
        CacheKey<UUID_LEN>(id), [&] { return read_with_secrets(id); },
        [&](const KeyRow& row) -> Result<Loaded<ApiKey>> {
            Loaded<ApiKey> made{make_key(id, row), {invalidation_of("api_key", id)}};
            made.heap = heap_bytes(made.value.scopes) + made.value.networks.capacity() * sizeof(IpNetwork) +
                        made.value.secrets.capacity() * sizeof(ApiKeySecret);
            made.keeps = !has_written();
            return made;
        });
}

}  // namespace bastion::pg
