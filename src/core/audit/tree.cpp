#include "core/audit/tree.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace bastion {
namespace {

struct NodePlace {
    TileName tile;
    std::uint64_t first;  // of the hashes in the tile whose subtree the node is
    std::uint64_t count;
};

// The lowest level of tiles that has the node's leaves within one tile.
NodePlace place_of(unsigned height, std::uint64_t index) {
    const unsigned level = height / tile_height;
    const std::uint64_t count = std::uint64_t{1} << height % tile_height;
    const std::uint64_t first = index * count;
    return {{level, first / tile_width}, first % tile_width, count};
}

// RFC 9162 §2.1.1: the largest power of two smaller than n, for n > 1.
std::uint64_t split(std::uint64_t n) { return std::bit_floor(n - 1); }

class Walk {
public:
    explicit Walk(TreeNodes& nodes) noexcept : nodes_(nodes) {}

    // MTH(D[from:to]), where `from` is a multiple of the power of two that is not below the length.
    Result<TreeHash> subtree(std::uint64_t from, std::uint64_t to) {
        const std::uint64_t length = to - from;
        if (std::has_single_bit(length)) {
            const auto height = static_cast<unsigned>(std::countr_zero(length));
            return nodes_.node(height, from >> height);
        }
        const std::uint64_t middle = from + split(length);
        Result<TreeHash> left = subtree(from, middle);
        if (!left) return left;
        Result<TreeHash> right = subtree(middle, to);
        if (!right) return right;
        return node_hash(*left, *right);
    }

    Result<std::vector<TreeHash>> inclusion(std::uint64_t index, std::uint64_t from, std::uint64_t to) {
        if (to - from == 1) return std::vector<TreeHash>();
        const std::uint64_t middle = from + split(to - from);
        return index < middle ? with(inclusion(index, from, middle), subtree(middle, to))
                              : with(inclusion(index, middle, to), subtree(from, middle));
    }

    // SUBPROOF(old_size, D[from:to], is_known), old_size counted from the first leaf of the tree.
    Result<std::vector<TreeHash>> consistency(std::uint64_t old_size, std::uint64_t from, std::uint64_t to,
                                              bool is_known) {
        if (old_size == to) {
            if (is_known) return std::vector<TreeHash>();
            return with(std::vector<TreeHash>(), subtree(from, to));
        }
        const std::uint64_t middle = from + split(to - from);
        return old_size <= middle ? with(consistency(old_size, from, middle, is_known), subtree(middle, to))
                                  : with(consistency(old_size, middle, to, false), subtree(from, middle));
    }

private:
    static Result<std::vector<TreeHash>> with(Result<std::vector<TreeHash>> proof, Result<TreeHash> next) {
        if (proof && !next) return std::move(next).error();
        if (proof) proof->push_back(*next);
        return proof;
    }

    TreeNodes& nodes_;
};

}  // namespace

Result<TreeHash> NeededTiles::node(unsigned height, std::uint64_t index) {
    names_.insert(place_of(height, index).tile);
    return TreeHash{};
}

Result<TreeHash> LoadedTiles::node(unsigned height, std::uint64_t index) {
    const NodePlace place = place_of(height, index);
    const auto tile = tiles_.find(place.tile);
    constexpr std::size_t hash_bytes = sizeof(TreeHash);
    if (tile == tiles_.end() || tile->second.size() < (place.first + place.count) * hash_bytes)
        return invalid_argument("the tiles of the tree have no such hash");
    std::vector<TreeHash> hashes(place.count);
    std::memcpy(hashes.data(), tile->second.data() + place.first * hash_bytes, place.count * hash_bytes);
    return complete_tree_hash(hashes);
}

Result<TreeHash> tree_root(TreeNodes& nodes, std::uint64_t size) {
    return size == 0 ? empty_tree_hash() : Walk(nodes).subtree(0, size);
}

Result<std::vector<TreeHash>> inclusion_proof(TreeNodes& nodes, std::uint64_t index, std::uint64_t size) {
    if (index >= size) return invalid_argument("the tree has no such leaf");
    return Walk(nodes).inclusion(index, 0, size);
}

Result<std::vector<TreeHash>> consistency_proof(TreeNodes& nodes, std::uint64_t old_size, std::uint64_t size) {
    if (old_size > size) return invalid_argument("the older tree is larger than the tree");
    if (old_size == 0) return std::vector<TreeHash>();
    return Walk(nodes).consistency(old_size, 0, size, true);
}

}  // namespace bastion
