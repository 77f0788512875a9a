// A condition of a query sees only rows that passed the policies before it. PostgreSQL lets leakproof conditions run earlier, and counts
// a call without a column among its arguments as leakproof, whatever it calls: `secret = 'x' AND f()` would run f() when another tenant
// has such a row. Called once, when the library is loaded: afterwards such a call waits for the policies, and so does a subquery.
#pragma once

namespace bastion::pg {

void watch_leaks();

}  // namespace bastion::pg
