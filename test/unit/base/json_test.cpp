#include "core/base/json.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "unit/base/vectors.hpp"
#include "unit/base/words.hpp"

namespace {

using bastion::test::words;

using namespace std::string_view_literals;
using bastion::ErrorCode;
using bastion::JsonType;
using bastion::parse_json;

constexpr std::size_t plenty = 1024 * 1024;

std::string nested(std::size_t levels, std::string_view inside = "") {
    return std::string(levels, '[') + std::string(inside) + std::string(levels, ']');
}

bool representable(std::string_view text) {
    const auto document = parse_json(text, plenty);
    EXPECT_TRUE(document) << text;
    return document && document->jsonb_representable();
}

// JSONTestSuite: y_ must be accepted, n_ must be refused, i_ is ours to choose, and nothing may crash.
TEST(Json, JsonTestSuite) {
    BASTION_NEEDS_VECTORS();
    std::size_t accepted = 0;
    std::size_t refused = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(bastion::test::vectors_folder() / "json" / "test_parsing")) {
        const std::string name = entry.path().filename().string();
        SCOPED_TRACE(name);
        const auto document = parse_json(bastion::test::read_file(entry.path()), plenty);
        if (name.starts_with("y_")) {
            // Two of them repeat a name, which RFC 8259 §4 only advises against and we refuse.
            const bool repeats = name.starts_with("y_object_duplicated_key");
            EXPECT_EQ(document.ok(), !repeats);
            ++accepted;
        } else if (name.starts_with("n_")) {
            EXPECT_FALSE(document.ok());
            ++refused;
        }
        if (document) (void)document->jsonb_representable();
    }
    EXPECT_GE(accepted, 90U);
    EXPECT_GE(refused, 180U);
}

TEST(Json, ReadsEveryType) {
    const auto document = parse_json(
        R"({"s":"t","i":-7,"u":18446744073709551615,"d":1.5,"b":true,"n":null,"a":[1,"x"],"o":{"k":"v"}})", plenty);
    ASSERT_TRUE(document);
    const auto root = document->root();
    EXPECT_EQ(root.type(), JsonType::object);
    EXPECT_EQ(root.find("s")->string(), "t");
    EXPECT_EQ(root.find("i")->integer(), -7);
    EXPECT_EQ(root.find("i")->number(), -7.0);
    EXPECT_EQ(root.find("u")->integer(), std::nullopt);
    EXPECT_EQ(root.find("u")->number(), 18446744073709551615.0);
    EXPECT_EQ(root.find("d")->number(), 1.5);
    EXPECT_EQ(root.find("d")->integer(), std::nullopt);
    EXPECT_EQ(root.find("b")->boolean(), true);
    EXPECT_EQ(root.find("n")->type(), JsonType::null);
    EXPECT_EQ(root.find("a")->elements().size(), 2U);
    EXPECT_EQ(root.find("o")->find("k")->string(), "v");
    EXPECT_EQ(root.members().size(), 8U);
    EXPECT_FALSE(root.find("absent"));
    EXPECT_FALSE(root.find("s")->find("t"));
    EXPECT_TRUE(root.find("s")->elements().empty());
    EXPECT_TRUE(root.find("s")->members().empty());
    EXPECT_FALSE(root.find("s")->number());
    EXPECT_FALSE(root.find("i")->string());
    EXPECT_FALSE(root.find("n")->boolean());
}

TEST(Json, RefusesRepeatedNamesAtEveryLevel) {
    EXPECT_TRUE(parse_json(R"({"a":1,"b":{"a":1}})", plenty));
    for (const std::string_view text :
         {R"({"a":1,"a":1})"sv, R"({"a":1,"\u0061":2})"sv, R"({"o":{"a":1,"b":2,"a":3}})"sv, R"([{"":1,"":2}])"sv,
          R"({"k":[[{"x":{},"x":{}}]]})"sv}) {
        SCOPED_TRACE(words(text));
        EXPECT_FALSE(parse_json(text, plenty));
    }
}

TEST(Json, RefusesRepeatedNamesInLongObjects) {
    for (std::size_t names = 1; names < 40; ++names) {
        SCOPED_TRACE(words(names));
        std::string text = "{";
        for (std::size_t i = 0; i < names; ++i) text += "\"n" + std::to_string(i) + "\":0,";
        EXPECT_TRUE(parse_json(text + "\"last\":0}", plenty));
        for (std::size_t i = 0; i < names; ++i) {
            SCOPED_TRACE(words(i));
            EXPECT_FALSE(parse_json(text + "\"n" + std::to_string(i) + "\":0}", plenty));
        }
    }
}

TEST(Json, RefusesMoreThanSixtyFourLevels) {
    EXPECT_TRUE(parse_json(nested(64), plenty));
    EXPECT_TRUE(parse_json(nested(64, "1"), plenty));
    for (const std::string& text : {nested(65), nested(65, "1"), nested(66), nested(5000), nested(64, "{}")}) {
        SCOPED_TRACE(words(text));
        const auto document = parse_json(text, plenty);
        ASSERT_FALSE(document);
        EXPECT_EQ(document.error().code, ErrorCode::limit_exceeded);
    }
    EXPECT_FALSE(parse_json(std::string(100000, '['), plenty));
}

TEST(Json, RefusesTextPastTheCallersLimit) {
    EXPECT_TRUE(parse_json("[1,2]", 5));
    EXPECT_EQ(parse_json("[1,2]", 4).error().code, ErrorCode::limit_exceeded);
}

TEST(Json, RefusesWhatIsNotOneValue) {
    EXPECT_FALSE(parse_json({}, plenty));
    for (const std::string_view text : {""sv,
                                        " "sv,
                                        "1 2"sv,
                                        "{} {}"sv,
                                        "[1],"sv,
                                        "\xef\xbb\xbf{}"sv,
                                        "{\"a\":1}\0"sv,
                                        "\0"sv,
                                        "NaN"sv,
                                        "Infinity"sv,
                                        "[-Infinity]"sv,
                                        "[nan]"sv,
                                        "[1e400]"sv,
                                        "[-1e400]"sv,
                                        "[123456789012345678901234567890]"sv,
                                        "[01]"sv,
                                        "[\"\x01\"]"sv,
                                        "[\"\xff\"]"sv,
                                        "[\"\xed\xa0\x80\"]"sv,
                                        R"(["\ud800"])"sv,
                                        R"(["\udc00"])"sv,
                                        R"({"\udc00":1})"sv,
                                        R"(["\ud800\u0041"])"sv,
                                        "/**/1"sv,
                                        "{'a':1}"sv}) {
        SCOPED_TRACE(words(text));
        const auto document = parse_json(text, plenty);
        ASSERT_FALSE(document);
        EXPECT_EQ(document.error().code, ErrorCode::malformed_text);
    }
    EXPECT_EQ(parse_json(R"(["\ud83d\ude00"])", plenty)->root().elements()[0].string(), "\xf0\x9f\x98\x80");
}

TEST(Json, MessagesNeverQuoteTheText) {
    for (const std::string_view text : {"{\"hunter2\":}"sv, "{\"hunter2\":1,\"hunter2\":2}"sv, "[hunter2]"sv}) {
        SCOPED_TRACE(words(text));
        const auto document = parse_json(text, plenty);
        ASSERT_FALSE(document);
        const auto& error = document.error();
        EXPECT_EQ((error.message + error.detail + error.hint + error.log_detail).find("hunter2"), std::string::npos);
    }
}

TEST(Json, KnowsWhatJsonbCanHold) {
    EXPECT_TRUE(representable(R"({"a":"\u0001","n":[1,-0.0,1e308,1.5e-300,5e-324]})"));
    EXPECT_TRUE(representable(R"({"e":"1e99999 \" 2E99999"})"));
    EXPECT_FALSE(representable(R"(["\u0000"])"));
    EXPECT_FALSE(representable(R"({"a\u0000b":1})"));
    EXPECT_TRUE(representable(R"(["\\u0000"])"));
    EXPECT_TRUE(representable("[1e-999]"));
    EXPECT_TRUE(representable("[1e+00000000000000000012]"));
    EXPECT_FALSE(representable("[1e-20000]"));
    EXPECT_FALSE(representable("[0E99999]"));
    EXPECT_FALSE(representable("[{\"a\":-0e-99999}]"));
    EXPECT_FALSE(representable("[0." + std::string(2000, '1') + "]"));
    EXPECT_TRUE(representable("[0." + std::string(900, '1') + "]"));
}

TEST(Json, NumbersOfAnySize) {
    const auto document = parse_json(R"([18446744073709551616,-1e400,1.5,"1e400",1e-400,18446744073709551615])", plenty,
                                     bastion::JsonNumbers::any);
    ASSERT_TRUE(document);
    const auto elements = document->root().elements();
    EXPECT_EQ(elements[0].number(), std::numeric_limits<double>::max());
    EXPECT_FALSE(elements[0].integer());
    EXPECT_EQ(elements[1].number(), std::numeric_limits<double>::lowest());
    EXPECT_EQ(elements[2].number(), 1.5);
    EXPECT_EQ(elements[3].string(), "1e400");
    EXPECT_EQ(elements[4].number(), 0);
    EXPECT_EQ(elements[5].natural(), 18446744073709551615U);
    EXPECT_TRUE(document->jsonb_representable());
    EXPECT_FALSE(parse_json("[1e400,1e9999]", plenty, bastion::JsonNumbers::any)->jsonb_representable());
    EXPECT_FALSE(parse_json("[1e400,]", plenty, bastion::JsonNumbers::any));
    EXPECT_FALSE(parse_json("[1e400]", plenty));
}

TEST(Json, EscapesOutsideAscii) {
    const auto decoded = [](std::string text) {
        text.resize(bastion::json_decode_escapes(text));
        return text;
    };
    EXPECT_EQ(decoded(R"(["\u00fc\u4e2d\ud83d\ude00"])"), "[\"ü中😀\"]");
    EXPECT_EQ(decoded(R"(["\\u00fc\"\u0022\u0000\n"])"), R"(["\\u00fc\"\u0022\u0000\n"])");
    EXPECT_EQ(decoded(R"(["\u00FCx\ud800\ud83dx"])"), R"(["üx\ud800\ud83dx"])");
    EXPECT_EQ(decoded("\\"), "\\");
    EXPECT_EQ(decoded("\\u00"), "\\u00");
}

TEST(Json, DocumentsAreIndependent) {
    std::vector<bastion::JsonDocument> documents;
    for (int i = 0; i < 20; ++i) documents.push_back(std::move(*parse_json("[" + std::to_string(i) + "]", plenty)));
    std::rotate(documents.begin(), documents.begin() + 7, documents.end());
    for (int i = 0; i < 20; ++i) {
        SCOPED_TRACE(words(i));
        EXPECT_EQ(documents[i].root().elements()[0].integer(), (i + 7) % 20);
    }
    documents[0] = std::move(documents[1]);
    EXPECT_EQ(documents[0].root().elements()[0].integer(), 8);
}

TEST(Json, LongTextsAfterShortOnesAndBack) {
    for (const std::size_t size : {10U, 1000U, 70000U, 200000U, 10U}) {
        SCOPED_TRACE(words(size));
        const std::string word(size, 'x');
        const auto document = parse_json("[\"" + word + "\"]", plenty);
        ASSERT_TRUE(document);
        EXPECT_EQ(document->root().elements()[0].string(), word);
    }
}

TEST(Json, MinifyKeepsNumbersAndStrings) {
    EXPECT_EQ(bastion::json_minify(" { \"a b\" : [ 1.50 , -0e+1 , \" \\\" \" ] }\n"), R"({"a b":[1.50,-0e+1," \" "]})");
    EXPECT_EQ(bastion::json_minify("7"), "7");
}

TEST(Json, StringLiteralsComeBack) {
    std::string every;
    for (int c = 0; c < 128; ++c) every += static_cast<char>(c);
    std::string literal;
    bastion::json_append_string(literal, every);
    const auto document = parse_json(literal, plenty);
    ASSERT_TRUE(document);
    EXPECT_EQ(document->root().string(), every);
}

}  // namespace
