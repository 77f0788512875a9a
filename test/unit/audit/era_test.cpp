// The era of an audit log: one number for each place, which other programs can compute.
#include "core/audit/era.hpp"

#include <gtest/gtest.h>

#include <set>

namespace bastion {
namespace {

TEST(AuditEra, EachPlaceHasItsOwn) {
    std::set<std::int64_t> eras;
    for (const std::uint64_t system : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 32, ~std::uint64_t{0}})
        for (const std::uint32_t timeline : {0U, 1U, 2U, 0x01000000U})
            for (const std::uint32_t database : {1U, 5U, 0xFFFFFFFFU})
                eras.insert(audit_era({system, timeline, database}));
    EXPECT_EQ(eras.size(), 48U);
    EXPECT_GT(*eras.begin(), 0);
}

// printf 'pg_bastion era\x68\x00\x00\x00\x00\x00\x00\x2a\x00\x00\x00\x01\x00\x00\x00\x05' | sha256sum
TEST(AuditEra, IsTheHashOfItsParts) { EXPECT_EQ(audit_era({0x680000000000002A, 1, 5}), 286967316828169507); }

}  // namespace
}  // namespace bastion
