#include "core/flag/bucket.hpp"

#include <bit>
#include <cstddef>

namespace bastion {
namespace {

constexpr std::uint32_t scramble(std::uint32_t block) noexcept {
    return std::rotl(block * 0xcc9e2d51U, 15) * 0x1b873593U;
}

// Takes bytes one at a time, so that two texts are hashed without a copy that joins them.
class Hasher {
public:
    void add(std::string_view text) noexcept {
        for (const char byte : text) {
            block_ |= static_cast<std::uint32_t>(static_cast<unsigned char>(byte)) << (8 * (size_ % 4));
            if (++size_ % 4 != 0) continue;
            hash_ = std::rotl(hash_ ^ scramble(block_), 13) * 5 + 0xe6546b64U;
            block_ = 0;
        }
    }

    [[nodiscard]] std::uint32_t finish() const noexcept {
        std::uint32_t hash = hash_ ^ scramble(block_) ^ static_cast<std::uint32_t>(size_);
        hash = (hash ^ (hash >> 16)) * 0x85ebca6bU;
        hash = (hash ^ (hash >> 13)) * 0xc2b2ae35U;
        return hash ^ (hash >> 16);
    }

private:
    std::uint32_t hash_ = 0;
    std::uint32_t block_ = 0;
    std::size_t size_ = 0;
};

}  // namespace

std::uint32_t murmur3(std::string_view first, std::string_view second) noexcept {
    Hasher hasher;
    hasher.add(first);
    hasher.add(second);
    return hasher.finish();
}

}  // namespace bastion
