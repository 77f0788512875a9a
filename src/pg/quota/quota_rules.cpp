#include "pg/quota/quota_rules.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/owner_spi.hpp"
#include "pg/base/text.hpp"
#include "pg/cache/backend_cache.hpp"

namespace bastion::pg {
namespace {

const MessageScope scope{"quotas", 0, "quotas"};

BackendCache<QuotaCaller, 4 * UUID_LEN + 4> callers("quotas", invalidation_of("quotas"), {1024, 4 * mebibyte});
BackendCache<QuotaMeter, NAMEDATALEN> meters("meters", invalidation_of("quotas"), {256, mebibyte});

Statement rules_statement{
    "SELECT r.scope, r.owner_id, r.scope_id, r.meter, r.period, r.amount::pg_catalog.text, "
    "r.soft_amount::pg_catalog.text, r.valid_until, r.stripes FROM bastion_internal.quota_rules($1, $2, $3, $4) r",
    4,
    {UUIDOID, UUIDOID, UUIDOID, UUIDOID},
    nullptr};

// The rows that were read, as PODs in the current memory context.
struct RuleRow {
    const char* scope;
    pg_uuid_t owner;
    pg_uuid_t subject;
    const char* meter;
    const char* period;
    const char* amount;
    const char* soft_amount;
    int stripes;
};

struct CallerRow {
    std::span<RuleRow> rules;
    TimestampTz usable_until;
    QuotaCalendar tenant_calendar;
    QuotaCalendar user_calendar;
};

// Empty for NULL.
const char* text_or_empty(MemoryContext memory, uint64 row, int column) {
    const char* text = copied_text_cell(memory, row, column);
    return text != nullptr ? text : "";
}

void read_rules(MemoryContext memory, void* out) {
    auto& caller = *static_cast<CallerRow*>(out);
    const uint64 count = row_count();
    caller.rules = {static_cast<RuleRow*>(MemoryContextAlloc(memory, (count + 1) * sizeof(RuleRow))), count};
    caller.usable_until = DT_NOEND;
    for (uint64 i = 0; i < count; ++i) {
        caller.rules[i] = {text_or_empty(memory, i, 1),      *DatumGetUUIDP(cell(i, 2).value),
                           *DatumGetUUIDP(cell(i, 3).value), text_or_empty(memory, i, 4),
                           text_or_empty(memory, i, 5),      text_or_empty(memory, i, 6),
                           text_or_empty(memory, i, 7),      DatumGetInt32(cell(i, 9).value)};
        if (!cell(i, 8).isnull)
            caller.usable_until = std::min(caller.usable_until, DatumGetTimestampTz(cell(i, 8).value));
    }
}

CallerRow rules_of(const OptionalUuid (&subjects)[4]) {
    CallerRow out{};
    Datum values[4];
    char nulls[] = "    ";
    for (int i = 0; i < 4; ++i) {
        values[i] = uuid_datum(subjects[i].value);
        if (!subjects[i].present) nulls[i] = 'n';
    }
    run_reading(rules_statement, values, nulls, read_rules, &out);
    return out;
}

std::optional<CallerRow> read_caller(const Identity& identity) {
    CallerRow out = rules_of({{true, identity.user}, identity.tenant, identity.unit, identity.api_key});
    out.user_calendar = read_calendar(identity.user);
    out.tenant_calendar = identity.tenant.present ? read_calendar(identity.tenant.value) : out.user_calendar;
    return out;
}

std::optional<CallerRow> read_tenant(const pg_uuid_t& tenant) {
    CallerRow out = rules_of({{}, {true, tenant}, {}, {}});
    out.user_calendar = out.tenant_calendar = read_calendar(tenant);
    return out;
}

QuotaCaller make_caller(const CallerRow& row) {
    QuotaCaller out{row.tenant_calendar, row.user_calendar, false, false, row.usable_until, {}};
    for (const RuleRow& rule : row.rules) {
        QuotaRule made{rule.scope, rule.owner,  rule.subject,     rule.meter,  QuotaPeriod::total,
                       false,      rule.amount, rule.soft_amount, rule.stripes};
        if (!parse_period(rule.period, made.period)) continue;
        made.of_account = made.scope == "account";
        out.has_account = out.has_account || made.of_account;
        out.has_user = out.has_user || made.scope == "user" || made.scope == "api_key";
        out.rules.push_back(std::move(made));
    }
    return out;
}

std::size_t heap_of(const QuotaCaller& caller) noexcept {
    std::size_t bytes = caller.rules.capacity() * sizeof(QuotaRule);
    for (const QuotaRule& rule : caller.rules)
        bytes +=
            heap_bytes(rule.scope) + heap_bytes(rule.meter) + heap_bytes(rule.amount) + heap_bytes(rule.soft_amount);
    return bytes;
}

// Units decide which limits concern who works in one, and a key has a limit of its own.
std::vector<Oid> messages_of(const Identity& identity) {
    std::vector<Oid> messages;
    if (identity.tenant.present) messages.push_back(invalidation_of("place", identity.tenant.value));
    if (identity.api_key.present) messages.push_back(invalidation_of("api_key", identity.api_key.value));
    return messages;
}

std::optional<QuotaMeter> read_meter(std::string_view name) {
    ColumnValue row[] = {{"kind", 0, true}, {"scale", 0, true}};
    if (!read_row("meters", "meters_pkey", "name", F_TEXTEQ, text_datum(ServerText(name)), row)) return {};
    return QuotaMeter{server_text(row[0].value).bytes() == "gauge", DatumGetInt32(row[1].value)};
}

template <std::size_t Size>
void add_optional(CacheKey<Size>& key, const OptionalUuid& id) noexcept {
    key.add(static_cast<char>(id.present ? 1 : 0));
    if (id.present) key.add(id.value);
}

}  // namespace

const QuotaCaller& quota_caller(const Identity& identity) {
    CacheKey<4 * UUID_LEN + 4> key(identity.user);
    add_optional(key, identity.tenant);
    add_optional(key, identity.unit);
    add_optional(key, identity.api_key);
    const TimestampTz now = GetCurrentTimestamp();
    return *callers.get(
        key, [&](const QuotaCaller& caller) { return caller.usable_until > now; },
        [&] { return read_caller(identity); },
        [&](const CallerRow& row) -> Result<Loaded<QuotaCaller>> {
            Loaded<QuotaCaller> made{make_caller(row), messages_of(identity)};
            made.heap = heap_of(made.value);
            return made;
        });
}

int stripes_of(const QuotaCaller& caller, std::string_view meter) noexcept {
    int out = 0;
    for (const QuotaRule& rule : caller.rules)
        if (rule.meter == meter && (rule.scope == "unit" || rule.scope == "tenant"))
            out = out == 0 ? rule.stripes : std::min(out, rule.stripes);
    return std::max(out, 1);
}

// Its key is shorter than that of any caller.
const QuotaCaller& quota_tenant(const pg_uuid_t& tenant) {
    const TimestampTz now = GetCurrentTimestamp();
    return *callers.get(
        CacheKey<4 * UUID_LEN + 4>(tenant), [&](const QuotaCaller& caller) { return caller.usable_until > now; },
        [&] { return read_tenant(tenant); },
        [](const CallerRow& row) -> Result<Loaded<QuotaCaller>> {
            Loaded<QuotaCaller> made{make_caller(row)};
            made.heap = heap_of(made.value);
            return made;
        });
}

QuotaMeter quota_meter(std::string_view name) {
    const QuotaMeter* meter = meters.get(
        CacheKey<NAMEDATALEN>(name), [&] { return read_meter(name); },
        [](const QuotaMeter& row) -> Result<Loaded<QuotaMeter>> { return Loaded<QuotaMeter>{row}; });
    // The text is a literal of the caller, and no secret.
    if (meter == nullptr)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("unknown meter"),
                        errhint("bastion.meter_set() defines one.")));
    return *meter;
}

}  // namespace bastion::pg
