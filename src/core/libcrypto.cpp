#include "core/libcrypto.hpp"

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

EVP_KDF* fetched_hkdf() noexcept {
    static EVP_KDF* const kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
    return kdf;
}

}  // namespace bastion
