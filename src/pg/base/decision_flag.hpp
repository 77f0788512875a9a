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

}  // namespace bastion::pg
