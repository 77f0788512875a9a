#include "pg/setting/setting_read.hpp"

#include <charconv>
#include <map>

#include "pg/base/catalog_read.hpp"
#include "pg/base/environment.hpp"
#include "pg/base/text.hpp"
#include "pg/cache/backend_cache.hpp"
#include "pg/context/context.hpp"

extern "C" {
#include "utils/jsonb.h"
#include "utils/numeric.h"
}

namespace bastion::pg {
namespace {

// A setting, with its rows; the versions of one setting.
const MessageScope scopes[] = {{"setting", 1, "settings"}, {"setting_id", 1, "settings"}, {"settings", 0, "settings"}};

// A key of a setting has at most 128 bytes, an environment 63.
BackendCache<SettingValue, 256> cache("settings", invalidation_of("settings"), {4096, 4 * mebibyte});

// The four places where a value may be.
constexpr int place_count = 4;

struct SettingRow {
    std::string_view key;
    pg_uuid_t ids[place_count];
    int id_count;
    SettingValue::Kind kind;
    bool boolean;
    const struct varlena* json;
    const struct varlena* numeric;
    std::string_view text;
};

struct Place {
    const pg_uuid_t* tenant;  // null for the installation
    const char* environment;
};

struct PlaceRow {
    pg_uuid_t id;
    int32 version;
    bool overridable;
};

bool read_place(const Place& place, Datum key, PlaceRow& out) {
    const KeyCondition conditions[] = {
        {"tenant_id", F_UUID_EQ, place.tenant != nullptr ? UUIDPGetDatum(place.tenant) : Datum{0},
         place.tenant == nullptr},
        {"environment", F_TEXTEQ, text_datum(ServerText(place.environment)), false},
        {"key", F_TEXTEQ, key, false}};
    ColumnValue row[] = {{"id", 0, true}, {"version", 0, true}, {"overridable", 0, true}};
    if (!read_row("settings", "settings_place_key", conditions, row)) return false;
    out = {*DatumGetUUIDP(row[0].value), DatumGetInt32(row[1].value), DatumGetBool(row[2].value)};
    return true;
}

void describe(SettingRow& out, Datum value) {
    Jsonb* json = DatumGetJsonbP(value);
    out.json = reinterpret_cast<const struct varlena*>(json);
    JsonbValue scalar;
    if (!JB_ROOT_IS_SCALAR(json) || !JsonbExtractScalar(&json->root, &scalar)) {
        out.kind = SettingValue::Kind::container;
        out.text = JsonbToCString(nullptr, &json->root, static_cast<int>(VARSIZE(json)));
        return;
    }
    switch (scalar.type) {
        case jbvNull: out.kind = SettingValue::Kind::null; return;
        case jbvBool:
            out.kind = SettingValue::Kind::boolean;
            out.boolean = scalar.val.boolean;
            out.text = out.boolean ? "true" : "false";
            return;
        case jbvNumeric: {
            out.kind = SettingValue::Kind::number;
            const Datum number = NumericGetDatum(scalar.val.numeric);
            out.numeric = reinterpret_cast<const struct varlena*>(PG_DETOAST_DATUM_PACKED(number));
            out.text = DatumGetCString(DirectFunctionCall1(numeric_out, number));
            return;
        }
        default:
            out.kind = SettingValue::Kind::text;
            out.text = {scalar.val.string.val, static_cast<std::size_t>(scalar.val.string.len)};
    }
}

enum class Newest { counts, is_deleted, is_gone };

// Describes the newest version if it counts.
Newest read_version(const PlaceRow& place, SettingRow& out) {
    const KeyCondition conditions[] = {{"setting_id", F_UUID_EQ, UUIDPGetDatum(&place.id), false},
                                       {"version", F_INT4EQ, Int32GetDatum(place.version), false}};
    ColumnValue row[] = {{"value", 0, true}, {"sealed", 0, true}, {"deleted_at", 0, true}};
    if (!read_row("setting_versions", "setting_versions_pkey", conditions, row)) return Newest::is_gone;
    if (!row[2].is_null) return Newest::is_deleted;
    if (row[1].is_null)
        describe(out, row[0].value);
    else
        out.kind = SettingValue::Kind::sealed;
    return Newest::counts;
}

// False when the newest version, which `gone` then names, was not there and another one than before. Those of the installation
// first: they say whether tenants have their own.
bool read_places(std::string_view key, const OptionalUuid& tenant, PlaceRow& gone, SettingRow& out) {
    const Datum key_datum = text_datum(ServerText(key));
    const pg_uuid_t* const own = tenant.present ? &tenant.value : nullptr;
    const char* const here = environment();
    const Place places[place_count] = {{own, here}, {own, "*"}, {nullptr, here}, {nullptr, "*"}};
    PlaceRow rows[place_count];
    bool found[place_count] = {};
    bool overridable = own != nullptr;
    out = {};
    out.key = key;
    for (int i = place_count - 1; i >= 0; --i) {
        if (i < 2 && !overridable) break;
        found[i] = read_place(places[i], key_datum, rows[i]);
        if (!found[i]) continue;
        out.ids[out.id_count++] = rows[i].id;
        overridable = overridable && rows[i].overridable;
    }
    for (int i = 0; i < place_count; ++i) {
        if (!found[i] || (i < 2 && !overridable)) continue;
        const Newest newest = read_version(rows[i], out);
        if (newest == Newest::counts) break;
        if (newest == Newest::is_deleted || (same_uuid(rows[i].id, gone.id) && rows[i].version == gone.version))
            continue;
        gone = rows[i];
        return false;
    }
    return true;
}

// Each read sees what is committed by then: between the two, a setting may have got a new version and lost the one before.
std::optional<SettingRow> read_setting(std::string_view key, const OptionalUuid& tenant) {
    SettingRow out;
    PlaceRow gone{};
    while (!read_places(key, tenant, gone, out)) CHECK_FOR_INTERRUPTS();
    return out;
}

std::string bytes_of(const struct varlena* value) {
    return value == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(value), VARSIZE_ANY(value));
}

Result<Loaded<SettingValue>> make_setting(const SettingRow& row) {
    Loaded<SettingValue> made{
        {row.kind, row.boolean, false, 0, std::string(row.text), bytes_of(row.numeric), bytes_of(row.json)}};
    SettingValue& value = made.value;
    if (row.kind == SettingValue::Kind::number) {
        // 3.00 is an integer, in JSON Schema too.
        std::string_view digits = row.text;
        if (digits.find('.') != digits.npos) {
            digits = digits.substr(0, digits.find_last_not_of('0') + 1);
            if (digits.back() == '.') digits.remove_suffix(1);
        }
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value.integer);
        value.is_integer = error == std::errc() && end == digits.data() + digits.size();
    }
    made.messages.push_back(invalidation_of("setting", row.key));
    for (int i = 0; i < row.id_count; ++i) made.messages.push_back(invalidation_of("setting_id", row.ids[i]));
    made.heap = heap_bytes(value.text) + heap_bytes(value.numeric) + heap_bytes(value.json);
    return made;
}

// What the top-level statement has read, as far as it fits: of more settings, each call sees the present value.
struct Frozen {
    TimestampTz statement = 0;
    std::size_t bytes = 0;
    std::map<std::string, std::shared_ptr<const SettingValue>, std::less<>> values;

    void clear() noexcept {
        values.clear();
        bytes = 0;
    }
};
Frozen frozen;
constexpr std::size_t most_frozen_bytes = mebibyte;
constexpr std::size_t bytes_per_entry = 256;

std::size_t size_of(std::string_view name, const SettingValue& value) noexcept {
    return bytes_per_entry + name.size() + value.text.size() + value.numeric.size() + value.json.size();
}

// A message of several statements has one time, and may roll back what it wrote and read.
void at_transaction_end(XactEvent, void*) { frozen.clear(); }

void at_subtransaction_end(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
    if (event == SUBXACT_EVENT_ABORT_SUB) frozen.clear();
}

}  // namespace

void watch_setting_reads() {
    RegisterXactCallback(at_transaction_end, nullptr);
    RegisterSubXactCallback(at_subtransaction_end, nullptr);
}

const SettingValue& setting_of(std::string_view key) {
    const Decision& decision = require_context();
    const OptionalUuid tenant =
        decision.state == ContextState::authenticated ? decision.identity.tenant : OptionalUuid{};
    CacheKey<256> name;
    if (tenant.present) name.add(tenant.value);
    name.add(environment()).add('\0').add(key);
    if (frozen.statement != GetCurrentStatementStartTimestamp()) {
        frozen.clear();
        frozen.statement = GetCurrentStatementStartTimestamp();
    }
    if (const auto known = frozen.values.find(name.bytes()); name.fits() && known != frozen.values.end())
        return *known->second;
    const SettingValue* value = cache.get(
        name, [&] { return read_setting(key, tenant); }, [](const SettingRow& row) { return make_setting(row); });
    const std::size_t size = size_of(name.bytes(), *value);
    if (name.fits() && frozen.bytes + size <= most_frozen_bytes) {
        guarded_or_raise([&]() -> Result<void> {
            frozen.values.emplace(name.bytes(), cache.share());
            frozen.bytes += size;
            return {};
        });
    }
    return *value;
}

}  // namespace bastion::pg
