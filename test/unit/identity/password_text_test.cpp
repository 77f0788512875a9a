// The OpaqueString profile: the examples of RFC 8265, normalization, and text that is none.
#include "core/identity/password_text.hpp"

#include <gtest/gtest.h>

#include <string>

#include "unit/base/words.hpp"

namespace bastion {
namespace {

using bastion::test::words;

std::string prepared(std::string_view password) {
    const PreparedPassword text = prepare_password(password);
    EXPECT_TRUE(text.is_utf8) << words(password);
    return std::string(text.bytes.text());
}

TEST(PasswordText, ExamplesOfTheRfc) {
    // Section 4.3.
    EXPECT_EQ(prepared("correct horse battery staple"), "correct horse battery staple");
    EXPECT_EQ(prepared("Correct Horse Battery Staple"), "Correct Horse Battery Staple");
    EXPECT_EQ(prepared("\u03c0\u00df\u00e5"), "\u03c0\u00df\u00e5");
    EXPECT_EQ(prepared("Jack of \u2666s"), "Jack of \u2666s");
    EXPECT_EQ(prepared("foo\u1680bar"), "foo bar");
    // Not valid.
    EXPECT_TRUE(prepare_password("my cat is a \u0009by").has_controls);
}

TEST(PasswordText, ComposesCanonicallyAndNoMore) {
    EXPECT_EQ(prepared("u\u0308"), "\u00fc");
    EXPECT_EQ(prepared("\u1112\u1161\u11ab"), "\ud55c");
    EXPECT_EQ(prepared("\u212b"), "\u00c5");
    EXPECT_EQ(prepared("a\u0323\u0307"), prepared("a\u0307\u0323"));
    EXPECT_EQ(prepared("\u0958"), "\u0915\u093c");
    // Compatibility characters are other characters, and so are letters of the other case.
    for (const std::string_view same :
         {"\ufb01", "\uff21", "\u00b2", "\u2460", "\U0001d400", "\U0001f600", "\u00df", "A"}) {
        SCOPED_TRACE(words(same));
        EXPECT_EQ(prepared(same), same);
    }
}

TEST(PasswordText, CountsCharacters) {
    EXPECT_EQ(prepare_password("").characters, 0U);
    EXPECT_EQ(prepare_password("abc").characters, 3U);
    EXPECT_EQ(prepare_password("u\u0308\u3000\U0001f600").characters, 3U);
}

TEST(PasswordText, FindsControls) {
    for (char c = 0x01; c < 0x20; ++c) {
        SCOPED_TRACE(words(int{c}));
        EXPECT_TRUE(prepare_password(std::string("a") + c).has_controls);
    }
    for (const std::string_view text : {std::string_view("\0", 1), std::string_view("\x7f"), std::string_view("\u0080"),
                                        std::string_view("\u009f")}) {
        SCOPED_TRACE(words(text));
        EXPECT_TRUE(prepare_password(text).has_controls);
    }
    for (const std::string_view text : {" ", "~", "\u00a0", "\u200d", "\ufeff"}) {
        SCOPED_TRACE(words(text));
        EXPECT_FALSE(prepare_password(text).has_controls);
    }
}

TEST(PasswordText, OtherBytesAreNoText) {
    for (const std::string_view bytes : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "abc\xe2\x82"}) {
        SCOPED_TRACE(words(bytes));
        const PreparedPassword text = prepare_password(bytes);
        EXPECT_FALSE(text.is_utf8);
        EXPECT_TRUE(text.bytes.empty());
    }
}

TEST(PasswordText, StaysWithinTheBuffer) {
    // The longest canonical decompositions of a character.
    for (const std::string_view character : {"\u1f82", "\u0390", "\U0001d160", "\U0001d1bf"}) {
        SCOPED_TRACE(words(character));
        std::string many;
        for (int i = 0; i < 1000; ++i) many += character;
        EXPECT_LE(prepared(many).size(), 3 * many.size());
    }
}

}  // namespace
}  // namespace bastion
