#include "core/vault/key_transport.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <memory>
#include <utility>

#include "core/base/encoding.hpp"
#include "core/base/libcrypto.hpp"
#include "core/jose/jwk.hpp"
#include "core/jose/jwk_material.hpp"
#include "core/jose/pkey.hpp"

namespace bastion {
namespace {

using Bio = std::unique_ptr<BIO, LibcryptoFree<BIO_free_all>>;
using Cipher = std::unique_ptr<EVP_CIPHER, LibcryptoFree<EVP_CIPHER_free>>;
using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, LibcryptoFree<PKCS8_PRIV_KEY_INFO_free>>;

constexpr std::size_t ephemeral_bytes = 32;
constexpr std::size_t seed_bytes = 32;
constexpr std::size_t most_secret_bytes = 1024;

Error crypto_failed(const char* what) {
    ERR_clear_error();
    return {ErrorCode::internal, what};
}

// The same for the RSA part and for the AES part: Manger's attack on OAEP lives from the difference.
Error cannot_unwrap() {
    ERR_clear_error();
    return invalid_argument("the wrapped key cannot be unwrapped");
}

Error wrong_type() {
    ERR_clear_error();
    return invalid_argument("the wrapped key is not one for the algorithm");
}

// RFC 5649 §4: 8 bytes more than the key, filled up to a multiple of 8.
constexpr std::size_t kwp_size(std::size_t size) noexcept { return (size + 7) / 8 * 8 + 8; }

// The bytes that came out, or 0.
std::size_t kwp(ByteSpan key_encryption_key, ByteSpan in, std::uint8_t* out, bool wrapping) {
    const char* name = key_encryption_key.size() == 16   ? "AES-128-WRAP-PAD"
                       : key_encryption_key.size() == 24 ? "AES-192-WRAP-PAD"
                                                         : "AES-256-WRAP-PAD";
    const Cipher cipher(EVP_CIPHER_fetch(nullptr, name, nullptr));
    const CipherContext context(EVP_CIPHER_CTX_new());
    int size = 0;
    if (!cipher || !context) return 0;
    EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if (EVP_CipherInit_ex2(context.get(), cipher.get(), key_encryption_key.data(), nullptr, wrapping ? 1 : 0,
                           nullptr) != 1 ||
        EVP_CipherUpdate(context.get(), out, &size, in.data(), static_cast<int>(in.size())) != 1)
        return 0;
    return static_cast<std::size_t>(size);
}

// Null when the key is no RSA key.
Pkey rsa_of(const Jwk& key, bool is_private) {
    if (key.kty != KeyType::rsa || !key.pair.present()) return nullptr;
    const auto numbers = rsa_numbers(key.pair.handle(), is_private);
    return numbers ? rsa_pkey(*numbers) : nullptr;
}

// RFC 8017 §7.1 with SHA-256, in MGF1 too, and an empty label.
bool set_up_oaep(EVP_PKEY_CTX* context) {
    const EVP_MD* digest = fetched_digest(HashId::sha256);
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(context, digest) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest) == 1;
}

Result<Bytes> oaep_encrypt(EVP_PKEY* key, ByteSpan plaintext) {
    const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    Bytes out(static_cast<std::size_t>(EVP_PKEY_get_size(key)));
    std::size_t size = out.size();
    if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 || !set_up_oaep(context.get()) ||
        EVP_PKEY_encrypt(context.get(), out.data(), &size, plaintext.data(), plaintext.size()) != 1)
        return crypto_failed("could not wrap a key");
    out.resize(size);
    return out;
}

Result<SecretBytes> oaep_decrypt(EVP_PKEY* key, ByteSpan wrapped) {
    const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    SecretBytes room(static_cast<std::size_t>(EVP_PKEY_get_size(key)));
    std::size_t size = room.size();
    if (!context || EVP_PKEY_decrypt_init(context.get()) != 1 || !set_up_oaep(context.get()) ||
        EVP_PKEY_decrypt(context.get(), room.data(), &size, wrapped.data(), wrapped.size()) != 1 ||
        size != ephemeral_bytes)
        return cannot_unwrap();
    return SecretBytes(room.span().first(size));
}

Result<Jwk> read_recipient(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first != std::string_view::npos && text[first] == '{') return parse_jwk(text);
    Jwk key;
    if (auto read = read_pem_material(text, key); !read) return std::move(read).error();
    return key;
}

Result<Pkey> pair_of(const Jwk& key, bool is_private) {
    if (key.kty == KeyType::oct || key.kty == KeyType::other) return invalid_argument("the key is not a key pair");
    Pkey pair;
    if (key.kty == KeyType::rsa) {
        pair = rsa_of(key, is_private);
    } else if (key.kty == KeyType::ec && key.pair.present()) {
        const auto numbers = ec_numbers(key.pair.handle(), is_private);
        if (numbers) pair = ec_pkey(*numbers);
    } else if (key.kty == KeyType::okp && is_private) {
        pair.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, key.ed25519_private.data(), seed_bytes));
    } else if (key.kty == KeyType::okp) {
        pair.reset(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.ed25519_public.data(),
                                               key.ed25519_public.size()));
    }
    if (!pair) return crypto_failed("could not write a key");
    return pair;
}

Result<SecretBytes> pkcs8_of(const Jwk& key) {
    const auto pair = pair_of(key, true);
    if (!pair) return pair.error();
    const Pkcs8 info(EVP_PKEY2PKCS8(pair->get()));
    unsigned char* der = nullptr;
    const int size = info ? i2d_PKCS8_PRIV_KEY_INFO(info.get(), &der) : -1;
    if (size <= 0) return crypto_failed("could not write a key");
    SecretBytes out(ByteSpan(der, static_cast<std::size_t>(size)));
    OPENSSL_clear_free(der, static_cast<std::size_t>(size));
    return out;
}

// Joined without a copy that stays behind.
SecretBytes join(std::initializer_list<std::string_view> parts) {
    std::size_t size = 0;
    for (const std::string_view part : parts) size += part.size();
    SecretBytes out(size);
    std::uint8_t* to = out.data();
    for (const std::string_view part : parts) to = std::copy(part.begin(), part.end(), to);
    return out;
}

// PEM inside of JSON: lines of 64 characters, each with the line break of JSON behind it.
SecretBytes pem_lines(ByteSpan der) {
    constexpr std::size_t in_line = 48;
    constexpr std::string_view line_break = "\\n";
    SecretBytes out((der.size() / in_line + 1) * (in_line / 3 * 4 + line_break.size()) + 1);
    std::size_t at = 0;
    for (; !der.empty(); der = der.subspan(std::min(in_line, der.size()))) {
        const std::size_t size = std::min(in_line, der.size());
        sodium_bin2base64(reinterpret_cast<char*>(out.data()) + at, out.size() - at, der.data(), size,
                          sodium_base64_VARIANT_ORIGINAL);
        at += (size + 2) / 3 * 4;
        at += line_break.copy(reinterpret_cast<char*>(out.data()) + at, line_break.size());
    }
    return SecretBytes(out.span().first(at));
}

bool is_pkcs8(ByteSpan bytes) {
    const unsigned char* at = bytes.data();
    const Pkcs8 info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(bytes.size())));
    ERR_clear_error();
    return info != nullptr;
}

// The bytes of a key pair are a mistake.
Result<MadeKey> made_of_bytes(const KeyAlgorithm& algorithm, ByteSpan bytes) {
    if (algorithm.use == KeyUse::wrap && bytes.size() != data_key_bytes) return wrong_type();
    if (algorithm.use == KeyUse::wrap) return MadeKey{{}, SecretBytes(bytes)};
    if (bytes.size() > most_secret_bytes || is_pkcs8(bytes)) return wrong_type();
    const SecretBytes encoded = base64url_encode_secret(bytes);
    MadeKey made{{}, join({R"({"kty":"oct","alg":")", algorithm.name, R"(","k":")", encoded.text(), "\"}"})};
    if (!parse_jwk(made.material.text())) return wrong_type();
    return made;
}

Result<MadeKey> made_of_pkcs8(const KeyAlgorithm& algorithm, ByteSpan der) {
    const SecretBytes lines = pem_lines(der);
    MadeKey made{{},
                 join({R"({"alg":")", algorithm.name, R"(","use":"sig","pem":"-----BEGIN PRIVATE KEY-----\n)",
                       lines.text(), R"(-----END PRIVATE KEY-----"})"})};
    auto key = parse_jwk(made.material.text());
    if (!key || !key->may_sign()) return wrong_type();
    auto thumbprint = jwk_thumbprint(*key);
    if (!thumbprint) return std::move(thumbprint).error();
    key->kid = std::move(*thumbprint);
    auto half = jwk_public(*key);
    if (!half) return std::move(half).error();
    made.public_jwk = std::move(*half);
    return made;
}

}  // namespace

Result<Bytes> aes_kwp_wrap(ByteSpan key_encryption_key, ByteSpan key) {
    Bytes out(kwp_size(key.size()) + 16);
    const std::size_t size = kwp(key_encryption_key, key, out.data(), true);
    if (size == 0) return crypto_failed("could not wrap a key");
    out.resize(size);
    return out;
}

Result<SecretBytes> aes_kwp_unwrap(ByteSpan key_encryption_key, ByteSpan wrapped) {
    constexpr std::size_t most = std::size_t{1} << 16;
    if (wrapped.size() < 16 || wrapped.size() > most || wrapped.size() % 8 != 0) return cannot_unwrap();
    SecretBytes room(wrapped.size() + 16);
    const std::size_t size = kwp(key_encryption_key, wrapped, room.data(), false);
    if (size == 0) return cannot_unwrap();
    return SecretBytes(room.span().first(size));
}

Result<Bytes> export_application_key(const ApplicationKey& key, std::string_view recipient) {
    const auto public_key = read_recipient(recipient);
    if (!public_key) return public_key.error();
    const Pkey rsa = rsa_of(*public_key, false);
    if (!rsa || public_key->use == "sig")
        return invalid_argument("a key is exported under an RSA public key that is not for signatures");
    auto pkcs8 = key.algorithm->use == KeyUse::sign ? pkcs8_of(key.jwk) : Result<SecretBytes>(SecretBytes());
    if (!pkcs8) return std::move(pkcs8).error();
    const SecretBytes& bytes = key.algorithm->use == KeyUse::sign  ? *pkcs8
                               : key.algorithm->use == KeyUse::mac ? key.jwk.secret
                                                                   : key.raw;
    SecretBytes ephemeral(ephemeral_bytes);
    random_bytes({ephemeral.data(), ephemeral.size()});
    auto out = oaep_encrypt(rsa.get(), ephemeral.span());
    if (!out) return out;
    auto wrapped = aes_kwp_wrap(ephemeral.span(), bytes.span());
    if (!wrapped) return wrapped;
    out->insert(out->end(), wrapped->begin(), wrapped->end());
    return out;
}

Result<MadeKey> import_application_key(const ApplicationKey& transport, ByteSpan wrapped, std::string_view name) {
    const KeyAlgorithm* algorithm = find_key_algorithm(name);
    if (algorithm == nullptr || algorithm->use == KeyUse::transport)
        return Error{ErrorCode::unsupported, "the algorithm is not supported"};
    const Pkey rsa = transport.algorithm->use == KeyUse::transport ? rsa_of(transport.jwk, true) : nullptr;
    if (!rsa) return invalid_argument("the key is not for this use");
    const auto head = static_cast<std::size_t>(EVP_PKEY_get_size(rsa.get()));
    if (wrapped.size() <= head) return cannot_unwrap();
    const auto ephemeral = oaep_decrypt(rsa.get(), wrapped.first(head));
    if (!ephemeral) return ephemeral.error();
    const auto bytes = aes_kwp_unwrap(ephemeral->span(), wrapped.subspan(head));
    if (!bytes) return bytes.error();
    return algorithm->use == KeyUse::sign ? made_of_pkcs8(*algorithm, bytes->span())
                                          : made_of_bytes(*algorithm, bytes->span());
}

Result<std::string> public_key_pem(const Jwk& key) {
    const auto pair = pair_of(key, false);
    if (!pair) return pair.error();
    const Bio out(BIO_new(BIO_s_mem()));
    char* text = nullptr;
    if (!out || PEM_write_bio_PUBKEY(out.get(), pair->get()) != 1) return crypto_failed("could not write a key");
    const long size = BIO_get_mem_data(out.get(), &text);
    return std::string(text, static_cast<std::size_t>(size));
}

}  // namespace bastion
