// Recovery codes: their text, what a user may type in its place, and what the stored value depends on.
#include "core/mfa/recovery_code.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "unit/base/words.hpp"

namespace {

using bastion::as_bytes;
using bastion::HashId;
using bastion::HmacKey;
using bastion::recovery_code_generate;
using bastion::Uuid;
using bastion::test::words;

constexpr std::string_view code = "ABCD-2345-EFGH-6723";
const Uuid ann{{1}};
const Uuid bob{{2}};

HmacKey pepper(char byte) { return std::move(*HmacKey::create(HashId::sha256, as_bytes(std::string(32, byte)))); }

std::optional<bastion::RecoveryCodeMac> mac(std::string_view text, const Uuid& user = ann, char byte = 'p') {
    return *bastion::recovery_code_mac(pepper(byte), user, text);
}

TEST(RecoveryCode, EveryNewOneDiffersAndIsTaken) {
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const auto made = recovery_code_generate();
        SCOPED_TRACE(words(made.text()));
        ASSERT_EQ(made.size(), 19U);
        EXPECT_EQ(made.text().find_first_of('-'), 4U);
        EXPECT_EQ(made.text()[9], '-');
        EXPECT_EQ(made.text()[14], '-');
        EXPECT_TRUE(mac(made.text()));
        EXPECT_TRUE(seen.insert(std::string(made.text())).second);
    }
}

TEST(RecoveryCode, HyphensSpacesAndCaseDoNotCount) {
    const auto stored = mac(code);
    ASSERT_TRUE(stored);
    for (const std::string_view same :
         {"abcd-2345-efgh-6723", "ABCD2345EFGH6723", " ABCD 2345 EFGH 6723 ", "A-B-C-D-2345EFGH67-23"}) {
        SCOPED_TRACE(words(same));
        EXPECT_EQ(mac(same), stored);
    }
}

TEST(RecoveryCode, OtherTextIsNoCode) {
    for (const std::string_view text : {"", "ABCD-2345-EFGH-672", "ABCD-2345-EFGH-67233", "ABCD-2345-EFGH-6713",
                                        "ABCD-2345-EFGH-672=", "ABCD-2345-EFGH-672\xC4"}) {
        SCOPED_TRACE(words(text));
        EXPECT_FALSE(mac(text));
    }
    EXPECT_FALSE(mac(std::string(16, '\0')));
}

TEST(RecoveryCode, TheStoredValueDependsOnPepperUserAndCode) {
    const auto stored = mac(code);
    EXPECT_NE(mac(code, bob), stored);
    EXPECT_NE(mac(code, ann, 'q'), stored);
    EXPECT_NE(mac("ABCD-2345-EFGH-6724"), stored);
}

}  // namespace
