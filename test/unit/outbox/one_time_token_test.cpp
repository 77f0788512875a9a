// One-time tokens and codes: their form, what they are bound to, and vectors from another implementation.
#include "core/outbox/one_time_token.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "core/base/encoding.hpp"
#include "unit/base/words.hpp"

namespace bastion {
namespace {

using bastion::test::words;

HmacKey pepper(std::uint8_t fill) { return std::move(*HmacKey::create(HashId::sha256, Bytes(32, fill))); }

OneTimeSubject subject() {
    return {*parse_uuid("00112233-4455-6677-8899-aabbccddeeff"),
            "reset_password",
            *parse_uuid("0f0e0d0c-0b0a-0908-0706-050403020100"),
            "ann@acme.example",
            1,
            817'000'000'000'000};
}

std::string token_of(const OneTimeSubject& bound, std::uint8_t fill = 1) {
    return std::string(one_time_token(pepper(fill), bound)->text());
}
std::string code_of(const OneTimeSubject& bound, std::uint8_t fill = 1) {
    return std::string(one_time_code(pepper(fill), bound)->text());
}

// Computed with Python: hmac.new(b'\1' * 32, b''.join(len(p).to_bytes(4, 'big') + p for p in parts), 'sha256')
TEST(OneTimeToken, IsTheSameForEver) {
    EXPECT_EQ(token_of(subject()),
              "bst_ot_00112233445566778899aabbccddeeff_-upeBpAp-bqLWV1tuKEfOisWgouPfiJ38MRpXIU4aRY");
    EXPECT_EQ(code_of(subject()), "163731");
}

TEST(OneTimeToken, IsBoundToEveryPart) {
    std::vector<OneTimeSubject> others(7, subject());
    others[0].id.bytes[15] ^= 1;
    others[1].purpose = "magic_link";
    others[2].user.reset();
    others[3].user->bytes[0] ^= 1;
    others[4].address = "ann@acme.exampl";
    others[5].generation = 2;
    others[6].expires_at += 1;
    std::set<std::string> tokens{token_of(subject()), token_of(subject(), 2)};
    std::set<std::string> codes{code_of(subject()), code_of(subject(), 2)};
    for (const OneTimeSubject& other : others) {
        tokens.insert(token_of(other));
        codes.insert(code_of(other));
    }
    EXPECT_EQ(tokens.size(), 9U);
    EXPECT_EQ(codes.size(), 9U);
}

// The end of one part cannot become the beginning of the next.
TEST(OneTimeToken, KeepsPartsApart) {
    OneTimeSubject left = subject();
    left.user.reset();
    OneTimeSubject right = left;
    left.purpose = "code";
    left.address = "a@b.example";
    right.purpose = "codea";
    right.address = "@b.example";
    EXPECT_NE(token_of(left), token_of(right));
}

TEST(OneTimeToken, ShowsItsIdAlone) {
    const std::string token = token_of(subject());
    ASSERT_TRUE(one_time_id(token).has_value());
    EXPECT_EQ(*one_time_id(token), subject().id);
    EXPECT_EQ(token.size(), 83U);
}

TEST(OneTimeToken, TakesNoOtherForm) {
    const std::string token = token_of(subject());
    for (std::size_t size = 0; size < token.size(); ++size) {
        SCOPED_TRACE(words(size));
        EXPECT_FALSE(one_time_id(token.substr(0, size)).has_value());
    }
    std::string no_separator = token;
    no_separator[39] = '-';
    std::string upper = token;
    upper[38] = 'F';
    std::string other_alphabet = token;
    other_alphabet[10] = 'g';
    for (const std::string& wrong : {token + "A", " " + token, "bst_OT_" + token.substr(7), no_separator, upper,
                                     other_alphabet, std::string(token.size(), '\0')}) {
        SCOPED_TRACE(words(wrong));
        EXPECT_FALSE(one_time_id(wrong).has_value());
    }
}

TEST(OneTimeToken, HasCodesOfSixDigitsWithLeadingZeros) {
    bool leading_zero = false;
    std::set<std::string> seen;
    OneTimeSubject bound = subject();
    for (bound.generation = 1; bound.generation <= 1000; ++bound.generation) {
        SCOPED_TRACE(words(bound.generation));
        const std::string code = code_of(bound);
        ASSERT_EQ(code.size(), one_time_code_digits);
        EXPECT_EQ(code.find_first_not_of("0123456789"), std::string::npos);
        leading_zero = leading_zero || code[0] == '0';
        seen.insert(code);
    }
    EXPECT_TRUE(leading_zero);
    EXPECT_GT(seen.size(), 990U);
}

}  // namespace
}  // namespace bastion
