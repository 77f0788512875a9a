// OpenSSL's algorithms, fetched once per process, and owners for its contexts. OpenSSL 3 looks an algorithm up again
// for each EVP_aes_256_gcm() and each one-shot call, which costs more than the cipher itself for short values. The
// fetched algorithms live until the process ends.
#pragma once

#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <memory>

namespace bastion {

struct CipherContextFree {
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
struct MacContextFree {
    void operator()(EVP_MAC_CTX* context) const noexcept { EVP_MAC_CTX_free(context); }
};
struct KdfContextFree {
    void operator()(EVP_KDF_CTX* context) const noexcept { EVP_KDF_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, CipherContextFree>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, MacContextFree>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, KdfContextFree>;

// Null when libcrypto has no such algorithm; the callers turn that into ErrorCode::internal.
[[nodiscard]] EVP_CIPHER* fetched_aes_256_gcm() noexcept;
[[nodiscard]] EVP_CIPHER* fetched_aes_256_ecb() noexcept;
[[nodiscard]] EVP_MD* fetched_sha256() noexcept;
[[nodiscard]] EVP_MAC* fetched_hmac() noexcept;
[[nodiscard]] EVP_KDF* fetched_hkdf() noexcept;

// An HMAC-SHA-256 context with its key set: update and finish it, then call EVP_MAC_init(context, nullptr, 0, nullptr)
// for the next message. Null on failure.
[[nodiscard]] MacContext hmac_sha256_context(const unsigned char* key, std::size_t size);

}  // namespace bastion
