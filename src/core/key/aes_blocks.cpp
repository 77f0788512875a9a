#include "core/key/aes_blocks.hpp"

#include <nettle/aes.h>
#include <sodium.h>

#include <new>

#include "core/base/libcrypto.hpp"

namespace bastion {
namespace {

bool encrypt_by_openssl(ByteSpan key, ByteSpan in, std::uint8_t* out) {
    const CipherContext context(EVP_CIPHER_CTX_new());
    int written = 0;
    return context && EVP_EncryptInit_ex2(context.get(), fetched_aes_256_ecb(), key.data(), nullptr, nullptr) == 1 &&
           EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1 &&
           EVP_EncryptUpdate(context.get(), out, &written, in.data(), static_cast<int>(in.size())) == 1 &&
           static_cast<std::size_t>(written) == in.size();
}

}  // namespace

bool has_aes_instructions() noexcept {
    static const bool available = sodium_init() >= 0 && crypto_aead_aes256gcm_is_available() == 1;
    return available;
}

Aes256Blocks::Cipher Aes256Blocks::best_cipher() noexcept {
    return has_aes_instructions() ? Cipher::nettle : Cipher::openssl;
}

Aes256Blocks::Aes256Blocks(ByteSpan key, Cipher cipher) : cipher_(cipher) {
    if (key.size() != AES256_KEY_SIZE) return;
    if (cipher_ == Cipher::openssl) {
        key_ = SecretBytes(key);
        return;
    }
    key_ = SecretBytes(sizeof(aes256_ctx));
    nettle_aes256_set_encrypt_key(new (key_.data()) aes256_ctx, key.data());
}

bool Aes256Blocks::encrypt(ByteSpan in, std::uint8_t* out) const {
    if (key_.empty() || in.size() % aes_block_bytes != 0) return false;
    if (cipher_ == Cipher::openssl) return encrypt_by_openssl(key_.span(), in, out);
    nettle_aes256_encrypt(std::launder(reinterpret_cast<const aes256_ctx*>(key_.data())), in.size(), out, in.data());
    return true;
}

}  // namespace bastion
