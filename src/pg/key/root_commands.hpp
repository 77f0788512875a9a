// Root keys that commands print. The postmaster runs the commands of bastion.root_key when it starts and when a reload finds
// one that has given no key yet; the keys live in its locked memory, which every server process inherits. So a process
// knows what was known when it began.
#pragma once

#include "core/key/root_key.hpp"
#include "pg/base/pg.hpp"

namespace bastion::pg {

// Keys that bastion.root_key names at most.
inline constexpr std::size_t max_root_keys = 8;

// Runs what has not run, and wipes keys of commands that the setting does not list any more. Called when bastion.root_key
// is set. Failures are told in the log and stop nothing.
void update_root_commands(const char* setting);

// The key of a command; unsupported without preload, root_key_missing when the command gave none.
Result<RootKey> root_key_of_command(std::string_view command);

}  // namespace bastion::pg
