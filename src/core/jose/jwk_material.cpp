#include "core/jose/jwk_material.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "core/base/encoding.hpp"
#include "core/jose/pem.hpp"

namespace bastion {
namespace {

constexpr std::string_view ed25519 = "Ed25519";
constexpr std::size_t shortest_hmac_key = 32;

Result<SecretBytes> read_bytes(const JsonValue& object, std::string_view name) {
    const auto member = object.find(name);
    const auto text = member ? member->string() : std::nullopt;
    auto bytes = text ? base64url_decode_secret(*text) : Result<SecretBytes>(invalid_argument({}));
    if (!bytes)
        return invalid_argument("member \"" + std::string(name) + "\" of a JSON Web Key must be base64url text");
    return bytes;
}

struct Member {
    std::string_view name;
    SecretBytes* out;
};

// The present members when the key is private; all of them otherwise.
Result<void> read_members(const JsonValue& object, std::initializer_list<Member> members, bool optional) {
    for (const auto& [name, out] : members) {
        if (optional && !object.find(name)) continue;
        auto bytes = read_bytes(object, name);
        if (!bytes) return std::move(bytes).error();
        if (bytes->empty()) return invalid_argument("member \"" + std::string(name) + "\" of a JSON Web Key is empty");
        *out = std::move(*bytes);
    }
    return {};
}

// What the text forms of public keys hold: PEM, OpenSSH's own, and JSON Web Keys.
constexpr std::array<std::string_view, 7> public_key_marks{"-----BEGIN ", "---- BEGIN ", "ssh-rsa", "ssh-dss",
                                                           "ssh-ed25519", "ecdsa-sha2-", "\"kty\""};

// The digits of a text form of bytes, base64 as base64url: without white space, quotes, padding and the like.
SecretBytes digits_of(std::string_view text) {
    SecretBytes digits(text.size());
    std::size_t size = 0;
    for (const char c : text) {
        const char digit = c == '+' ? '-' : c == '/' ? '_' : c;
        const bool is_digit = (digit >= '0' && digit <= '9') || (digit >= 'A' && digit <= 'Z') ||
                              (digit >= 'a' && digit <= 'z') || digit == '-' || digit == '_';
        if (is_digit) digits.data()[size++] = static_cast<std::uint8_t>(digit);
    }
    return SecretBytes(digits.span().first(size));
}

// Behind 0x, or what digits_of() leaves of PostgreSQL's \x.
std::string_view without_prefix(std::string_view digits) {
    for (const std::string_view prefix : {"0x", "x"})
        if (digits.starts_with(prefix)) return digits.substr(prefix.size());
    return digits;
}

// The classic confusion: a public key, which everybody knows, given as the secret. Settings and files hold keys as text, which
// may be the text of text.
bool is_public_key(ByteSpan bytes, int layers_of_text = 3) {
    const std::string_view text = as_text(bytes);
    const ByteSpan trimmed = bytes.first(text.find_last_not_of("\r\n") + 1);
    const auto is_in_text = [&](std::string_view mark) { return text.find(mark) != std::string_view::npos; };
    if (is_der_public_key(bytes) || is_der_public_key(trimmed) || std::ranges::any_of(public_key_marks, is_in_text))
        return true;
    if (layers_of_text == 0) return false;
    const SecretBytes digits = digits_of(text);
    const std::array decoded{base64url_decode_secret(digits.text()), base32_decode_secret(digits.text()),
                             hex_decode_secret(without_prefix(digits.text()))};
    return std::ranges::any_of(decoded, [&](const Result<SecretBytes>& inner) {
        return inner && !inner->empty() && is_public_key(inner->span(), layers_of_text - 1);
    });
}

Result<void> read_oct(const JsonValue& object, Jwk& key) {
    auto secret = read_bytes(object, "k");
    if (!secret) return std::move(secret).error();
    if (is_public_key(secret->span())) return invalid_argument("a public key or certificate cannot be an HMAC key");
    const bool for_signatures = key.use.empty() || key.use == "sig";
    if (secret->empty() || (key.alg.empty() && for_signatures && secret->size() < shortest_hmac_key))
        return invalid_argument("an HMAC key must have at least 32 bytes");
    key.secret = std::move(*secret);
    return {};
}

Result<void> take_ed25519(ByteSpan point, ByteSpan seed, Jwk& key) {
    if (point.size() != key.ed25519_public.size())
        return invalid_argument("member \"x\" of an Ed25519 key must have 32 bytes");
    // Under a point of small order, signatures that nobody made are valid.
    if (crypto_core_ed25519_is_valid_point(point.data()) != 1)
        return invalid_argument("member \"x\" of an Ed25519 key is not a point that a private key has");
    std::copy(point.begin(), point.end(), key.ed25519_public.begin());
    if (seed.empty()) return {};
    if (seed.size() != crypto_sign_SEEDBYTES)
        return invalid_argument("member \"d\" of an Ed25519 key must have 32 bytes");
    std::array<std::uint8_t, crypto_sign_PUBLICKEYBYTES> derived;
    SecretBytes full(crypto_sign_SECRETKEYBYTES);
    crypto_sign_seed_keypair(derived.data(), full.data(), seed.data());
    // Signing with a public key that does not match the private key would reveal the private key.
    if (derived != key.ed25519_public)
        return invalid_argument("the private part of an Ed25519 key does not belong to its public part");
    key.ed25519_private = std::move(full);
    return {};
}

Result<void> read_okp(const JsonValue& object, Jwk& key) {
    if (key.crv.empty()) return invalid_argument("a JSON Web Key of type OKP must have member \"crv\"");
    if (key.crv != ed25519) return {};  // X25519, Ed448, …: known, and for no algorithm that we offer
    SecretBytes x, d;
    if (auto read = read_members(object, {{"x", &x}}, false); !read) return read;
    if (auto read = read_members(object, {{"d", &d}}, true); !read) return read;
    return take_ed25519(x.span(), d.span(), key);
}

Result<void> take(Result<AsymmetricKey> made, Jwk& key) {
    if (!made) return std::move(made).error();
    key.pair = std::move(*made);
    return {};
}

Result<void> read_rsa(const JsonValue& object, Jwk& key) {
    if (object.find("oth")) return invalid_argument("RSA keys of more than two primes are not supported");
    RsaNumbers numbers;
    if (auto read = read_members(object, {{"n", &numbers.n}, {"e", &numbers.e}}, false); !read) return read;
    auto read = read_members(object,
                             {{"d", &numbers.d},
                              {"p", &numbers.p},
                              {"q", &numbers.q},
                              {"dp", &numbers.dp},
                              {"dq", &numbers.dq},
                              {"qi", &numbers.qi}},
                             true);
    if (!read) return read;
    return take(AsymmetricKey::from_rsa(numbers), key);
}

Result<void> read_ec(const JsonValue& object, Jwk& key) {
    if (key.crv.empty()) return invalid_argument("a JSON Web Key of type EC must have member \"crv\"");
    if (ec_field_bytes(key.crv) == 0) return {};  // secp256k1, …: known, and for no algorithm that we offer
    EcNumbers numbers;
    numbers.crv = key.crv;
    if (auto read = read_members(object, {{"x", &numbers.x}, {"y", &numbers.y}}, false); !read) return read;
    if (auto read = read_members(object, {{"d", &numbers.d}}, true); !read) return read;
    return take(AsymmetricKey::from_ec(numbers), key);
}

}  // namespace

Result<void> read_jwk_material(const JsonValue& object, Jwk& key) {
    switch (key.kty) {
        case KeyType::oct: return read_oct(object, key);
        case KeyType::okp: return read_okp(object, key);
        case KeyType::rsa: return read_rsa(object, key);
        case KeyType::ec: return read_ec(object, key);
        case KeyType::other: break;
    }
    return {};
}

Result<void> read_pem_material(std::string_view pem, Jwk& key) {
    const auto parsed = parse_pem(pem);
    if (!parsed) return parsed.error();
    key.kty = parsed->kty;
    key.dates = parsed->dates;
    if (key.kty == KeyType::rsa) return take(AsymmetricKey::from_rsa(parsed->rsa), key);
    key.crv = key.kty == KeyType::ec ? parsed->ec.crv : std::string(ed25519);
    if (key.kty == KeyType::ec) return take(AsymmetricKey::from_ec(parsed->ec), key);
    return take_ed25519(parsed->ed25519_public, parsed->ed25519_seed.span(), key);
}

}  // namespace bastion
