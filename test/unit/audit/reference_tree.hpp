// A Merkle tree by the words of RFC 9162, written apart from the core: recursion over lists of leaves, and the algorithms of §2.1.3.2 and
// §2.1.4.2 that verify proofs.
#pragma once

#include <sodium.h>

#include <optional>
#include <span>
#include <vector>

#include "core/audit/tree_hash.hpp"

namespace bastion::test {

inline TreeHash sha256(std::initializer_list<ByteSpan> parts) {
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    for (const ByteSpan part : parts) crypto_hash_sha256_update(&state, part.data(), part.size());
    TreeHash out{};
    crypto_hash_sha256_final(&state, out.data());
    return out;
}

inline TreeHash node_of(const TreeHash& left, const TreeHash& right) {
    const std::uint8_t prefix[] = {1};
    return sha256({prefix, left, right});
}

inline TreeHash leaf_of(ByteSpan entry) {
    const std::uint8_t prefix[] = {0};
    return sha256({prefix, entry});
}

inline TreeHash root_of(std::span<const TreeHash> leaves) {
    if (leaves.empty()) return sha256({});
    if (leaves.size() == 1) return leaves[0];
    std::size_t k = 1;
    while (k * 2 < leaves.size()) k *= 2;
    return node_of(root_of(leaves.first(k)), root_of(leaves.subspan(k)));
}

// §2.1.3.2
inline bool inclusion_verifies(const TreeHash& leaf, std::uint64_t index, std::uint64_t size,
                               std::span<const TreeHash> proof, const TreeHash& root) {
    if (index >= size) return false;
    std::uint64_t fn = index;
    std::uint64_t sn = size - 1;
    TreeHash r = leaf;
    for (const TreeHash& p : proof) {
        if (sn == 0) return false;
        if ((fn & 1) != 0 || fn == sn) {
            r = node_of(p, r);
            while ((fn & 1) == 0 && fn != 0) fn >>= 1, sn >>= 1;
        } else {
            r = node_of(r, p);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && r == root;
}

// §2.1.4.2
inline bool consistency_verifies(std::uint64_t first, std::uint64_t second, std::vector<TreeHash> proof,
                                 const TreeHash& first_root, const TreeHash& second_root) {
    if (first == second) return proof.empty() && first_root == second_root;
    if (proof.empty()) return false;
    if ((first & (first - 1)) == 0) proof.insert(proof.begin(), first_root);
    std::uint64_t fn = first - 1;
    std::uint64_t sn = second - 1;
    while ((fn & 1) != 0) fn >>= 1, sn >>= 1;
    TreeHash fr = proof[0];
    TreeHash sr = proof[0];
    for (std::size_t i = 1; i < proof.size(); ++i) {
        if (sn == 0) return false;
        if ((fn & 1) != 0 || fn == sn) {
            fr = node_of(proof[i], fr);
            sr = node_of(proof[i], sr);
            while ((fn & 1) == 0 && fn != 0) fn >>= 1, sn >>= 1;
        } else {
            sr = node_of(sr, proof[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return fr == first_root && sr == second_root && sn == 0;
}

}  // namespace bastion::test
