#include "core/jose/jws.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/encoding.hpp"

namespace bastion {
namespace {

Result<Mac> hmac_of(const JwsAlgorithm& algorithm, const Jwk& key, std::string_view input) {
    const auto keyed = key.hmac(algorithm.hash);
    if (!keyed) return keyed.error();
    return (*keyed)->compute(input);
}

Result<bool> verify_hmac(const JwsAlgorithm& algorithm, const Jwk& key, std::string_view input, ByteSpan signature) {
    const auto mac = hmac_of(algorithm, key, input);
    if (!mac) return mac.error();
    return constant_time_equal(mac->span(), signature);
}

Result<Bytes> sign_hmac(const JwsAlgorithm& algorithm, const Jwk& key, std::string_view input) {
    const auto mac = hmac_of(algorithm, key, input);
    if (!mac) return mac.error();
    return Bytes(mac->span().begin(), mac->span().end());
}

// libsodium refuses what RFC 8032 §5.1.7 leaves open: a non-canonical S, points of small order, non-canonical keys.
Result<bool> verify_ed25519(const JwsAlgorithm&, const Jwk& key, std::string_view input, ByteSpan signature) {
    const ByteSpan bytes = as_bytes(input);
    return crypto_sign_verify_detached(signature.data(), bytes.data(), bytes.size(), key.ed25519_public.data()) == 0;
}

Result<Bytes> sign_ed25519(const JwsAlgorithm& algorithm, const Jwk& key, std::string_view input) {
    if (key.ed25519_private.empty()) return Error{ErrorCode::invalid_argument, "signing needs a private key"};
    const ByteSpan bytes = as_bytes(input);
    Bytes signature(algorithm.fixed_bytes);
    crypto_sign_detached(signature.data(), nullptr, bytes.data(), bytes.size(), key.ed25519_private.data());
    return signature;
}

Result<bool> verify_pair(const JwsAlgorithm& algorithm, const Jwk& key, std::string_view input, ByteSpan signature) {
    return key.pair.verify(algorithm.scheme, algorithm.hash, input, signature);
}

Result<Bytes> sign_pair(const JwsAlgorithm& algorithm, const Jwk& key, std::string_view input) {
    return key.pair.sign(algorithm.scheme, algorithm.hash, input);
}

constexpr std::array<JwsAlgorithm, 13> algorithms{{
    {"HS256", KeyType::oct, "", SignatureScheme::none, HashId::sha256, 32, 32, verify_hmac, sign_hmac},
    {"HS384", KeyType::oct, "", SignatureScheme::none, HashId::sha384, 48, 48, verify_hmac, sign_hmac},
    {"HS512", KeyType::oct, "", SignatureScheme::none, HashId::sha512, 64, 64, verify_hmac, sign_hmac},
    {"RS256", KeyType::rsa, "", SignatureScheme::rsa_pkcs1, HashId::sha256, 0, 0, verify_pair, sign_pair},
    {"RS384", KeyType::rsa, "", SignatureScheme::rsa_pkcs1, HashId::sha384, 0, 0, verify_pair, sign_pair},
    {"RS512", KeyType::rsa, "", SignatureScheme::rsa_pkcs1, HashId::sha512, 0, 0, verify_pair, sign_pair},
    {"PS256", KeyType::rsa, "", SignatureScheme::rsa_pss, HashId::sha256, 0, 0, verify_pair, sign_pair},
    {"PS384", KeyType::rsa, "", SignatureScheme::rsa_pss, HashId::sha384, 0, 0, verify_pair, sign_pair},
    {"PS512", KeyType::rsa, "", SignatureScheme::rsa_pss, HashId::sha512, 0, 0, verify_pair, sign_pair},
    {"ES256", KeyType::ec, "P-256", SignatureScheme::ecdsa, HashId::sha256, 0, 64, verify_pair, sign_pair},
    {"ES384", KeyType::ec, "P-384", SignatureScheme::ecdsa, HashId::sha384, 0, 96, verify_pair, sign_pair},
    {"ES512", KeyType::ec, "P-521", SignatureScheme::ecdsa, HashId::sha512, 0, 132, verify_pair, sign_pair},
    {"EdDSA", KeyType::okp, "Ed25519", SignatureScheme::none, HashId::none, 0, 64, verify_ed25519, sign_ed25519},
}};

struct Parts {
    std::string_view header;
    std::string_view payload;
    std::string_view signature;
};

// RFC 7515 §7.1: exactly three parts. Two dots more make a JWE, none of which we decrypt.
Result<Parts> split(std::string_view token) {
    if (token.size() > token_max_bytes) return refuse_token("the token is longer than 16 KiB");
    const std::size_t first = token.find('.');
    const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
        return refuse_token("the token does not have three parts");
    const Parts parts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1)};
    if (parts.header.empty() || parts.signature.empty()) return refuse_token("a part of the token is empty");
    return parts;
}

// Why a header member makes us refuse the token; null when it does not.
using Reason = const char*;

Reason read_text(const JsonValue& value, std::string& out, Reason wrong) {
    const auto text = value.string();
    if (!text || text->empty()) return wrong;
    out = *text;
    return nullptr;
}

// RFC 7515 §4.1.11: whoever does not understand an extension named in crit must refuse; we understand none, and b64
// (RFC 7797) least of all. enc and zip are of JWE. jwk, jku, x5c and x5u are ignored: keys come from the caller alone.
Reason read_member(JwsHeader& header, std::string_view name, const JsonValue& value) {
    if (name == "alg") return read_text(value, header.alg, "alg is not a non-empty string");
    if (name == "kid") return read_text(value, header.kid, "kid is not a non-empty string");
    if (name == "typ") return read_text(value, header.typ, "typ is not a non-empty string");
    if (name == "crit") return "the header has member crit";
    if (name == "b64") return "the header has member b64";
    if (name == "enc" || name == "zip") return "the header is one of an encrypted token";
    return nullptr;
}

Result<JwsHeader> parse_header(std::string_view part) {
    std::string text;
    if (!base64url_decode_append(part, text)) return refuse_token("the header is not base64url");
    const auto document = parse_json(text, token_max_bytes);
    if (!document) return refuse_token("the header is not strict JSON");
    if (!document->root().is_object()) return refuse_token("the header is not a JSON object");
    JwsHeader header;
    Reason refused = nullptr;
    document->root().visit_members([&](std::string_view name, const JsonValue& value) {
        refused = read_member(header, name, value);
        return refused == nullptr;
    });
    if (refused != nullptr) return refuse_token(refused);
    if (header.alg.empty()) return refuse_token("the header names no algorithm");
    return header;
}

// The last few headers as they stand in tokens, with what they say: those of one issuer are all alike, and parsing one
// costs as much as the HMAC of the whole token. Only what can be acted upon is kept.
class HeaderMemo {
public:
    using Shared = std::shared_ptr<const JwsHeader>;

    [[nodiscard]] Shared find(std::string_view part) const noexcept {
        for (const Entry& entry : entries_)
            if (entry.part == part) return entry.header;
        return nullptr;
    }

    void keep(std::string_view part, const Shared& header) {
        constexpr std::size_t longest = 512;
        if (part.size() > longest) return;
        entries_[next_] = {std::string(part), header};
        next_ = (next_ + 1) % entries_.size();
    }

private:
    struct Entry {
        std::string part;  // no token has an empty one
        Shared header;
    };
    std::array<Entry, 4> entries_;
    std::size_t next_ = 0;
};

Result<HeaderMemo::Shared> read_header(std::string_view part) {
    thread_local HeaderMemo memo;
    if (auto known = memo.find(part)) return known;
    auto parsed = parse_header(part);
    if (!parsed) return std::move(parsed).error();
    auto header = std::make_shared<const JwsHeader>(std::move(*parsed));
    memo.keep(part, header);
    return HeaderMemo::Shared(std::move(header));
}

bool contains(std::span<const std::string> names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// Said before a token is looked at, for it is the caller's to mend: RFC 8725 §3.1, the token never chooses how it is
// verified.
Result<void> require_algorithms(const JwkSet& keys, std::span<const std::string> accepted) {
    if (!accepted.empty()) return {};
    const auto usable = [](const Jwk& key) {
        return std::any_of(algorithms.begin(), algorithms.end(), [&](const auto& row) { return jwk_fits(key, row); });
    };
    for (const Jwk& key : keys.keys)
        if (key.may_verify() && key.alg.empty() && usable(key))
            return Error{ErrorCode::invalid_argument, "a key has no member \"alg\"", "",
                         "Name the accepted \"algorithms\" in the options, or give the key its \"alg\"."};
    return {};
}

// RFC 7515 §4.1.4: a kid selects its key and no other. Without one there must be no choice.
Result<const Jwk*> select_key(const JwsHeader& header, const JwsAlgorithm& algorithm, const JwkSet& keys) {
    const auto usable = [&](const Jwk& key) { return key.may_verify() && jwk_fits(key, algorithm); };
    if (!header.kid.empty()) {
        const Jwk* key = keys.find(header.kid);
        if (key == nullptr) return refuse_token("no key has the token's kid");
        if (!usable(*key))
            return refuse_token("the key with the token's kid is not for its algorithm or for verifying");
        return key;
    }
    const Jwk* only = nullptr;
    for (const Jwk& key : keys.keys) {
        if (!usable(key)) continue;
        if (only != nullptr) return refuse_token("the token has no kid and several keys could verify it");
        only = &key;
    }
    if (only == nullptr) return refuse_token("no key can verify the token");
    return only;
}

Result<const Jwk*> check_signature(const JwsToken& token, const JwkSet& keys, std::span<const std::string> accepted) {
    const JwsAlgorithm* algorithm = find_jws_algorithm(token.header->alg);
    if (algorithm == nullptr) return refuse_token("the token's algorithm is not supported");
    if (!accepted.empty() && !contains(accepted, algorithm->name))
        return refuse_token("the token's algorithm is not an accepted one");
    auto key = select_key(*token.header, *algorithm, keys);
    if (!key) return key;
    if (token.signature.size() != jws_signature_bytes(*algorithm, **key))
        return refuse_token("the signature has a wrong length");
    const auto valid = algorithm->verify(*algorithm, **key, token.signing_input, as_bytes(token.signature));
    if (!valid) return valid.error();
    if (!*valid) return refuse_token("the signature does not verify");
    return key;
}

}  // namespace

std::span<const JwsAlgorithm> jws_algorithms() noexcept { return algorithms; }

const JwsAlgorithm* find_jws_algorithm(std::string_view name) noexcept {
    const auto* found =
        std::find_if(algorithms.begin(), algorithms.end(), [&](const JwsAlgorithm& row) { return row.name == name; });
    return found == algorithms.end() ? nullptr : found;
}

std::string jws_algorithm_names() {
    std::string names;
    for (const JwsAlgorithm& algorithm : algorithms) {
        if (!names.empty()) names += ", ";
        names += algorithm.name;
    }
    return names;
}

bool jwk_fits(const Jwk& key, const JwsAlgorithm& algorithm) noexcept {
    return key.kty == algorithm.kty && key.crv == algorithm.crv && (key.alg.empty() || key.alg == algorithm.name) &&
           (!key.is_symmetric() || key.secret.size() >= algorithm.min_key_bytes);
}

std::size_t jws_signature_bytes(const JwsAlgorithm& algorithm, const Jwk& key) noexcept {
    return algorithm.fixed_bytes != 0 ? algorithm.fixed_bytes : key.pair.signature_bytes();
}

Error refuse_token(std::string_view reason) {
    return {ErrorCode::token_refused, "invalid token", "", "", std::string(reason)};
}

Result<JwsToken> parse_jws(std::string_view token) {
    const auto parts = split(token);
    if (!parts) return parts.error();
    auto header = read_header(parts->header);
    if (!header) return std::move(header).error();
    JwsToken parsed;
    parsed.header = std::move(*header);
    if (!base64url_decode_append(parts->signature, parsed.signature))
        return refuse_token("the signature is not base64url");
    parsed.signing_input = token.substr(0, parts->header.size() + 1 + parts->payload.size());
    parsed.payload_part = parts->payload;
    return parsed;
}

Result<VerifiedJws> jws_verify(std::string_view token, const JwkSet& keys, std::span<const std::string> accepted) {
    if (auto named = require_algorithms(keys, accepted); !named) return std::move(named).error();
    auto parsed = parse_jws(token);
    if (!parsed) return std::move(parsed).error();
    const auto key = check_signature(*parsed, keys, accepted);
    if (!key) return key.error();
    VerifiedJws verified;
    if (!base64url_decode_append(parsed->payload_part, verified.payload))
        return refuse_token("the payload is not base64url");
    verified.token = std::move(*parsed);
    verified.key = *key;
    return verified;
}

Result<std::string> jws_sign(std::string_view header_json, std::string_view payload, const Jwk& key,
                             const JwsAlgorithm& algorithm) {
    if (!key.may_sign() || !jwk_fits(key, algorithm))
        return Error{ErrorCode::invalid_argument, "the key is not one to sign with by this algorithm"};
    const std::size_t size = base64url_length(header_json.size()) + base64url_length(payload.size()) +
                             base64url_length(jws_signature_bytes(algorithm, key)) + 2;
    if (size > token_max_bytes) return Error{ErrorCode::limit_exceeded, "the token would be longer than 16 KiB"};
    std::string token = base64url_encode(as_bytes(header_json)) + "." + base64url_encode(as_bytes(payload));
    const auto signature = algorithm.sign(algorithm, key, token);
    if (!signature) return signature.error();
    token += "." + base64url_encode(*signature);
    return token;
}

Result<std::string> jws_unverified_kid(std::string_view token) {
    const auto parsed = parse_jws(token);
    if (!parsed) return parsed.error();
    return parsed->header->kid;
}

}  // namespace bastion
