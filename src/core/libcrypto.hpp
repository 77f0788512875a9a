// OpenSSL's algorithms, fetched once per process, and owners for its contexts. OpenSSL 3 looks an algorithm up again
// for each EVP_aes_256_gcm() and each one-shot call, which costs more than the cipher itself for short values. The
// fetched algorithms live until the process ends. HMAC has its own file, hmac.hpp.
#pragma once

#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <memory>

namespace bastion {

struct CipherContextFree {
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
struct KdfContextFree {
    void operator()(EVP_KDF_CTX* context) const noexcept { EVP_KDF_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, CipherContextFree>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, KdfContextFree>;

// Null when libcrypto has no such algorithm; the callers turn that into ErrorCode::internal.
[[nodiscard]] EVP_CIPHER* fetched_aes_256_gcm() noexcept;
[[nodiscard]] EVP_CIPHER* fetched_aes_256_ecb() noexcept;
[[nodiscard]] EVP_KDF* fetched_hkdf() noexcept;

}  // namespace bastion
