// Whether the decision of the current statement (context.hpp) still stands. In a file of its own, so that what a decision is
// made from can take it back without knowing how one is made.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

namespace detail {
inline bool decision_valid = false;
}

// The next reader decides again: called when a setting behind the decision changes.
inline void forget_decision() noexcept { detail::decision_valid = false; }

}  // namespace bastion::pg
