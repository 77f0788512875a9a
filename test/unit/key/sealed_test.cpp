// The sealed envelope, XAES-256-GCM and HKDF: published vectors, and detection of every change to a value.
#include "core/key/sealed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/encoding.hpp"
#include "core/base/hkdf.hpp"
#include "core/base/json.hpp"
#include "core/base/libcrypto.hpp"
#include "core/key/xaes.hpp"
#include "unit/base/process_memory.hpp"
#include "unit/base/vectors.hpp"
#include "unit/base/words.hpp"

namespace bastion {
namespace {

using bastion::test::words;

SecretBytes key_of(std::uint8_t byte) { return SecretBytes(Bytes(data_key_bytes, byte)); }

Bytes from_hex(std::string_view text) { return hex_decode(text).value(); }

SealedNonce nonce_of(std::uint8_t byte) {
    SealedNonce nonce;
    nonce.fill(byte);
    return nonce;
}

const std::string aad = sealed_aad("0123456789abcdef", "smtp", "password");

Bytes sealed_sample() {
    return seal_value_with_nonce(as_bytes("attack at dawn"), key_of(7), 42, aad, nonce_of(3)).value();
}

// Every refusal looks the same to the client.
void expect_refused(const Result<SecretBytes>& opened) {
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::sealed_invalid);
    EXPECT_EQ(opened.error().message, "sealed value cannot be opened");
    EXPECT_EQ(opened.error().detail, "");
    EXPECT_EQ(opened.error().hint, "");
}

TEST(Sealed, OpensWhatItSealed) {
    for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 32U, 1000U, 1048576U}) {
        SCOPED_TRACE(words(size));
        Bytes plaintext(size);
        if (size > 0) random_bytes(plaintext);
        const auto sealed = seal_value(plaintext, key_of(1), 5, aad);
        ASSERT_TRUE(sealed.ok());
        EXPECT_EQ(sealed->size(), size + sealed_overhead);
        const auto opened = open_value(*sealed, key_of(1), aad);
        ASSERT_TRUE(opened.ok());
        EXPECT_TRUE(std::ranges::equal(opened->span(), plaintext));
    }
}

TEST(Sealed, HasTheDocumentedLayout) {
    const Bytes sealed = sealed_sample();
    EXPECT_EQ(hex_encode(ByteSpan(sealed).first(8)), "b70100000000002a");
    EXPECT_TRUE(std::ranges::equal(ByteSpan(sealed).subspan(8, 24), nonce_of(3)));
    const auto header = parse_sealed_header(sealed);
    ASSERT_TRUE(header.ok());
    EXPECT_EQ(header->suite, 1);
    EXPECT_EQ(header->flags, 0);
    EXPECT_EQ(header->key_id, 42U);
    EXPECT_EQ(parse_sealed_header(seal_value({}, key_of(1), 0xFEDCBA98U, "").value())->key_id, 0xFEDCBA98U);
}

// Computed independently: HMAC-SHA-256 and XAES-256-GCM of Python's cryptography package.
TEST(Sealed, FormatIsFrozen) {
    EXPECT_EQ(hex_encode(sealed_sample()),
              "b70100000000002a030303030303030303030303030303030303030303030303"
              "e38020b0d676644897fb552b4715f872cf4c304ff47d6ba3fe44327515eb4f50"
              "19dd464dde2f40426f6371bb22cc30069c71f80eb9586ffcf16790e94604");
}

TEST(Sealed, NoncesAreFresh) {
    std::set<Bytes> nonces;
    auto key = SealingKey::create(key_of(1));
    ASSERT_TRUE(key.ok());
    for (int i = 0; i < 100; ++i) {
        const Bytes sealed = key->seal(as_bytes("x"), 1, aad).value();
        nonces.insert(Bytes(sealed.begin() + 8, sealed.begin() + 32));
    }
    EXPECT_EQ(nonces.size(), 100U);
}

TEST(Sealed, EveryFlippedBitIsRefused) {
    const Bytes genuine = sealed_sample();
    auto key = SealingKey::create(key_of(7));
    ASSERT_TRUE(key.ok());
    ASSERT_TRUE(key->open(genuine, aad).ok());
    for (std::size_t bit = 0; bit < genuine.size() * 8; ++bit) {
        Bytes changed = genuine;
        changed[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
        SCOPED_TRACE(words(bit));
        expect_refused(key->open(changed, aad));
    }
    EXPECT_TRUE(key->open(genuine, aad).ok());
}

// The head alone tells which key made a value, whatever the value is bound to.
TEST(Sealed, KeyKnowsWhatItMade) {
    const auto key = SealingKey::create(key_of(7));
    const auto other = SealingKey::create(key_of(8));
    ASSERT_TRUE(key.ok() && other.ok());
    const Bytes sample = sealed_sample();
    const Bytes head(sample.begin(), sample.begin() + sealed_head_bytes);
    EXPECT_TRUE(key->made(sample).value());
    EXPECT_TRUE(key->made(head).value());
    EXPECT_FALSE(other->made(head).value());
    EXPECT_FALSE(key->made({}).value());
    EXPECT_FALSE(key->made(ByteSpan(head).first(sealed_head_bytes - 1)).value());
    for (std::size_t bit = 64; bit < 8 * sealed_head_bytes; ++bit) {
        SCOPED_TRACE(words(bit));
        Bytes changed = head;
        changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        EXPECT_FALSE(key->made(changed).value());
    }
}

TEST(Sealed, EveryTruncationAndExtensionIsRefused) {
    const Bytes genuine = sealed_sample();
    for (std::size_t size = 0; size < genuine.size(); ++size) {
        SCOPED_TRACE(words(size));
        expect_refused(open_value(ByteSpan(genuine).first(size), key_of(7), aad));
    }
    Bytes longer = genuine;
    longer.push_back(0);
    expect_refused(open_value(longer, key_of(7), aad));
}

TEST(Sealed, AnotherKeyIsRefused) {
    const Bytes sealed = sealed_sample();
    expect_refused(open_value(sealed, key_of(8), aad));
    // The commitment of the other key does not make its ciphertext genuine.
    Bytes grafted = seal_value_with_nonce(as_bytes("attack at dawn"), key_of(8), 42, aad, nonce_of(3)).value();
    std::copy(sealed.begin() + 64, sealed.end(), grafted.begin() + 64);
    expect_refused(open_value(grafted, key_of(8), aad));
}

TEST(Sealed, AnotherPlaceIsRefused) {
    const Bytes sealed = sealed_sample();
    const std::string tenant = "0123456789abcdef";
    for (const std::string& other :
         {std::string(), sealed_aad("", "smtp", "password"), sealed_aad("0123456789abcdeX", "smtp", "password"),
          sealed_aad(tenant, "imap", "password"), sealed_aad(tenant, "smtp", "user"), aad + '\0',
          sealed_aad(tenant, "smtppass", "word")}) {
        SCOPED_TRACE(words(other));
        expect_refused(open_value(sealed, key_of(7), other));
    }
}

TEST(Sealed, UnknownSuitesAndFlagsAreRefusedEvenIfGenuine) {
    for (const std::size_t position : {0U, 1U, 2U, 3U}) {
        SCOPED_TRACE(words(position));
        Bytes changed = sealed_sample();
        for (int value = 0; value < 256; ++value) {
            SCOPED_TRACE(words(value));
            if (sealed_sample()[position] == value) continue;
            changed[position] = static_cast<std::uint8_t>(value);
            EXPECT_FALSE(parse_sealed_header(changed).ok());
            expect_refused(open_value(changed, key_of(7), aad));
        }
    }
}

TEST(Sealed, AadPartsCannotBeShifted) {
    EXPECT_EQ(hex_encode(as_bytes(sealed_aad("", "a", "bc"))),
              "00000000"
              "0000000161"
              "000000026263");
    EXPECT_NE(sealed_aad("", "ab", "c"), sealed_aad("", "a", "bc"));
    EXPECT_NE(sealed_aad("a", "", ""), sealed_aad("", "a", ""));
}

TEST(Sealed, KeysOfAnotherLengthAreMisuse) {
    for (const std::size_t size : {0U, 16U, 31U, 33U}) {
        SCOPED_TRACE(words(size));
        EXPECT_EQ(SealingKey::create(SecretBytes(size)).error().code, ErrorCode::invalid_argument);
        EXPECT_EQ(seal_value({}, SecretBytes(size), 1, "").error().code, ErrorCode::invalid_argument);
        EXPECT_EQ(open_value(sealed_sample(), SecretBytes(size), "").error().code, ErrorCode::invalid_argument);
    }
}

TEST(Sealed, OneKeySealsAndOpensInTurn) {
    auto key = SealingKey::create(key_of(9));
    ASSERT_TRUE(key.ok());
    SealingKey moved = std::move(*key);
    for (int i = 0; i < 10; ++i) {
        SCOPED_TRACE(words(i));
        const std::string text = "value " + std::to_string(i);
        const Bytes sealed = moved.seal(as_bytes(text), 1, aad).value();
        expect_refused(moved.open(sealed, "elsewhere"));
        EXPECT_EQ(moved.open(sealed, aad)->text(), text);
    }
}

TEST(Sealed, SealsAndOpensInMemoryOfTheCaller) {
    auto key = SealingKey::create(key_of(9));
    ASSERT_TRUE(key.ok());
    Bytes sealed(5 + sealed_overhead), opened(5), short_by_one(4);
    EXPECT_EQ(key->seal_into(as_bytes("value"), 1, aad, short_by_one).error().code, ErrorCode::internal);
    ASSERT_TRUE(key->seal_into(as_bytes("value"), 1, aad, sealed).ok());
    EXPECT_EQ(key->open_into(sealed, aad, short_by_one).error().code, ErrorCode::internal);
    ASSERT_TRUE(key->open_into(sealed, aad, opened).ok());
    EXPECT_EQ(as_text(opened), "value");
    sealed.back() ^= 1;
    EXPECT_EQ(key->open_into(sealed, aad, opened).error().code, ErrorCode::sealed_invalid);
    EXPECT_EQ(opened, Bytes(5));  // wiped
    // Only the length is checked, and no memory of that size is allocated.
    const ByteSpan huge(sealed.data(), max_sealed_plaintext + 1);
    EXPECT_EQ(key->seal(huge, 1, aad).error().code, ErrorCode::limit_exceeded);
    std::string scratch;
    EXPECT_EQ(sealed_aad(scratch, sealed_aad_prefix("0123456789abcdef", "smtp"), "password"), aad);
}

// RFC 5869 appendix A: test cases 1, 2 and 3.
TEST(Hkdf, Rfc5869) {
    const Bytes key(22, 0x0b);
    EXPECT_EQ(
        hex_encode(
            hkdf_sha256(key, from_hex("000102030405060708090a0b0c"), from_hex("f0f1f2f3f4f5f6f7f8f9"), 42)->span()),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    EXPECT_EQ(hex_encode(hkdf_sha256(key, {}, {}, 42)->span()),
              "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");

    Bytes input(80), salt(80), info(80);
    for (std::uint8_t i = 0; i < 80; ++i) {
        input[i] = i;
        salt[i] = static_cast<std::uint8_t>(0x60 + i);
        info[i] = static_cast<std::uint8_t>(0xb0 + i);
    }
    EXPECT_EQ(hex_encode(hkdf_sha256(input, salt, info, 82)->span()),
              "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
              "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
              "cc30c58179ec3e87c14c01d5c1f3434f1d87");
    EXPECT_FALSE(hkdf_sha256(key, {}, {}, 255 * 32 + 1).ok());
}

TEST(Xaes, PublishedVectors) {
    BASTION_NEEDS_VECTORS();
    const std::string text = test::read_vector("xaes/xaes256gcm.json");
    const auto document = parse_json(text, text.size());
    ASSERT_TRUE(document.ok());
    int count = 0;
    for (const JsonValue& row : document->root().find("tests")->elements()) {
        SCOPED_TRACE(words(*row.find("key")->string()));
        const auto bytes = [&](std::string_view name) { return from_hex(*row.find(name)->string()); };
        Xaes256Gcm cipher(bytes("key"));
        const Bytes nonce_bytes = bytes("nonce"), additional = bytes("aad");
        XaesNonce nonce;
        ASSERT_EQ(nonce_bytes.size(), nonce.size());
        std::ranges::copy(nonce_bytes, nonce.begin());
        XaesDerivedKey derived;
        ASSERT_TRUE(cipher.derive_key(nonce, derived));
        EXPECT_EQ(hex_encode(derived), *row.find("derived_key")->string());

        const Bytes plaintext = bytes("plaintext");
        Bytes sealed(plaintext.size() + xaes_tag_bytes);
        // The additional data count as a whole, independent of the division.
        const ByteSpan whole(additional);
        const XaesAad parts{whole.first(whole.size() / 2), whole.subspan(whole.size() / 2)};
        ASSERT_TRUE(cipher.encrypt(plaintext, nonce, parts, sealed.data()));
        EXPECT_EQ(hex_encode(sealed), *row.find("ciphertext")->string());
        Bytes opened(plaintext.size());
        ASSERT_TRUE(cipher.decrypt(sealed, nonce, {{}, whole}, opened.data()));
        EXPECT_EQ(opened, plaintext);
        ++count;
    }
    EXPECT_EQ(count, 2);
}

// AES-256-GCM of OpenSSL, ciphertext and tag.
Bytes gcm(const XaesDerivedKey& key, const XaesNonce& nonce, ByteSpan associated, ByteSpan plaintext) {
    const CipherContext context(EVP_CIPHER_CTX_new());
    Bytes out(plaintext.size() + xaes_tag_bytes);
    int written = 0;
    EXPECT_EQ(EVP_EncryptInit_ex2(context.get(), fetched_aes_256_gcm(), key.data(), nonce.data() + 12, nullptr), 1);
    EXPECT_EQ(
        EVP_EncryptUpdate(context.get(), nullptr, &written, associated.data(), static_cast<int>(associated.size())), 1);
    EXPECT_EQ(
        EVP_EncryptUpdate(context.get(), out.data(), &written, plaintext.data(), static_cast<int>(plaintext.size())),
        1);
    EXPECT_EQ(EVP_EncryptFinal_ex(context.get(), out.data() + plaintext.size(), &written), 1);
    EXPECT_EQ(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, xaes_tag_bytes, out.data() + plaintext.size()),
              1);
    return out;
}

// Short messages and long ones are ciphered by different libraries: the same bytes on both sides of every limit.
TEST(Xaes, IsTheSameCipherAtEveryLength) {
    Xaes256Gcm cipher(key_of(9).span());
    for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 127U, 1023U, 1024U, 1025U, 5000U}) {
        SCOPED_TRACE(words(size));
        for (const std::size_t aad_size : {1U, 8U, 504U, 505U, 512U, 2000U}) {
            SCOPED_TRACE(words(aad_size));
            Bytes plaintext(size);
            Bytes associated(aad_size + 8);
            XaesNonce nonce;
            random_bytes(plaintext);
            random_bytes(associated);
            random_bytes(nonce);
            XaesDerivedKey key;
            ASSERT_TRUE(cipher.derive_key(nonce, key));
            const Bytes wanted = gcm(key, nonce, associated, plaintext);
            const XaesAad parts{ByteSpan(associated).first(8), ByteSpan(associated).subspan(8)};
            Bytes made(wanted.size());
            ASSERT_TRUE(cipher.encrypt(plaintext, nonce, parts, made.data()));
            EXPECT_EQ(made, wanted);
            Bytes opened(size);
            ASSERT_TRUE(cipher.decrypt(made, nonce, parts, opened.data()));
            EXPECT_EQ(opened, plaintext);
            made.back() ^= 1;
            EXPECT_FALSE(cipher.decrypt(made, nonce, parts, opened.data()));
            EXPECT_EQ(opened, Bytes(size)) << "wiped";
        }
    }
}

TEST(Xaes, RefusesKeysOfAnotherLength) {
    Xaes256Gcm cipher(Bytes(16));
    Bytes out(16);
    EXPECT_FALSE(cipher.encrypt({}, nonce_of(0), {}, out.data()));
}

int copies_in_core_dump(ByteSpan bytes, bool with_stack) {
    int copies = 0;
    for (const test::Mapping& mapping : test::process_memory()) {
        if (mapping.mode != "rw-p" || mapping.has("dd") || (mapping.stack && !with_stack)) continue;
        const std::uint8_t* place = mapping.begin;
        while ((place = static_cast<const std::uint8_t*>(
                    memmem(place, mapping.end - place, bytes.data(), bytes.size()))) != nullptr) {
            ++copies;
            ++place;
        }
    }
    return copies;
}

// An expanded AES key begins with the key, in every library.
TEST(Xaes, LeavesNoKeyToACoreDump) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "the sanitizer keeps copies of its own";
#endif
    SecretBytes key(xaes_key_bytes), derived(sizeof(XaesDerivedKey));
    random_bytes({key.data(), key.size()});
    Xaes256Gcm cipher(key.span());
    const XaesNonce nonce = nonce_of(4);
    for (const std::size_t size : {32U, 5000U}) {
        SCOPED_TRACE(words(size));
        Bytes plaintext(size), sealed(size + xaes_tag_bytes);
        ASSERT_TRUE(cipher.encrypt(plaintext, nonce, {}, sealed.data()));
        ASSERT_TRUE(cipher.decrypt(sealed, nonce, {}, plaintext.data()));
        sealed[0] ^= 1;
        ASSERT_FALSE(cipher.decrypt(sealed, nonce, {}, plaintext.data()));
        ASSERT_TRUE(cipher.derive_key(nonce, *new (derived.data()) XaesDerivedKey));
        EXPECT_EQ(copies_in_core_dump(key.span().first(16), true), 0);
        // The key of one message reveals no more than the message, and the libraries leave it on the stack.
        EXPECT_EQ(copies_in_core_dump(derived.span().first(16), false), 0);
    }
    const Bytes copy(key.span().begin(), key.span().end());
    EXPECT_GT(copies_in_core_dump(key.span().first(16), true), 0) << "who looks for a copy finds it";
}

TEST(Xaes, WipesWhatIsNotGenuine) {
    const Bytes key(32, 5);
    Xaes256Gcm cipher(key);
    for (const std::size_t size : {3, 100'000}) {
        SCOPED_TRACE(words(size));
        Bytes sealed(size + xaes_tag_bytes);
        ASSERT_TRUE(cipher.encrypt(Bytes(size, 'a'), nonce_of(1), {}, sealed.data()));
        sealed.back() ^= 1;
        Bytes out(size, 9);
        EXPECT_FALSE(cipher.decrypt(sealed, nonce_of(1), {}, out.data()));
        EXPECT_EQ(out, Bytes(size));
        EXPECT_FALSE(cipher.decrypt(ByteSpan(sealed).first(15), nonce_of(1), {}, out.data()));
    }
}

}  // namespace
}  // namespace bastion
