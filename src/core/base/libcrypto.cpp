#include "core/base/libcrypto.hpp"

#include <array>

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

EVP_MAC* fetched_poly1305() noexcept {
    static EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "POLY1305", nullptr);
    return mac;
}

EVP_MD* fetched_digest(HashId hash) noexcept {
    static const std::array<EVP_MD*, 3> digests{EVP_MD_fetch(nullptr, "SHA256", nullptr),
                                                EVP_MD_fetch(nullptr, "SHA384", nullptr),
                                                EVP_MD_fetch(nullptr, "SHA512", nullptr)};
    return digests[static_cast<std::size_t>(hash) - 1];
}

}  // namespace bastion
