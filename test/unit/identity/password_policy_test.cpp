// New passwords: each reason to refuse one, and what is accepted; the operator's list, and files that cannot be used.
#include "core/identity/password_policy.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/identity/common_passwords.hpp"
#include "core/identity/password_params.hpp"
#include "unit/base/words.hpp"

namespace bastion {
namespace {

namespace fs = std::filesystem;
using bastion::test::words;

constexpr std::string_view account = "anna.lee@acme-corp.example\nanna\nAnna Müller\nAcme Corp\nacme";

std::string flaw(std::string_view password, std::size_t least = 15, std::string_view of = account) {
    PasswordPolicy policy;
    policy.least_length = least;
    policy.account = of;
    const auto found = find_password_flaw(password, policy);
    return found ? std::string(name_of(*found)) : "error";
}

TEST(PasswordPolicy, LengthIsThatOfThePreparedCharacters) {
    EXPECT_EQ(flaw(""), "too_short");
    EXPECT_EQ(flaw("fourteen chars"), "too_short");
    EXPECT_EQ(flaw("fifteen of them"), "none");
    EXPECT_EQ(flaw("sevench", 8), "too_short");
    EXPECT_EQ(flaw("eight ch", 8), "none");
    // Two code points that compose to one.
    EXPECT_EQ(flaw("fourteen cha\u0072u\u0308"), "too_short");
    EXPECT_EQ(flaw("fourteen char\u00fc"), "too_short");
    EXPECT_EQ(flaw("fifteen of th\u00fcm"), "none");
    EXPECT_EQ(flaw("\U0001F40E\U0001F50B\U0001F4CE\U0001F9F7\U0001F3B2\U0001F33D\U0001F510", 8), "too_short");
    EXPECT_EQ(flaw("\U0001F40E\U0001F50B\U0001F4CE\U0001F9F7\U0001F3B2\U0001F33D\U0001F510\U0001F6B2", 8), "none");
    // Text of a database without an encoding.
    EXPECT_EQ(flaw("\xff\xfe latin-1 bytes"), "none");
}

TEST(PasswordPolicy, UnusableBeforeAnythingElse) {
    EXPECT_EQ(flaw("a tab\tin the password"), "unusable");
    EXPECT_EQ(flaw("short\x01"), "unusable");
    std::string longest;
    while (longest.size() < max_password_bytes) longest += std::to_string(longest.size() * longest.size());
    longest.resize(max_password_bytes);
    EXPECT_EQ(flaw(longest), "none");
    EXPECT_EQ(flaw(longest + "x"), "unusable");
    // Longer when it is prepared.
    std::string growing;
    while (growing.size() < 3000) growing += "\u0958";
    EXPECT_EQ(flaw(growing), "unusable");
}

TEST(PasswordPolicy, CommonOnesInEitherCase) {
    EXPECT_EQ(flaw("password", 8), "common");
    EXPECT_EQ(flaw("PassWord", 8), "common");
    EXPECT_EQ(flaw("qwertyuiop12345"), "common");
    EXPECT_EQ(flaw("Q1W2E3R4T5Y6U7I8O9P0", 8), "common");
    EXPECT_EQ(flaw("AbraCadabra", 8), "common");  // repeats "abracad", which is not common
    // All of it is compared.
    EXPECT_EQ(flaw("password and more of it"), "none");
    EXPECT_EQ(flaw("my own password", 8), "none");
}

TEST(PasswordPolicy, TheListIsSortedAndWhole) {
    EXPECT_TRUE(is_common_password("!qaz2wsx"));
    EXPECT_TRUE(is_common_password("zzzzzzz1"));
    EXPECT_TRUE(is_common_password("dragon"));
    for (const std::string_view other :
         {"", " ", "dragon ", " dragon", "drag0n dragon", "dragonxx", "zzzzzzzzzzzzzzzz\xff", "!"}) {
        SCOPED_TRACE(words(other));
        EXPECT_FALSE(is_common_password(other));
    }
    // Every word of the file is found.
    const char* source = std::getenv("BASTION_SOURCE");
    ASSERT_NE(source, nullptr);
    std::ifstream file(std::string(source) + "/src/core/identity/common_passwords.inc");
    std::string line;
    std::getline(file, line);
    std::size_t count = 0;
    while (std::getline(file, line)) {
        for (std::size_t begin = 1, end = 0; (end = line.find(' ', begin)) != std::string::npos;
             begin = end + 1, ++count) {
            SCOPED_TRACE(words(line.substr(begin, end - begin)));
            ASSERT_TRUE(is_common_password(line.substr(begin, end - begin)));
        }
    }
    EXPECT_EQ(count, 49233U);
}

TEST(PasswordPolicy, RepeatsAndSequences) {
    EXPECT_EQ(flaw("aaaaaaaaaaaaaaaa"), "repetitive");
    EXPECT_EQ(flaw("xyxyxyxyxyxyxyxyx"), "repetitive");
    EXPECT_EQ(flaw("qz7qz7qz7qz7qz7q"), "repetitive");
    EXPECT_EQ(flaw("\u00fc\u00e4\u00fc\u00e4\u00fc\u00e4\u00fc\u00e4\u00fc\u00e4\u00fc\u00e4\u00fc\u00e4\u00fc"),
              "repetitive");
    EXPECT_EQ(flaw("abcdefghijklmnopq"), "repetitive");
    EXPECT_EQ(flaw("ZYXWVUTSRQPONMLK"), "repetitive");
    EXPECT_EQ(flaw("dragondragondragon"), "common");
    EXPECT_EQ(flaw("DragondragonDRAGON"), "common");
    // Four characters again and again are a password of four characters that nobody lists.
    EXPECT_EQ(flaw("qz7#qz7#qz7#qz7#"), "none");
    EXPECT_EQ(flaw("abcdefghijklmnopr"), "none");
    EXPECT_EQ(flaw("abracadabra and abracadabra"), "none");
}

TEST(PasswordPolicy, WordsOfTheAccount) {
    for (const std::string_view personal :
         {"anna.lee@acme-corp.example", "AnnaMüller1234", "anna-müller-2026", "acme-corp-acme-corp", "Acme Corp 12345",
          "M\u00dcLLERanna1984", "anna mu\u0308ller acme"}) {
        SCOPED_TRACE(words(personal));
        EXPECT_EQ(flaw(personal, 14), "personal");
    }
    // Half of the least length is left; the word is too short; it is not the user's.
    EXPECT_EQ(flaw("anna of green gables"), "none");
    EXPECT_EQ(flaw("lee lee lee lee 5"), "none");
    EXPECT_EQ(flaw("anna-m\u00fcller-2026", 15, ""), "none");
    EXPECT_EQ(flaw("anna12ab", 8), "none");
    EXPECT_EQ(flaw("anna12a!", 9), "too_short");
    EXPECT_EQ(flaw("acmeanna1", 8), "personal");
    // Removal does not make new words.
    EXPECT_EQ(flaw("annannanna12345678"), "none");
    // Names are hostile text too.
    EXPECT_EQ(flaw("fifteen of them", 15, "\n\n\xff\xfe\n....\n"), "none");
    EXPECT_EQ(flaw("fifteen of them", 15, "fifteen of them"), "personal");
    EXPECT_EQ(flaw("fifteen of them", 15, std::string(100000, 'x')), "none");
}

class PasswordFiles : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "password_policy_test.XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        path_ = (folder_ / "list").string();
    }
    void TearDown() override { fs::remove_all(folder_); }

    void write(std::string_view content, mode_t mode = 0644) {
        std::ofstream(path_, std::ios::binary) << content;
        ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    }
    [[nodiscard]] std::string flaw(std::string_view password) const {
        const auto found = find(password);
        return found ? std::string(name_of(*found)) : "error: " + found.error().message;
    }
    [[nodiscard]] Result<PasswordFlaw> find(std::string_view password) const {
        return find_password_flaw(password,
                                  {.least_length = 8, .account = {}, .blocklist = path_, .breach_filter = {}});
    }

    fs::path folder_;
    std::string path_;
};

TEST_F(PasswordFiles, LinesInEitherCaseAndAnyForm) {
    write("Company Password\r\n\nSommerfest 2026\npa\u0308ss w\u00f6rd\nbytes \xff\xfe\nthe last one");
    for (const std::string_view listed :
         {"company password", "COMPANY PASSWORD", "sommerfest 2026", "P\u00c4SS W\u00d6RD",
          "pa\u0308ss\u3000wo\u0308rd", "BYTES \xff\xfe", "The Last One"}) {
        SCOPED_TRACE(words(listed));
        EXPECT_EQ(flaw(listed), "blocked");
    }
    for (const std::string_view other :
         {"company password ", "ompany password", "sommerfest 20266", "the last on", "bytes \xff\xfd"}) {
        SCOPED_TRACE(words(other));
        EXPECT_EQ(flaw(other), "none");
    }
    // A change counts at once.
    write("another one");
    EXPECT_EQ(flaw("company password"), "none");
    EXPECT_EQ(flaw("another one"), "blocked");
    write(
        "\xEF\xBB\xBF"
        "first line\nsecond line\n");
    EXPECT_EQ(flaw("first line"), "blocked");
    EXPECT_EQ(flaw("second line"), "blocked");
    write("");
    EXPECT_EQ(flaw("second line"), "none");
}

TEST_F(PasswordFiles, NoPasswordIsAcceptedWithoutTheList) {
    EXPECT_EQ(flaw("a good password"), "error: could not use the password blocklist: No such file or directory");
    const auto failed = find("a good password");
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().code, ErrorCode::io_failure);
    EXPECT_EQ(failed.error().message.find(path_), std::string::npos);
    EXPECT_NE(failed.error().log_detail.find(path_), std::string::npos);
    // Cheaper reasons need no list.
    EXPECT_EQ(flaw("short"), "too_short");
    write("x\n", 0666);
    EXPECT_EQ(flaw("a good password"), "error: could not use the password blocklist: group or others can write it");
    write("x\n", 0664);
    EXPECT_FALSE(find("a good password").ok());
    EXPECT_FALSE(check_password_blocklist(path_).ok());
    write("x\n");
    EXPECT_EQ(flaw("a good password"), "none");
    EXPECT_TRUE(check_password_blocklist(path_).ok());
    fs::resize_file(path_, max_blocklist_bytes);
    EXPECT_EQ(flaw("a good password"), "none");
    fs::resize_file(path_, max_blocklist_bytes + 1);
    EXPECT_EQ(flaw("a good password"), "error: could not use the password blocklist: it is larger than 16 MiB");
    fs::remove(path_);
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    EXPECT_EQ(flaw("a good password"), "error: could not use the password blocklist: it is not a regular file");
    fs::remove(path_);
    fs::create_directory(path_);
    EXPECT_EQ(flaw("a good password"), "error: could not use the password blocklist: it is not a regular file");
}

TEST_F(PasswordFiles, OnlyOfTheServersUserOrRoot) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
    write("x\n");
    ASSERT_EQ(::chown(path_.c_str(), 12345, 12345), 0);
    EXPECT_EQ(flaw("a good password"),
              "error: could not use the password blocklist: it is not owned by the server's user or root");
}

}  // namespace
}  // namespace bastion
