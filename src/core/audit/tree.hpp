// Roots and proofs of a Merkle tree (RFC 9162 §2.1) that is stored in tiles. First a run over NeededTiles says which tiles an answer
// reads, at most 16; then the caller reads them, and a run over LoadedTiles computes it. Both runs are the same code. Called by the
// functions of the audit log. Tiles live as long as the call.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "core/audit/tile.hpp"
#include "core/audit/tree_hash.hpp"

namespace bastion {

// Level and index.
using TileName = std::pair<unsigned, std::uint64_t>;

// The roots of the complete subtrees: that of the 2^height leaves from index × 2^height on.
class TreeNodes {
public:
    virtual ~TreeNodes() = default;
    [[nodiscard]] virtual Result<TreeHash> node(unsigned height, std::uint64_t index) = 0;
};

// Notes the tiles and makes every hash zero.
class NeededTiles final : public TreeNodes {
public:
    [[nodiscard]] Result<TreeHash> node(unsigned height, std::uint64_t index) override;
    [[nodiscard]] const std::set<TileName>& names() const noexcept { return names_; }

private:
    std::set<TileName> names_;
};

class LoadedTiles final : public TreeNodes {
public:
    // A view of whole hashes, at most 256.
    void add(TileName name, ByteSpan hashes) { tiles_[name] = hashes; }
    // invalid_argument for a hash that no tile has.
    [[nodiscard]] Result<TreeHash> node(unsigned height, std::uint64_t index) override;

private:
    std::map<TileName, ByteSpan> tiles_;
};

// The root of the first `size` leaves.
[[nodiscard]] Result<TreeHash> tree_root(TreeNodes& nodes, std::uint64_t size);

// RFC 9162 §2.1.3.1: that the leaf is in the tree. index < size.
[[nodiscard]] Result<std::vector<TreeHash>> inclusion_proof(TreeNodes& nodes, std::uint64_t index, std::uint64_t size);

// RFC 9162 §2.1.4.1: that the tree of `size` leaves begins with the tree of `old_size`. old_size <= size; without hashes when the
// sizes are equal, or the older tree is empty.
[[nodiscard]] Result<std::vector<TreeHash>> consistency_proof(TreeNodes& nodes, std::uint64_t old_size,
                                                              std::uint64_t size);

}  // namespace bastion
