// The published examples of RFC 7515, RFC 7520, RFC 8037 and RFC 7638.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/base/encoding.hpp"
#include "core/base/json.hpp"
#include "core/jose/jwk.hpp"
#include "core/jose/jws.hpp"
#include "unit/base/vectors.hpp"
#include "unit/base/words.hpp"
#include "unit/jose/forge.hpp"

namespace {

using bastion::JsonDocument;
using bastion::JsonValue;
using bastion::jws_verify;
using bastion::test::key_set;
using bastion::test::words;

JsonDocument read_json(const std::string& file) {
    auto document = bastion::parse_json(bastion::test::read_vector(file), 1 << 20);
    EXPECT_TRUE(document) << file;
    return std::move(*document);
}

std::string text_of(const JsonValue& object, std::string_view name) {
    const auto member = object.find(name);
    return std::string(member ? member->string().value_or("") : "");
}

// A key of the vectors, whose members are all strings, as JSON text.
std::string key_text(const JsonValue& key, std::string_view further = "") {
    std::string out;
    for (const auto& [name, value] : key.members()) {
        out += out.empty() ? "{" : ",";
        bastion::json_append_string(out, name);
        out += ":";
        bastion::json_append_string(out, value.string().value_or(""));
    }
    return out + std::string(further) + "}";
}

TEST(JoseVectors, Rfc7515AppendixA) {
    BASTION_NEEDS_VECTORS();
    const auto document = read_json("rfc/rfc7515_appendix_a.json");
    std::size_t valid = 0;
    std::size_t refused = 0;
    for (const JsonValue& test : document.root().find("tests")->elements()) {
        const std::string alg = text_of(test, "alg");
        SCOPED_TRACE(words(alg, text_of(test, "section")));
        const std::string token = text_of(test, "jws");
        const auto key = test.find("jwk");
        if (text_of(test, "result") != "valid") {
            const auto any = bastion::jwk_generate("HS256");
            EXPECT_FALSE(jws_verify(token, key_set(any->private_jwk.text())));
            ++refused;
            continue;
        }
        const auto set = key_set(key_text(*key));
        const std::vector<std::string> algorithms{alg};
        const auto verified = jws_verify(token, set, algorithms);
        ASSERT_TRUE(verified);
        EXPECT_TRUE(jws_verify(token, key_set(key_text(*key, ",\"alg\":\"" + alg + "\""))));
        // Neither the key nor the caller names an algorithm.
        EXPECT_EQ(jws_verify(token, set).error().code, bastion::ErrorCode::invalid_argument);
        const std::string input = token.substr(0, token.rfind('.'));
        const std::string again = bastion::test::sign_raw(input, set.keys[0], alg);
        EXPECT_TRUE(jws_verify(again, set, algorithms));
        if (test.find("deterministic")->boolean().value_or(false)) {
            EXPECT_EQ(again, token);
        }
        ++valid;
    }
    EXPECT_EQ(valid, 4U);
    EXPECT_EQ(refused, 1U);
}

TEST(JoseVectors, Rfc7520Section4) {
    BASTION_NEEDS_VECTORS();
    for (const std::string name : {"4_1.rsa_v15_signature", "4_2.rsa-pss_signature", "4_3.ecdsa_signature",
                                   "4_4.hmac-sha2_integrity_protection"}) {
        SCOPED_TRACE(words(name));
        const auto document = read_json("rfc7520/jws/" + name + ".json");
        const auto input = *document.root().find("input");
        const std::vector<std::string> algorithms{text_of(input, "alg")};
        const auto verified = jws_verify(text_of(*document.root().find("output"), "compact"),
                                         key_set(key_text(*input.find("key"))), algorithms);
        ASSERT_TRUE(verified);
        EXPECT_EQ(verified->payload, text_of(input, "payload"));
        EXPECT_EQ(verified->header->kid, text_of(*input.find("key"), "kid"));
    }
}

// 4.5 is detached, 4.6 to 4.8 are JSON serialisations: all refused, with any key.
TEST(JoseVectors, Rfc7520OtherSerialisations) {
    BASTION_NEEDS_VECTORS();
    const auto detached = read_json("rfc7520/jws/4_5.signature_with_detached_content.json");
    const auto set = key_set(key_text(*detached.root().find("input")->find("key")));
    const auto refused = jws_verify(text_of(*detached.root().find("output"), "compact"), set);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().log_detail, "the signature does not verify");
    for (const std::string name :
         {"4_6.protecting_specific_header_fields", "4_7.protecting_content_only", "4_8.multiple_signatures"}) {
        SCOPED_TRACE(words(name));
        const std::string text = bastion::test::read_vector("rfc7520/jws/" + name + ".json");
        EXPECT_FALSE(jws_verify(text.substr(text.find("\"json\"") + 7), set));
    }
}

TEST(JoseVectors, Rfc7797IsRefused) {
    BASTION_NEEDS_VECTORS();
    for (const std::string name : {"hmac-sha2_b64_false", "4.2.hmac-sha2_b64_false"}) {
        SCOPED_TRACE(words(name));
        const auto document = read_json("rfc7520/rfc7797/" + name + ".json");
        const auto set =
            key_set(R"({"kty":"oct","alg":"HS256",)"
                    R"("k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"})");
        const auto output = *document.root().find("output");
        const std::string token = output.find("compact") ? text_of(output, "compact") : text_of(output, "json");
        EXPECT_FALSE(jws_verify(token, set));
    }
}

TEST(JoseVectors, Rfc8037Ed25519) {
    BASTION_NEEDS_VECTORS();
    const auto document = read_json("rfc7520/curve25519/jws.json");
    const auto input = *document.root().find("input");
    const std::string compact = text_of(*document.root().find("output"), "compact");
    const auto set = key_set(key_text(*input.find("key")));
    const auto verified = jws_verify(compact, set, std::vector<std::string>{"EdDSA"});
    ASSERT_TRUE(verified);
    EXPECT_EQ(verified->payload, "Example of Ed25519 signing");
    // Ed25519 is deterministic: signing gives the same text.
    const auto made = bastion::jws_sign(R"({"alg":"EdDSA"})", "Example of Ed25519 signing", set.keys[0],
                                        *bastion::find_jws_algorithm("EdDSA"));
    EXPECT_EQ(*made, compact);
}

TEST(JoseVectors, Rfc7638Thumbprint) {
    const auto key = bastion::parse_jwk(
        R"({"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPe)"
        R"(bWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZ)"
        R"(gnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF)"
        R"(44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"})");
    ASSERT_TRUE(key);
    EXPECT_EQ(*bastion::jwk_thumbprint(*key), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

}  // namespace
