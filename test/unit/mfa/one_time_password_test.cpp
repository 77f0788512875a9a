// HOTP and TOTP: the published vectors, the window of steps, the single use of each, and the URI of an authenticator.
#include "core/mfa/one_time_password.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "core/base/json.hpp"
#include "unit/base/vectors.hpp"
#include "unit/base/words.hpp"

namespace {

using bastion::as_bytes;
using bastion::ErrorCode;
using bastion::HashId;
using bastion::HmacKey;
using bastion::hotp;
using bastion::totp_step_of;
using bastion::test::words;

constexpr std::string_view seed = "12345678901234567890";

HmacKey key_of(HashId hash, std::string_view secret) { return std::move(*HmacKey::create(hash, as_bytes(secret))); }

std::string code_at(std::int64_t step) {
    return std::string(hotp(key_of(HashId::sha1, seed), static_cast<std::uint64_t>(step), 6)->view());
}

std::optional<std::int64_t> step_of(std::string_view code, std::int64_t now, std::int64_t last = -1) {
    return *totp_step_of(as_bytes(seed), code, now, last);
}

TEST(OneTimePassword, Rfc4226Vectors) {
    BASTION_NEEDS_VECTORS();
    const auto file = bastion::parse_json(bastion::test::read_vector("rfc/rfc4226_hotp.json"), 1 << 20);
    ASSERT_TRUE(file);
    const HmacKey key = key_of(HashId::sha1, *file->root().find("secret_ascii")->string());
    std::size_t count = 0;
    for (const auto& test : file->root().find("tests")->elements()) {
        const auto counter = *test.find("counter")->natural();
        SCOPED_TRACE(words(counter));
        EXPECT_EQ(hotp(key, counter, 6)->view(), *test.find("code")->string());
        ++count;
    }
    EXPECT_EQ(count, 10U);
}

TEST(OneTimePassword, Rfc6238Vectors) {
    BASTION_NEEDS_VECTORS();
    const std::map<std::string_view, HashId> hashes{
        {"sha1", HashId::sha1}, {"sha256", HashId::sha256}, {"sha512", HashId::sha512}};
    const auto file = bastion::parse_json(bastion::test::read_vector("rfc/rfc6238_totp.json"), 1 << 20);
    ASSERT_TRUE(file);
    std::size_t count = 0;
    for (const auto& test : file->root().find("tests")->elements()) {
        const std::string_view alg = *test.find("alg")->string();
        const auto time = *test.find("time")->natural();
        SCOPED_TRACE(words(alg, time));
        const HmacKey key = key_of(hashes.at(alg), *test.find("secret_ascii")->string());
        EXPECT_EQ(hotp(key, time / *test.find("step")->natural(), 8)->view(), *test.find("code")->string());
        ++count;
    }
    EXPECT_EQ(count, 18U);
}

TEST(OneTimePassword, OnlySixToEightDigits) {
    for (const int digits : {-1, 0, 5, 9, 10}) {
        SCOPED_TRACE(words(digits));
        EXPECT_EQ(hotp(key_of(HashId::sha1, seed), 0, digits).error().code, ErrorCode::invalid_argument);
    }
    EXPECT_EQ(hotp(key_of(HashId::sha1, seed), 1, 7)->view(), "4287082");
}

TEST(Totp, OneStepBeforeAndAfterCounts) {
    constexpr std::int64_t step = 1'000'000;
    for (const std::int64_t now : {step * 30, step * 30 + 29}) {
        SCOPED_TRACE(words(now));
        for (const std::int64_t difference : {-2, -1, 0, 1, 2}) {
            SCOPED_TRACE(words(difference));
            const auto found = step_of(code_at(step + difference), now);
            if (difference < -1 || difference > 1) {
                EXPECT_FALSE(found);
            } else {
                EXPECT_EQ(found, step + difference);
            }
        }
    }
}

TEST(Totp, AStepIsUsedUpWithAllBefore) {
    constexpr std::int64_t step = 1'000'000;
    EXPECT_EQ(step_of(code_at(step), step * 30, step - 1), step);
    EXPECT_FALSE(step_of(code_at(step), step * 30, step));
    EXPECT_FALSE(step_of(code_at(step - 1), step * 30, step));
    EXPECT_EQ(step_of(code_at(step + 1), step * 30, step), step + 1);
}

TEST(Totp, OtherTextIsNoCode) {
    constexpr std::int64_t now = 30'000'000;
    const std::string good = code_at(now / 30);
    ASSERT_TRUE(step_of(good, now));
    for (const std::string& code : {std::string(), good.substr(1), good + "0", " " + good, good + "\n",
                                    good.substr(0, 5) + '\0', std::string(6, 'x')}) {
        SCOPED_TRACE(words(code));
        EXPECT_FALSE(step_of(code, now));
    }
    EXPECT_EQ(totp_step_of({}, good, now, 0).error().code, ErrorCode::internal);
}

TEST(Totp, UriHasWhatAnAuthenticatorReads) {
    const auto uri = bastion::otpauth_uri("Grün & Co", "ann+1@x.example", as_bytes(seed));
    ASSERT_TRUE(uri);
    EXPECT_EQ(uri->text(),
              "otpauth://totp/Gr%C3%BCn%20%26%20Co:ann%2B1%40x.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
              "&issuer=Gr%C3%BCn%20%26%20Co&algorithm=SHA1&digits=6&period=30");
    for (const auto& [issuer, account] : {std::pair{"", "a"}, {"a", ""}, {"a:b", "c"}, {"a", "b:c"}}) {
        SCOPED_TRACE(words(issuer, account));
        EXPECT_EQ(bastion::otpauth_uri(issuer, account, as_bytes(seed)).error().code, ErrorCode::invalid_argument);
    }
}

}  // namespace
