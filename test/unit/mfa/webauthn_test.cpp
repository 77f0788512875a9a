// Passkeys: an authenticator in software, of each algorithm, and every check of the two ceremonies violated once.
#include "core/mfa/webauthn.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "unit/base/words.hpp"
#include "unit/mfa/software_authenticator.hpp"

namespace {

using bastion::as_bytes;
using bastion::as_text;
using bastion::base64url_encode;
using bastion::Bytes;
using bastion::CoseAlgorithm;
using bastion::ErrorCode;
using bastion::test::cbor_bytes;
using bastion::test::cbor_head;
using bastion::test::cbor_number;
using bastion::test::cbor_text;
using bastion::test::challenge;
using bastion::test::PasskeyKey;
using bastion::test::rp_id;
using bastion::test::user_handle;
using bastion::test::words;

using namespace std::string_view_literals;

const std::vector<std::string> origins{"https://app.example", "android:apk-key-hash:x"};

Bytes bytes_of(std::string_view text) { return {as_bytes(text).begin(), as_bytes(text).end()}; }

const PasskeyKey& key_of(CoseAlgorithm algorithm) {
    static const PasskeyKey es256(CoseAlgorithm::es256);
    static const PasskeyKey eddsa("a seed");
    static const PasskeyKey rs256(CoseAlgorithm::rs256);
    return algorithm == CoseAlgorithm::es256 ? es256 : algorithm == CoseAlgorithm::eddsa ? eddsa : rs256;
}

// A ceremony that goes well; a test changes one part.
struct Ceremony : bastion::test::Ceremony {
    explicit Ceremony(bool creates, CoseAlgorithm with = CoseAlgorithm::es256)
        : bastion::test::Ceremony(creates, key_of(with)), algorithm(with) {}

    CoseAlgorithm algorithm;
};

bastion::WebauthnExpected expected(bool user_verified = true) {
    return {rp_id, origins, as_bytes(challenge), user_verified};
}

bastion::Result<bastion::PasskeyUse> assert_with(const Ceremony& used, std::uint32_t count = 6, bool eligible = false,
                                                 bool needs_handle = true, bool user_verified = true) {
    const std::string& cose = key_of(used.algorithm).cose();
    return bastion::webauthn_assert(used.json(), expected(user_verified),
                                    {as_bytes("credential"), as_bytes(cose), count, eligible, as_bytes(user_handle)},
                                    needs_handle);
}

template <class T>
void expect_refused(const bastion::Result<T>& result, std::string_view reason) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::token_refused);
    EXPECT_EQ(result.error().message, "the passkey is not accepted");
    EXPECT_EQ(result.error().detail + result.error().hint, "");
    EXPECT_NE(result.error().log_detail.find(reason), std::string::npos) << result.error().log_detail;
}

TEST(Webauthn, EveryAlgorithmRegistersAndAsserts) {
    for (const CoseAlgorithm algorithm : {CoseAlgorithm::es256, CoseAlgorithm::eddsa, CoseAlgorithm::rs256}) {
        for (const bool packed : {false, true}) {
            SCOPED_TRACE(words(static_cast<int>(algorithm), packed));
            Ceremony made(true, algorithm);
            made.signs_attestation = packed;
            made.fmt = packed ? "packed" : "none";
            const auto passkey = bastion::webauthn_register(made.json(), expected());
            ASSERT_TRUE(passkey) << passkey.error().log_detail;
            EXPECT_EQ(passkey->credential_id, bytes_of("credential"));
            EXPECT_EQ(passkey->public_key, bytes_of(made.cose));
            EXPECT_EQ(passkey->algorithm, algorithm);
            EXPECT_EQ(passkey->sign_count, 7U);
            EXPECT_EQ(passkey->aaguid.bytes[0], 0x11);
            EXPECT_EQ(passkey->attestation, made.fmt);
            EXPECT_EQ(passkey->transports, (std::vector<std::string>{"internal", "hybrid"}));
            EXPECT_TRUE(passkey->user_verified);
            EXPECT_FALSE(passkey->backup_eligible || passkey->backed_up);
        }
        const auto use = assert_with(Ceremony(false, algorithm));
        ASSERT_TRUE(use) << use.error().log_detail;
        EXPECT_EQ(use->sign_count, 7U);
        EXPECT_FALSE(use->cloned || use->backed_up);
    }
}

TEST(Webauthn, BothCeremoniesRefuse) {
    const std::vector<std::pair<std::string_view, std::function<void(Ceremony&)>>> faults{
        {"client data are of another ceremony",
         [](Ceremony& c) { c.ceremony = c.registers ? "webauthn.get" : "webauthn.create"; }},
        {"challenge is another",
         [](Ceremony& c) { c.sent_challenge = base64url_encode(as_bytes(std::string(32, 'd'))); }},
        {"challenge is another", [](Ceremony& c) { c.sent_challenge = ""; }},
        {"challenge is another", [](Ceremony& c) { c.sent_challenge += '='; }},
        {"origin is not", [](Ceremony& c) { c.origin = "https://evil.example"; }},
        {"origin is not", [](Ceremony& c) { c.origin = "https://sub.app.example"; }},
        {"origin is not", [](Ceremony& c) { c.origin = "https://app.example/"; }},
        {"frame", [](Ceremony& c) { c.more_client_data = R"(,"crossOrigin":true)"; }},
        {"frame", [](Ceremony& c) { c.more_client_data = R"(,"crossOrigin":"false")"; }},
        {"frame", [](Ceremony& c) { c.more_client_data = R"(,"topOrigin":"https://app.example")"; }},
        {"client data are not", [](Ceremony& c) { c.more_client_data = R"(,"type":"webauthn.get")"; }},
        {"relying party is another", [](Ceremony& c) { c.rp = "evil.example"; }},
        {"not present", [](Ceremony& c) { c.flags &= ~0x01; }},
        {"not verified", [](Ceremony& c) { c.flags &= ~0x04; }},
        {"backed up", [](Ceremony& c) { c.flags |= 0x10; }},
        {"authenticator data are malformed", [](Ceremony& c) { c.after_data = "x"; }},
        {"authenticator data are malformed",
         [](Ceremony& c) {
             c.flags |= 0x80;
             c.after_data = "\x01";
         }},
        {"authenticator data are malformed", [](Ceremony& c) { c.flags ^= 0x40; }},
        {"no public key", [](Ceremony& c) { c.key_type = "password"; }},
        {"no id", [](Ceremony& c) { c.outer_id = "other"; }},
        {"no id", [](Ceremony& c) { c.outer_id = c.raw_id = ""; }}};
    for (const bool registers : {true, false}) {
        SCOPED_TRACE(words(registers));
        for (std::size_t i = 0; i < faults.size(); ++i) {
            SCOPED_TRACE(words(i, faults[i].first));
            Ceremony changed(registers);
            faults[i].second(changed);
            if (registers)
                expect_refused(bastion::webauthn_register(changed.json(), expected()), faults[i].first);
            else
                expect_refused(assert_with(changed), faults[i].first);
        }
    }
}

TEST(Webauthn, ARegistrationRefuses) {
    const std::vector<std::pair<std::string_view, std::function<void(Ceremony&)>>> faults{
        {"two ids", [](Ceremony& c) { c.id = "other"; }},
        {"malformed", [](Ceremony& c) { c.id = std::string(1024, 'i'); }},
        {"malformed", [](Ceremony& c) { c.id = ""; }},
        {"not supported", [](Ceremony& c) { c.cose = cbor_head(5, 0); }},
        {"not supported", [](Ceremony& c) { c.cose.replace(4, 1, cbor_number(-8)); }},
        {"not supported", [](Ceremony& c) { c.cose[c.cose.size() - 1] ^= 1; }},
        {"malformed", [](Ceremony& c) { c.cose = "\xff"; }},
        {"has a statement", [](Ceremony& c) { c.signs_attestation = true; }},
        {"neither none nor packed", [](Ceremony& c) { c.fmt = "tpm"; }},
        {"no signature", [](Ceremony& c) { c.fmt = "packed"; }},
        {"no signature",
         [](Ceremony& c) {
             c.fmt = "packed";
             c.signs_attestation = true;
             c.alg = -8;
         }},
        {"signature of the attestation",
         [](Ceremony& c) {
             c.fmt = "packed";
             c.signs_attestation = true;
             c.change_signature = [](std::string s) {
                 s[10] ^= 1;
                 return s;
             };
         }},
        {"neither none nor packed",
         [](Ceremony& c) {
             c.fmt = "packed";
             c.signs_attestation = true;
             c.x5c = cbor_text("x5c") + cbor_head(4, 0);
         }},
        {"strict CBOR", [](Ceremony& c) { c.change_object = [](std::string s) { return s + '\0'; }; }},
        {"strict CBOR", [](Ceremony& c) { c.change_object = [](std::string s) { return s.substr(0, s.size() - 1); }; }},
        {"strict CBOR", [](Ceremony& c) { c.change_object = [](std::string) { return cbor_number(1); }; }},
        {"no authenticator data", [](Ceremony& c) { c.change_object = [](std::string) { return cbor_head(5, 0); }; }}};
    for (std::size_t i = 0; i < faults.size(); ++i) {
        SCOPED_TRACE(words(i, faults[i].first));
        Ceremony changed(true);
        faults[i].second(changed);
        expect_refused(bastion::webauthn_register(changed.json(), expected()), faults[i].first);
    }
}

TEST(Webauthn, AnAssertionRefuses) {
    const std::vector<std::pair<std::string_view, std::function<void(Ceremony&)>>> faults{
        {"passkey is another", [](Ceremony& c) { c.outer_id = c.raw_id = "other"; }},
        {"names another user", [](Ceremony& c) { c.handle = R"(,"userHandle":"eHh4")"; }},
        {"names another user", [](Ceremony& c) { c.handle = R"(,"userHandle":7)"; }},
        {"names no user", [](Ceremony& c) { c.handle = ""; }},
        {"names no user", [](Ceremony& c) { c.handle = R"(,"userHandle":null)"; }},
        {"backup eligibility", [](Ceremony& c) { c.flags |= 0x08; }},
        {"signature is wrong",
         [](Ceremony& c) {
             c.change_signature = [](std::string s) {
                 s[10] ^= 1;
                 return s;
             };
         }},
        {"signature is wrong", [](Ceremony& c) { c.change_signature = [](std::string s) { return s + '\0'; }; }},
        {"signature is wrong", [](Ceremony& c) { c.change_signature = [](std::string) { return std::string(); }; }}};
    for (std::size_t i = 0; i < faults.size(); ++i) {
        SCOPED_TRACE(words(i, faults[i].first));
        Ceremony changed(false);
        faults[i].second(changed);
        expect_refused(assert_with(changed), faults[i].first);
    }
    expect_refused(assert_with(Ceremony(false), 6, true), "backup eligibility");
    EXPECT_EQ(bastion::webauthn_assert(Ceremony(false).json(), expected(),
                                       {as_bytes("credential"), as_bytes("x"), 0, false, as_bytes(user_handle)}, true)
                  .error()
                  .code,
              ErrorCode::malformed_text);
}

TEST(Webauthn, WhatIsOptional) {
    Ceremony without_handle(false);
    without_handle.handle = "";
    EXPECT_TRUE(assert_with(without_handle, 6, false, false));
    Ceremony not_verified(false);
    not_verified.flags = 0x01;
    const auto use = assert_with(not_verified, 6, false, true, false);
    ASSERT_TRUE(use);
    EXPECT_FALSE(use->user_verified);
    Ceremony synced(true);
    synced.flags |= 0x18;
    const auto passkey = bastion::webauthn_register(synced.json(), expected());
    ASSERT_TRUE(passkey);
    EXPECT_TRUE(passkey->backup_eligible && passkey->backed_up);
    Ceremony without_cross_origin(false);
    without_cross_origin.more_client_data = R"(,"extra_keys_may_be_added_here":1)";
    EXPECT_TRUE(assert_with(without_cross_origin));
    Ceremony with_extensions(false);
    with_extensions.flags |= 0x80;
    with_extensions.after_data = cbor_head(5, 1) + cbor_text("credProps") + "\xf5";
    EXPECT_TRUE(assert_with(with_extensions));
    Ceremony app(false);
    app.origin = origins[1];
    EXPECT_TRUE(assert_with(app));
}

// WebAuthn §6.1.1: a counter that does not rise shows a second authenticator with the key; both zero means that there is none.
TEST(Webauthn, ACounterMustRise) {
    for (const auto& [stored, sent, cloned] : {std::tuple{0U, 0U, false},
                                               {0U, 1U, false},
                                               {1U, 2U, false},
                                               {1U, 1U, true},
                                               {2U, 1U, true},
                                               {1U, 0U, true},
                                               {0xfffffffeU, 0xffffffffU, false}}) {
        SCOPED_TRACE(words(stored, sent));
        Ceremony used(false);
        used.count = sent;
        const auto use = assert_with(used, stored);
        ASSERT_TRUE(use);
        EXPECT_EQ(use->cloned, cloned);
        EXPECT_EQ(use->sign_count, sent);
    }
}

TEST(Webauthn, OtherTextIsNoCredential) {
    for (const std::string& credential :
         {std::string(), std::string("null"), std::string("[]"), std::string("{}"),
          std::string(R"({"type":"public-key","id":"eA","rawId":"eA"})"),
          std::string(R"({"type":"public-key","id":"eA","rawId":"eA","response":[]})"),
          std::string(R"({"type":"public-key","id":"eA","rawId":"eA","response":{}})"),
          std::string(R"({"type":"public-key","id":"eA==","rawId":"eA==","response":{"clientDataJSON":""}})"),
          std::string(200'000, ' '), std::string(10'000, '[')}) {
        SCOPED_TRACE(words(credential));
        EXPECT_EQ(bastion::webauthn_credential_id(credential).error().code, ErrorCode::token_refused);
        EXPECT_EQ(bastion::webauthn_register(credential, expected()).error().code, ErrorCode::token_refused);
    }
    EXPECT_EQ(*bastion::webauthn_credential_id(Ceremony(false).json()), bytes_of("credential"));
}

// Points of small order verify signatures of anyone.
TEST(Webauthn, WeakKeysAreRefused) {
    for (const std::string& point : {std::string(32, '\0'), '\x01' + std::string(31, '\0')}) {
        SCOPED_TRACE(words(point));
        Ceremony weak(true);
        weak.cose = cbor_head(5, 4) + cbor_number(1) + cbor_number(1) + cbor_number(3) + cbor_number(-8) +
                    cbor_number(-1) + cbor_number(6) + cbor_number(-2) + cbor_bytes(point);
        expect_refused(bastion::webauthn_register(weak.json(), expected()), "not supported");
    }
    Ceremony short_modulus(true);
    short_modulus.cose = cbor_head(5, 4) + cbor_number(1) + cbor_number(3) + cbor_number(3) + cbor_number(-257) +
                         cbor_number(-1) + cbor_bytes(std::string(128, '\xff')) + cbor_number(-2) +
                         cbor_bytes("\x01\x00\x01"sv);
    expect_refused(bastion::webauthn_register(short_modulus.json(), expected()), "not supported");
}

}  // namespace
