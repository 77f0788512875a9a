// Keeps secrets that SQL carries, as literals or as parameters, out of the server log.
#pragma once

namespace bastion::pg {

// Installs the hook for messages to the log, when the library is preloaded. Called once, from _PG_init.
void watch_log();

}  // namespace bastion::pg
