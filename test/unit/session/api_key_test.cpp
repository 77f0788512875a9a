// API keys: form, checksum, the stored HMAC.
#include "core/session/api_key.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "unit/base/words.hpp"

namespace bastion {
namespace {

using bastion::test::words;

HmacKey pepper(std::uint8_t fill) { return std::move(*HmacKey::create(HashId::sha256, Bytes(32, fill))); }

Uuid uuid(std::string_view text) { return *parse_uuid(text); }

const Uuid sample = uuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8");

std::string generate(const Uuid& id) { return std::string(api_key_generate(id).text()); }

// The published check value of this CRC.
TEST(ApiKey, ChecksumIsCrc32) {
    EXPECT_EQ(crc32("123456789"), 0xCBF43926U);
    EXPECT_EQ(crc32(""), 0U);
}

TEST(ApiKey, ComesBackAsItWasMade) {
    for (const char* id : {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
                           "00000000-0000-0000-0000-000000000001", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"}) {
        SCOPED_TRACE(words(id));
        const std::string key = generate(uuid(id));
        ASSERT_EQ(key.size(), 70U);
        const auto parsed = parse_api_key(key);
        ASSERT_TRUE(parsed) << key;
        EXPECT_EQ(format_uuid(parsed->id), id);
        EXPECT_EQ(parsed->secret, key.substr(32, 32));
    }
}

TEST(ApiKey, EveryDigitOfASecretIsAsLikely) {
    std::map<char, int> seen;
    std::set<std::string> keys;
    for (int i = 0; i < 4000; ++i) {
        SCOPED_TRACE(words(i));
        const std::string key = generate(sample);
        EXPECT_TRUE(keys.insert(key).second);
        for (const char c : key.substr(32, 32)) ++seen[c];
    }
    EXPECT_EQ(seen.size(), 62U);
    // 128,000 digits: 2065 of each, with a deviation of 45
    for (const auto& [digit, count] : seen) {
        SCOPED_TRACE(words(digit, count));
        EXPECT_NEAR(count, 2065, 300);
    }
}

// The checksum detects every accidental change, omission, addition or swap.
TEST(ApiKey, NoSlipPasses) {
    const std::string key = generate(sample);
    for (std::size_t i = 0; i < key.size(); ++i) {
        SCOPED_TRACE(words(i));
        std::string shorter = key;
        shorter.erase(i, 1);
        EXPECT_FALSE(parse_api_key(shorter));
        for (const char c : std::string("0Aa_ \n\xff") + '\0') {
            SCOPED_TRACE(words(c));
            std::string changed = key;
            changed[i] = c;
            if (changed != key) {
                EXPECT_FALSE(parse_api_key(changed));
            }
            changed = key;
            changed.insert(i, 1, c);
            EXPECT_FALSE(parse_api_key(changed));
        }
        if (i > 0 && key[i] != key[i - 1]) {
            std::string swapped = key;
            std::swap(swapped[i], swapped[i - 1]);
            EXPECT_FALSE(parse_api_key(swapped));
        }
    }
    EXPECT_FALSE(parse_api_key(""));
    EXPECT_FALSE(parse_api_key(std::string(70, '0')));
}

TEST(ApiKey, RefusesAnIdAbove128Bits) {
    std::string text = std::string(api_key_prefix) + std::string(22, 'z') + "_" + std::string(32, '0');
    std::uint32_t crc = crc32(text);
    std::string checksum;
    for (int i = 0; i < 6; ++i, crc /= 62)
        checksum.insert(checksum.begin(), "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[crc % 62]);
    EXPECT_FALSE(parse_api_key(text + checksum));
}

// Computed with Python: hmac.new(b'\1' * 32, b'pg_bastion/api_key/1\0' + id + b'0' * 32, 'sha256')
TEST(ApiKey, IsStoredAsHmac) {
    const std::string secret(32, '0');
    EXPECT_EQ(hex_encode(*api_key_mac(pepper(1), {sample, secret})),
              "2caf246750681923d10915df879dd887a3e9cd842bc92c00eb2bf2448ada9349");
    EXPECT_NE(*api_key_mac(pepper(1), {sample, secret}), *api_key_mac(pepper(2), {sample, secret}));
    EXPECT_NE(*api_key_mac(pepper(1), {sample, secret}), *api_key_mac(pepper(1), {Uuid{}, secret}));
    EXPECT_FALSE(api_key_mac(pepper(1), {sample, "short"}).ok());
}

}  // namespace
}  // namespace bastion
