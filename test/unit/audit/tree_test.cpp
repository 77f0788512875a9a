// The tree over tiles against published roots and proofs, and against the words of RFC 9162 for every small tree and for sizes around the
// ends of tiles.
#include "core/audit/tree.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

#include "core/base/encoding.hpp"
#include "unit/audit/reference_tree.hpp"
#include "unit/base/words.hpp"

namespace bastion {
namespace {

using test::consistency_verifies;
using test::inclusion_verifies;
using test::leaf_of;
using test::root_of;
using test::words;

TreeHash hash_of(std::string_view digits) {
    const Bytes bytes = hex_decode(digits).value();
    TreeHash out{};
    std::copy(bytes.begin(), bytes.end(), out.begin());
    return out;
}

// The tree of Certificate Transparency's tests (merkle_tree_test.cc), with the root of each of its sizes.
const std::vector<std::string> published_leaves = {
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
const std::vector<TreeHash> published_roots = {
    hash_of("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    hash_of("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    hash_of("aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    hash_of("d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    hash_of("4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
    hash_of("76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
    hash_of("ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
    hash_of("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")};

// Tiles as the database keeps them: a full tile gives one hash to the level above.
class Store {
public:
    void append(const TreeHash& hash, unsigned level = 0) {
        std::string& tile = tiles_[{level, counts_[level]++ / tile_width}];
        tile += as_text(hash);
        if (counts_[level] % tile_width != 0) return;
        std::vector<TreeHash> hashes(tile_width);
        std::memcpy(hashes.data(), tile.data(), tile.size());
        append(complete_tree_hash(hashes).value(), level + 1);
    }

    // The answer of a function of the tree, which gets the tiles that it asked for and no others.
    template <class Function>
    auto read(Function&& function) const {
        NeededTiles needed;
        EXPECT_TRUE(function(needed));
        EXPECT_LE(needed.names().size(), 16U);
        LoadedTiles loaded;
        for (const TileName& name : needed.names())
            if (const auto tile = tiles_.find(name); tile != tiles_.end()) loaded.add(name, as_bytes(tile->second));
        auto answer = function(loaded);
        EXPECT_TRUE(answer);
        return std::move(answer).value();
    }

    TreeHash root(std::uint64_t size) const {
        return read([&](TreeNodes& nodes) { return tree_root(nodes, size); });
    }
    std::vector<TreeHash> inclusion(std::uint64_t index, std::uint64_t size) const {
        return read([&](TreeNodes& nodes) { return inclusion_proof(nodes, index, size); });
    }
    std::vector<TreeHash> consistency(std::uint64_t old_size, std::uint64_t size) const {
        return read([&](TreeNodes& nodes) { return consistency_proof(nodes, old_size, size); });
    }

private:
    std::map<TileName, std::string> tiles_;
    std::map<unsigned, std::uint64_t> counts_;
};

std::vector<TreeHash> leaves_of(std::size_t count) {
    std::vector<TreeHash> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(leaf_of(as_bytes("entry " + std::to_string(i))));
    return out;
}

Store store_of(std::span<const TreeHash> leaves) {
    Store out;
    for (const TreeHash& leaf : leaves) out.append(leaf);
    return out;
}

TEST(Tree, PublishedRoots) {
    Store store;
    EXPECT_EQ(store.root(0), hash_of("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    for (std::size_t i = 0; i < published_leaves.size(); ++i) {
        SCOPED_TRACE(words(i));
        store.append(leaf_hash(hex_decode(published_leaves[i]).value()).value());
        EXPECT_EQ(store.root(i + 1), published_roots[i]);
    }
}

TEST(Tree, PublishedProofs) {
    Store store;
    for (const std::string& leaf : published_leaves) store.append(leaf_hash(hex_decode(leaf).value()).value());
    const TreeHash left = published_roots[3];
    const TreeHash middle = hash_of("ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0");
    const TreeHash fifth = hash_of("bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b");
    EXPECT_EQ(store.inclusion(5, 8), (std::vector{fifth, middle, left}));
    EXPECT_EQ(store.inclusion(2, 3), (std::vector{published_roots[1]}));
    EXPECT_EQ(store.consistency(6, 8),
              (std::vector{hash_of("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"), middle, left}));
    EXPECT_EQ(store.consistency(2, 5),
              (std::vector{hash_of("5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"), fifth}));
}

TEST(Tree, EveryProofOfSmallTrees) {
    const auto leaves = leaves_of(40);
    const Store store = store_of(leaves);
    for (std::size_t size = 1; size <= leaves.size(); ++size) {
        SCOPED_TRACE(words(size));
        const TreeHash root = root_of(std::span(leaves).first(size));
        ASSERT_EQ(store.root(size), root);
        for (std::size_t other = 0; other < size; ++other) {
            SCOPED_TRACE(words(other));
            EXPECT_TRUE(inclusion_verifies(leaves[other], other, size, store.inclusion(other, size), root));
            EXPECT_FALSE(
                inclusion_verifies(leaf_of(as_bytes("another")), other, size, store.inclusion(other, size), root));
            if (other == 0) continue;
            EXPECT_TRUE(consistency_verifies(other, size, store.consistency(other, size),
                                             root_of(std::span(leaves).first(other)), root));
        }
    }
}

// Several levels of tiles, full and partial ones, and the sizes at which they change.
TEST(Tree, ProofsAcrossTiles) {
    const auto leaves = leaves_of(65536 + 256 + 3);
    const Store store = store_of(leaves);
    std::vector<std::uint64_t> sizes = {1, 2, 255, 256, 257, 511, 512, 513, 65535, 65536, 65537, 65792, leaves.size()};
    std::mt19937_64 random(20);
    for (int i = 0; i < 12; ++i) sizes.push_back(1 + random() % leaves.size());
    std::vector<TreeHash> roots;
    for (const std::uint64_t size : sizes) {
        SCOPED_TRACE(words(size));
        roots.push_back(root_of(std::span(leaves).first(size)));
        ASSERT_EQ(store.root(size), roots.back());
        for (const std::uint64_t index : {std::uint64_t{0}, size / 3, size - 1, random() % size}) {
            SCOPED_TRACE(words(index));
            EXPECT_TRUE(inclusion_verifies(leaves[index], index, size, store.inclusion(index, size), roots.back()));
        }
    }
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        SCOPED_TRACE(words(sizes[i]));
        for (std::size_t j = 0; j < sizes.size(); ++j) {
            SCOPED_TRACE(words(sizes[j]));
            if (sizes[i] > sizes[j]) continue;
            EXPECT_TRUE(
                consistency_verifies(sizes[i], sizes[j], store.consistency(sizes[i], sizes[j]), roots[i], roots[j]));
        }
    }
}

TEST(Tree, TheLargestTreeNeedsFewTiles) {
    NeededTiles needed;
    EXPECT_TRUE(inclusion_proof(needed, most_leaves / 3, most_leaves));
    EXPECT_TRUE(consistency_proof(needed, most_leaves / 3, most_leaves));
    EXPECT_LE(needed.names().size(), 16U);
}

TEST(Tree, WhatIsNotThere) {
    const auto leaves = leaves_of(5);
    LoadedTiles nothing;
    EXPECT_EQ(tree_root(nothing, 1).error().code, ErrorCode::invalid_argument);
    NeededTiles needed;
    EXPECT_EQ(inclusion_proof(needed, 5, 5).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(consistency_proof(needed, 6, 5).error().code, ErrorCode::invalid_argument);
    EXPECT_TRUE(consistency_proof(needed, 0, 5).value().empty());
    EXPECT_TRUE(consistency_proof(needed, 5, 5).value().empty());
    // A tile with fewer hashes than the tree needs.
    LoadedTiles partial;
    partial.add({0, 0}, ByteSpan(leaves[0]));
    EXPECT_TRUE(tree_root(partial, 1));
    EXPECT_EQ(tree_root(partial, 2).error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace bastion
