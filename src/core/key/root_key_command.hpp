// The root key that a command prints, for keys that a service or a device keeps. Called by the postmaster when it starts
// and reloads, so a command has a time limit and its failure is an Error like any other. Output is read into a SecretBytes,
// nowhere else.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/key/root_key.hpp"

namespace bastion {

// The shell command of a source 'command:…', without spaces around it; empty for any other source.
[[nodiscard]] std::string_view root_key_command(std::string_view source) noexcept;

// Runs it with /bin/sh, standard input empty, and takes its output for the content of a root key file. It is killed with its
// children when it takes longer. root_key_missing gives the reason in log_detail, and never the output.
[[nodiscard]] Result<RootKey> run_root_key_command(const std::string& command, std::chrono::milliseconds limit);

}  // namespace bastion
