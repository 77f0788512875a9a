// Memory for keys: pages that no core dump holds and that are locked against swapping, between two guard pages. If the
// limit of locked memory is too small, they are only kept out of core dumps, and key_memory() says so. Used by
// SecretBytes alone, by one thread. The memory is never returned to the system before the process ends; places are
// reused.
#pragma once

#include <cstddef>

namespace bastion {

// Larger secrets are no keys.
inline constexpr std::size_t key_memory_max_bytes = 256;

// Zeroed; null for more than key_memory_max_bytes, or when memory is exhausted.
[[nodiscard]] void* allocate_key_memory(std::size_t size) noexcept;

// Wiped by the caller; `size` as when it was allocated.
void release_key_memory(void* memory, std::size_t size) noexcept;

// The total size, and the locked part of it, in bytes.
struct KeyMemory {
    std::size_t size = 0;
    std::size_t locked = 0;
};
[[nodiscard]] KeyMemory key_memory() noexcept;

}  // namespace bastion
