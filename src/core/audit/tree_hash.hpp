// The hashes of a Merkle tree (RFC 9162 §2.1.1), which is that of RFC 6962 and of C2SP's tlog formats. Called by the tree and by the
// functions of the audit log. A thread keeps one state of libcrypto for all its hashes, until it ends.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"

namespace bastion {

using TreeHash = std::array<std::uint8_t, 32>;

[[nodiscard]] Result<TreeHash> empty_tree_hash();
[[nodiscard]] Result<TreeHash> leaf_hash(ByteSpan entry);                               // SHA-256(0x00 ‖ entry)
[[nodiscard]] Result<TreeHash> node_hash(const TreeHash& left, const TreeHash& right);  // SHA-256(0x01 ‖ both)

// The root of a complete tree over hashes of one level, whose number is a power of two.
[[nodiscard]] Result<TreeHash> complete_tree_hash(std::span<const TreeHash> hashes);

}  // namespace bastion
