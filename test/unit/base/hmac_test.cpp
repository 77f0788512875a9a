#include "core/base/hmac.hpp"

#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "core/base/encoding.hpp"
#include "unit/base/words.hpp"

namespace {

using bastion::HashId;
using bastion::HmacKey;
using bastion::test::words;

struct Case {
    std::string key;
    std::string message;
    std::string sha256;
    std::string sha384;
    std::string sha512;
};

std::string counting(int count) {
    std::string bytes;
    for (int i = 1; i <= count; ++i) bytes.push_back(static_cast<char>(i));
    return bytes;
}

// RFC 4231, test cases 1 to 4, 6 and 7: keys shorter and longer than a block.
std::vector<Case> published() {
    return {
        {std::string(20, '\x0b'), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
         "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
         "faea9ea9076ede7f4af152e8b2fa9cb6",
         "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
         "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"},
        {"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
         "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
         "8e2240ca5e69e2c78b3239ecfab21649",
         "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
         "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
        {std::string(20, '\xaa'), std::string(50, '\xdd'),
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
         "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b"
         "2a5ab39dc13814b94e3ab6e101a34f27",
         "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
         "bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb"},
        {counting(25), std::string(50, '\xcd'), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
         "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e"
         "6801dd23c4a7d679ccf8a386c674cffb",
         "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db"
         "a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd"},
        {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
         "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
         "0c2ef6ab4030fe8296248df163f44952",
         "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
         "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"},
        {std::string(131, '\xaa'),
         "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
         "hashed before being used by the HMAC algorithm.",
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
         "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5"
         "a678cc31e799176d3860e6110c46523e",
         "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944"
         "b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58"},
    };
}

std::string mac_of(HashId hash, const std::string& key, const std::string& message) {
    const auto keyed = HmacKey::create(hash, bastion::as_bytes(key));
    if (!keyed) return {};
    const auto mac = keyed->compute(message);
    return mac ? bastion::hex_encode(mac->span()) : std::string();
}

TEST(Hmac, PublishedVectors) {
    for (const Case& one : published()) {
        SCOPED_TRACE(words(one.key, one.message));
        EXPECT_EQ(mac_of(HashId::sha256, one.key, one.message), one.sha256);
        EXPECT_EQ(mac_of(HashId::sha384, one.key, one.message), one.sha384);
        EXPECT_EQ(mac_of(HashId::sha512, one.key, one.message), one.sha512);
    }
}

TEST(Hmac, AKeyServesAnyNumberOfMessages) {
    const Case known = published().at(1);
    const auto key = HmacKey::create(HashId::sha256, bastion::as_bytes(known.key));
    ASSERT_TRUE(key);
    for (int i = 0; i < 3; ++i) {
        SCOPED_TRACE(words(i));
        EXPECT_EQ(bastion::hex_encode(key->compute(known.message)->span()), known.sha256);
        EXPECT_NE(bastion::hex_encode(key->compute(std::string(i, 'x'))->span()), known.sha256);
    }
}

// A key of exactly one block is used as it is; one byte more and it is hashed, so that the two differ.
TEST(Hmac, KeysAroundABlock) {
    for (const auto& [name, hash, block] : {std::tuple{"SHA-256", HashId::sha256, 64},
                                            {"SHA-384", HashId::sha384, 128},
                                            {"SHA-512", HashId::sha512, 128}}) {
        SCOPED_TRACE(name);
        const std::string whole(block, 'k');
        EXPECT_NE(mac_of(hash, whole, "m"), mac_of(hash, whole + "k", "m"));
        EXPECT_EQ(mac_of(hash, std::string(block - 1, 'k'), "m"),
                  mac_of(hash, std::string(block - 1, 'k') + '\0', "m"));
    }
}

TEST(Hmac, RefusesAnEmptyKeyAndNoHash) {
    EXPECT_FALSE(HmacKey::create(HashId::sha256, {}));
    EXPECT_FALSE(HmacKey::create(HashId::none, bastion::as_bytes("Jefe")));
}

}  // namespace
