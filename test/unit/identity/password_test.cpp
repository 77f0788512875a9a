// Passwords: new hashes verify, published hashes verify, hostile and malformed ones cost nothing.
#include "core/identity/password.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "core/base/encoding.hpp"
#include "core/base/json.hpp"
#include "core/identity/argon2_hash.hpp"
#include "core/identity/bcrypt_hash.hpp"
#include "core/identity/pbkdf2_hash.hpp"
#include "unit/base/vectors.hpp"
#include "unit/base/words.hpp"

namespace bastion {
static void PrintTo(const PasswordAlgorithm* algorithm, std::ostream* out) { *out << algorithm->names.front(); }

namespace {

using bastion::test::words;

// As cheap as each algorithm gets.
PasswordParams cheap(const PasswordAlgorithm& algorithm) {
    PasswordParams params = default_password_params(algorithm);
    params.memory_kib = 8;
    params.iterations = &algorithm == &pbkdf2_sha256 ? 1000 : 1;
    params.cost = 4;
    return params;
}

bool verifies(std::string_view password, std::string_view hash) {
    const auto verified = password_verify(password, hash);
    EXPECT_TRUE(verified.ok()) << hash;
    return verified.ok() && *verified;
}

class EachAlgorithm : public testing::TestWithParam<const PasswordAlgorithm*> {};
INSTANTIATE_TEST_SUITE_P(Password, EachAlgorithm, testing::Values(&argon2id, &bcrypt, &pbkdf2_sha256));

TEST_P(EachAlgorithm, VerifiesWhatItHashed) {
    for (const std::string& password : {std::string("x"), std::string("correct horse battery staple"),
                                        std::string("pässwörd"), std::string(72, 'a'), std::string("\xff\xfe\x80")}) {
        SCOPED_TRACE(words(password));
        const auto hash = password_hash(password, cheap(*GetParam()));
        ASSERT_TRUE(hash.ok());
        EXPECT_TRUE(verifies(password, *hash));
        EXPECT_FALSE(verifies(password + "!", *hash) && GetParam() != &bcrypt);
        EXPECT_FALSE(verifies("y" + password, *hash));
        EXPECT_FALSE(verifies(std::string_view(password).substr(1), *hash));
        EXPECT_FALSE(verifies("", *hash));
    }
}

TEST_P(EachAlgorithm, SaltsAreFresh) {
    std::set<std::string> hashes;
    for (int i = 0; i < 5; ++i) hashes.insert(password_hash("same", cheap(*GetParam())).value());
    EXPECT_EQ(hashes.size(), 5U);
}

TEST_P(EachAlgorithm, RefusesTheEmptyPassword) {
    const auto hash = password_hash("", cheap(*GetParam()));
    ASSERT_FALSE(hash.ok());
    EXPECT_EQ(hash.error().code, ErrorCode::invalid_argument);
}

TEST_P(EachAlgorithm, RefusesVeryLongPasswords) {
    const std::string longest(max_password_bytes, 'a');
    const std::string longer(max_password_bytes + 1, 'a');
    const std::string hash = password_hash("x", cheap(*GetParam())).value();
    EXPECT_EQ(password_hash(longer, cheap(*GetParam())).error().code, ErrorCode::limit_exceeded);
    EXPECT_EQ(password_verify(longer, hash).error().code, ErrorCode::limit_exceeded);
    EXPECT_EQ(password_verify(longer, "garbage").error().code, ErrorCode::limit_exceeded);
    EXPECT_EQ(password_dummy_match(longer, cheap(*GetParam())).error().code, ErrorCode::limit_exceeded);
    EXPECT_FALSE(verifies(longest, hash));
    if (GetParam() != &bcrypt) {
        EXPECT_TRUE(verifies(longest, password_hash(longest, cheap(*GetParam())).value()));
    }
}

TEST_P(EachAlgorithm, DummyIsAlwaysFalse) {
    for (const std::string& password : {std::string(), std::string("x"), std::string(200, 'a')}) {
        SCOPED_TRACE(words(password));
        const auto verified = password_dummy_match(password, cheap(*GetParam()));
        ASSERT_TRUE(verified.ok());
        EXPECT_EQ(*verified, PasswordMatch::none);
    }
}

// CPU time, which a busy machine hardly disturbs, interleaved; the best of several is compared.
TEST_P(EachAlgorithm, DummyCostsAsMuchAsAHash) {
    PasswordParams params = default_password_params(*GetParam());
    params.cost = 8;
    params.iterations = GetParam() == &pbkdf2_sha256 ? 20000 : 6;
    const std::string hash = password_hash("x", params).value();
    const auto seconds = [](const auto& work) {
        const std::clock_t begin = std::clock();
        work();
        return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    };
    double real = 1e9;
    double dummy = 1e9;
    for (int i = 0; i < 7; ++i) {
        SCOPED_TRACE(words(i));
        real = std::min(real, seconds([&] { EXPECT_FALSE(verifies("y", hash)); }));
        dummy = std::min(dummy, seconds([&] { EXPECT_EQ(*password_dummy_match("y", params), PasswordMatch::none); }));
    }
    EXPECT_LT(dummy, real * 1.5);
    EXPECT_GT(dummy, real / 1.5);
}

TEST_P(EachAlgorithm, OwnHashesNeedNoRehash) {
    const std::string hash = password_hash("x", cheap(*GetParam())).value();
    EXPECT_FALSE(password_needs_rehash(hash, cheap(*GetParam())));
    for (const PasswordAlgorithm* other : {&argon2id, &bcrypt, &pbkdf2_sha256}) {
        SCOPED_TRACE(words(other));
        EXPECT_EQ(password_needs_rehash(hash, cheap(*other)), other != GetParam());
        EXPECT_TRUE(password_needs_rehash(hash, default_password_params(*other)));
    }
}

// A damaged hash never verifies and causes no crash.
TEST_P(EachAlgorithm, DamagedHashesDoNotVerify) {
    const std::string hash = password_hash("x", cheap(*GetParam())).value();
    for (std::size_t size = 0; size < hash.size(); ++size) {
        SCOPED_TRACE(words(size));
        EXPECT_FALSE(verifies("x", hash.substr(0, size)));
    }
    for (const char* const tail : {"$", "A", "=", " ", "\n", "\x80"}) {
        SCOPED_TRACE(words(tail));
        EXPECT_FALSE(verifies("x", hash + tail));
    }
    EXPECT_FALSE(verifies("x", hash + std::string(1, '\0')));
    EXPECT_FALSE(verifies("x", " " + hash));
    for (std::size_t i = 0; i < hash.size(); ++i) {
        SCOPED_TRACE(words(i));
        // libsodium 1.0.18 alone would take every byte above 127 for the digit 63.
        for (const char c : {'\0', '$', '!', '\x80', '\xff'}) {
            SCOPED_TRACE(words(c));
            std::string changed = hash;
            if (changed[i] == c) continue;
            changed[i] = c;
            EXPECT_FALSE(verifies("x", changed));
        }
    }
}

TEST(Password, HashesHaveTheirTextForms) {
    const std::string argon2 = password_hash("x", default_password_params(argon2id)).value();
    EXPECT_TRUE(argon2.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << argon2;
    EXPECT_EQ(argon2.size(), 31U + 22 + 1 + 43);
    EXPECT_FALSE(password_needs_rehash(argon2, default_password_params(argon2id)));
    EXPECT_TRUE(password_hash("x", cheap(bcrypt)).value().starts_with("$2b$04$"));
    EXPECT_TRUE(password_hash("x", cheap(pbkdf2_sha256)).value().starts_with("$pbkdf2-sha256$1000$"));
    EXPECT_EQ(default_password_params(bcrypt).cost, 12U);
    EXPECT_EQ(default_password_params(pbkdf2_sha256).iterations, 600000U);
}

TEST(Password, BcryptRefusesWhatItWouldIgnore) {
    EXPECT_TRUE(password_hash(std::string(72, 'a'), cheap(bcrypt)).ok());
    EXPECT_EQ(password_hash(std::string(73, 'a'), cheap(bcrypt)).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(password_hash(std::string_view("a\0b", 3), cheap(bcrypt)).error().code, ErrorCode::invalid_argument);
    // Existing hashes keep their meaning, but NUL never ends a password early.
    const std::string hash = password_hash(std::string(72, 'a'), cheap(bcrypt)).value();
    EXPECT_TRUE(verifies(std::string(73, 'a'), hash));
    EXPECT_TRUE(verifies(std::string(600, 'a'), hash));
    EXPECT_FALSE(verifies(std::string(71, 'a'), hash));
    EXPECT_FALSE(verifies(std::string_view("a\0b", 3), password_hash("a", cheap(bcrypt)).value()));
}

// The hash of another system, whose bytes nobody prepared.
std::string hash_of_bytes(std::string_view bytes, const PasswordAlgorithm& algorithm) {
    return algorithm.hash(bytes, cheap(algorithm)).value();
}

TEST(Password, Argon2AndPbkdf2CountNul) {
    for (const PasswordAlgorithm* algorithm : {&argon2id, &pbkdf2_sha256}) {
        SCOPED_TRACE(words(algorithm));
        const std::string hash = hash_of_bytes(std::string_view("a\0b", 3), *algorithm);
        EXPECT_TRUE(verifies(std::string_view("a\0b", 3), hash));
        EXPECT_FALSE(verifies("a", hash));
    }
}

// "pässwörd" as one client writes it and as another does.
constexpr std::string_view composed = "p\u00e4ssw\u00f6rd";
constexpr std::string_view decomposed = "pa\u0308sswo\u0308rd";

TEST_P(EachAlgorithm, HashesThePreparedPassword) {
    for (const std::string_view hashed : {composed, decomposed}) {
        SCOPED_TRACE(words(hashed));
        const std::string hash = password_hash(hashed, cheap(*GetParam())).value();
        EXPECT_EQ(password_match(composed, hash).value(), PasswordMatch::prepared);
        EXPECT_EQ(password_match(decomposed, hash).value(), PasswordMatch::prepared);
        EXPECT_EQ(password_match("passwörd", hash).value(), PasswordMatch::none);
    }
    const std::string spaced = password_hash("correct\u3000horse", cheap(*GetParam())).value();
    EXPECT_TRUE(verifies("correct horse", spaced));
    for (const std::string_view controls : {std::string_view("tab\there"), std::string_view("a\0b", 3),
                                            std::string_view("next\u0085line"), std::string_view("\x7f")}) {
        SCOPED_TRACE(words(controls));
        EXPECT_EQ(password_hash(controls, cheap(*GetParam())).error().code, ErrorCode::invalid_argument);
    }
}

TEST_P(EachAlgorithm, VerifiesTheBytesOfOtherSystems) {
    const std::string hash = hash_of_bytes(decomposed, *GetParam());
    EXPECT_EQ(password_match(decomposed, hash).value(), PasswordMatch::bytes);
    EXPECT_EQ(password_match(composed, hash).value(), PasswordMatch::none);
    EXPECT_TRUE(verifies("tab\there", hash_of_bytes("tab\there", *GetParam())));
}

TEST_P(EachAlgorithm, LimitsThePreparedPassword) {
    // A composition exclusion is twice as long in NFC.
    std::string longest;
    while (longest.size() + 3 <= max_password_bytes) longest += "\u0958";
    EXPECT_EQ(password_hash(longest, cheap(*GetParam())).error().code, ErrorCode::limit_exceeded);
}

TEST(Password, Pbkdf2TextForms) {
    // From passlib's documentation.
    EXPECT_TRUE(
        verifies("password", "$pbkdf2-sha256$6400$.6UI/S.nXIk8jcbdHx3Fhg$98jZicV16ODfEsEZeYPGHU3kbrUrvUEXOPimVSQDD44"));
    // Computed with Python's hashlib; the second has "." and "/" in salt and hash.
    EXPECT_TRUE(
        verifies("password", "$pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg$hRRjgXWkW8ResfIvBP99J/T4vkgEmMRV/0tJTOjR59I"));
    EXPECT_TRUE(
        verifies("\xff\xfe", "$pbkdf2-sha256$1$8PHy8/T19vf4.fr7/P3./w$qNG6NCKQowBjiXZYdtvnpcLq9ECvemX7CdJULUAZSfs"));
    EXPECT_TRUE(verifies("password", "$pbkdf2-sha256$10$$M.xwwYFNCZeh8Eirri05RZaTyE/NPf63.IeQJQb3VxY"));
    EXPECT_FALSE(verifies("password", "$pbkdf2-sha256$10$$"));
    EXPECT_FALSE(
        verifies("\xff\xfe", "$pbkdf2-sha256$1$8PHy8/T19vf4+fr7/P3+/w$qNG6NCKQowBjiXZYdtvnpcLq9ECvemX7CdJULUAZSfs"));
    const std::string raw =
        "$bastion-pbkdf2-sha256$i=480000$MDEyMzQ1Njc4OWFiY2RlZg==$9moxJ8v339r+9zZQtD2xLjt9WmxpGfYjn8RznDU//Uk=";
    EXPECT_TRUE(verifies("password", raw));
    EXPECT_FALSE(verifies("Password", raw));
    // Genuine, with salts of 7, 8, 64 and 65 bytes.
    EXPECT_FALSE(
        verifies("password", "$bastion-pbkdf2-sha256$i=1$MDEyMzQ1Ng==$Vxd7iOtq7qV0gYRDq9A5dK8YzXqQtwX8vukNlWZOXBk="));
    EXPECT_TRUE(
        verifies("password", "$bastion-pbkdf2-sha256$i=1$MDEyMzQ1Njc=$Dkk5qeUpKFnQ7LPFvJKCfg6mBdmEdXJIWGmuMnpkKu4="));
    EXPECT_TRUE(verifies(
        "password",
        "$bastion-pbkdf2-sha256$i=1$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3O"
        "DlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg==$85bLK7TPqlPPtwCzlGC0JtAGVGAnT2SciXg48qD/R98="));
    EXPECT_FALSE(verifies(
        "password",
        "$bastion-pbkdf2-sha256$i=1$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3O"
        "DlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjA=$XuXo29YYQb95kQ3h3CU4WoM84fn0L9rYHOeZuMYSJhU="));
    std::string high_byte = raw;
    high_byte[raw.find("//U")] = '\xc3';
    EXPECT_FALSE(verifies("password", high_byte));
    EXPECT_TRUE(password_needs_rehash(raw, default_password_params(pbkdf2_sha256)));
    PasswordParams as_it_is = default_password_params(pbkdf2_sha256);
    as_it_is.iterations = 480000;
    EXPECT_FALSE(password_needs_rehash(raw, as_it_is));
}

TEST(Password, MalformedHashesAreFalse) {
    const std::string salt = "c29tZXNhbHQxMjM0NTY3OA", hash(43, 'A');
    for (const std::string& text :
         std::vector<std::string>{"",
                                  "x",
                                  "garbage",
                                  "$",
                                  "$$$$",
                                  "ab01FAX.bQRSU",
                                  "$1$abc$def",
                                  "$y$j9T$abc$def",
                                  "{SSHA}abcd",
                                  "$argon2id$",
                                  "$argon2id$v=19$m=08,t=1,p=1$" + salt + "$" + hash,
                                  "$argon2id$v=19$m=+8,t=1,p=1$" + salt + "$" + hash,
                                  "$argon2id$v=19$m=8,t=0,p=1$" + salt + "$" + hash,
                                  "$argon2id$v=19$m=8,t=1,p=0$" + salt + "$" + hash,
                                  "$argon2id$v=19$m=8,t=1,p=2$" + salt + "$" + hash,
                                  "$argon2id$v=19$t=1,m=8,p=1$" + salt + "$" + hash,
                                  "$argon2id$v=19$m=8,t=1,p=1$c2hvcnQ$" + hash,
                                  "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$AAAA",
                                  "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + hash + "=",
                                  "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + std::string(42, 'A') + "B",
                                  "$2b$04$",
                                  "$2b$03$" + std::string(53, 'a'),
                                  "$2b$32$" + std::string(53, 'a'),
                                  "$2b$4$" + std::string(54, 'a'),
                                  "$2$04$" + std::string(54, 'a'),
                                  "$2b$04$" + std::string(52, 'a') + "=",
                                  "$2c$04$" + std::string(53, 'a'),
                                  "$pbkdf2-sha256$0$" + salt + "$" + hash,
                                  "$pbkdf2-sha256$01$" + salt + "$" + hash,
                                  "$pbkdf2-sha256$-1$" + salt + "$" + hash,
                                  "$pbkdf2-sha256$1$" + salt + "$AAAA",
                                  "$pbkdf2-sha256$1$" + salt + "==$" + hash,
                                  "$pbkdf2-sha512$1$" + salt + "$" + hash,
                                  "$pbkdf2-sha256$1$" + salt + "$" + hash + "$",
                                  "$bastion-pbkdf2-sha256$1$" + salt + "==$" + hash + "=",
                                  "$bastion-pbkdf2-sha256$i=1$" + salt + "$" + hash + "=",
                                  "$bastion-pbkdf2-sha256$i=1$c2hvcnQ=$" + hash + "=",
                                  "$bastion-pbkdf2-sha256$i=1$" + std::string(88, 'A') + "$" + hash + "="}) {
        SCOPED_TRACE(words(text));
        EXPECT_FALSE(verifies("", text));
        EXPECT_FALSE(verifies("x", text));
        for (const PasswordAlgorithm* algorithm : {&argon2id, &bcrypt, &pbkdf2_sha256}) {
            SCOPED_TRACE(words(algorithm));
            EXPECT_TRUE(password_needs_rehash(text, cheap(*algorithm)));
        }
    }
    EXPECT_FALSE(verifies("x", std::string(1 << 20, '$')));
    EXPECT_FALSE(verifies("x", "$argon2id$v=19$m=8,t=1,p=1$" + std::string(1 << 20, 'A') + "$" + hash));
}

TEST(Password, CeilingsAreErrorsAtOnce) {
    const std::string salt = "$c29tZXNhbHQxMjM0NTY3OA$", hash(43, 'A');
    const std::clock_t begin = std::clock();
    for (const std::string& text : std::vector<std::string>{
             "$argon2id$v=19$m=1048577,t=1,p=1" + salt + hash, "$argon2id$v=19$m=8,t=21,p=1" + salt + hash,
             "$argon2i$v=19$m=256,t=1,p=17" + salt + hash, "$argon2id$v=19$m=4294967295,t=4294967295,p=1" + salt + hash,
             "$argon2id$v=19$m=4294967296,t=1,p=1" + salt + hash,
             "$argon2id$v=19$m=99999999999999999999999999,t=1,p=1" + salt + hash, "$2b$17$" + std::string(53, 'a'),
             "$2a$31$" + std::string(53, 'a'), "$pbkdf2-sha256$10000001" + salt + hash,
             "$pbkdf2-sha256$4294967296" + salt + hash,
             "$bastion-pbkdf2-sha256$i=10000001$MDEyMzQ1Njc4OWFiY2RlZg==$" + hash + "="}) {
        SCOPED_TRACE(words(text));
        const auto verified = password_verify("x", text);
        ASSERT_FALSE(verified.ok());
        EXPECT_EQ(verified.error().code, ErrorCode::limit_exceeded);
        for (const PasswordAlgorithm* algorithm : {&argon2id, &bcrypt, &pbkdf2_sha256}) {
            SCOPED_TRACE(words(algorithm));
            EXPECT_TRUE(password_needs_rehash(text, cheap(*algorithm)));
        }
    }
    EXPECT_LT(std::clock() - begin, CLOCKS_PER_SEC / 10);
}

// A hash that could not be computed is neither right nor wrong. The sanitizers reserve too much to be limited.
#if !defined(__SANITIZE_ADDRESS__)
TEST(PasswordDeathTest, LackOfMemoryIsAnError) {
    const auto code_without_memory = [](const auto& work) {
        const struct rlimit small = {256U << 20, 256U << 20};
        if (::setrlimit(RLIMIT_AS, &small) != 0) std::_Exit(3);
        const auto result = work();
        std::_Exit(result.ok() ? 1 : result.error().code == ErrorCode::busy ? 0 : 2);
    };
    const std::string hash = "$argon2id$v=19$m=1048576,t=1,p=1$c29tZXNhbHQxMjM0NTY3OA$" + std::string(43, 'A');
    EXPECT_EXIT(code_without_memory([&] { return password_verify("x", hash); }), testing::ExitedWithCode(0), "");
    PasswordParams large;
    large.memory_kib = max_argon2_memory_kib;
    EXPECT_EXIT(code_without_memory([&] { return password_hash("x", large); }), testing::ExitedWithCode(0), "");
}
#endif

TEST(Password, NeedsRehashWhenAnyParameterIsWeaker) {
    const PasswordParams wanted = default_password_params(argon2id);
    const std::string salt = "$AAAAAAAAAAAAAAAAAAAAAA$", hash(43, 'A');
    EXPECT_FALSE(password_needs_rehash("$argon2id$v=19$m=19456,t=2,p=1" + salt + hash, wanted));
    EXPECT_FALSE(password_needs_rehash("$argon2id$v=19$m=65536,t=3,p=4" + salt + hash, wanted));
    EXPECT_TRUE(password_needs_rehash("$argon2id$v=19$m=19455,t=2,p=1" + salt + hash, wanted));
    EXPECT_TRUE(password_needs_rehash("$argon2id$v=19$m=65536,t=1,p=1" + salt + hash, wanted));
    EXPECT_TRUE(password_needs_rehash("$argon2i$v=19$m=65536,t=3,p=1" + salt + hash, wanted));
    EXPECT_TRUE(password_needs_rehash("$argon2id$v=19$m=65536,t=3,p=1$AAAAAAAAAAA$" + hash, wanted));
    EXPECT_TRUE(password_needs_rehash("$argon2id$v=19$m=65536,t=3,p=1" + salt + std::string(22, 'A'), wanted));
    EXPECT_FALSE(password_needs_rehash("$2y$13$" + std::string(53, 'a'), default_password_params(bcrypt)));
    EXPECT_TRUE(password_needs_rehash("$2b$11$" + std::string(53, 'a'), default_password_params(bcrypt)));
    EXPECT_TRUE(
        password_needs_rehash("$pbkdf2-sha256$700000$AAAAAAAAAAA$" + hash, default_password_params(pbkdf2_sha256)));
}

TEST(PasswordOptions, DefaultsAndOverrides) {
    EXPECT_EQ(parse_password_options(argon2id, "{}")->memory_kib, 19456U);
    const auto params = parse_password_options(argon2id, R"({"memory": 65536, "iterations": 3, "parallelism": 1})");
    ASSERT_TRUE(params.ok());
    EXPECT_EQ(params->memory_kib, 65536U);
    EXPECT_EQ(params->iterations, 3U);
    EXPECT_EQ(parse_password_options(bcrypt, R"({"cost": 10})")->cost, 10U);
    EXPECT_EQ(parse_password_options(pbkdf2_sha256, R"({"iterations": 1000000})")->iterations, 1000000U);
}

TEST(PasswordOptions, MistakesHaveTheirErrors) {
    using Case = std::tuple<const PasswordAlgorithm*, const char*, ErrorCode>;
    for (const auto& [algorithm, json, code] :
         std::vector<Case>{{&argon2id, "", ErrorCode::invalid_argument},
                           {&argon2id, "{", ErrorCode::invalid_argument},
                           {&argon2id, "[]", ErrorCode::invalid_argument},
                           {&argon2id, "null", ErrorCode::invalid_argument},
                           {&argon2id, R"({"cost": 12})", ErrorCode::invalid_argument},
                           {&argon2id, R"({"Memory": 65536})", ErrorCode::invalid_argument},
                           {&argon2id, R"({"memory": "65536"})", ErrorCode::invalid_argument},
                           {&argon2id, R"({"memory": 65536.5})", ErrorCode::invalid_argument},
                           {&argon2id, R"({"memory": null})", ErrorCode::invalid_argument},
                           {&argon2id, R"({"memory": -1})", ErrorCode::invalid_argument},
                           {&argon2id, R"({"memory": 7})", ErrorCode::invalid_argument},
                           {&argon2id, R"({"iterations": 0})", ErrorCode::invalid_argument},
                           {&argon2id, R"({"parallelism": 0})", ErrorCode::invalid_argument},
                           {&argon2id, R"({"parallelism": 2})", ErrorCode::unsupported},
                           {&argon2id, R"({"parallelism": 17})", ErrorCode::limit_exceeded},
                           {&argon2id, R"({"memory": 1048577})", ErrorCode::limit_exceeded},
                           {&argon2id, R"({"memory": 4294967304})", ErrorCode::limit_exceeded},
                           {&argon2id, R"({"iterations": 21})", ErrorCode::limit_exceeded},
                           {&bcrypt, R"({"iterations": 12})", ErrorCode::invalid_argument},
                           {&bcrypt, R"({"cost": 3})", ErrorCode::invalid_argument},
                           {&bcrypt, R"({"cost": 17})", ErrorCode::limit_exceeded},
                           {&pbkdf2_sha256, R"({"iterations": 999})", ErrorCode::invalid_argument},
                           {&pbkdf2_sha256, R"({"iterations": 10000001})", ErrorCode::limit_exceeded}}) {
        SCOPED_TRACE(words(algorithm->names.front(), json));
        const auto params = parse_password_options(*algorithm, json);
        ASSERT_FALSE(params.ok());
        EXPECT_EQ(params.error().code, code) << params.error().message;
    }
}

TEST(PasswordOptions, ParametersAreCheckedAgainWhenHashing) {
    PasswordParams params;
    params.memory_kib = max_argon2_memory_kib + 1;
    EXPECT_EQ(password_hash("x", params).error().code, ErrorCode::limit_exceeded);
    EXPECT_EQ(password_dummy_match("x", params).error().code, ErrorCode::limit_exceeded);
    params = {};
    params.parallelism = 2;
    EXPECT_EQ(password_hash("x", params).error().code, ErrorCode::unsupported);
}

TEST(PasswordOptions, AlgorithmNames) {
    EXPECT_EQ(*find_password_algorithm("argon2id"), &argon2id);
    EXPECT_EQ(*find_password_algorithm("bcrypt"), &bcrypt);
    EXPECT_EQ(*find_password_algorithm("pbkdf2-sha256"), &pbkdf2_sha256);
    EXPECT_EQ(*find_password_algorithm("pbkdf2_sha256"), &pbkdf2_sha256);
    for (const char* const name : {"", "ARGON2ID", "argon2", "argon2i", "md5", "bcrypt "}) {
        SCOPED_TRACE(words(name));
        EXPECT_EQ(find_password_algorithm(name).error().code, ErrorCode::invalid_argument);
    }
}

// The 1 GiB ones included: they lie exactly at the ceiling.
TEST(PasswordVectors, Argon2Reference) {
    BASTION_NEEDS_VECTORS();
    const std::string text = test::read_vector("argon2/test_c_strings.json");
    const auto document = parse_json(text, text.size());
    ASSERT_TRUE(document.ok());
    int genuine = 0, refused = 0;
    for (const JsonValue& row : document->root().find("tests")->elements()) {
        const std::string_view hash = *row.find("encoded")->string();
        SCOPED_TRACE(words(hash));
        const std::string_view password = *row.find("pwd")->string();
        const bool expected = *row.find("libsodium_1_0_18_verifies")->boolean();
        EXPECT_EQ(expected, hash.find("$v=19$") != std::string_view::npos);
        const auto verified = password_verify(password, hash);
        EXPECT_EQ(verified.ok() && *verified, expected);
        if (!expected) {
            EXPECT_EQ(verified.error().code, ErrorCode::unsupported);
        }
        if (expected && *row.find("m_log2")->integer() < 12) {
            EXPECT_FALSE(verifies(std::string(password) + "x", hash));
        }
        ++(expected ? genuine : refused);
    }
    EXPECT_EQ(genuine, 17);
    EXPECT_EQ(refused, 9);
}

TEST(PasswordVectors, Libxcrypt) {
    BASTION_NEEDS_VECTORS();
    const std::string text = test::read_vector("libxcrypt/ka-table.json");
    const auto document = parse_json(text, text.size());
    ASSERT_TRUE(document.ok());
    int verified = 0;
    for (const JsonValue& row : document->root().find("tests")->elements()) {
        const auto fields = row.elements();
        ASSERT_EQ(fields.size(), 4U);
        const std::string_view hash = *fields[2].string();
        SCOPED_TRACE(words(*fields[0].string(), hash));
        const auto password = hex_decode(*fields[3].string());
        ASSERT_TRUE(password.ok());
        EXPECT_TRUE(verifies(as_text(*password), hash));
        ++verified;
    }
    EXPECT_EQ(verified, 9 * 368);
}

}  // namespace
}  // namespace bastion
