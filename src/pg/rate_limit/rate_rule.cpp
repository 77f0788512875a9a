#include "pg/rate_limit/rate_rule.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/text.hpp"
#include "pg/cache/backend_cache.hpp"

namespace bastion::pg {
namespace {

const MessageScope scope{"rate_limits", 0, "rate_limits"};

// The limit of a name for a tenant, if any of its rows counts there.
struct KnownLimit {
    std::optional<RateLimit> limit;
};

BackendCache<KnownLimit, 2 * NAMEDATALEN> limits("rate_limits", invalidation_of("rate_limits"), {256, mebibyte});

constexpr std::pair<std::string_view, RateScope> scopes[] = {{"api_key", RateScope::api_key},
                                                             {"user", RateScope::user},
                                                             {"tenant", RateScope::tenant},
                                                             {"address", RateScope::address},
                                                             {"route", RateScope::route}};

struct LimitRow {
    std::string_view plan;
    std::string_view scope;
    double per_second;
    int32 burst;
    int32 concurrent;
};

// The rows of one name: that of the plan, which goes first, and that of every plan.
struct Found {
    std::string_view plan;
    bool is_known;
    std::optional<LimitRow> row;
};

void choose(std::span<const ColumnValue> columns, void* state) {
    auto& found = *static_cast<Found*>(state);
    const LimitRow row{server_text(columns[0].value).bytes(), server_text(columns[1].value).bytes(),
                       columns[2].is_null ? 0 : DatumGetFloat8(columns[2].value),
                       columns[3].is_null ? 0 : DatumGetInt32(columns[3].value),
                       columns[4].is_null ? 0 : DatumGetInt32(columns[4].value)};
    found.is_known = true;
    if (row.plan == found.plan || (row.plan.empty() && !found.row)) found.row = row;
}

// Empty for no tenant, which no plan is.
std::string_view plan_of(const OptionalUuid& tenant) {
    ColumnValue row[] = {{"plan", 0, true}};
    if (!tenant.present || !read_row("tenants", "tenants_pkey", "id", F_UUID_EQ, UUIDPGetDatum(&tenant.value), row))
        return {};
    return server_text(row[0].value).bytes();
}

std::optional<Found> read_limit(std::string_view name, const OptionalUuid& tenant) {
    Found found{plan_of(tenant), false, {}};
    ColumnValue row[] = {
        {"plan", 0, true}, {"scope", 0, true}, {"per_second", 0, true}, {"burst", 0, true}, {"concurrent", 0, true}};
    read_rows("rate_limits", "rate_limits_pkey", "name", F_TEXTEQ, text_datum(ServerText(name)), row, choose, &found);
    return found.is_known ? std::optional(found) : std::nullopt;
}

Result<RateLimit> make_limit(const LimitRow& row) {
    const auto* found =
        std::find_if(std::begin(scopes), std::end(scopes), [&](const auto& each) { return each.first == row.scope; });
    RateLimit limit{found == std::end(scopes) ? RateScope::route : found->second, {}, row.concurrent};
    if (row.burst == 0) return limit;
    const std::optional<RateRule> rule = rate_rule(row.per_second, row.burst);
    if (!rule) return Error(ErrorCode::internal, "invalid rate limit");
    limit.rule = *rule;
    return limit;
}

// The text of the name is a literal of the caller, and no secret.
[[noreturn]] void raise_unknown() {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("unknown rate limit"),
                    errhint("bastion.rate_limit_set() defines one.")));
    pg_unreachable();
}

// Null where none of the rows of that name counts.
const RateLimit* find_limit(std::string_view name, const OptionalUuid& tenant) {
    CacheKey<2 * NAMEDATALEN> key(name);
    if (tenant.present) key.add('\0').add(tenant.value);
    const KnownLimit* known = limits.get(
        key, [&] { return read_limit(name, tenant); },
        [&](const Found& found) -> Result<Loaded<KnownLimit>> {
            if (!found.row) return Loaded<KnownLimit>{{}};
            Result<RateLimit> made = make_limit(*found.row);
            if (!made) return std::move(made).error();
            return Loaded<KnownLimit>{{*made}};
        });
    if (known == nullptr) raise_unknown();
    return known->limit ? &*known->limit : nullptr;
}

}  // namespace

const RateLimit* rate_limit_of_every_plan(std::string_view name) { return find_limit(name, {}); }

const RateLimit& rate_limit_of(std::string_view name, const OptionalUuid& tenant) {
    const RateLimit* limit = find_limit(name, tenant);
    if (limit == nullptr) raise_unknown();
    return *limit;
}

}  // namespace bastion::pg
