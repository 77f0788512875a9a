// The life of a decision: the ExecutorRun hook marks the start of a top-level statement, where pending invalidations are
// accepted, and publishes the decision before a plan enters parallel mode; the transaction callback ends token, decision
// and latch.
#pragma once

namespace bastion::pg {

// Installs hook and callback. Called once, from _PG_init.
void watch_statements();

// Whether the executor runs only the current top-level statement itself, a query.
bool directly_in_top_level_statement() noexcept;

}  // namespace bastion::pg
