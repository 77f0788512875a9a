#include "pg/session/delegation_read.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/text.hpp"
#include "pg/cache/backend_cache.hpp"

namespace bastion::pg {
namespace {

const MessageScope scopes[] = {{"delegation", 1, "delegations"}, {"delegations", 0, "delegations"}};

BackendCache<Delegation, UUID_LEN> delegations("delegations", invalidation_of("delegations"), {1024, 4 * mebibyte});

// The row that was read, as a POD in the current memory context.
struct HopRow {
    pg_uuid_t id;
    OptionalUuid parent;
    pg_uuid_t subject;
    pg_uuid_t actor;
    pg_uuid_t tenant;
    OptionalUuid unit;
    OptionalUuid session;
    bool revoked;
    TimestampTz expires_at;
    std::span<std::string_view> scopes;
};

// From the last hop to the first.
struct ChainRow {
    std::size_t count;
    HopRow hops[max_actors];
    const char* refusal;
};

OptionalUuid uuid_of(const ColumnValue& value) {
    if (value.is_null) return {};
    return {true, *DatumGetUUIDP(value.value)};
}

bool read_hop(const pg_uuid_t& id, HopRow& out) {
    ColumnValue row[] = {{"parent_id", 0, true},  {"subject_id", 0, true}, {"actor_id", 0, true},
                         {"tenant_id", 0, true},  {"unit_id", 0, true},    {"session_id", 0, true},
                         {"revoked_at", 0, true}, {"expires_at", 0, true}, {"scopes", 0, true}};
    if (!read_row("delegations", "delegations_pkey", "id", F_UUID_EQ, UUIDPGetDatum(&id), row)) return false;
    out = {id,
           uuid_of(row[0]),
           *DatumGetUUIDP(row[1].value),
           *DatumGetUUIDP(row[2].value),
           *DatumGetUUIDP(row[3].value),
           uuid_of(row[4]),
           uuid_of(row[5]),
           !row[6].is_null,
           DatumGetTimestampTz(row[7].value),
           text_elements(row[8].value)};
    return true;
}

bool is_active(const pg_uuid_t& user) {
    ColumnValue row[] = {{"status", 0, true}};
    return read_row("users", "users_pkey", "id", F_UUID_EQ, UUIDPGetDatum(&user), row) &&
           server_text(DatumGetTextPP(row[0].value)).bytes() == "active";
}

// Units may have moved since the hop was made.
bool is_inside(const OptionalUuid& unit, const OptionalUuid& outer) {
    if (!outer.present || same_uuid(unit, outer)) return true;
    if (!unit.present) return false;
    const KeyCondition pair[] = {{"descendant_id", F_UUID_EQ, UUIDPGetDatum(&unit.value), false},
                                 {"ancestor_id", F_UUID_EQ, UUIDPGetDatum(&outer.value), false}};
    ColumnValue row[] = {{"depth", 0, true}};
    return read_row("unit_closure", "unit_closure_pkey", pair, row);
}

// A hop above that is gone ends those below it, as a revoked one does.
std::optional<ChainRow> read_chain(const pg_uuid_t& id) {
    ChainRow out{};
    OptionalUuid next{true, id};
    for (; next.present && out.count < max_actors; ++out.count) {
        HopRow& hop = out.hops[out.count];
        if (!read_hop(next.value, hop)) break;
        if (hop.revoked) out.refusal = "delegation_revoked";
        if (!is_active(hop.actor)) out.refusal = "actor_unknown_or_disabled";
        if (out.count > 0 && !is_inside(out.hops[out.count - 1].unit, hop.unit))
            out.refusal = "delegation_of_another_unit";
        next = hop.parent;
    }
    if (out.count == 0) return {};
    if (next.present) out.refusal = "delegation_broken";
    return out;
}

// Also of the users: the messages of a change of many users name all rights.
std::vector<Oid> messages_of(const ChainRow& chain) {
    std::vector<Oid> messages{invalidation_of("all"), invalidation_of("place", chain.hops[0].tenant)};
    for (std::size_t i = 0; i < chain.count; ++i) {
        messages.push_back(invalidation_of("delegation", chain.hops[i].id));
        messages.push_back(user_invalidation(chain.hops[i].actor));
    }
    return messages;
}

Delegation make_delegation(const ChainRow& chain) {
    const HopRow& last = chain.hops[0];
    Delegation out{};
    out.subject = last.subject;
    out.tenant = last.tenant;
    out.unit = last.unit;
    out.session = last.session;
    out.refusal = chain.refusal;
    out.expires_at = last.expires_at;
    out.actors.count = chain.count;
    for (std::size_t i = 0; i < chain.count; ++i) {
        out.actors.ids[chain.count - 1 - i] = chain.hops[i].actor;
        out.expires_at = std::min(out.expires_at, chain.hops[i].expires_at);
    }
    for (const std::string_view scope : last.scopes) out.scopes.emplace_back(scope);
    return out;
}

// The token must say what the row says: it was signed when the row was made.
const char* check(const Delegation& delegation, Identity& identity) noexcept {
    if (delegation.refusal != nullptr) return delegation.refusal;
    if (!same_uuid(delegation.subject, identity.user) || !same_actors(delegation.actors, identity.actors) ||
        !same_uuid(delegation.session, identity.session))
        return "delegation_of_others";
    identity.expires_at = std::min(identity.expires_at, delegation.expires_at);
    return delegation.expires_at <= GetCurrentTimestamp() ? "delegation_expired" : nullptr;
}

}  // namespace

const Delegation* delegation_of(const pg_uuid_t& id) {
    const CacheKey<UUID_LEN> key(id);
    return delegations.get(
        key, [&] { return read_chain(id); },
        [&](const ChainRow& row) -> Result<Loaded<Delegation>> {
            Loaded<Delegation> made{make_delegation(row), messages_of(row)};
            made.heap = heap_bytes(made.value.scopes);
            // A refusal is not cached: what would lift it need not send a message.
            made.keeps = row.refusal == nullptr && !has_written();
            return made;
        });
}

const char* check_delegation(Identity& identity) {
    const Delegation* delegation = delegation_of(identity.delegation.value);
    return delegation != nullptr ? check(*delegation, identity) : "delegation_unknown";
}

}  // namespace bastion::pg
