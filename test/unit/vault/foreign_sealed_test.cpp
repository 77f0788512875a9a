#include "core/vault/foreign_sealed.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/base/encoding.hpp"
#include "unit/base/words.hpp"

namespace bastion {
namespace {

using bastion::test::words;

// Nonce, ciphertext and tag in hexadecimal.
struct Case {
    const char* name;
    std::string key;
    std::string value;
    std::string plaintext;
};

// McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B.
const std::vector<Case>& published() {
    static const std::vector<Case> cases = {
        {"13", std::string(64, '0'), std::string(24, '0') + "530f8afbc74536b9a963b4f1c4cb738b", ""},
        {"14", std::string(64, '0'),
         std::string(24, '0') + "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
         std::string(32, '0')},
        {"15", "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
         "cafebabefacedbaddecaf888"
         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7"
         "a0a"
         "bcc9f662898015adb094dac5d93471bdec1a502270e3cc6c",
         "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de"
         "657"
         "ba637b391aafd255"}};
    return cases;
}

ErrorCode refusal(const Bytes& value, ByteSpan key) {
    const Result<SecretBytes> opened = open_aes_gcm(base64_encode(value), key);
    return opened ? ErrorCode::internal : opened.error().code;
}

TEST(ForeignSealed, PublishedVectors) {
    for (const Case& one : published()) {
        SCOPED_TRACE(one.name);
        const auto opened = open_aes_gcm(base64_encode(*hex_decode(one.value)), *hex_decode(one.key));
        ASSERT_TRUE(opened);
        EXPECT_EQ(hex_encode(opened->span()), one.plaintext);
    }
}

TEST(ForeignSealed, RefusesEveryChangedBit) {
    for (const Case& one : published()) {
        SCOPED_TRACE(one.name);
        const Bytes value = *hex_decode(one.value);
        for (std::size_t bit = 0; bit < 8 * value.size(); ++bit) {
            SCOPED_TRACE(words(bit));
            Bytes changed = value;
            changed[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
            EXPECT_EQ(refusal(changed, *hex_decode(one.key)), ErrorCode::sealed_invalid);
        }
    }
}

TEST(ForeignSealed, RefusesShortValuesAndOtherKeys) {
    const Case& one = published().back();
    const Bytes value = *hex_decode(one.value);
    const Bytes key = *hex_decode(one.key);
    for (std::size_t size = 0; size < value.size(); ++size) {
        SCOPED_TRACE(words(size));
        EXPECT_EQ(refusal(Bytes(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(size)), key),
                  ErrorCode::sealed_invalid);
    }
    EXPECT_EQ(refusal(value, Bytes(32)), ErrorCode::sealed_invalid);
    for (const std::size_t size : {0, 16, 24, 31, 33, 64}) {
        SCOPED_TRACE(words(size));
        EXPECT_EQ(refusal(value, Bytes(size)), ErrorCode::invalid_argument);
    }
}

TEST(ForeignSealed, TakesPaddedBase64Alone) {
    const Bytes key(32);
    for (const char* text :
         {"not base64", "AAA", "AAAAAAAAAAAAAAAAUw+K+8dFNrmpY7TxxMtziw",
          "AAAAAAAAAAAAAAAAUw-K-8dFNrmpY7TxxMtziw==", "AAAAAAAAAAAAAAAAUw+K+8dFNrmpY7TxxMtziw==\n"}) {
        SCOPED_TRACE(words(text));
        const auto opened = open_aes_gcm(text, key);
        ASSERT_FALSE(opened);
        EXPECT_EQ(opened.error().code, ErrorCode::sealed_invalid);
    }
    EXPECT_TRUE(open_aes_gcm("AAAAAAAAAAAAAAAAUw+K+8dFNrmpY7TxxMtziw==", key));
}

}  // namespace
}  // namespace bastion
