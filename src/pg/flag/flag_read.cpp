#include "pg/flag/flag_read.hpp"

#include "pg/base/environment.hpp"
#include "pg/base/owner_spi.hpp"
#include "pg/cache/backend_cache.hpp"
#include "pg/right/right_queries.hpp"
#include "pg/right/rights.hpp"

namespace bastion::pg {
namespace {

const MessageScope scope{"flags", 0, "flags"};

Statement flag_statement = {"SELECT definition::text, until FROM bastion_internal.flag_in_force($1, $2, $3)",
                            3,
                            {TEXTOID, UUIDOID, TEXTOID},
                            nullptr};

Statement role_statement = {
    "SELECT name FROM bastion_internal.role_names_of($1, $2, $3)", 3, {UUIDOID, UUIDOID, UUIDOID}, nullptr};

// Also the knowledge that there is none: every new version of a flag sends the message.
struct CachedFlag {
    std::optional<Flag> flag;
    TimestampTz until;  // when a scheduled version takes its place
};

struct FlagRow {
    Utf8 definition;  // null when there is none
    TimestampTz until;
};

constexpr std::size_t flag_key_size = 1024;
BackendCache<CachedFlag, flag_key_size> flags("flags", invalidation_of("flags"), {1024, 4 * mebibyte});

struct CachedRoles {
    std::vector<std::string> names;
    TimestampTz until;
};

struct RoleRow {
    const Utf8* names;
    std::size_t count;
    TimestampTz until;
    Dependencies dependencies;
};

BackendCache<CachedRoles, 3 * UUID_LEN> roles("flag_roles", invalidation_of("all"), {256, mebibyte});

const std::vector<std::string> no_roles;

Utf8 copied_text(MemoryContext caller, std::string_view text) {
    const MemoryContext previous = MemoryContextSwitchTo(caller);
    const Utf8 out = utf8_of(text_datum(ServerText(text)));
    MemoryContextSwitchTo(previous);
    return out;
}

void take_flag(MemoryContext caller, void* out) {
    auto& row = *static_cast<FlagRow*>(out);
    row.until = DT_NOEND;
    if (row_count() == 0) return;
    const char* definition = text_cell(0, 1);
    if (definition != nullptr) row.definition = copied_text(caller, definition);
    const NullableDatum until = cell(0, 2);
    if (!until.isnull) row.until = DatumGetTimestampTz(until.value);
}

void take_roles(MemoryContext caller, void* out) {
    auto& row = *static_cast<RoleRow*>(out);
    row.count = row_count();
    auto* names = static_cast<Utf8*>(MemoryContextAllocZero(caller, (row.count + 1) * sizeof(Utf8)));
    for (std::size_t i = 0; i < row.count; ++i) names[i] = copied_text(caller, text_cell(i, 1));
    row.names = names;
}

FlagRow read_flag(ServerText key, const OptionalUuid& tenant) {
    FlagRow row{};
    Datum values[] = {text_datum(key), uuid_datum(tenant.value), text_datum(ServerText(environment()))};
    const char nulls[] = {' ', tenant.present ? ' ' : 'n', ' ', '\0'};
    run_reading(flag_statement, values, nulls, take_flag, &row);
    return row;
}

Result<Loaded<CachedFlag>> make_flag(const FlagRow& row) {
    Loaded<CachedFlag> made{{{}, row.until}};
    if (row.definition.is_null()) return made;
    Result<Flag> flag = parse_flag(row.definition);
    if (!flag) return std::move(flag).error();
    made.heap = flag->bytes;
    made.value.flag = std::move(*flag);
    return made;
}

RoleRow read_roles(const pg_uuid_t& user, const pg_uuid_t& tenant, const OptionalUuid& unit) {
    RoleRow row{};
    Datum values[] = {uuid_datum(user), uuid_datum(tenant), uuid_datum(unit.value)};
    const char nulls[] = {' ', ' ', unit.present ? ' ' : 'n', '\0'};
    run_reading(role_statement, values, nulls, take_roles, &row);
    row.until = rights_valid_until(user, tenant);
    row.dependencies = rights_dependencies(user, tenant);
    return row;
}

Loaded<CachedRoles> make_roles(const pg_uuid_t& user, const RoleRow& row) {
    Loaded<CachedRoles> made{{{}, row.until}};
    for (std::size_t i = 0; i < row.count; ++i) made.value.names.emplace_back(row.names[i]);
    made.messages.assign(row.dependencies.oids, row.dependencies.oids + row.dependencies.count);
    made.messages.push_back(user_invalidation(user));
    made.heap = heap_bytes(made.value.names);
    return made;
}

}  // namespace

const Flag* flag_of(ServerText key, const OptionalUuid& tenant) {
    CacheKey<flag_key_size> cache_key(key.bytes());
    cache_key.add('\0').add(environment()).add('\0');
    if (tenant.present) cache_key.add(tenant.value);
    const TimestampTz now = GetCurrentStatementStartTimestamp();
    const CachedFlag* cached = flags.get(
        cache_key, [&](const CachedFlag& found) { return now < found.until; },
        [&] { return std::optional<FlagRow>(read_flag(key, tenant)); }, make_flag);
    return cached->flag ? &*cached->flag : nullptr;
}

const std::vector<std::string>& roles_of(const pg_uuid_t& user, const pg_uuid_t& tenant, const OptionalUuid& unit) {
    CacheKey<3 * UUID_LEN> key(user);
    key.add(tenant);
    if (unit.present) key.add(unit.value);
    const TimestampTz now = GetCurrentStatementStartTimestamp();
    const CachedRoles* cached = roles.get(
        key, [&](const CachedRoles& found) { return now < found.until; },
        [&] { return std::optional<RoleRow>(read_roles(user, tenant, unit)); },
        [&](const RoleRow& row) -> Result<Loaded<CachedRoles>> { return make_roles(user, row); });
    return cached == nullptr ? no_roles : cached->names;
}

}  // namespace bastion::pg
