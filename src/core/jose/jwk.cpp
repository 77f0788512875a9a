#include "core/jose/jwk.hpp"

#include <algorithm>
#include <utility>

#include "core/base/json.hpp"
#include "core/jose/jwk_material.hpp"
#include "core/jose/jws.hpp"

namespace bastion {
namespace {

KeyType key_type_of(std::string_view kty) {
    if (kty == "oct") return KeyType::oct;
    if (kty == "OKP") return KeyType::okp;
    if (kty == "RSA") return KeyType::rsa;
    if (kty == "EC") return KeyType::ec;
    return KeyType::other;
}

// A member that is absent or a non-empty string.
Result<void> read_string(const JsonValue& object, std::string_view name, std::string& out) {
    const auto member = object.find(name);
    if (!member) return {};
    const auto text = member->string();
    if (!text || text->empty())
        return invalid_argument("member \"" + std::string(name) + "\" of a JSON Web Key must be a non-empty string");
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
    if (!valid) return invalid_argument("member \"key_ops\" of a JSON Web Key must be an array of different strings");
    key.key_ops = std::move(operations);
    return {};
}

// Members of another type of key: the author of such a mix may mistake the type of the key.
Result<void> refuse_foreign_members(const JsonValue& object, KeyType kty) {
    constexpr std::array<std::pair<KeyType, std::string_view>, 4> foreign{{
        {KeyType::oct, "crv x y d n e"},
        {KeyType::okp, "k y n e"},
        {KeyType::rsa, "k crv x y"},
        {KeyType::ec, "k n e p q"},
    }};
    for (const auto& [type, names] : foreign) {
        if (type != kty) continue;
        for (std::size_t at = 0; at < names.size();) {
            const std::size_t end = std::min(names.find(' ', at), names.size());
            const std::string_view name = names.substr(at, end - at);
            if (object.find(name))
                return invalid_argument("member \"" + std::string(name) +
                                        "\" does not belong to a JSON Web Key of this type");
            at = end + 1;
        }
    }
    return {};
}

Result<void> read_own_members(const JsonValue& object, Jwk& key) {
    if (object.find("pem")) return invalid_argument("a JSON Web Key cannot have member \"pem\" beside its own members");
    if (auto refused = refuse_foreign_members(object, key.kty); !refused) return refused;
    return read_jwk_material(object, key);
}

Result<void> read_pem_member(const JsonValue& object, Jwk& key) {
    for (const std::string_view name : {"crv", "k", "x", "y", "n", "e", "d", "nbf", "exp"})
        if (object.find(name))
            return invalid_argument("a key given as PEM cannot have members of a JSON Web Key beside it");
    const auto text = object.find("pem")->string();
    if (!text) return invalid_argument("member \"pem\" must be a string");
    return read_pem_material(*text, key);
}

Result<void> check_algorithm(const Jwk& key) {
    const JwsAlgorithm* algorithm = find_jws_algorithm(key.alg);
    if (algorithm == nullptr || jwk_fits(key, *algorithm)) return {};
    if (key.kty == KeyType::oct && algorithm->kty == KeyType::oct)
        return invalid_argument("the HMAC key is shorter than the output of its algorithm");
    return invalid_argument("the algorithm of a JSON Web Key is not one for its type");
}

// A NumericDate, or nothing.
Result<void> read_date(const JsonValue& object, std::string_view name, std::optional<double>& out) {
    const auto member = object.find(name);
    if (!member) return {};
    out = member->number();
    if (out && *out >= 0) return {};
    return invalid_argument("member \"" + std::string(name) + "\" of a JSON Web Key must be a date");
}

Result<Jwk> parse_key(const JsonValue& object) {
    if (!object.is_object()) return invalid_argument("a JSON Web Key must be a JSON object");
    const auto kty_member = object.find("kty");
    const auto kty = kty_member ? kty_member->string() : std::nullopt;
    const bool is_pem = !kty_member && object.find("pem");
    if (!kty && !is_pem) return invalid_argument("a JSON Web Key must have member \"kty\"");
    Jwk key;
    if (kty) key.kty = key_type_of(*kty);
    for (const auto& [name, field] :
         {std::pair{"crv", &key.crv}, {"alg", &key.alg}, {"use", &key.use}, {"kid", &key.kid}})
        if (auto read = read_string(object, name, *field); !read) return std::move(read).error();
    if (auto read = read_key_ops(object, key); !read) return std::move(read).error();
    if (auto read = read_date(object, "nbf", key.dates.from); !read) return std::move(read).error();
    if (auto read = read_date(object, "exp", key.dates.until); !read) return std::move(read).error();
    if (auto read = is_pem ? read_pem_member(object, key) : read_own_members(object, key); !read)
        return std::move(read).error();
    if (auto fits = check_algorithm(key); !fits) return std::move(fits).error();
    return key;
}

// RFC 7517 §4.5: keys of different types, or for different uses, may have the same kid.
Result<Jwk> parse_member(const JsonValue& element, const JwkSet& before) {
    auto key = parse_key(element);
    if (!key || key->kid.empty()) return key;
    const bool repeated = std::any_of(before.keys.begin(), before.keys.end(), [&](const Jwk& other) {
        return other.kid == key->kid && other.kty == key->kty && other.crv == key->crv && other.may_verify() &&
               key->may_verify();
    });
    if (repeated) return invalid_argument("an earlier key of the JSON Web Key Set has the same \"kid\"");
    return key;
}

// A token could otherwise choose whether a public key or a secret verifies it.
bool mixes_secrets(const JwkSet& set) {
    return std::any_of(set.keys.begin(), set.keys.end(),
                       [&](const Jwk& key) { return key.is_symmetric() != set.keys.front().is_symmetric(); });
}

std::string kid_of(const JsonValue& element) {
    const auto kid = element.find("kid");
    return std::string(kid ? kid->string().value_or("") : "");
}

Result<JwkSet> parse_keys(const JsonValue& keys) {
    if (!keys.is_array()) return invalid_argument("member \"keys\" of a JSON Web Key Set must be an array");
    const auto elements = keys.elements();
    if (elements.size() > jwk_max_keys)
        return Error{ErrorCode::limit_exceeded, "a JSON Web Key Set may hold at most 1000 keys"};
    JwkSet set;
    set.is_set = true;
    set.keys.reserve(elements.size());
    std::optional<Error> first;
    for (std::size_t i = 0; i < elements.size(); ++i) {
        auto key = parse_member(elements[i], set);
        if (key) {
            set.keys.push_back(std::move(*key));
            continue;
        }
        set.skipped.push_back({i + 1, kid_of(elements[i]), key.error().message});
        if (!first) first = std::move(key).error();
    }
    if (set.keys.empty() && first) return *std::move(first);
    if (mixes_secrets(set)) return invalid_argument("a JSON Web Key Set cannot mix symmetric and public keys");
    return set;
}

Result<JsonDocument> parse_key_json(std::string_view json) {
    auto document = parse_json(json, jwk_max_bytes);
    if (document) {
        if (document->root().is_object() || document->root().string()) return document;
        return invalid_argument("a JSON Web Key or Key Set must be a JSON object, or PEM in a JSON string");
    }
    Error error = std::move(document).error();
    if (error.code != ErrorCode::malformed_text) return error;
    return Error{ErrorCode::invalid_argument, "a JSON Web Key must be valid JSON", error.detail};
}

Result<Jwk> parse_pem_text(std::string_view pem) {
    Jwk key;
    if (auto read = read_pem_material(pem, key); !read) return std::move(read).error();
    return key;
}

Result<Jwk> parse_one(const JsonValue& root) {
    const auto pem = root.string();
    return pem ? parse_pem_text(*pem) : parse_key(root);
}

bool lists(const std::optional<std::vector<std::string>>& operations, std::string_view wanted) {
    return !operations || std::find(operations->begin(), operations->end(), wanted) != operations->end();
}

}  // namespace

bool Jwk::may_verify() const noexcept { return (use.empty() || use == "sig") && lists(key_ops, "verify"); }

bool Jwk::may_sign() const noexcept {
    const bool has_private = !secret.empty() || !ed25519_private.empty() || pair.has_private();
    return has_private && (use.empty() || use == "sig") && lists(key_ops, "sign");
}

Result<const HmacKey*> Jwk::hmac(HashId hash) const {
    for (const HmacKey& kept : hmacs_)
        if (kept.hash() == hash) return &kept;
    auto made = HmacKey::create(hash, secret.span());
    if (!made) return std::move(made).error();
    hmacs_.push_back(std::move(*made));
    return &hmacs_.back();
}

std::size_t JwkSet::memory() const noexcept {
    // RSA keys of 4,096 bits with their contexts; two keyed states of HMAC.
    constexpr std::size_t parsed = 4096;
    std::size_t bytes = keys.capacity() * sizeof(Jwk) + skipped.capacity() * parsed / 16;
    for (const Jwk& key : keys) {
        bytes += parsed + key.secret.size() + key.kid.capacity() + key.alg.capacity() + key.use.capacity();
        if (key.key_ops)
            for (const std::string& operation : *key.key_ops) bytes += sizeof(std::string) + operation.capacity();
    }
    return bytes;
}

Result<JwkSet> parse_jwk_set(std::string_view json) {
    const auto document = parse_key_json(json);
    if (!document) return document.error();
    const JsonValue root = document->root();
    const auto keys = root.find("keys");
    if (keys && root.find("kty")) return invalid_argument("a JSON object cannot be both a JSON Web Key and a Key Set");
    if (keys) return parse_keys(*keys);
    auto key = parse_one(root);
    if (!key) return std::move(key).error();
    JwkSet set;
    set.keys.push_back(std::move(*key));
    return set;
}

Result<Jwk> parse_jwk(std::string_view json) {
    const auto document = parse_key_json(json);
    if (!document) return document.error();
    if (document->root().find("keys")) return invalid_argument("one JSON Web Key is wanted, not a Key Set");
    return parse_one(document->root());
}

}  // namespace bastion
