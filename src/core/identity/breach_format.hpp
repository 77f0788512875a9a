// The file of a breach filter, which breach_filter_writer.cpp writes and breach_filter.cpp reads: a header, a table of partitions
// and blocks of fingerprints. Numbers are little-endian.
//
//   header      96 bytes: magic, version, kind of hash, bits of a fingerprint, bits of a partition's number (4 bytes each), entries,
//               size of the file (8 bytes each), key of the blocks' tags (16), SHA-256 of all before it and of the table (32)
//   table       24 bytes for each partition: seed, first block (8 bytes each), length of a segment, number of segments (4 bytes each)
//   blocks      256 bytes each, from a multiple of 256 on: a tag of 8 bytes, SipHash-2-4 over the block's number and the rest, and
//               fingerprints of 3 or 4 bytes
//
// A partition holds the hashes that begin with its number, and is a binary fuse filter of three segments (Graf and Lemire, "Binary
// Fuse Filters: Fast and Smaller Than Xor Filters", 2022), so that a file of any size is made in little memory and read in three
// blocks. The tags show damage and blocks of other files. They are no defence against those who may write the file.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace bastion::breach {

static_assert(std::endian::native == std::endian::little);

inline constexpr std::array<char, 16> magic = {'b', 'a', 's', 't', 'i', 'o', 'n', ' ',
                                               'b', 'r', 'e', 'a', 'c', 'h', 'e', 's'};
inline constexpr std::uint32_t version = 1;
inline constexpr std::size_t block_bytes = 256;
inline constexpr std::size_t tag_bytes = 8;
inline constexpr std::size_t key_bytes = 16;
inline constexpr std::size_t digest_bytes = 32;
inline constexpr std::uint32_t max_partition_bits = 16;
inline constexpr std::uint32_t max_segment_length = 1u << 18;

struct Header {
    std::array<char, 16> magic;
    std::uint32_t version;
    std::uint32_t kind;
    std::uint32_t fingerprint_bits;
    std::uint32_t partition_bits;
    std::uint64_t entries;
    std::uint64_t size;
    std::array<std::uint8_t, key_bytes> key;
    std::array<std::uint8_t, digest_bytes> digest;
};
static_assert(sizeof(Header) == 96 && std::is_trivially_copyable_v<Header>);

struct Partition {
    std::uint64_t seed;
    std::uint64_t first_block;
    std::uint32_t segment_length;
    std::uint32_t
        segments;  // positions of a first fingerprint are in these, two more follow; 0: nothing is in the partition

    [[nodiscard]] std::uint64_t slots() const noexcept {
        return segments == 0 ? 0 : (std::uint64_t{segments} + 2) * segment_length;
    }
};
static_assert(sizeof(Partition) == 24 && std::is_trivially_copyable_v<Partition>);

[[nodiscard]] constexpr std::size_t fingerprints_per_block(std::uint32_t bits) noexcept {
    return (block_bytes - tag_bytes) / (bits / 8);
}

// Where the blocks begin.
[[nodiscard]] constexpr std::uint64_t blocks_offset(std::uint32_t partition_bits) noexcept {
    const std::uint64_t end = sizeof(Header) + (std::uint64_t{sizeof(Partition)} << partition_bits);
    return (end + block_bytes - 1) / block_bytes * block_bytes;
}

[[nodiscard]] constexpr std::uint64_t blocks_of(std::uint64_t slots, std::uint32_t bits) noexcept {
    const std::uint64_t each = fingerprints_per_block(bits);
    return (slots + each - 1) / each;
}

// The finalizer of MurmurHash3.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t value) noexcept {
    value = (value ^ (value >> 33)) * 0xff51afd7ed558ccdULL;
    value = (value ^ (value >> 33)) * 0xc4ceb9fe1a85ec53ULL;
    return value ^ (value >> 33);
}

// What a partition makes of a hash's first 8 bytes.
struct Place {
    std::array<std::uint64_t, 3> slots;
    std::uint32_t fingerprint;
};

[[nodiscard]] inline Place place_of(std::uint64_t hash, const Partition& partition, std::uint32_t bits) noexcept {
    const std::uint64_t mixed = mix(hash + partition.seed);
    const std::uint64_t mask = partition.segment_length - 1;
    const std::uint64_t starts = std::uint64_t{partition.segments} * partition.segment_length;
    const auto first = static_cast<std::uint64_t>((static_cast<unsigned __int128>(mixed) * starts) >> 64);
    const std::uint64_t second = (first + partition.segment_length) ^ ((mixed >> 18) & mask);
    const std::uint64_t third = (first + 2 * std::uint64_t{partition.segment_length}) ^ (mixed & mask);
    // Independent of the places.
    const std::uint64_t print = mix(mixed ^ 0x9e3779b97f4a7c15ULL) >> (64 - bits);
    return {{first, second, third}, static_cast<std::uint32_t>(print)};
}

[[nodiscard]] inline std::size_t partition_of(std::uint64_t hash, std::uint32_t partition_bits) noexcept {
    return partition_bits == 0 ? 0 : hash >> (64 - partition_bits);
}

// The tag of a block's bytes behind the tag.
[[nodiscard]] std::array<std::uint8_t, tag_bytes> tag_of(std::span<const std::uint8_t, key_bytes> key,
                                                         std::uint64_t number,
                                                         std::span<const std::uint8_t> content) noexcept;

// The digest of a header, but for its digest, and of the table.
[[nodiscard]] std::array<std::uint8_t, digest_bytes> digest_of(const Header& header,
                                                               std::span<const Partition> table) noexcept;

}  // namespace bastion::breach
