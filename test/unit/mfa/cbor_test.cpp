// The strict CBOR reader: what authenticators write, and everything that RFC 8949 allows and they must not.
#include "core/mfa/cbor.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/base/encoding.hpp"
#include "unit/base/words.hpp"

namespace {

using bastion::CborType;
using bastion::ErrorCode;
using bastion::test::words;

bastion::Result<bastion::CborRead> read(const bastion::Bytes& bytes) { return bastion::read_cbor(bytes); }

bastion::Bytes hex(std::string_view digits) { return *bastion::hex_decode(digits); }

// RFC 8949 appendix A, the integers.
TEST(Cbor, PublishedIntegers) {
    for (const auto& [digits, number] : {std::pair{"00", 0LL},
                                         {"01", 1LL},
                                         {"0a", 10LL},
                                         {"17", 23LL},
                                         {"1818", 24LL},
                                         {"1819", 25LL},
                                         {"1864", 100LL},
                                         {"1903e8", 1000LL},
                                         {"1a000f4240", 1000000LL},
                                         {"1b000000e8d4a51000", 1000000000000LL},
                                         {"20", -1LL},
                                         {"29", -10LL},
                                         {"3863", -100LL},
                                         {"3903e7", -1000LL}}) {
        SCOPED_TRACE(words(digits));
        const auto bytes = hex(digits);
        const auto value = read(bytes);
        ASSERT_TRUE(value);
        EXPECT_EQ(value->value.as_integer(), number);
        EXPECT_EQ(value->size, bytes.size());
    }
}

TEST(Cbor, AMapOfEverything) {
    // {1: h'0102', "a": "bc", -1: [true, false, {}], 3: []}
    const auto bytes =
        hex("a401420102616162626320"
            "83f5f4a0"
            "0380"
            "ff");
    const auto value = read(bytes);
    ASSERT_TRUE(value);
    EXPECT_EQ(value->size, bytes.size() - 1);
    EXPECT_EQ(value->value.find(1)->as_bytes()->size(), 2U);
    EXPECT_EQ(value->value.find("a")->as_text(), "bc");
    EXPECT_EQ(value->value.find(-1)->elements.size(), 3U);
    EXPECT_EQ(value->value.find(-1)->elements[0].type, CborType::boolean);
    EXPECT_EQ(value->value.find(-1)->elements[0].number, 1);
    EXPECT_EQ(value->value.find(3)->type, CborType::array);
    EXPECT_EQ(value->value.find(2), nullptr);
    EXPECT_EQ(value->value.find("bc"), nullptr);
    EXPECT_FALSE(value->value.find(1)->as_text());
    EXPECT_FALSE(value->value.as_integer());
}

TEST(Cbor, WhatAuthenticatorsMustNotWrite) {
    for (const std::string_view digits : {"",
                                          "18",
                                          "19ff",
                                          "1817",
                                          "190017",
                                          "1900ff",
                                          "1a0000ffff",
                                          "1b00000000ffffffff",
                                          "3817",
                                          "5817aa",  // lengths
                                          "1c",
                                          "1f",
                                          "5f4101ff",
                                          "7f6161ff",
                                          "9f01ff",
                                          "bf0101ff",
                                          "ff",  // indefinite
                                          "1bffffffffffffffff",
                                          "3bffffffffffffffff",  // too large
                                          "42aa",
                                          "626a",
                                          "8201",
                                          "a101",
                                          "9bffffffffffffffff",
                                          "bbffffffffffffffff",
                                          "5bffffffffffffffff",  // too long
                                          "a201010102",
                                          "a2616101616102",
                                          "a1f501",
                                          "a1410101",
                                          "a18001",  // keys
                                          "c001",
                                          "d81801",
                                          "f6",
                                          "f7",
                                          "f90000",
                                          "fa00000000",
                                          "fb0000000000000000",
                                          "f8ff",
                                          "e0"}) {  // other types
        SCOPED_TRACE(words(digits));
        const auto value = read(hex(digits));
        ASSERT_FALSE(value);
        EXPECT_EQ(value.error().code, ErrorCode::malformed_text);
    }
}

TEST(Cbor, FourLevelsAndNoMore) {
    EXPECT_TRUE(read(hex("8181818100")));
    EXPECT_EQ(read(hex("818181818100")).error().code, ErrorCode::limit_exceeded);
    EXPECT_EQ(read(hex("a101a101a101a101a10101")).error().code, ErrorCode::limit_exceeded);
    EXPECT_EQ(read(bastion::Bytes(65'536, 0x81)).error().code, ErrorCode::limit_exceeded);
}

TEST(Cbor, SixtyFourKibibytesAndNoMore) {
    bastion::Bytes longest = hex("59fffd");
    longest.resize(65'536);
    EXPECT_TRUE(read(longest));
    longest.push_back(0);
    EXPECT_EQ(read(longest).error().code, ErrorCode::limit_exceeded);
}

// An integer and a text of the same bytes are different keys.
TEST(Cbor, KeysOfTwoTypesDiffer) {
    EXPECT_TRUE(
        read(hex("a2000160"
                 "01")));
}

}  // namespace
