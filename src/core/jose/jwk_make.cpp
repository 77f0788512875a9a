// Writes JSON Web Keys: thumbprints, public halves and new keys. Numbers come from OpenSSL's keys, and secrets stay
// in SecretBytes.
#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <iterator>
#include <utility>

#include "core/base/encoding.hpp"
#include "core/base/json.hpp"
#include "core/jose/jwk.hpp"
#include "core/jose/jws.hpp"
#include "core/jose/pkey.hpp"

namespace bastion {
namespace {

constexpr int usual_rsa_bits = 2048;
constexpr std::size_t kid_max_bytes = 256;

Error unsupported(const char* message) { return {ErrorCode::unsupported, message}; }

struct TextMember {
    std::string_view name;
    std::string value;
};

// A JSON object of string members, in their order and without white space.
std::string object_of(std::initializer_list<TextMember> members) {
    std::string out;
    for (const auto& [name, value] : members) {
        if (value.empty()) continue;
        out += out.empty() ? '{' : ',';
        json_append_string(out, name);
        out += ':';
        json_append_string(out, value);
    }
    return out.empty() ? "{}" : out + "}";
}

std::string base64url(const SecretBytes& number) { return base64url_encode(number.span()); }

// The public members that a type of key must have, without kty and crv.
struct PublicMembers {
    std::string n, e, x, y;
};

Result<PublicMembers> public_members(const Jwk& key) {
    if (key.is_symmetric()) return unsupported("a symmetric key has no public part");
    if (key.kty == KeyType::rsa) {
        const auto numbers = rsa_numbers(key.pair.handle(), false);
        if (!numbers) return numbers.error();
        return PublicMembers{base64url(numbers->n), base64url(numbers->e), "", ""};
    }
    if (key.kty == KeyType::ec && key.pair.present()) {
        const auto numbers = ec_numbers(key.pair.handle(), false);
        if (!numbers) return numbers.error();
        return PublicMembers{"", "", base64url(numbers->x), base64url(numbers->y)};
    }
    if (key.kty == KeyType::okp && key.crv == "Ed25519")
        return PublicMembers{"", "", base64url_encode(key.ed25519_public), ""};
    return unsupported("the type of the key or its curve is not supported");
}

const char* name_of(KeyType kty) {
    switch (kty) {
        case KeyType::oct: return "oct";
        case KeyType::okp: return "OKP";
        case KeyType::rsa: return "RSA";
        case KeyType::ec: return "EC";
        case KeyType::other: break;
    }
    return "";
}

// The public half of a signing key verifies.
std::string public_operations(const Jwk& key) {
    if (!key.key_ops) return {};
    std::string out;
    const auto has = [&](std::string_view name) {
        return std::find(key.key_ops->begin(), key.key_ops->end(), name) != key.key_ops->end();
    };
    return has("sign") || has("verify") ? R"(,"key_ops":["verify"])" : R"(,"key_ops":[])";
}

std::string date_member(std::string_view name, const std::optional<double>& date) {
    if (!date) return {};
    // The longest of these has 17 digits behind 324 zeros. A whole number beyond 64 bits is none for every reader.
    std::array<char, 400> digits;
    const auto format = *date < 1e15 ? std::chars_format::fixed : std::chars_format::scientific;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), *date, format);
    if (end.ec != std::errc()) return {};
    return ",\"" + std::string(name) + "\":" + std::string(digits.data(), end.ptr);
}

// Whether its signatures may verify a token.
bool is_for_signatures(const Jwk& key) {
    return (key.use.empty() || key.use == "sig") && public_operations(key) != R"(,"key_ops":[])";
}

std::string skipped_text(const std::vector<SkippedJwk>& skipped) {
    std::string out;
    for (const SkippedJwk& one : skipped) {
        out += (out.empty() ? R"({"key":)" : R"(,{"key":)") + std::to_string(one.position) + R"(,"kid":)";
        if (one.kid.empty())
            out += "null";
        else
            json_append_string(out, one.kid);
        out += R"(,"reason":)";
        json_append_string(out, one.reason);
        out += '}';
    }
    return out;
}

// Random numbers in `size` bytes.
SecretBytes random_secret(std::size_t size) {
    SecretBytes out(size);
    random_bytes({out.data(), out.size()});
    return out;
}

struct SecretMember {
    std::string_view name;
    const SecretBytes* value;
};

// The public text with further members, in one buffer that is wiped with its owner.
SecretBytes add_members(std::string_view text, std::initializer_list<SecretMember> members) {
    std::size_t size = text.size();
    for (const auto& [name, value] : members) size += name.size() + base64url_length(value->size()) + 6;
    SecretBytes out(size);
    std::uint8_t* to = std::copy_n(text.begin(), text.size() - 1, out.data());
    for (const auto& [name, value] : members) {
        const SecretBytes encoded = base64url_encode_secret(value->span());
        for (const std::string_view part :
             {std::string_view(",\""), name, std::string_view("\":\""), encoded.text(), std::string_view("\"")})
            to = std::copy(part.begin(), part.end(), to);
    }
    *to = '}';
    return out;
}

// The members that every generated key has, then its public ones.
std::string public_text(const char* kty, std::string_view crv, std::string_view alg, std::string_view kid,
                        const PublicMembers& material) {
    return object_of({{"kty", kty},
                      {"crv", std::string(crv)},
                      {"alg", std::string(alg)},
                      {"use", "sig"},
                      {"kid", std::string(kid)},
                      {"n", material.n},
                      {"e", material.e},
                      {"x", material.x},
                      {"y", material.y}});
}

// RFC 7638 §3: the required members in the order of their names.
std::string thumbprint_of(const char* kty, std::string_view crv, const PublicMembers& material) {
    const std::string members = object_of({{"crv", std::string(crv)},
                                           {"e", material.e},
                                           {"kty", kty},
                                           {"n", material.n},
                                           {"x", material.x},
                                           {"y", material.y}});
    std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest;
    crypto_hash_sha256(digest.data(), as_bytes(members).data(), members.size());
    return base64url_encode(digest);
}

GeneratedJwk finish(const JwsAlgorithm& algorithm, const char* kty, std::string_view kid, const PublicMembers& material,
                    std::initializer_list<SecretMember> secret) {
    GeneratedJwk made;
    made.kid = kid.empty() ? thumbprint_of(kty, algorithm.crv, material) : std::string(kid);
    made.public_jwk = public_text(kty, algorithm.crv, algorithm.name, made.kid, material);
    made.private_jwk = add_members(made.public_jwk, secret);
    return made;
}

Result<GeneratedJwk> make_rsa(const JwsAlgorithm& algorithm, std::string_view kid, int bits) {
    const auto k = generate_rsa(bits == 0 ? usual_rsa_bits : bits);
    if (!k) return k.error();
    return finish(algorithm, "RSA", kid, {base64url(k->n), base64url(k->e), "", ""},
                  {{"d", &k->d}, {"p", &k->p}, {"q", &k->q}, {"dp", &k->dp}, {"dq", &k->dq}, {"qi", &k->qi}});
}

Result<GeneratedJwk> make_ec(const JwsAlgorithm& algorithm, std::string_view kid) {
    const auto numbers = generate_ec(algorithm.crv);
    if (!numbers) return numbers.error();
    return finish(algorithm, "EC", kid, {"", "", base64url(numbers->x), base64url(numbers->y)}, {{"d", &numbers->d}});
}

GeneratedJwk make_oct(const JwsAlgorithm& algorithm, std::string_view kid) {
    GeneratedJwk made;
    made.kid = kid.empty() ? base64url_encode(random_secret(16).span()) : std::string(kid);
    const SecretBytes secret = random_secret(algorithm.min_key_bytes);
    made.private_jwk = add_members(public_text("oct", "", algorithm.name, made.kid, {}), {{"k", &secret}});
    return made;
}

GeneratedJwk make_ed25519(const JwsAlgorithm& algorithm, ByteSpan seed, std::string_view kid) {
    std::array<std::uint8_t, crypto_sign_PUBLICKEYBYTES> public_key;
    SecretBytes full(crypto_sign_SECRETKEYBYTES);
    crypto_sign_seed_keypair(public_key.data(), full.data(), seed.data());
    const SecretBytes d(seed);
    return finish(algorithm, "OKP", kid, {"", "", base64url_encode(public_key), ""}, {{"d", &d}});
}

}  // namespace

Result<std::string> jwk_thumbprint(const Jwk& key) {
    if (key.is_symmetric()) return unsupported("a symmetric key has no thumbprint that may be shown");
    const auto material = public_members(key);
    if (!material) return material.error();
    return thumbprint_of(name_of(key.kty), key.crv, *material);
}

Result<std::string> jwk_public(const Jwk& key) {
    const auto material = public_members(key);
    if (!material) return material.error();
    std::string text = object_of({{"kty", name_of(key.kty)},
                                  {"crv", key.crv},
                                  {"alg", key.alg},
                                  {"use", key.use},
                                  {"kid", key.kid},
                                  {"n", material->n},
                                  {"e", material->e},
                                  {"x", material->x},
                                  {"y", material->y}});
    return text.insert(text.size() - 1, public_operations(key) + date_member("nbf", key.dates.from) +
                                            date_member("exp", key.dates.until));
}

Result<std::string> jwk_set_public(const JwkSet& set) {
    std::string text = R"({"keys":[)";
    const std::size_t before = text.size();
    for (const Jwk& key : set.keys) {
        const auto one = jwk_public(key);
        if (!one && key.is_symmetric()) return one.error();
        if (!one) continue;
        if (text.size() > before) text += ',';
        text += *one;
    }
    return text + "]}";
}

Result<std::string> jwk_issuer_keys(std::string_view json) {
    auto set = parse_jwk_set(json);
    if (!set) return std::move(set).error();
    std::string keys;
    std::vector<SkippedJwk> skipped;
    auto invalid = set->skipped.begin();
    std::size_t position = 0;
    for (const Jwk& key : set->keys) {
        for (; invalid != set->skipped.end() && invalid->position == position + 1; ++position)
            skipped.push_back(std::move(*invalid++));
        ++position;
        const auto half = is_for_signatures(key) ? jwk_public(key) : invalid_argument("the key is not for signatures");
        if (half)
            keys.append(keys.empty() ? "" : ",").append(*half);
        else if (key.is_symmetric() || !set->is_set)
            return half.error();
        else
            skipped.push_back({position, key.kid, half.error().message});
    }
    std::move(invalid, set->skipped.end(), std::back_inserter(skipped));
    if (keys.empty() && !skipped.empty()) return invalid_argument(skipped.front().reason);
    return R"({"keys":[)" + keys + R"(],"skipped":[)" + skipped_text(skipped) + "]}";
}

Result<GeneratedJwk> jwk_generate(std::string_view name, std::string_view kid, int bits) {
    const JwsAlgorithm* algorithm = find_jws_algorithm(name);
    if (algorithm == nullptr)
        return Error{ErrorCode::unsupported, "the algorithm is not supported", "",
                     "Supported are " + jws_algorithm_names() + "."};
    if (kid.size() > kid_max_bytes) return invalid_argument("the kid is too long");
    if (bits != 0 && algorithm->kty != KeyType::rsa) return invalid_argument("bits can be chosen for RSA keys only");
    if (bits != 0 && (bits < rsa_least_bits || bits > rsa_made_bits || bits % 8 != 0))
        return invalid_argument("bits must be a multiple of 8 from 2048 to 4096");
    switch (algorithm->kty) {
        case KeyType::oct: return make_oct(*algorithm, kid);
        case KeyType::rsa: return make_rsa(*algorithm, kid, bits);
        case KeyType::ec: return make_ec(*algorithm, kid);
        default: return make_ed25519(*algorithm, random_secret(crypto_sign_SEEDBYTES).span(), kid);
    }
}

Result<GeneratedJwk> jwk_from_ed25519_seed(ByteSpan seed, std::string_view kid) {
    if (seed.size() != crypto_sign_SEEDBYTES) return invalid_argument("an Ed25519 seed must have 32 bytes");
    return make_ed25519(*find_jws_algorithm("EdDSA"), seed, kid);
}

Result<GeneratedJwk> jwk_generate_ed25519(std::string_view kid) { return jwk_generate("EdDSA", kid); }

}  // namespace bastion
