// Initialisation that the libraries below src/core need once per process, before any other call.
#pragma once

namespace bastion {

// Initialises libsodium; false when it cannot (no source of randomness). May be called more than once.
[[nodiscard]] bool initialise_libraries() noexcept;

}  // namespace bastion
