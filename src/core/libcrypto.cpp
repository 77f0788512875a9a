#include "core/libcrypto.hpp"

#include <openssl/core_names.h>
#include <openssl/params.h>

namespace bastion {

// Fetched objects are never freed: a static destructor could run after OpenSSL's own.
EVP_CIPHER* fetched_aes_256_gcm() noexcept {
    static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    return cipher;
}

EVP_CIPHER* fetched_aes_256_ecb() noexcept {
    static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-ECB", nullptr);
    return cipher;
}

EVP_MD* fetched_sha256() noexcept {
    static EVP_MD* const digest = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return digest;
}

EVP_MAC* fetched_hmac() noexcept {
    static EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    return mac;
}

EVP_KDF* fetched_hkdf() noexcept {
    static EVP_KDF* const kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
    return kdf;
}

MacContext hmac_sha256_context(const unsigned char* key, std::size_t size) {
    MacContext context(EVP_MAC_CTX_new(fetched_hmac()));
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    if (!context || EVP_MAC_init(context.get(), key, size, params) != 1) return nullptr;
    return context;
}

}  // namespace bastion
