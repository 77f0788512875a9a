// OpenSSL's algorithms, fetched once per process, and owners for its objects. OpenSSL 3 looks an algorithm up again
// for each EVP_aes_256_gcm() and each one-shot call, which costs more than the cipher itself for short values. The
// fetched algorithms live until the process ends. HMAC has its own file, hmac.hpp.
#pragma once

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <memory>

#include "core/base/hmac.hpp"

namespace bastion {

// Frees an object of OpenSSL by the function made for it.
template <auto Free>
struct LibcryptoFree {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, LibcryptoFree<EVP_CIPHER_CTX_free>>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, LibcryptoFree<EVP_KDF_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, LibcryptoFree<EVP_MD_CTX_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, LibcryptoFree<EVP_PKEY_CTX_free>>;
using Pkey = std::unique_ptr<EVP_PKEY, LibcryptoFree<EVP_PKEY_free>>;
using SecretNumber = std::unique_ptr<BIGNUM, LibcryptoFree<BN_clear_free>>;
using NumberContext = std::unique_ptr<BN_CTX, LibcryptoFree<BN_CTX_free>>;

// Null when libcrypto has no such algorithm; the callers turn that into ErrorCode::internal.
[[nodiscard]] EVP_CIPHER* fetched_aes_256_gcm() noexcept;
[[nodiscard]] EVP_CIPHER* fetched_aes_256_ecb() noexcept;
[[nodiscard]] EVP_KDF* fetched_hkdf() noexcept;
[[nodiscard]] EVP_MAC* fetched_poly1305() noexcept;
[[nodiscard]] EVP_MD* fetched_digest(HashId hash) noexcept;  // of SHA-2 alone

}  // namespace bastion
