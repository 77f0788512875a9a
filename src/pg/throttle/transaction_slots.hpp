// At most so many transactions at once: slots of the lock manager (the USERLOCK class, which SQL cannot reach), taken without waiting. A
// slot belongs to its transaction until that ends, whatever a savepoint does, and to a prepared one too. So a backend that dies leaves
// none behind, and no preload is needed.
#pragma once

#include "pg/base/guard.hpp"

namespace bastion::pg {

inline constexpr int most_slots = 64;
inline constexpr int most_slots_of_transaction = 8;

// Takes one of `count` slots of a name in this database, or has one already. False when other transactions have all. Raises 54000
// for a ninth name in a transaction.
[[nodiscard]] bool take_transaction_slot(ByteSpan name, int count);

// From _PG_init.
void prepare_transaction_slots();

}  // namespace bastion::pg
