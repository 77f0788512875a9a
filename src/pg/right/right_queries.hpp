// The inputs of rights, read from the extension's tables by SQL, each through one statement (owner_spi.hpp). Results are
// PODs in the caller's memory context. Not in parallel mode.
#pragma once

#include "pg/base/identity.hpp"
#include "pg/right/grant_sets.hpp"

namespace bastion::pg {

struct ResolvedIdentity {
    const char* status;  // 'ok', 'user', 'tenant', 'membership', 'unit'
    OptionalUuid tenant;
    OptionalUuid unit;
    int64 tenant_number;
};

struct PermissionName {
    const char* name;
    bool tenant_wide;
};

struct PermissionNames {
    const PermissionName* names;
    std::size_t count;
};

// As bastion_internal.resolve_identity(): whether this user is active and a member of the requested tenant and unit.
ResolvedIdentity resolve_identity(const pg_uuid_t& user, const char* tenant, const char* unit);

// bastion_internal.effective_permissions(): registered names, wildcards expanded.
PermissionNames effective_permissions(const pg_uuid_t& user, const pg_uuid_t& tenant, const OptionalUuid& unit);

// bastion_internal.step_up_rules_of()
struct StepUpRow {
    OptionalUuid tenant;
    const char* pattern;
    ProofLevel level;
    std::int64_t max_age;    // microseconds, 0 for none
    std::int64_t remembers;  // likewise
};

struct StepUpRows {
    const StepUpRow* rows;
    std::size_t count;
};
StepUpRows step_up_rules(const pg_uuid_t& user, const pg_uuid_t& tenant);

// The next begin or end of a validity period that may change the user's rights in the tenant; DT_NOEND for never.
TimestampTz rights_valid_until(const pg_uuid_t& user, const pg_uuid_t& tenant);

// The invalidations on which the rights and sets of a user in a tenant depend, beside those of the user.
struct Dependencies {
    const Oid* oids;
    std::size_t count;
};
Dependencies rights_dependencies(const pg_uuid_t& user, const pg_uuid_t& tenant);

// One row of "these permissions hold on these ids".
template <class Id>
struct GrantRow {
    const char* const* permissions;
    std::size_t permission_count;
    const Id* ids;
    std::size_t id_count;
    bool cross_tenant;
    pg_uuid_t of_tenant;
    bool by_manage;
};

template <class Id>
struct GrantRows {
    const GrantRow<Id>* rows;
    std::size_t count;
};

// bastion_internal.acl_grants(): by ACL, in one tenant and from shares of other tenants.
GrantRows<int64> acl_grants(const pg_uuid_t& user, const pg_uuid_t& tenant);

// bastion_internal.unit_lists(): the ACLs of the rows of a unit and of the units below it, as one row without permissions.
GrantRows<int64> unit_lists(const pg_uuid_t& unit);

// The default ACLs of the tenant, of the unit and of the user in the tenant; 0 for a missing one.
DefaultAcls default_acls(const pg_uuid_t& user, const pg_uuid_t& tenant, const OptionalUuid& unit);

// bastion_internal.tenant_grants(): by tenant, over all memberships.
GrantRows<pg_uuid_t> tenant_grants(const pg_uuid_t& user);

}  // namespace bastion::pg
