// The rights of a user in a tenant and unit: whether they are still a member, and the names of their permissions. Built
// by SPI as the extension's owner and cached (backend_cache.hpp). A Rights stays valid for as long as a decision points to it.
#pragma once

#include "pg/base/identity.hpp"
#include "pg/cache/invalidation.hpp"
#include "pg/right/grant_sets.hpp"

namespace bastion::pg {

struct RightsRequest {
    pg_uuid_t user;
    const char* tenant;  // id or slug, or null
    const char* unit;    // id, or null
};

struct Permission {
    std::string name;
    bool tenant_wide;  // held at the tenant, and not only in the chosen unit
};

// The request of an identity: the named tenant and unit; else those of the identity, the unit only together with its
// tenant. The request may point into the texts.
RightsRequest rights_request(const Identity& identity, const char* tenant, const char* unit,
                             char (&tenant_text)[uuid_text_size], char (&unit_text)[uuid_text_size]) noexcept;

// The proof that a permission needs: the sessions whose level or age is less do not hold it (step_up_rule.sql).
struct StepUpRule {
    OptionalUuid tenant;  // that has the rule; absent: every tenant
    std::string pattern;  // empty: everything but own...., for sessions
    ProofLevel level;
    std::int64_t max_age;    // microseconds; 0 for any
    std::int64_t remembers;  // how long a remembered device meets it, in microseconds; 0 for not at all
};

// What an identity has proved, as far as the rules ask for it.
struct Proof {
    ProofLevel level;
    bool api_key;
    TimestampTz auth_time;
    TimestampTz phr_time;
    TimestampTz remembered_time;

    bool operator==(const Proof&) const = default;
};

struct Rights {
    const char* refusal;  // static word, or null when the request is granted
    OptionalUuid tenant;
    OptionalUuid unit;
    int64 tenant_number;
    TimestampTz valid_until;                           // when time alone changes them; DT_NOEND for never
    std::vector<Permission> permissions;               // sorted by name
    mutable std::shared_ptr<GrantSets> sets;           // by ACL and by tenant, read lazily (grant_sets.hpp)
    std::vector<StepUpRule> rules;                     // of every tenant whose rules count for the user
    std::shared_ptr<const Rights> whole;               // of narrowed rights: those of the user
    std::optional<std::vector<std::string>> patterns;  // the patterns that an API key narrows them to
    bool unit_alone;                                   // and whether to rows in the unit
    std::vector<Withheld> withheld;                    // what unmet rules take away
    Proof proof;                                       // of the identity for which it is withheld
    mutable std::weak_ptr<const Rights> proved;        // made of these last, with what is withheld

    // The permission of that name, or null.
    [[nodiscard]] const Permission* find(std::string_view name) const noexcept;
};

// The rights, from the cache or loaded. Raises only errors of the server. The object is held until the next call, or longer
// by pin_rights().
const Rights* rights_of(const RightsRequest& request);

// Holds the rights, which the last call returned, until the next pin: a decision keeps its own, independent of requests in
// between. Null holds none. No call site may hold one of their sets.
void pin_rights(const Rights* rights) noexcept;

// The rights, which the last call returned, narrowed to the permissions that the patterns cover, in one tenant and, if
// named, unit: they are refused elsewhere, and reach no row outside that unit and the units below it. `kept` is the caller's
// cache of the rights made last, which is valid while `rights` stay the same. Held as rights_of() holds.
const Rights* narrow_rights(const Rights* rights, std::span<const std::string> patterns, const pg_uuid_t& tenant,
                            const OptionalUuid& unit, std::shared_ptr<const Rights>& kept);

// The rights, which the last call returned, without the permissions whose step-up rule the identity does not meet, and until
// time alone ends that it meets one. Held as rights_of() holds.
const Rights* withhold_unproved(const Rights* rights, const Identity& identity);

// Makes rights from the texts for a parallel worker: names separated by spaces, those that hold only in the unit after
// unit_only_mark; and the sets as GrantSets::format() wrote them, or empty. Held until the next call.
inline constexpr char unit_only_mark = '~';
const Rights* adopt_rights(const Identity& identity, const char* permissions, const char* sets, bool unit_alone);

// The message for a change of a user.
Oid user_invalidation(const pg_uuid_t& user) noexcept;

// Drops the same values as a message: rights that were read while a message arrived are not cached.
void drop_rights(Oid invalidation) noexcept;

// After a load of sets: while all sets take too many bytes, those of the users who asked least recently go, rights included.
void bound_grant_sets() noexcept;

}  // namespace bastion::pg
