// Locks of the class USERLOCK of the lock manager, which SQL cannot reach: no other role can hold one.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// What they lock, as arbitrary numbers of the extension.
enum class UserLock : uint32 { password_hash = 0xBA570001u, transaction = 0xBA570002u, quota = 0xBA570003u };

// In the whole server when the database is InvalidOid.
inline LOCKTAG user_lock_tag(UserLock what, Oid database, uint32 name, int number) noexcept {
    LOCKTAG tag{};
    tag.locktag_field1 = database;
    tag.locktag_field2 = static_cast<uint32>(what);
    tag.locktag_field3 = name;
    tag.locktag_field4 = static_cast<uint16>(number);
    tag.locktag_type = LOCKTAG_USERLOCK;
    tag.locktag_lockmethodid = USER_LOCKMETHOD;
    return tag;
}

}  // namespace bastion::pg
