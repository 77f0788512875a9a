// Paths of tiles: the examples of C2SP tlog-tiles, and every other text for the same tile.
#include "core/audit/tile.hpp"

#include <gtest/gtest.h>

#include "unit/base/words.hpp"

namespace bastion {
namespace {

using test::words;

TEST(TilePath, Published) {
    const auto path = parse_tile_path("tile/0/x001/x234/067");
    ASSERT_TRUE(path);
    EXPECT_EQ(path->index, 1234067U);
    EXPECT_EQ(path->level, 0U);
    EXPECT_EQ(path->width, 256U);
    EXPECT_FALSE(path->entries);
    const auto partial = parse_tile_path("tile/entries/273.p/112");
    ASSERT_TRUE(partial);
    EXPECT_TRUE(partial->entries);
    EXPECT_EQ(partial->index, 273U);
    EXPECT_EQ(partial->width, 112U);
    EXPECT_EQ(parse_tile_path("tile/63/000")->level, 63U);
    EXPECT_EQ(parse_tile_path("tile/0/999")->index, 999U);
    EXPECT_EQ(parse_tile_path("tile/0/x001/000")->index, 1000U);
}

TEST(TilePath, Refused) {
    for (const char* text : {"",
                             "tile",
                             "tile/",
                             "/tile/0/000",
                             "tile/0",
                             "tile/0/",
                             "tile/0/0",
                             "tile/0/00",
                             "tile/0/0000",
                             "tile/00/000",
                             "tile/64/000",
                             "tile/-1/000",
                             "tile/+1/000",
                             "tile/0/x000/000",
                             "tile/0/x001/",
                             "tile/0/x001",
                             "tile/0/001/000",
                             "tile/0/x001/x002/",
                             "tile/0/000/",
                             "tile/0/000.p",
                             "tile/0/000.p/",
                             "tile/0/000.p/0",
                             "tile/0/000.p/256",
                             "tile/0/000.p/01",
                             "tile/0/000.p/1/",
                             "tile/entries",
                             "tile/entries/",
                             "tile/entries/0/000",
                             "tile/Entries/000",
                             "tile/0/ 00",
                             "tile/0/000 ",
                             "tile/0/000\n",
                             "tile/0/x036/x028/x797/x018/x963/968",
                             "tile/0/x009/x223/x372/x036/x854/x775/x808/000",
                             "checkpoint"}) {
        SCOPED_TRACE(words(text));
        EXPECT_FALSE(parse_tile_path(text));
    }
}

}  // namespace
}  // namespace bastion
