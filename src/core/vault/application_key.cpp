#include "core/vault/application_key.hpp"

#include <array>
#include <utility>

#include "core/base/encoding.hpp"
#include "core/jose/jwk.hpp"
#include "core/jose/jws.hpp"

namespace bastion {
namespace {

constexpr KeyAlgorithm transport{"RSA-OAEP-256", KeyUse::transport};
constexpr std::array<KeyAlgorithm, 15> algorithms{{
    {"EdDSA", KeyUse::sign},
    {"ES256", KeyUse::sign},
    {"ES384", KeyUse::sign},
    {"ES512", KeyUse::sign},
    {"RS256", KeyUse::sign},
    {"RS384", KeyUse::sign},
    {"RS512", KeyUse::sign},
    {"PS256", KeyUse::sign},
    {"PS384", KeyUse::sign},
    {"PS512", KeyUse::sign},
    {"HS256", KeyUse::mac},
    {"HS384", KeyUse::mac},
    {"HS512", KeyUse::mac},
    {"XAES-256-GCM", KeyUse::wrap},
    transport,
}};
constexpr int transport_bits = 3072;

constexpr std::array<std::string_view, 2> sign_actions{"sign", "verify"};
constexpr std::array<std::string_view, 2> mac_actions{"mac", "verify"};
constexpr std::array<std::string_view, 2> wrap_actions{"wrap", "unwrap"};

Error unknown_algorithm() { return {ErrorCode::unsupported, "the algorithm is not supported"}; }

Error wrong_use() { return invalid_argument("the key is not for this use"); }

Error cannot_open(std::string_view reason) {
    return {ErrorCode::sealed_invalid, "sealed value cannot be opened", {}, {}, reason};
}

std::string versioned(std::uint32_t version, ByteSpan bytes) {
    return "v" + std::to_string(version) + "." + base64url_encode(bytes);
}

// The bytes after the version, which the caller has read.
Result<Bytes> bytes_of(std::string_view text) {
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos) return invalid_argument("there is no version");
    return base64url_decode(text.substr(dot + 1));
}

// The public half says what the key is for; the private one is never seen.
Result<MadeKey> make_transport(int bits) {
    auto made = jwk_generate("RS256", {}, bits == 0 ? transport_bits : bits);
    if (!made) return std::move(made).error();
    auto key = parse_jwk(made->public_jwk);
    if (!key) return std::move(key).error();
    key->alg = transport.name;
    key->use = "enc";
    auto half = jwk_public(*key);
    if (!half) return std::move(half).error();
    return MadeKey{std::move(*half), std::move(made->private_jwk)};
}

// Null unless the key signs or authenticates.
const JwsAlgorithm* jws_of(const ApplicationKey& key) noexcept { return find_jws_algorithm(key.algorithm->name); }

}  // namespace

const KeyAlgorithm* find_key_algorithm(std::string_view name) noexcept {
    for (const KeyAlgorithm& algorithm : algorithms)
        if (algorithm.name == name) return &algorithm;
    return nullptr;
}

std::span<const std::string_view> key_actions(KeyUse use) noexcept {
    switch (use) {
        case KeyUse::sign: return sign_actions;
        case KeyUse::mac: return mac_actions;
        case KeyUse::wrap: return wrap_actions;
        case KeyUse::transport: break;
    }
    return {};
}

Result<MadeKey> make_application_key(std::string_view name, int bits) {
    const KeyAlgorithm* algorithm = find_key_algorithm(name);
    if (algorithm == nullptr) return unknown_algorithm();
    if (algorithm->use == KeyUse::transport) return make_transport(bits);
    if (algorithm->use == KeyUse::wrap) {
        if (bits != 0) return invalid_argument("bits can be chosen for RSA keys only");
        MadeKey out{{}, SecretBytes(data_key_bytes)};
        random_bytes({out.material.data(), out.material.size()});
        return out;
    }
    auto made = jwk_generate(name, {}, bits);
    if (!made) return std::move(made).error();
    if (algorithm->use == KeyUse::mac) made->public_jwk.clear();
    return MadeKey{std::move(made->public_jwk), std::move(made->private_jwk)};
}

Result<ApplicationKey> open_application_key(std::string_view name, ByteSpan material) {
    const KeyAlgorithm* algorithm = find_key_algorithm(name);
    if (algorithm == nullptr) return unknown_algorithm();
    ApplicationKey key{algorithm, {}, {}, {}};
    if (algorithm->use == KeyUse::wrap) {
        key.raw = SecretBytes(material);
        auto sealer = SealingKey::create(key.raw);
        if (!sealer) return std::move(sealer).error();
        key.sealer = std::move(*sealer);
        return key;
    }
    auto jwk = parse_jwk(as_text(material));
    if (!jwk) return std::move(jwk).error();
    key.jwk = std::move(*jwk);
    const JwsAlgorithm* jws = jws_of(key);
    if (jws != nullptr ? !jwk_fits(key.jwk, *jws) : key.jwk.kty != KeyType::rsa)
        return invalid_argument("the key is not one for its algorithm");
    return key;
}

Result<std::string> key_sign(const ApplicationKey& key, std::uint32_t version, std::string_view data) {
    const JwsAlgorithm* jws = jws_of(key);
    if (jws == nullptr) return wrong_use();
    const auto signature = jws->sign(*jws, key.jwk, data);
    if (!signature) return signature.error();
    return versioned(version, *signature);
}

Result<bool> key_verify(const ApplicationKey& key, std::string_view data, std::string_view signature) {
    const JwsAlgorithm* jws = jws_of(key);
    if (jws == nullptr) return wrong_use();
    const auto bytes = bytes_of(signature);
    if (!bytes || bytes->size() != jws_signature_bytes(*jws, key.jwk)) return false;
    return jws->verify(*jws, key.jwk, data, *bytes);
}

Result<WrappedKey> make_wrapped_key(ApplicationKey& key, std::uint32_t version, std::string_view label,
                                    std::size_t size) {
    if (!key.sealer) return wrong_use();
    WrappedKey out{SecretBytes(size), {}};
    random_bytes({out.plaintext.data(), out.plaintext.size()});
    const auto sealed = key.sealer->seal(out.plaintext.span(), version, label);
    if (!sealed) return sealed.error();
    out.wrapped = versioned(version, *sealed);
    return out;
}

Result<SecretBytes> open_wrapped_key(ApplicationKey& key, std::string_view label, std::string_view wrapped) {
    if (!key.sealer) return wrong_use();
    const auto bytes = bytes_of(wrapped);
    if (!bytes) return cannot_open("It is not the text of a wrapped key.");
    return key.sealer->open(*bytes, label);
}

}  // namespace bastion
