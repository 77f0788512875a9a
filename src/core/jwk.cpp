#include "core/jwk.hpp"

#include <sodium.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "core/encoding.hpp"
#include "core/json.hpp"
#include "core/jws.hpp"

namespace bastion {
namespace {

constexpr std::string_view ed25519 = "Ed25519";
constexpr std::size_t ed25519_seed_bytes = crypto_sign_SEEDBYTES;
constexpr std::size_t shortest_hmac_key = 32;

Error bad_key(std::string message) { return {ErrorCode::invalid_argument, std::move(message)}; }

KeyType key_type_of(std::string_view kty) {
    if (kty == "oct") return KeyType::oct;
    if (kty == "OKP") return KeyType::okp;
    if (kty == "RSA") return KeyType::rsa;
    if (kty == "EC") return KeyType::ec;
    return KeyType::other;
}

// A member that may be absent but not something else than a non-empty string.
Result<void> read_string(const JsonValue& object, std::string_view name, std::string& out) {
    const auto member = object.find(name);
    if (!member) return {};
    const auto text = member->string();
    if (!text || text->empty())
        return bad_key("member \"" + std::string(name) + "\" of a JSON Web Key must be a non-empty string");
    out = *text;
    return {};
}

// RFC 7517 §4.3: an array of strings, each at most once.
Result<void> read_key_ops(const JsonValue& object, Jwk& key) {
    const auto member = object.find("key_ops");
    if (!member) return {};
    std::vector<std::string> operations;
    bool valid = member->is_array();
    for (const JsonValue& element : member->elements()) {
        const auto operation = element.string();
        valid = valid && operation && std::find(operations.begin(), operations.end(), *operation) == operations.end();
        if (!valid) break;
        operations.emplace_back(*operation);
    }
    if (!valid) return bad_key("member \"key_ops\" of a JSON Web Key must be an array of different strings");
    key.key_ops = std::move(operations);
    return {};
}

// Members of another type of key: whoever mixes them may believe the key to be something that it is not.
Result<void> refuse_foreign_members(const JsonValue& object, KeyType kty) {
    constexpr std::array<std::pair<KeyType, std::string_view>, 4> foreign{{
        {KeyType::oct, "crv x y d n e"},
        {KeyType::okp, "k y n e"},
        {KeyType::rsa, "k crv x y"},
        {KeyType::ec, "k n e"},
    }};
    for (const auto& [type, names] : foreign) {
        if (type != kty) continue;
        for (std::size_t at = 0; at < names.size();) {
            const std::size_t end = std::min(names.find(' ', at), names.size());
            const std::string_view name = names.substr(at, end - at);
            if (object.find(name))
                return bad_key("member \"" + std::string(name) + "\" does not belong to a JSON Web Key of this type");
            at = end + 1;
        }
    }
    return {};
}

Result<SecretBytes> read_bytes(const JsonValue& object, std::string_view name) {
    const auto member = object.find(name);
    const auto text = member ? member->string() : std::nullopt;
    auto bytes = text ? base64url_decode_secret(*text) : Result<SecretBytes>(bad_key({}));
    if (!bytes) return bad_key("member \"" + std::string(name) + "\" of a JSON Web Key must be base64url text");
    return bytes;
}

// The classic confusion: a public key, which everybody knows, given as the secret.
bool looks_like_public_key(std::string_view secret) {
    return secret.find("-----BEGIN ") != std::string_view::npos || secret.starts_with("ssh-") ||
           secret.starts_with("ecdsa-sha2-");
}

Result<void> read_oct(const JsonValue& object, Jwk& key) {
    auto secret = read_bytes(object, "k");
    if (!secret) return std::move(secret).error();
    if (looks_like_public_key(secret->text())) return bad_key("a public key or certificate cannot be an HMAC key");
    const bool for_signatures = key.use.empty() || key.use == "sig";
    if (secret->empty() || (key.alg.empty() && for_signatures && secret->size() < shortest_hmac_key))
        return bad_key("an HMAC key must have at least 32 bytes");
    key.secret = std::move(*secret);
    return {};
}

Result<void> read_ed25519_private(const JsonValue& object, Jwk& key) {
    if (!object.find("d")) return {};
    auto seed = read_bytes(object, "d");
    if (!seed) return std::move(seed).error();
    if (seed->size() != ed25519_seed_bytes) return bad_key("member \"d\" of an Ed25519 key must have 32 bytes");
    std::array<std::uint8_t, crypto_sign_PUBLICKEYBYTES> derived;
    SecretBytes full(crypto_sign_SECRETKEYBYTES);
    crypto_sign_seed_keypair(derived.data(), full.data(), seed->data());
    // Signing under a public key that is not one's own gives the private key away.
    if (derived != key.ed25519_public)
        return bad_key("the private part of an Ed25519 key does not belong to its public part");
    key.ed25519_private = std::move(full);
    return {};
}

Result<void> read_okp(const JsonValue& object, Jwk& key) {
    if (key.crv.empty()) return bad_key("a JSON Web Key of type OKP must have member \"crv\"");
    if (key.crv != ed25519) return {};  // X25519, Ed448, …: known, and for no algorithm that we offer
    const auto point = read_bytes(object, "x");
    if (!point) return point.error();
    if (point->size() != key.ed25519_public.size()) return bad_key("member \"x\" of an Ed25519 key must have 32 bytes");
    std::copy_n(point->data(), point->size(), key.ed25519_public.begin());
    return read_ed25519_private(object, key);
}

Result<void> read_material(const JsonValue& object, Jwk& key) {
    if (auto refused = refuse_foreign_members(object, key.kty); !refused) return refused;
    if (key.kty == KeyType::oct) return read_oct(object, key);
    if (key.kty == KeyType::okp) return read_okp(object, key);
    return {};
}

Result<void> check_algorithm(const Jwk& key) {
    const JwsAlgorithm* algorithm = find_jws_algorithm(key.alg);
    if (algorithm == nullptr || jwk_fits(key, *algorithm)) return {};
    if (key.kty == KeyType::oct && algorithm->kty == KeyType::oct)
        return bad_key("the HMAC key is shorter than the output of its algorithm");
    return bad_key("the algorithm of a JSON Web Key is not one for its type");
}

Result<Jwk> parse_key(const JsonValue& object) {
    if (!object.is_object()) return bad_key("a JSON Web Key must be a JSON object");
    const auto kty_member = object.find("kty");
    const auto kty = kty_member ? kty_member->string() : std::nullopt;
    if (!kty) return bad_key("a JSON Web Key must have member \"kty\"");
    Jwk key;
    key.kty = key_type_of(*kty);
    for (const auto& [name, field] :
         {std::pair{"crv", &key.crv}, {"alg", &key.alg}, {"use", &key.use}, {"kid", &key.kid}})
        if (auto read = read_string(object, name, *field); !read) return std::move(read).error();
    if (auto read = read_key_ops(object, key); !read) return std::move(read).error();
    if (auto read = read_material(object, key); !read) return std::move(read).error();
    if (auto fits = check_algorithm(key); !fits) return std::move(fits).error();
    return key;
}

Result<void> check_set(const JwkSet& set) {
    std::unordered_set<std::string_view> kids;
    for (const Jwk& key : set.keys) {
        if (!key.kid.empty() && !kids.insert(key.kid).second)
            return bad_key("two keys of a JSON Web Key Set have the same \"kid\"");
        // A token could otherwise choose whether a public key or a secret answers for it.
        if (key.is_symmetric() != set.keys.front().is_symmetric())
            return bad_key("a JSON Web Key Set cannot mix symmetric and public keys");
    }
    return {};
}

Result<JwkSet> parse_keys(const JsonValue& keys) {
    if (!keys.is_array()) return bad_key("member \"keys\" of a JSON Web Key Set must be an array");
    const auto elements = keys.elements();
    if (elements.size() > jwk_max_keys)
        return Error{ErrorCode::limit_exceeded, "a JSON Web Key Set may hold at most 1000 keys"};
    JwkSet set;
    set.keys.reserve(elements.size());
    for (const JsonValue& element : elements) {
        auto key = parse_key(element);
        if (!key) return std::move(key).error();
        set.keys.push_back(std::move(*key));
    }
    if (auto checked = check_set(set); !checked) return std::move(checked).error();
    return set;
}

Result<JsonDocument> parse_key_json(std::string_view json) {
    auto document = parse_json(json, jwk_max_bytes);
    if (document) {
        if (document->root().is_object()) return document;
        return bad_key("a JSON Web Key or Key Set must be a JSON object");
    }
    Error error = std::move(document).error();
    if (error.code != ErrorCode::malformed_text) return error;
    return Error{ErrorCode::invalid_argument, "a JSON Web Key must be valid JSON", error.detail};
}

bool lists(const std::optional<std::vector<std::string>>& operations, std::string_view wanted) {
    return !operations || std::find(operations->begin(), operations->end(), wanted) != operations->end();
}

// {"crv":"Ed25519","kty":"OKP","x":"…"}: the required members in the order of RFC 7638 §3.
std::string ed25519_thumbprint(ByteSpan public_key) {
    const std::string members = R"({"crv":"Ed25519","kty":"OKP","x":")" + base64url_encode(public_key) + "\"}";
    std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest;
    crypto_hash_sha256(digest.data(), as_bytes(members).data(), members.size());
    return base64url_encode(digest);
}

// The public text with a last member "d"; built in one buffer that is wiped with its owner.
SecretBytes add_private_member(std::string_view public_jwk, ByteSpan seed) {
    constexpr std::string_view name = ",\"d\":\"";
    constexpr std::string_view end = "\"}";
    const SecretBytes encoded = base64url_encode_secret(seed);
    SecretBytes out(public_jwk.size() - 1 + name.size() + encoded.size() + end.size());
    std::uint8_t* to = out.data();
    for (const std::string_view part : {public_jwk.substr(0, public_jwk.size() - 1), name, encoded.text(), end})
        to = std::copy(part.begin(), part.end(), to);
    return out;
}

}  // namespace

bool Jwk::may_verify() const noexcept { return (use.empty() || use == "sig") && lists(key_ops, "verify"); }

bool Jwk::may_sign() const noexcept {
    return (use.empty() || use == "sig") && lists(key_ops, "sign") && !(secret.empty() && ed25519_private.empty());
}

Result<const HmacKey*> Jwk::hmac(HashId hash) const {
    for (const HmacKey& kept : hmacs_)
        if (kept.hash() == hash) return &kept;
    auto made = HmacKey::create(hash, secret.span());
    if (!made) return std::move(made).error();
    hmacs_.push_back(std::move(*made));
    return &hmacs_.back();
}

const Jwk* JwkSet::find(std::string_view kid) const noexcept {
    const auto found = std::find_if(keys.begin(), keys.end(), [&](const Jwk& key) { return key.kid == kid; });
    return kid.empty() || found == keys.end() ? nullptr : &*found;
}

Result<JwkSet> parse_jwk_set(std::string_view json) {
    const auto document = parse_key_json(json);
    if (!document) return document.error();
    const JsonValue root = document->root();
    const auto keys = root.find("keys");
    if (keys && root.find("kty")) return bad_key("a JSON object cannot be both a JSON Web Key and a Key Set");
    if (keys) return parse_keys(*keys);
    auto key = parse_key(root);
    if (!key) return std::move(key).error();
    JwkSet set;
    set.keys.push_back(std::move(*key));
    return set;
}

Result<Jwk> parse_jwk(std::string_view json) {
    const auto document = parse_key_json(json);
    if (!document) return document.error();
    if (document->root().find("keys")) return bad_key("one JSON Web Key is wanted, not a Key Set");
    return parse_key(document->root());
}

Result<std::string> jwk_thumbprint(const Jwk& key) {
    if (key.kty != KeyType::okp || key.crv != ed25519)
        return Error{ErrorCode::unsupported, "thumbprints are offered for Ed25519 keys"};
    return ed25519_thumbprint(key.ed25519_public);
}

Result<GeneratedJwk> jwk_from_ed25519_seed(ByteSpan seed, std::string_view kid) {
    if (seed.size() != ed25519_seed_bytes) return bad_key("an Ed25519 seed must have 32 bytes");
    std::array<std::uint8_t, crypto_sign_PUBLICKEYBYTES> public_key;
    SecretBytes full(crypto_sign_SECRETKEYBYTES);
    crypto_sign_seed_keypair(public_key.data(), full.data(), seed.data());
    GeneratedJwk made;
    made.kid = kid.empty() ? ed25519_thumbprint(public_key) : std::string(kid);
    made.public_jwk = R"({"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":)";
    json_append_string(made.public_jwk, made.kid);
    made.public_jwk += R"(,"x":")" + base64url_encode(public_key) + "\"}";
    made.private_jwk = add_private_member(made.public_jwk, seed);
    return made;
}

Result<GeneratedJwk> jwk_generate_ed25519(std::string_view kid) {
    SecretBytes seed(ed25519_seed_bytes);
    random_bytes({seed.data(), seed.size()});
    return jwk_from_ed25519_seed(seed.span(), kid);
}

}  // namespace bastion
