// A bound on password hashes that run at once in the whole server, with and without shared_preload_libraries: N slots in
// the lock manager (the USERLOCK class, which SQL cannot reach), taken without waiting and released when the hash is
// done or the transaction ends.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// Takes a slot; false at once when none is free. Strangers leave a quarter, and one at least where there are
// several, to known devices, so that they do not keep the owners of these out.
[[nodiscard]] bool take_hash_slot(LOCKTAG& slot, bool is_stranger = false);
void release_hash_slot(const LOCKTAG& slot);

// The bound in force: bastion.max_concurrent_hashes, or twice the number of cores.
int hash_slot_count() noexcept;

}  // namespace bastion::pg
