#include "core/audit/tree_hash.hpp"

#include <vector>

#include "core/base/libcrypto.hpp"

namespace bastion {
namespace {

constexpr std::uint8_t leaf_prefix[] = {0x00};
constexpr std::uint8_t node_prefix[] = {0x01};

Result<TreeHash> digest(std::span<const ByteSpan> parts) {
    thread_local const DigestContext context(EVP_MD_CTX_new());
    TreeHash out{};
    bool done = context != nullptr && EVP_DigestInit_ex2(context.get(), fetched_digest(HashId::sha256), nullptr) == 1;
    for (const ByteSpan part : parts) done = done && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
    if (!done || EVP_DigestFinal_ex(context.get(), out.data(), nullptr) != 1)
        return Error{ErrorCode::internal, "libcrypto cannot compute SHA-256"};
    return out;
}

}  // namespace

Result<TreeHash> empty_tree_hash() { return digest({}); }

Result<TreeHash> leaf_hash(ByteSpan entry) {
    const ByteSpan parts[] = {leaf_prefix, entry};
    return digest(parts);
}

Result<TreeHash> node_hash(const TreeHash& left, const TreeHash& right) {
    const ByteSpan parts[] = {node_prefix, left, right};
    return digest(parts);
}

Result<TreeHash> complete_tree_hash(std::span<const TreeHash> hashes) {
    std::vector<TreeHash> level(hashes.begin(), hashes.end());
    while (level.size() > 1) {
        for (std::size_t i = 0; i < level.size() / 2; ++i) {
            Result<TreeHash> above = node_hash(level[2 * i], level[2 * i + 1]);
            if (!above) return above;
            level[i] = *above;
        }
        level.resize(level.size() / 2);
    }
    return level.front();
}

}  // namespace bastion
