#include "core/jose/pem.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <ctime>
#include <optional>
#include <string>
#include <utility>

#include "core/jose/pkey.hpp"

namespace bastion {
namespace {

using Bio = std::unique_ptr<BIO, LibcryptoFree<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, LibcryptoFree<X509_free>>;
using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, LibcryptoFree<PKCS8_PRIV_KEY_INFO_free>>;

Error bad_pem(std::string message) {
    ERR_clear_error();
    return {ErrorCode::invalid_argument, std::move(message)};
}

Error unsupported_pem(std::string message) {
    ERR_clear_error();
    return {
        ErrorCode::unsupported, std::move(message), "",
        "Supported are RSA keys, EC keys on P-256, P-384 and P-521, and Ed25519 keys, as PUBLIC KEY, PRIVATE KEY, RSA "
        "PUBLIC KEY, RSA PRIVATE KEY, EC PRIVATE KEY or CERTIFICATE."};
}

void free_text(char* text) { OPENSSL_free(text); }

// One block of PEM: its label, the lines of RFC 1421 above the base64 (an encrypted key has some) and its bytes.
struct Block {
    std::unique_ptr<char, LibcryptoFree<free_text>> label;
    std::unique_ptr<char, LibcryptoFree<free_text>> headers;
    SecretBytes der;
};

bool read_block(BIO* in, Block& block) {
    char* label = nullptr;
    char* headers = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    if (PEM_read_bio(in, &label, &headers, &data, &size) != 1) return false;
    block.label.reset(label);
    block.headers.reset(headers);
    block.der = SecretBytes(ByteSpan(data, static_cast<std::size_t>(size)));
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));
    return true;
}

// The result of a d2i function, which must consume all bytes; else null.
template <class Read>
auto read_whole(ByteSpan der, Read read) -> decltype(read(nullptr, 0L)) {
    const unsigned char* at = der.data();
    auto object = read(&at, static_cast<long>(der.size()));
    if (at != der.data() + der.size()) return nullptr;
    return object;
}

Pkey read_public(ByteSpan der) {
    return read_whole(der, [](const unsigned char** at, long size) { return Pkey(d2i_PUBKEY(nullptr, at, size)); });
}

Pkey read_pkcs1_public(ByteSpan der) {
    return read_whole(
        der, [](const unsigned char** at, long size) { return Pkey(d2i_PublicKey(EVP_PKEY_RSA, nullptr, at, size)); });
}

Pkey read_private(ByteSpan der, int type) {
    return read_whole(
        der, [type](const unsigned char** at, long size) { return Pkey(d2i_PrivateKey(type, nullptr, at, size)); });
}

Pkey read_pkcs8(ByteSpan der) {
    const Pkcs8 info = read_whole(
        der, [](const unsigned char** at, long size) { return Pkcs8(d2i_PKCS8_PRIV_KEY_INFO(nullptr, at, size)); });
    return Pkey(info ? EVP_PKCS82PKEY(info.get()) : nullptr);
}

// Seconds since 1970.
std::optional<double> seconds_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
    return static_cast<double>(timegm(&parts));
}

// RFC 5280 §4.1.2.5. The chain is not checked: the caller has chosen the certificate.
bool read_certificate(ByteSpan der, Pkey& key, KeyDates& dates) {
    const Certificate certificate =
        read_whole(der, [](const unsigned char** at, long size) { return Certificate(d2i_X509(nullptr, at, size)); });
    if (!certificate) return false;
    key.reset(X509_get_pubkey(certificate.get()));
    dates.from = seconds_of(X509_get0_notBefore(certificate.get()));
    dates.until = seconds_of(X509_get0_notAfter(certificate.get()));
    return key && dates.from && dates.until;
}

struct Form {
    std::string_view label;
    bool is_private;
    Pkey (*read)(ByteSpan der);
};

constexpr std::array<Form, 5> forms{{
    {"PUBLIC KEY", false, read_public},
    {"PRIVATE KEY", true, read_pkcs8},
    {"RSA PUBLIC KEY", false, read_pkcs1_public},
    {"RSA PRIVATE KEY", true, [](ByteSpan der) { return read_private(der, EVP_PKEY_RSA); }},
    {"EC PRIVATE KEY", true, [](ByteSpan der) { return read_private(der, EVP_PKEY_EC); }},
}};

const Form* find_form(std::string_view label) {
    for (const Form& form : forms)
        if (form.label == label) return &form;
    return nullptr;
}

Result<PemKey> ed25519_of(const EVP_PKEY* key, bool is_private) {
    PemKey out;
    out.kty = KeyType::okp;
    out.ed25519_public.resize(32);
    std::size_t size = out.ed25519_public.size();
    if (EVP_PKEY_get_raw_public_key(key, out.ed25519_public.data(), &size) != 1 || size != 32)
        return bad_pem("the PEM does not hold a key");
    if (!is_private) return out;
    out.ed25519_seed = SecretBytes(32);
    if (EVP_PKEY_get_raw_private_key(key, out.ed25519_seed.data(), &size) != 1 || size != 32)
        return bad_pem("the PEM does not hold a key");
    return out;
}

template <class Numbers>
Result<PemKey> take(Result<Numbers> numbers, Numbers PemKey::*field, KeyType kty) {
    if (!numbers) return bad_pem("the PEM does not hold a whole key");
    PemKey out;
    out.kty = kty;
    out.*field = std::move(*numbers);
    return out;
}

Result<PemKey> numbers_of(const EVP_PKEY* key, bool is_private) {
    if (EVP_PKEY_is_a(key, "RSA") == 1) return take(rsa_numbers(key, is_private), &PemKey::rsa, KeyType::rsa);
    if (EVP_PKEY_is_a(key, "ED25519") == 1) return ed25519_of(key, is_private);
    if (EVP_PKEY_is_a(key, "EC") != 1) return unsupported_pem("the PEM holds a key of another type");
    auto out = take(ec_numbers(key, is_private), &PemKey::ec, KeyType::ec);
    if (out && out->ec.crv.empty()) return unsupported_pem("the PEM holds a key on another curve");
    return out;
}

// White space alone.
bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

// RFC 7468 §2 lets explanatory text stand around; a key that comes with it is more often a mistake.
bool begins_and_ends_as_pem(std::string_view text) {
    const std::size_t begin = text.find("-----BEGIN ");
    const std::size_t end = text.rfind("-----END ");
    if (begin == std::string_view::npos || end == std::string_view::npos) return false;
    const std::size_t last = text.find("-----", end + 9);
    return last != std::string_view::npos && is_blank(text.substr(0, begin)) && is_blank(text.substr(last + 5));
}

}  // namespace

Result<PemKey> parse_pem(std::string_view text) {
    if (!begins_and_ends_as_pem(text)) return bad_pem("the text is not one key in PEM");
    text.remove_prefix(text.find('-'));
    const Bio in(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    Block block, after;
    if (!in || !read_block(in.get(), block)) return bad_pem("the text is not one key in PEM");
    // The block that "openssl ecparam -genkey" writes first; the key names its curve itself.
    if (std::string_view(block.label.get()) == "EC PARAMETERS" && !read_block(in.get(), block))
        return bad_pem("the text is not one key in PEM");
    if (read_block(in.get(), after)) return bad_pem("the text holds more than one block of PEM");
    if (*block.headers != '\0' || std::string_view(block.label.get()) == "ENCRYPTED PRIVATE KEY")
        return unsupported_pem("the key is encrypted with a password");
    Pkey key;
    KeyDates dates;
    const bool is_certificate = std::string_view(block.label.get()) == "CERTIFICATE";
    const Form* form = find_form(block.label.get());
    if (is_certificate && !read_certificate(block.der.span(), key, dates)) key.reset();
    if (!is_certificate && form == nullptr) return unsupported_pem("the PEM is not one of a key");
    if (!is_certificate) key = form->read(block.der.span());
    ERR_clear_error();
    if (!key) return bad_pem("the PEM does not hold a key");
    auto numbers = numbers_of(key.get(), !is_certificate && form->is_private);
    if (numbers) numbers->dates = dates;
    return numbers;
}

bool is_der_public_key(ByteSpan bytes) {
    const bool sequence = !bytes.empty() && bytes[0] == 0x30;
    Pkey certified;
    KeyDates dates;
    const bool found =
        sequence && (read_public(bytes) || read_pkcs1_public(bytes) || read_certificate(bytes, certified, dates));
    if (sequence) ERR_clear_error();
    return found;
}

}  // namespace bastion
