// Which permissions a pattern covers.
#include "core/right/permission_pattern.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace bastion
