// The hooks of PostgreSQL's planner, and of the start of a plan, that this room needs.
#pragma once

namespace bastion::pg {

// Installs the hooks. Called once, when the library is loaded.
void watch_planner();

}  // namespace bastion::pg
