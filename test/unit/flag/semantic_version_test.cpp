// Versions: the order of Semantic Versioning 2.0.0 (section 11), the shorter forms, and what is no version.
#include "core/flag/semantic_version.hpp"

#include <gtest/gtest.h>

#include <string>

#include "unit/base/words.hpp"

namespace {

using bastion::compare_versions;
using bastion::parse_version;
using bastion::versions_match;
using bastion::test::words;

TEST(SemanticVersion, OrdersAsTheStandardSays) {
    const char* const ascending[] = {"0.9.10",     "1.0.0-1",      "1.0.0-2",       "1.0.0-10",
                                     "1.0.0--",    "1.0.0-alpha",  "1.0.0-alpha.1", "1.0.0-alpha.beta",
                                     "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
                                     "1.0.0",      "1.0.1",        "1.2.0",         "1.10.0",
                                     "2.0.0"};
    for (std::size_t i = 0; i < std::size(ascending); ++i) {
        SCOPED_TRACE(words(ascending[i]));
        for (std::size_t j = 0; j < std::size(ascending); ++j) {
            SCOPED_TRACE(words(ascending[j]));
            const int order = compare_versions(*parse_version(ascending[i]), *parse_version(ascending[j]));
            EXPECT_EQ(order < 0, i < j);
            EXPECT_EQ(order > 0, i > j);
        }
    }
}

TEST(SemanticVersion, TakesShorterForms) {
    const struct {
        const char* text;
        const char* same;
    } cases[] = {{"1", "1.0.0"}, {"1.2", "1.2.0"}, {"v1.2.3", "1.2.3"}, {"V1", "1.0.0"}, {"1.2.3+build.01", "1.2.3"}};
    for (const auto& each : cases) {
        SCOPED_TRACE(words(each.text));
        ASSERT_TRUE(parse_version(each.text));
        EXPECT_EQ(compare_versions(*parse_version(each.text), *parse_version(each.same)), 0);
    }
}

TEST(SemanticVersion, RefusesOtherText) {
    const std::string texts[] = {"",
                                 "v",
                                 "vv1",
                                 "1.",
                                 ".1",
                                 "1..2",
                                 "1.2.3.4",
                                 "a",
                                 "1.a",
                                 "01.2.3",
                                 "1.02",
                                 "1.2.3-",
                                 "1.2.3-.a",
                                 "1.2.3-a.",
                                 "1.2.3-01",
                                 "1.2.3+",
                                 "1.2.3-a_b",
                                 "1.2-rc",
                                 "1+b",
                                 " 1.2.3",
                                 "1.2.3 ",
                                 "-1.2.3",
                                 "+1.2.3",
                                 "1.2.9007199254740992",
                                 "1.2.99999999999999999999",
                                 "1.2.3-" + std::string(260, 'a'),
                                 std::string("1.2.3\0", 6)};
    for (const std::string& text : texts) {
        SCOPED_TRACE(words(text));
        EXPECT_FALSE(parse_version(text));
    }
    EXPECT_TRUE(parse_version("1.2.9007199254740991"));
}

TEST(SemanticVersion, MatchesByOperator) {
    const struct {
        const char* left;
        const char* op;
        const char* right;
        bool holds;
    } cases[] = {
        {"1.2.3", "=", "1.2.3", true},   {"1.2.3", "=", "1.2.4", false},  {"1.2.3", "!=", "1.2.4", true},
        {"1.2.3", "!=", "1.2.3", false}, {"1.2.3", "<", "1.2.4", true},   {"1.2.3", "<", "1.2.3", false},
        {"1.2.3", "<=", "1.2.3", true},  {"1.2.4", "<=", "1.2.3", false}, {"1.2.4", ">", "1.2.3", true},
        {"1.2.3", ">", "1.2.3", false},  {"1.2.3", ">=", "1.2.3", true},  {"1.2.2", ">=", "1.2.3", false},
        {"1.9.0", "^", "1.2.3", true},   {"2.0.0", "^", "1.2.3", false},  {"1.2.9", "~", "1.2.3", true},
        {"1.3.3", "~", "1.2.3", false},  {"2.2.3", "~", "1.2.3", false},
    };
    for (const auto& each : cases) {
        SCOPED_TRACE(words(each.left, each.op, each.right));
        EXPECT_EQ(versions_match(*parse_version(each.left), each.op, *parse_version(each.right)), each.holds);
    }
    EXPECT_FALSE(versions_match(*parse_version("1"), "==", *parse_version("1")));
    EXPECT_FALSE(versions_match(*parse_version("1"), "", *parse_version("1")));
}

}  // namespace
