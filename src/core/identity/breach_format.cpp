#include "core/identity/breach_format.hpp"

#include <sodium.h>

#include <algorithm>

namespace bastion::breach {

std::array<std::uint8_t, tag_bytes> tag_of(std::span<const std::uint8_t, key_bytes> key, std::uint64_t number,
                                           std::span<const std::uint8_t> content) noexcept {
    static_assert(crypto_shorthash_BYTES == tag_bytes && crypto_shorthash_KEYBYTES == key_bytes);
    // A key for each block, which costs no copy of its content.
    std::array<std::uint8_t, key_bytes> own;
    std::copy(key.begin(), key.end(), own.begin());
    for (std::size_t i = 0; i < sizeof(number); ++i) own[i] ^= static_cast<std::uint8_t>(number >> (8 * i));
    std::array<std::uint8_t, tag_bytes> tag;
    crypto_shorthash(tag.data(), content.data(), content.size(), own.data());
    return tag;
}

std::array<std::uint8_t, digest_bytes> digest_of(const Header& header, std::span<const Partition> table) noexcept {
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, reinterpret_cast<const unsigned char*>(&header), offsetof(Header, digest));
    crypto_hash_sha256_update(&state, reinterpret_cast<const unsigned char*>(table.data()), table.size_bytes());
    std::array<std::uint8_t, digest_bytes> digest;
    crypto_hash_sha256_final(&state, digest.data());
    return digest;
}

}  // namespace bastion::breach
