// API keys of other systems: which texts may be one, what is hashed, and what the stored value depends on.
#include "core/session/imported_api_key.hpp"

#include <gtest/gtest.h>

#include "core/base/encoding.hpp"
#include "unit/base/words.hpp"

namespace bastion {
namespace {

using bastion::test::words;

HmacKey key(std::uint8_t fill) { return std::move(*HmacKey::create(HashId::sha256, Bytes(32, fill))); }

ApiKeyMac of_text(std::uint32_t scheme, std::string_view separator, std::string_view text,
                  const HmacKey* other = nullptr) {
    const ImportedApiKeyText parts = split_imported_api_key(text, separator);
    return *imported_api_key_mac(key(1), scheme, parts.lookup, *other_hash(other, parts.hashed));
}

ApiKeyMac of_hash(std::uint32_t scheme, std::string_view lookup, std::string_view hash) {
    return *imported_api_key_mac(key(1), scheme, lookup, *hex_decode(hash));
}

// SHA-256 of "abc", FIPS 180-4.
constexpr std::string_view abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(ImportedApiKey, TextAndHashGiveTheSame) {
    EXPECT_EQ(of_text(7, "", "abc"), of_hash(7, "", abc));
    EXPECT_EQ(of_text(7, ".", "id.abc"), of_hash(7, "id", abc));
    EXPECT_EQ(of_text(7, "__", "i_d__abc"), of_hash(7, "i_d", abc));
    EXPECT_EQ(of_text(7, ".", "abc"), of_hash(7, "", abc));
}

// RFC 4231, test case 2.
TEST(ImportedApiKey, HashUnderAKey) {
    const HmacKey jefe = std::move(*HmacKey::create(HashId::sha256, as_bytes("Jefe")));
    EXPECT_EQ(of_text(1, "", "what do ya want for nothing?", &jefe),
              of_hash(1, "", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
}

TEST(ImportedApiKey, DependsOnEachPart) {
    const ApiKeyMac one = of_text(1, ".", "id.abc");
    EXPECT_NE(one, of_text(2, ".", "id.abc"));
    EXPECT_NE(one, of_text(1, ".", "ie.abc"));
    EXPECT_NE(one, of_text(1, ".", "id.abd"));
    EXPECT_NE(one, of_text(1, "", "id.abc"));
    EXPECT_NE(one, of_text(1, ".", "abc"));
    EXPECT_NE(one, *imported_api_key_mac(key(2), 1, "id", *hex_decode(abc)));
}

// A secret may hold the separator again.
TEST(ImportedApiKey, SplitsAtTheFirstSeparator) {
    const ImportedApiKeyText parts = split_imported_api_key("a.b.c", ".");
    EXPECT_EQ(parts.lookup, "a");
    EXPECT_EQ(parts.hashed, "b.c");
}

TEST(ImportedApiKey, TokensOfJsonAreNone) {
    EXPECT_TRUE(looks_like_jws("eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.AAAA"));
    EXPECT_TRUE(looks_like_jws("ewogImFsZyI6Im5vbmUiCn0.e30."));
    for (const std::string_view text :
         {"", "e", "eyJ", "eyJ.a", "eyJ.a.b.c", "SG.aaaa.bbbb", "key_1.a.b", "ea.b.c", "EyJ.a.b", "sk-abc"}) {
        SCOPED_TRACE(words(text));
        EXPECT_FALSE(looks_like_jws(text));
    }
}

}  // namespace
}  // namespace bastion
