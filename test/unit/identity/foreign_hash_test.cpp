// Hashes of other programs: each verifies, says what it is, and costs nothing when it is malformed or above a ceiling.
#include <gtest/gtest.h>

#include <ctime>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/identity/argon2_hash.hpp"
#include "core/identity/password.hpp"
#include "unit/base/vectors.hpp"
#include "unit/base/words.hpp"

namespace bastion {
namespace {

using bastion::test::words;

struct ForeignHash {
    std::string program, scheme, password, hash;
};

std::vector<ForeignHash> foreign_hashes() {
    std::istringstream lines(
        test::read_file(test::project_folder() / "test" / "unit" / "identity" / "foreign_hashes.tsv"));
    std::vector<ForeignHash> out;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with('#')) continue;
        std::istringstream fields(line);
        ForeignHash row;
        std::getline(fields, row.program, '\t');
        std::getline(fields, row.scheme, '\t');
        std::getline(fields, row.password, '\t');
        std::getline(fields, row.hash, '\t');
        out.push_back(row);
    }
    EXPECT_GT(out.size(), 100U);
    return out;
}

bool verifies(std::string_view password, std::string_view hash) {
    const auto verified = password_verify(password, hash);
    EXPECT_TRUE(verified.ok()) << hash;
    return verified.ok() && *verified;
}

TEST(ForeignHash, VerifiesAndIsDescribed) {
    std::set<std::string> schemes;
    for (const ForeignHash& row : foreign_hashes()) {
        SCOPED_TRACE(words(row.program, row.hash));
        const auto description = describe_password_hash(row.hash);
        ASSERT_TRUE(description);
        EXPECT_EQ(description->scheme, row.scheme);
        EXPECT_FALSE(description->obstacle);
        EXPECT_EQ(description->password_bytes, row.scheme == "bcrypt" ? 72U : 0U);
        EXPECT_TRUE(verifies(row.password, row.hash));
        EXPECT_FALSE(verifies("Correct horse", row.hash));
        EXPECT_FALSE(verifies("", row.hash));
        EXPECT_TRUE(password_needs_rehash(row.hash, default_password_params(argon2id)));
        schemes.insert(row.scheme);
    }
    EXPECT_EQ(schemes.size(), 16U);
}

// Whether a changed last byte of a long password is noticed: by all but bcrypt alone.
TEST(ForeignHash, TheWholePasswordCounts) {
    for (const ForeignHash& row : foreign_hashes()) {
        if (row.password.size() < 73) continue;
        SCOPED_TRACE(words(row.program, row.hash));
        std::string other = row.password;
        other.back() = 'y';
        EXPECT_EQ(verifies(other, row.hash), row.scheme == "bcrypt");
    }
}

TEST(ForeignHash, DamagedHashesDoNotVerify) {
    std::set<std::string> seen;
    for (const ForeignHash& row : foreign_hashes()) {
        if (row.password != "correct horse" || row.scheme == "firebase-scrypt") continue;
        SCOPED_TRACE(words(row.program));
        // A refused one may be an error; no damaged one may be right.
        const auto is_right = [&](const std::string& hash) {
            SCOPED_TRACE(hash);
            const auto description = describe_password_hash(hash);
            // One damaged into an expensive one is not worth the wait.
            if (description && row.hash.size() == hash.size() && !description->obstacle &&
                describe_password_hash(row.hash)->parameters != description->parameters)
                return false;
            const auto verified = password_verify("correct horse", hash);
            return verified.ok() && *verified;
        };
        for (std::size_t size = 0; size < row.hash.size(); ++size) {
            SCOPED_TRACE(words(size));
            EXPECT_FALSE(is_right(row.hash.substr(0, size)));
        }
        for (const char* const tail : {"$", "A", "=", " ", "\n", "\x80"}) {
            SCOPED_TRACE(words(tail));
            EXPECT_FALSE(is_right(row.hash + tail));
        }
        EXPECT_FALSE(is_right(row.hash + std::string(1, '\0')));
        EXPECT_FALSE(is_right(" " + row.hash));
        for (std::size_t i = 0; i < row.hash.size(); i += 3) {
            SCOPED_TRACE(words(i));
            std::string changed = row.hash;
            changed[i] = '\x80';
            EXPECT_FALSE(is_right(changed));
        }
    }
}

TEST(ForeignHash, CeilingsAreErrorsAtOnce) {
    const std::string salt16 = "MDEyMzQ1Njc4OWFiY2RlZg", hash43(43, 'A'), hash86(86, 'A');
    const std::string base64_32 = std::string(43, 'A') + "=", base64_64 = std::string(86, 'A') + "==";
    const std::clock_t begin = std::clock();
    for (const std::string& text : std::vector<std::string>{
             "$pbkdf2$10000001$" + salt16 + "$" + std::string(27, 'A'), "pbkdf2_sha256$4294967296$salt$" + base64_32,
             "pbkdf2:sha256:10000001$salt$" + std::string(64, 'a'),
             "AQAAAAEAmJaBAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw==",
             "bcrypt$$2b$17$" + std::string(53, 'a'),
             "$bcrypt-sha256$v=2,t=2b,r=17$" + std::string(22, 'a') + "$" + std::string(31, 'a'),
             "$scrypt$ln=21,r=8,p=1$" + salt16 + "$" + hash43,
             "$scrypt$ln=99999999999,r=8,p=1$" + salt16 + "$" + hash43,
             "$scrypt$ln=20,r=8,p=2$" + salt16 + "$" + hash43,
             "$scrypt$ln=1,r=4294967296,p=4294967296$" + salt16 + "$" + hash43,
             "scrypt$2147483648$salt$8$1$" + base64_64, "scrypt:32768:8:1000000$salt$" + std::string(128, 'a'),
             "$firescrypt$ln=31,r=8,p=1$Bw==$" + base64_32 + "$Bw==$" + base64_32, "$5$rounds=5000001$salt$" + hash43,
             "$6$rounds=999999999$salt$" + hash86, "$7$K6..../....salt$" + hash43, "$7$zzzzzzzzzzzsalt$" + hash43,
             "$y$jKT$salt$" + hash43, "$P$N" + std::string(30, 'a')}) {
        SCOPED_TRACE(words(text));
        const auto description = describe_password_hash(text);
        ASSERT_TRUE(description);
        ASSERT_TRUE(description->obstacle);
        EXPECT_EQ(description->obstacle->code, ErrorCode::limit_exceeded);
        const auto verified = password_verify("x", text);
        ASSERT_FALSE(verified.ok());
        EXPECT_EQ(verified.error().code, ErrorCode::limit_exceeded);
    }
    EXPECT_LT(std::clock() - begin, CLOCKS_PER_SEC / 10);
}

TEST(ForeignHash, WhatNeedsMoreThanTheTextIsUnsupported) {
    const std::string salt = "c29tZXNhbHQxMjM0NTY3OA", hash(43, 'A');
    for (const std::string& text : std::vector<std::string>{
             "$argon2d$v=19$m=8,t=1,p=1$" + salt + "$" + hash, "$argon2id$v=16$m=8,t=1,p=1$" + salt + "$" + hash,
             "$argon2id$m=8,t=1,p=1$" + salt + "$" + hash, "$argon2id$v=19$m=8,t=1,p=1,keyid=aa$" + salt + "$" + hash,
             "$argon2id$v=19$m=8,t=1,p=1,data=aa$" + salt + "$" + hash, "$y$j9T.$salt$" + hash}) {
        SCOPED_TRACE(words(text));
        const auto description = describe_password_hash(text);
        ASSERT_TRUE(description);
        ASSERT_TRUE(description->obstacle);
        EXPECT_EQ(description->obstacle->code, ErrorCode::unsupported);
        EXPECT_EQ(password_verify("x", text).error().code, ErrorCode::unsupported);
    }
}

TEST(ForeignHash, MalformedTextIsNoHash) {
    const std::string hash43(43, 'A');
    for (const std::string& text : std::vector<std::string>{
             "pbkdf2_sha256$0$salt$" + hash43 + "=",
             "pbkdf2_sha256$1$salt$" + hash43,
             "pbkdf2_sha512$1$salt$AAAA",
             "pbkdf2:sha256$salt$" + std::string(64, 'a'),
             "pbkdf2:md5:1$salt$" + std::string(32, 'a'),
             "bcrypt_sha256$" + std::string(60, 'a'),
             "bcrypt$bcrypt$$2b$04$" + std::string(53, 'a'),
             "$bcrypt-sha256$v=3,t=2b,r=5$" + std::string(22, 'a') + "$" + std::string(31, 'a'),
             "$bcrypt-sha256$2b,5$" + std::string(21, 'a') + "$" + std::string(31, 'a'),
             "$scrypt$ln=10,r=8$AAAA$" + hash43,
             "$scrypt$ln=0,r=8,p=1$AAAA$" + hash43,
             "scrypt$1000$salt$8$1$" + hash43 + "=",
             "scrypt$1$salt$8$1$" + hash43 + "=",
             "scrypt:1024:8$salt$" + std::string(64, 'a'),
             "$5$$" + hash43,
             "$5$rounds=999$salt$" + hash43,
             "$5$saltsaltsaltsalts$" + hash43,
             "$5$salt$" + std::string(42, 'A'),
             "$6$salt$" + hash43,
             "$7$",
             "$7$.6..../....salt$" + hash43,
             "$7$C6..../....$" + hash43,
             "$y$$salt$" + hash43,
             "$y$j$salt$" + hash43,
             "$y$j9T$$" + hash43,
             "$y$j9z$salt$" + hash43,
             "{SSHA}",
             "{SSHA}AAAA",
             "{ssha}yXU0qvivJ4LEVDEtMJ26bIfZWJJozdnb",
             "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
             "$P$4" + std::string(30, 'a'),
             "$P$B" + std::string(29, 'a'),
             "$P$B" + std::string(29, 'a') + "!",
             "AQAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+yWU4=",
             "AQAAAAEAACcQAAAAAP8=",
             "AQAAAAMAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw==",
             "AQAAAAEAAAAAAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw==",
             "AQAAAAEAACcQ/////wABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw==",
             "AA=="}) {
        SCOPED_TRACE(words(text));
        EXPECT_FALSE(describe_password_hash(text));
        EXPECT_FALSE(verifies("x", text));
        EXPECT_TRUE(password_needs_rehash(text, default_password_params(argon2id)));
    }
}

// Some programs write the unused bits of bcrypt's salt as they come; crypt(3) writes zero.
TEST(ForeignHash, UnusedBitsOfABcryptSaltDoNotCount) {
    const std::string hash = "$2b$05$Y.VmL8IZyeUvPuTrEO1hvOv3yVmjTSzuxJw1FX6gw.1PLA3T4/jiC";
    std::string other = hash;
    other[28] = 'P';
    EXPECT_TRUE(verifies("correct horse", hash));
    EXPECT_TRUE(verifies("correct horse", other));
    EXPECT_FALSE(verifies("correct hors", other));
}

TEST(ForeignHash, PasswordsThatCryptCannotTake) {
    for (const ForeignHash& row : foreign_hashes()) {
        if (!row.hash.starts_with("$6$") && !row.hash.starts_with("$y$")) continue;
        SCOPED_TRACE(words(row.program));
        EXPECT_FALSE(verifies(std::string(511, 'x'), row.hash));
        EXPECT_FALSE(verifies(std::string(512, 'x'), row.hash));
        EXPECT_FALSE(verifies(std::string("correct horse\0", 14), row.hash));
    }
}

}  // namespace
}  // namespace bastion
