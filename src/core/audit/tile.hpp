// Tiles of a Merkle tree as C2SP tlog-tiles has them: 256 hashes of one level of tiles, and their paths. A tile at level L holds the
// roots of complete subtrees of 256^L leaves. Called by the functions of audit tiles and by the tree; nothing here keeps state.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace bastion {

inline constexpr std::uint64_t tile_width = 256;
inline constexpr unsigned tile_height = 8;  // 2^8 hashes
// 256^8 leaves have 64 bits.
inline constexpr unsigned most_tile_levels = 8;
// The largest tree: sizes are bigint of SQL.
inline constexpr std::uint64_t most_leaves = INT64_MAX;

struct TilePath {
    bool entries = false;  // a bundle of entries, which has no level
    unsigned level = 0;    // 0 to 63
    std::uint64_t index = 0;
    unsigned width = tile_width;  // less for a partial tile
};

// tile/<level>/<index>[.p/<width>] or tile/entries/<index>[.p/<width>], where index 1234067 is x001/x234/067. Empty for any other
// text: each tile has one path.
[[nodiscard]] std::optional<TilePath> parse_tile_path(std::string_view path);

}  // namespace bastion
