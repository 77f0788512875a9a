// An authenticator in software, and the browser before it: the JSON of both ceremonies of WebAuthn, any part of which a test changes.
#pragma once

#include <sodium.h>

#include <array>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/json.hpp"
#include "core/base/opaque_token.hpp"
#include "core/jose/jwk.hpp"
#include "core/mfa/webauthn.hpp"

namespace bastion::test {

inline constexpr std::string_view rp_id = "app.example";
inline const std::string challenge(32, 'c');
inline const std::string user_handle(32, 'u');

inline std::string cbor_head(int major, std::size_t size) {
    const char kind = static_cast<char>(major << 5);
    if (size < 24) return {static_cast<char>(kind | static_cast<char>(size))};
    if (size < 256) return {static_cast<char>(kind | 24), static_cast<char>(size)};
    return {static_cast<char>(kind | 25), static_cast<char>(size >> 8), static_cast<char>(size)};
}

inline std::string cbor_number(int value) {
    return value >= 0 ? cbor_head(0, static_cast<std::size_t>(value))
                      : cbor_head(1, static_cast<std::size_t>(-1 - value));
}
inline std::string cbor_bytes(std::string_view bytes) { return cbor_head(2, bytes.size()) + std::string(bytes); }
inline std::string cbor_text(std::string_view bytes) { return cbor_head(3, bytes.size()) + std::string(bytes); }

inline std::string der_number(std::string_view raw) {
    while (raw.size() > 1 && raw[0] == '\0') raw.remove_prefix(1);
    std::string content = (raw[0] & 0x80) != 0 ? std::string(1, '\0') + std::string(raw) : std::string(raw);
    return std::string{2, static_cast<char>(content.size())} + content;
}

// A passkey and what it signs with.
class PasskeyKey {
public:
    // An Ed25519 key, the same for the same seed.
    explicit PasskeyKey(std::string_view seed) : algorithm_(CoseAlgorithm::eddsa) {
        std::array<std::uint8_t, crypto_sign_PUBLICKEYBYTES> public_key{};
        crypto_sign_seed_keypair(public_key.data(), ed25519_.data(), opaque_token_hash(seed).data());
        cose_ = cbor_head(5, 4) + cbor_number(1) + cbor_number(1) + cbor_number(3) + cbor_number(-8) + cbor_number(-1) +
                cbor_number(6) + cbor_number(-2) + cbor_bytes(as_text(public_key));
    }

    // A random key of another algorithm.
    explicit PasskeyKey(CoseAlgorithm algorithm) : algorithm_(algorithm) {
        const auto made = jwk_generate(algorithm == CoseAlgorithm::es256 ? "ES256" : "RS256");
        set_ = std::move(*parse_jwk_set(made->private_jwk.text()));
        const auto document = parse_json(made->public_jwk, 1 << 16);
        const auto member = [&](const char* name) {
            return std::string(as_text(*base64url_decode(*document->root().find(name)->string())));
        };
        if (algorithm == CoseAlgorithm::es256)
            cose_ = cbor_head(5, 5) + cbor_number(1) + cbor_number(2) + cbor_number(3) + cbor_number(-7) +
                    cbor_number(-1) + cbor_number(1) + cbor_number(-2) + cbor_bytes(member("x")) + cbor_number(-3) +
                    cbor_bytes(member("y"));
        else
            cose_ = cbor_head(5, 4) + cbor_number(1) + cbor_number(3) + cbor_number(3) + cbor_number(-257) +
                    cbor_number(-1) + cbor_bytes(member("n")) + cbor_number(-2) + cbor_bytes(member("e"));
    }

    [[nodiscard]] int algorithm() const { return static_cast<int>(algorithm_); }
    [[nodiscard]] const std::string& cose() const { return cose_; }

    [[nodiscard]] std::string sign(std::string_view input) const {
        if (algorithm_ == CoseAlgorithm::eddsa) {
            std::array<std::uint8_t, crypto_sign_BYTES> signature{};
            crypto_sign_detached(signature.data(), nullptr, as_bytes(input).data(), input.size(), ed25519_.data());
            return std::string(as_text(signature));
        }
        const auto scheme = algorithm_ == CoseAlgorithm::es256 ? SignatureScheme::ecdsa : SignatureScheme::rsa_pkcs1;
        const auto signature = set_.keys[0].pair.sign(scheme, HashId::sha256, input);
        if (algorithm_ != CoseAlgorithm::es256) return std::string(as_text(*signature));
        const std::string parts =
            der_number(as_text(*signature).substr(0, 32)) + der_number(as_text(*signature).substr(32));
        return std::string{0x30, static_cast<char>(parts.size())} + parts;
    }

private:
    CoseAlgorithm algorithm_;
    std::array<std::uint8_t, 64> ed25519_{};
    JwkSet set_;
    std::string cose_;
};

// What browser and authenticator send; a test changes one part.
struct Ceremony {
    Ceremony(bool creates, const PasskeyKey& with)
        : registers(creates), key(&with), cose(with.cose()), alg(with.algorithm()) {}

    bool registers;
    const PasskeyKey* key;
    std::string cose;
    int alg;
    std::string ceremony = registers ? "webauthn.create" : "webauthn.get";
    std::string sent_challenge = base64url_encode(as_bytes(challenge));
    std::string origin = "https://app.example";
    std::string more_client_data = R"(,"crossOrigin":false)";
    std::string rp = std::string(rp_id);
    int flags = registers ? 0x45 : 0x05;
    std::uint32_t count = 7;
    std::string id = "credential";
    std::string outer_id = "credential";
    std::string raw_id = "credential";
    std::string key_type = "public-key";
    std::string after_data;
    std::string fmt = "none";
    bool signs_attestation = false;
    std::string x5c;
    std::string handle = R"(,"userHandle":")" + base64url_encode(as_bytes(user_handle)) + "\"";
    std::string transports = R"(,"transports":["internal","hybrid","BAD",7])";
    std::function<std::string(std::string)> change_signature = [](std::string s) { return s; };
    std::function<std::string(std::string)> change_object = [](std::string s) { return s; };

    [[nodiscard]] std::string client_data() const {
        return R"({"type":")" + ceremony + R"(","challenge":")" + sent_challenge + R"(","origin":")" + origin + '"' +
               more_client_data + '}';
    }

    [[nodiscard]] std::string authenticator_data() const {
        std::string data(as_text(opaque_token_hash(rp)));
        data += static_cast<char>(flags);
        for (int shift = 24; shift >= 0; shift -= 8) data += static_cast<char>(count >> shift);
        if ((flags & 0x40) != 0)
            data +=
                std::string(16, '\x11') + static_cast<char>(id.size() >> 8) + static_cast<char>(id.size()) + id + cose;
        return data + after_data;
    }

    [[nodiscard]] std::string signature() const {
        return change_signature(
            key->sign(authenticator_data() + std::string(as_text(opaque_token_hash(client_data())))));
    }

    [[nodiscard]] std::string attestation() const {
        std::string statement = cbor_head(5, 0);
        if (signs_attestation)
            statement = cbor_head(5, x5c.empty() ? 2 : 3) + cbor_text("alg") + cbor_number(alg) + cbor_text("sig") +
                        cbor_bytes(signature()) + x5c;
        return change_object(cbor_head(5, 3) + cbor_text("fmt") + cbor_text(fmt) + cbor_text("attStmt") + statement +
                             cbor_text("authData") + cbor_bytes(authenticator_data()));
    }

    [[nodiscard]] std::string json() const {
        const auto encoded = [](std::string_view bytes) { return base64url_encode(as_bytes(bytes)); };
        const std::string response = registers ? R"("attestationObject":")" + encoded(attestation()) + '"' + transports
                                               : R"("authenticatorData":")" + encoded(authenticator_data()) +
                                                     R"(","signature":")" + encoded(signature()) + '"' + handle;
        return R"({"id":")" + encoded(outer_id) + R"(","rawId":")" + encoded(raw_id) + R"(","type":")" + key_type +
               R"(","response":{"clientDataJSON":")" + encoded(client_data()) + "\"," + response +
               R"(},"clientExtensionResults":{}})";
    }
};

}  // namespace bastion::test
