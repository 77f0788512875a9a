#include "core/base/encoding.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "unit/base/words.hpp"

namespace {

using bastion::test::words;

using namespace std::string_view_literals;
using bastion::as_bytes;
using bastion::as_text;

// RFC 4648 §10, without the padding.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> rfc4648{{{"", ""},
                                                                                {"f", "Zg"},
                                                                                {"fo", "Zm8"},
                                                                                {"foo", "Zm9v"},
                                                                                {"foob", "Zm9vYg"},
                                                                                {"fooba", "Zm9vYmE"},
                                                                                {"foobar", "Zm9vYmFy"}}};

bool fast_decodes(std::string_view text) {
    std::string out = "kept";
    const bool decoded = bastion::base64url_decode_append(text, out);
    EXPECT_TRUE(out.starts_with("kept"));
    if (!decoded) {
        EXPECT_EQ(out, "kept");
    }
    return decoded;
}

TEST(Base64url, PublishedVectors) {
    for (const auto& [plain, text] : rfc4648) {
        SCOPED_TRACE(words(plain, text));
        EXPECT_EQ(bastion::base64url_encode(as_bytes(plain)), text);
        EXPECT_EQ(bastion::base64url_length(plain.size()), text.size());
        EXPECT_EQ(as_text(*bastion::base64url_decode(text)), plain);
        EXPECT_EQ(bastion::base64url_decode_secret(text)->text(), plain);
        EXPECT_EQ(bastion::base64url_encode_secret(as_bytes(plain)).text(), text);
        std::string out;
        EXPECT_TRUE(bastion::base64url_decode_append(text, out));
        EXPECT_EQ(out, plain);
    }
}

// RFC 4648 §10, without the padding.
TEST(Base32, PublishedVectors) {
    constexpr std::array<std::string_view, 7> texts{"", "MY", "MZXQ", "MZXW6", "MZXW6YQ", "MZXW6YTB", "MZXW6YTBOI"};
    for (std::size_t i = 0; i < texts.size(); ++i) {
        SCOPED_TRACE(words(texts[i]));
        const std::string_view plain = rfc4648[i].first;
        EXPECT_EQ(bastion::base32_encode_secret(as_bytes(plain)).text(), texts[i]);
        EXPECT_EQ(bastion::base32_decode_secret(texts[i])->text(), plain);
    }
    EXPECT_EQ(bastion::base32_decode_secret("mzXw6yTb")->text(), "fooba");
}

// Every character, each once in each case, by the alphabet of RFC 4648 §6.
TEST(Base32, OnlyItsAlphabetIsDecoded) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    for (int c = 0; c < 256; ++c) {
        SCOPED_TRACE(words(c));
        const char upper = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
        const std::size_t value = alphabet.find(upper);
        const auto decoded = bastion::base32_decode_secret("AAAAAAA" + std::string(1, static_cast<char>(c)));
        ASSERT_EQ(decoded.ok(), value != std::string_view::npos);
        if (decoded) {
            EXPECT_EQ(decoded->span()[4], value);
            EXPECT_EQ(bastion::base32_encode_secret(decoded->span()).text()[7], upper);
        }
    }
}

TEST(Base32, OneTextPerValue) {
    for (const std::string_view text :
         {"M", "MZX", "MZXW6Y", "MZ", "MZXR", "MZXW6YR", "MY======", "M Y", "MZXW6YTB="}) {
        SCOPED_TRACE(words(text));
        EXPECT_FALSE(bastion::base32_decode_secret(text));
    }
}

TEST(Base64url, EveryByteComesBack) {
    std::string all(256, '\0');
    std::iota(all.begin(), all.end(), '\0');
    for (std::size_t size = 0; size <= all.size(); ++size) {
        SCOPED_TRACE(words(size));
        const std::string_view plain = std::string_view(all).substr(all.size() - size);
        const std::string text = bastion::base64url_encode(as_bytes(plain));
        std::string out;
        EXPECT_TRUE(bastion::base64url_decode_append(text, out));
        EXPECT_EQ(out, plain);
        EXPECT_EQ(as_text(*bastion::base64url_decode(text)), plain);
    }
}

TEST(Base64url, RefusesAllButTheCanonicalText) {
    for (const std::string_view text :
         {"Z"sv, "Zm9vY"sv, "Zg=="sv, "Zm8="sv, "Zh"sv, "Zm9"sv, "Zm+v"sv, "Zm/v"sv, " Zm9v"sv, "Zm9v\n"sv, "Zm9v "sv,
          "Zm\09"sv, "Zm9v\0"sv, "Zm9\xc3"sv, "Zm9\x80"sv, "\xff\xff\xff\xff"sv, "="sv, "Z=g="sv}) {
        SCOPED_TRACE(words(text));
        EXPECT_FALSE(bastion::base64url_decode(text));
        EXPECT_FALSE(bastion::base64url_decode_secret(text));
        EXPECT_FALSE(fast_decodes(text));
    }
    EXPECT_EQ(bastion::base64url_decode("Zh").error().code, bastion::ErrorCode::malformed_text);
}

// The table against libsodium: every text of two and three characters over a telling alphabet, and all single bytes in
// each place of a group.
TEST(Base64url, FastDecoderAgreesWithLibsodium) {
    const auto agree = [](std::string_view text) {
        ASSERT_EQ(fast_decodes(text), bastion::base64url_decode(text).ok()) << bastion::hex_encode(as_bytes(text));
    };
    for (int a = 0; a < 256; ++a)
        for (int b = 0; b < 256; ++b) agree(std::string{static_cast<char>(a), static_cast<char>(b)});
    for (std::size_t place = 0; place < 7; ++place)
        for (int c = 0; c < 256; ++c) {
            std::string text = "AAAAAAA";
            text[place] = static_cast<char>(c);
            agree(text);
        }
}

TEST(Base64, StandardAlphabetWithPadding) {
    EXPECT_EQ(bastion::base64_encode(as_bytes("\xfb\xff\xfe"sv)), "+//+");
    EXPECT_EQ(bastion::base64_encode(as_bytes("fo")), "Zm8=");
    EXPECT_EQ(as_text(*bastion::base64_decode("Zm8=")), "fo");
    EXPECT_EQ(as_text(*bastion::base64_decode("")), "");
    for (const std::string_view text :
         {"Zm8"sv, "Zm9="sv, "Zg="sv, "-__-"sv, "Zm8= "sv, "Zm8=\0"sv, "===="sv, "Zm9\xff"sv, "\x80m9v"sv}) {
        SCOPED_TRACE(words(text));
        EXPECT_FALSE(bastion::base64_decode(text));
    }
}

TEST(Hex, EitherCaseAndEvenLength) {
    EXPECT_EQ(bastion::hex_encode(as_bytes("\x00\xaf"sv)), "00af");
    EXPECT_EQ(as_text(*bastion::hex_decode("00aF")), "\x00\xaf"sv);
    EXPECT_TRUE(bastion::hex_decode("")->empty());
    for (const std::string_view text : {"0"sv, "0g"sv, "00 "sv, "0x"sv, "00\0"sv, "0:"sv, "\xff\xff"sv}) {
        SCOPED_TRACE(words(text));
        EXPECT_FALSE(bastion::hex_decode(text));
    }
}

TEST(UuidText, OneFormEitherCase) {
    const auto uuid = bastion::parse_uuid("123E4567-e89b-12d3-a456-426614174000");
    ASSERT_TRUE(uuid);
    EXPECT_EQ(bastion::format_uuid(*uuid), "123e4567-e89b-12d3-a456-426614174000");
    EXPECT_EQ(uuid->bytes[0], 0x12);
    EXPECT_EQ(uuid->bytes[15], 0x00);
    for (const std::string_view text :
         {""sv, "123e4567e89b12d3a456426614174000"sv, "123e4567-e89b-12d3-a456-42661417400"sv,
          "123e4567-e89b-12d3-a456-4266141740000"sv, "{123e4567-e89b-12d3-a456-426614174000}"sv,
          "123e456-7e89b-12d3-a456-426614174000"sv, "123e4567-e89b-12d3-a456-42661417400g"sv,
          "123e4567-e89b-12d3-a456_426614174000"sv, "------------------------------------"sv}) {
        SCOPED_TRACE(words(text));
        EXPECT_FALSE(bastion::parse_uuid(text));
    }
}

}  // namespace
