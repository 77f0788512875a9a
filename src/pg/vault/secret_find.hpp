// Finds secrets for the user of the transaction, after a check of what the user may do with them. A name means the tenant's secret,
// unless the caller asks for the user's own or a unit's: a member who stores an own secret under a name that an application uses must
// not answer in place of the tenant. Rows are read as the active snapshot sees them, without the rights of the caller; values are
// in the memory of the caller.
#pragma once

#include "pg/base/identity.hpp"

namespace bastion::pg {

// Where a secret is: of the installation without a tenant, else of the user or unit, if there is one.
struct SecretPlace {
    OptionalUuid tenant;
    OptionalUuid owner;
    OptionalUuid unit;
};

struct Secret {
    pg_uuid_t id;
    SecretPlace place;
    bool left;   // with its owner, who was a member
    Datum name;  // text
    bool active;
    TimestampTz expires_at;  // DT_NOEND for never
    int32 version;
    NullableDatum max_version_age;  // interval
    Datum row;                      // bastion.secrets
};

// How a caller names a secret. `unit` is a slug or uuid.
struct SecretName {
    NullableDatum name;  // text
    bool own;
    NullableDatum unit;  // text
};

enum class SecretUse { read, open, manage };

// The use that a word of SQL means.
SecretUse secret_use_of(std::string_view word);

// The resource whose permissions a secret of this name needs: that of the longest folder that contains it, else tenant.secrets.
const char* secret_resource(const NullableDatum& name);

// Whether the user may do this to a secret of this name, of the tenant or of a unit.
bool may_use_secret(const NullableDatum& name, const OptionalUuid& unit, SecretUse use);
// Raises 42501 otherwise.
void require_secret_permission(const NullableDatum& name, const OptionalUuid& unit, SecretUse use);

// Where a secret of this name is. Raises 22023 for an own secret of a unit, 42501 unless the user may do this there, 42704 for an
// unknown unit.
SecretPlace find_place(const SecretName& name, SecretUse use);

// The secret of this name. Locks nothing. Raises 42704 for none, and as find_place().
Secret find_secret(const SecretName& name, SecretUse use);

// The secret with this id; for SecretUse::manage also the own secret of a user who left. Raises 42501, 42704.
Secret find_secret(const NullableDatum& id, SecretUse use);

// The secret of this name in a place, without a check of rights; false for none.
bool read_secret(const SecretPlace& place, const NullableDatum& name, Secret& out);

}  // namespace bastion::pg
