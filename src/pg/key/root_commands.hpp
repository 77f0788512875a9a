// Root keys that commands print. The postmaster runs the commands of bastion.root_key when it starts and when a reload
// finds one that has not returned a key yet; the keys are in its locked memory, which every server process inherits. So a
// process has the keys that were loaded when it began.
#pragma once

#include "core/key/root_key.hpp"
#include "pg/base/pg.hpp"

namespace bastion::pg {

// The maximum number of keys in bastion.root_key.
inline constexpr std::size_t max_root_keys = 8;

// Runs new commands, and wipes keys of commands that the setting no longer lists. Called when bastion.root_key is set.
// Failures are logged and do not stop the server.
void update_root_commands(const char* setting);

// The key of a command; unsupported without preload, root_key_missing when the command returned none.
Result<RootKey> root_key_of_command(std::string_view command);

}  // namespace bastion::pg
