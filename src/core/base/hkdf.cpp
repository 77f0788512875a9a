#include "core/base/hkdf.hpp"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "core/base/libcrypto.hpp"

namespace bastion {

namespace {

// OSSL_PARAM takes pointers to non-const; EVP_KDF_derive only reads them.
OSSL_PARAM octets(const char* name, ByteSpan bytes) noexcept {
    return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

Result<SecretBytes> hkdf_sha256(ByteSpan key, ByteSpan salt, ByteSpan info, std::size_t size) {
    const KdfContext context(EVP_KDF_CTX_new(fetched_hkdf()));
    char digest[] = "SHA256";
    OSSL_PARAM params[5] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                            octets(OSSL_KDF_PARAM_KEY, key)};
    std::size_t count = 2;
    if (!salt.empty()) params[count++] = octets(OSSL_KDF_PARAM_SALT, salt);
    if (!info.empty()) params[count++] = octets(OSSL_KDF_PARAM_INFO, info);
    params[count] = OSSL_PARAM_construct_end();
    SecretBytes out(size);
    if (!context || EVP_KDF_derive(context.get(), out.data(), out.size(), params) != 1)
        return Error{ErrorCode::internal, "cryptographic library failed"};
    return out;
}

}  // namespace bastion
