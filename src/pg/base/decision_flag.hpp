// Whether the decision of the current statement (context.hpp) is still valid. A separate file, so that the inputs of a
// decision can invalidate it without depending on the code that makes one.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

namespace detail {
inline bool decision_valid = false;
}

// The next reader makes a new decision: called when a setting behind the decision changes.
inline void forget_decision() noexcept { detail::decision_valid = false; }

// Called when the transaction presents another credential or tenant, and after each new decision, or null. A plan is taken
// before any other hook runs, so this is how the planner's room hears of a tenant in time. Runs in assign hooks: must
// neither raise nor read tables.
inline void (*identity_changed)() noexcept = nullptr;

// For assign hooks: the next reader makes a new decision, by what is presented now.
inline void present_another() noexcept {
    forget_decision();
    if (identity_changed != nullptr) identity_changed();
}

}  // namespace bastion::pg
