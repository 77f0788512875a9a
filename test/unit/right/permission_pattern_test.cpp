// Which permissions a pattern covers.
#include "core/right/permission_pattern.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace bastion {
namespace {

TEST(PermissionPattern, CoversItsOwn) {
    EXPECT_TRUE(pattern_covers("documents.read", "documents.read"));
    EXPECT_TRUE(pattern_covers("*", "documents.read"));
    EXPECT_TRUE(pattern_covers("*.read", "documents.read"));
    EXPECT_TRUE(pattern_covers("*.read", "a.b.read"));
    EXPECT_TRUE(pattern_covers("a.*", "a.b.read"));
    EXPECT_TRUE(pattern_covers("a.b.*", "a.b.read"));
    EXPECT_TRUE(pattern_covers("tenant.*", "tenant.members.manage"));
    EXPECT_TRUE(pattern_covers("tenant.read", "tenant.read"));
    EXPECT_TRUE(pattern_covers("own.*", "own.secrets.read"));
}

TEST(PermissionPattern, CoversNothingElse) {
    EXPECT_FALSE(pattern_covers("documents.read", "documents.update"));
    EXPECT_FALSE(pattern_covers("doc.*", "documents.read"));
    EXPECT_FALSE(pattern_covers("documents.*", "documents"));
    EXPECT_FALSE(pattern_covers("*.read", "documents.reread"));
    EXPECT_FALSE(pattern_covers("*.read", "read"));
    EXPECT_FALSE(pattern_covers("*", "tenant.read"));
    EXPECT_FALSE(pattern_covers("*.read", "tenant.read"));
    EXPECT_FALSE(pattern_covers("*.manage", "platform.x.manage"));
    EXPECT_FALSE(pattern_covers("*", "own.secrets.read"));
    EXPECT_FALSE(pattern_covers("*.read", "own.secrets.read"));
    EXPECT_FALSE(pattern_covers("*", "bastion.x.read"));
    EXPECT_TRUE(pattern_covers("*", "tenants.read"));
    EXPECT_FALSE(pattern_covers("", "documents.read"));
    EXPECT_FALSE(pattern_covers("a.b.*", "a.read"));
}

// Chains of delegations: each hop takes patterns that those of the hop before cover, as patterns. What a hop covers, every hop before
// it covers too, whatever permissions there are.
TEST(PermissionPattern, NoChainOfHopsWidens) {
    const std::vector<std::string> patterns = {
        "*",          "*.read",         "*.manage",      "a.*",   "a.b.*",      "a.b.c.*",
        "a.read",     "a.b.read",       "a.b.c.manage",  "b.*",   "b.read",     "tenant.*",
        "tenant.a.*", "tenant.read",    "tenant.a.read", "own.*", "own.a.read", "own.a.b.*",
        "platform.*", "bastion.a.read", "tenants.read"};
    const std::vector<std::string> permissions = {
        "a.read",     "a.manage",     "a.b.read",    "a.b.manage",    "a.b.c.read",     "a.b.c.manage",
        "b.read",     "b.c.manage",   "tenant.read", "tenant.a.read", "tenant.manage",  "tenants.read",
        "own.a.read", "own.a.b.read", "own.read",    "platform.read", "bastion.a.read", "platform.a.manage"};
    std::mt19937 random(8693);
    const auto draw = [&] {
        std::vector<std::string> hop(1 + random() % 3);
        for (std::string& pattern : hop) pattern = patterns[random() % patterns.size()];
        return hop;
    };
    // The first permission that the hop covers, and the hop above does not.
    const auto widened = [&](const std::vector<std::string>& above,
                             const std::vector<std::string>& next) -> std::string {
        const auto found = std::find_if(permissions.begin(), permissions.end(), [&](const std::string& permission) {
            return any_pattern_covers(next, permission) && !any_pattern_covers(above, permission);
        });
        return found == permissions.end() ? "" : *found;
    };
    int hops = 0;
    for (int chain = 0; chain < 100'000; ++chain) {
        SCOPED_TRACE(chain);
        const std::vector<std::string> first = draw();
        std::vector<std::string> above = first;
        for (int depth = 2; depth <= 8; ++depth) {
            SCOPED_TRACE(depth);
            const std::vector<std::string> next = draw();
            const bool covered = std::all_of(next.begin(), next.end(), [&](const std::string& pattern) {
                return any_pattern_covers(above, pattern);
            });
            if (!covered) continue;
            ++hops;
            ASSERT_EQ(widened(above, next), "");
            above = next;
        }
        ASSERT_EQ(widened(first, above), "");
    }
    EXPECT_GT(hops, 50'000);
}

}  // namespace
}  // namespace bastion
