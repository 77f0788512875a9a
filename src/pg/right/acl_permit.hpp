// The only way to change the access control list of a row: share() permits one change of one row version, and
// keep_acl(), the trigger of every table under sharing, refuses all others.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

struct AclChange {
    Oid relation;  // the table, partition or child that holds the row
    ItemPointerData row;
    int64 old_acl;
    int64 new_acl;
};

// Runs `body(argument)`, in which keep_acl() lets exactly this change pass, once.
void permit_acl_change(const AclChange& change, void (*body)(void*), void* argument);

}  // namespace bastion::pg
