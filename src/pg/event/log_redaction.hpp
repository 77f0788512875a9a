// Keeps secrets that SQL carries, as literals or as parameters, out of the server log.
#pragma once

#include <string_view>

namespace bastion::pg {

// The function, setting or token that makes a text secret, or "bastion.redacted_names"; empty without.
[[nodiscard]] std::string_view secret_call(std::string_view text) noexcept;

// Installs the hook for messages to the log, when the library is preloaded. Called once, from _PG_init.
void watch_log();

}  // namespace bastion::pg
