// The vectors of docs/VAULT.md, for checking other implementations: the test makes and opens the values with the data of
// the page.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>

#include "core/base/encoding.hpp"
#include "core/base/framing.hpp"
#include "core/key/root_key.hpp"
#include "core/key/sealed.hpp"
#include "unit/base/vectors.hpp"

namespace bastion {
namespace {

// Lines of a name, spaces and hexadecimal digits, in the block below the last heading.
std::map<std::string, Bytes> documented() {
    const std::string page = test::read_file(test::project_folder() / "docs" / "VAULT.md");
    std::istringstream lines(page.substr(std::min(page.find("### Test vectors"), page.size())));
    std::map<std::string, Bytes> out;
    for (std::string line; std::getline(lines, line);) {
        const auto space = line.rfind(' ');
        if (space == std::string::npos) continue;
        const auto value = hex_decode(line.substr(space + 1));
        if (value.ok()) out[line.substr(0, line.find_last_not_of(' ', space) + 1)] = *value;
    }
    return out;
}

std::uint32_t number(const Bytes& bytes) {
    std::uint32_t value = 0;
    for (const std::uint8_t byte : bytes) value = value << 8 | byte;
    return value;
}

SealedNonce nonce_of(const Bytes& bytes) {
    SealedNonce nonce{};
    std::copy_n(bytes.begin(), std::min(bytes.size(), nonce.size()), nonce.begin());
    return nonce;
}

TEST(EnvelopeVectors, AValueIsSealedAndOpened) {
    auto page = documented();
    ASSERT_EQ(page["nonce"].size(), sealed_nonce_bytes);
    const std::string aad = sealed_aad(as_text(page["tenant"]), as_text(page["purpose"]), as_text(page["bound_to"]));
    const SecretBytes key(page["data key"]);
    const auto sealed =
        seal_value_with_nonce(page["plaintext"], key, number(page["key id"]), aad, nonce_of(page["nonce"]));
    ASSERT_TRUE(sealed.ok());
    EXPECT_EQ(hex_encode(*sealed), hex_encode(page["sealed"]));
    const auto opened = open_value(page["sealed"], key, aad);
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(hex_encode(opened->span()), hex_encode(page["plaintext"]));
}

TEST(EnvelopeVectors, ADataKeyIsWrappedAndUnwrapped) {
    auto page = documented();
    ASSERT_EQ(page["wrapped nonce"].size(), sealed_nonce_bytes);
    const auto root = make_root_key(SecretBytes(page["root key"]));
    ASSERT_TRUE(root.ok());
    const auto kek = derive_kek(*root, page["vault"]);
    ASSERT_TRUE(kek.ok());
    EXPECT_EQ(hex_encode(kek->span()), hex_encode(page["key encryption key"]));
    std::string aad;
    for (const std::string_view part :
         {std::string_view("pg_bastion/data-key/1"), as_text(page["wrapped tenant"]), as_text(page["wrapped purpose"])})
        append_length_prefixed(aad, part);
    append_u32(aad, number(page["wrapped version"]));
    append_u32(aad, number(page["wrapped key id"]));
    const auto wrapped = seal_value_with_nonce(page["wrapped data key"], *kek, number(page["wrapped key id"]), aad,
                                               nonce_of(page["wrapped nonce"]));
    ASSERT_TRUE(wrapped.ok());
    EXPECT_EQ(hex_encode(*wrapped), hex_encode(page["wrapped"]));
    const DataKeyLabel label{as_text(page["wrapped tenant"]), as_text(page["wrapped purpose"]),
                             number(page["wrapped version"]), number(page["wrapped key id"])};
    const auto dek = unwrap_data_key(page["wrapped"], *kek, label);
    ASSERT_TRUE(dek.ok());
    EXPECT_EQ(hex_encode(dek->span()), hex_encode(page["wrapped data key"]));
}

}  // namespace
}  // namespace bastion
