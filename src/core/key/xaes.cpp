#include "core/key/xaes.hpp"

#include <sodium.h>

#include <algorithm>

namespace bastion {

namespace {

constexpr std::size_t gcm_nonce_bytes = 12;

// Doubling in GF(2^128), the subkey step of CMAC (NIST SP 800-38B 6.1), without a branch on the secret.
void double_in_place(SecretBytes& block) noexcept {
    std::uint8_t carry = 0;
    for (std::size_t i = block.size(); i-- > 0;) {
        const std::uint8_t byte = block.data()[i];
        block.data()[i] = static_cast<std::uint8_t>((byte << 1) | carry);
        carry = byte >> 7;
    }
    block.data()[block.size() - 1] ^= static_cast<std::uint8_t>(0x87 & (0U - carry));
}

const std::uint8_t* gcm_nonce(const XaesNonce& nonce) noexcept {
    return nonce.data() + xaes_nonce_bytes - gcm_nonce_bytes;
}

// Additional data in one piece, as libsodium wants them. False where they are not short.
class JoinedAad {
public:
    bool join(const XaesAad& aad) noexcept {
        if (aad.first.size() > bytes_.size() || aad.second.size() > bytes_.size() - aad.first.size()) return false;
        const auto middle = std::copy(aad.first.begin(), aad.first.end(), bytes_.begin());
        size_ = static_cast<std::size_t>(std::copy(aad.second.begin(), aad.second.end(), middle) - bytes_.begin());
        return true;
    }
    [[nodiscard]] const std::uint8_t* data() const noexcept { return bytes_.data(); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    std::array<std::uint8_t, 512> bytes_;
    std::size_t size_ = 0;
};

bool is_short(std::size_t size) noexcept { return has_aes_instructions() && size <= xaes_short_bytes; }

}  // namespace

Xaes256Gcm::Xaes256Gcm(ByteSpan key) : block_(key), subkey_(aes_block_bytes), gcm_(EVP_CIPHER_CTX_new()) {
    // The subkey stays zero where the key has another length, and block_ refuses.
    if (!block_.encrypt(subkey_.span(), subkey_.data())) return;
    double_in_place(subkey_);
    if (gcm_ && EVP_CipherInit_ex2(gcm_.get(), fetched_aes_256_gcm(), nullptr, nullptr, 1, nullptr) != 1) gcm_.reset();
}

// C2SP XAES-256-GCM: the derived key is CMAC(K, 0x0001 || "X" || 0x00 || N[:12]) || CMAC(K, 0x0002 || "X" || 0x00 ||
// N[:12]). Each message is one full block, so each CMAC is AES(K, M xor K1).
bool Xaes256Gcm::derive_key(const XaesNonce& nonce, XaesDerivedKey& out) {
    std::array<std::uint8_t, 2 * aes_block_bytes> blocks{};
    for (std::uint8_t counter = 1; counter <= 2; ++counter) {
        std::uint8_t* const block = blocks.data() + (counter - 1) * aes_block_bytes;
        block[1] = counter;
        block[2] = 'X';
        std::copy_n(nonce.begin(), gcm_nonce_bytes, block + 4);
        for (std::size_t i = 0; i < aes_block_bytes; ++i) block[i] ^= subkey_.data()[i];
    }
    const bool derived = block_.encrypt(blocks, out.data());
    sodium_memzero(blocks.data(), blocks.size());
    return derived;
}

bool Xaes256Gcm::rekey(const XaesNonce& nonce, bool encrypting) {
    XaesDerivedKey key{};
    const bool ready =
        gcm_ && derive_key(nonce, key) &&
        EVP_CipherInit_ex2(gcm_.get(), nullptr, key.data(), gcm_nonce(nonce), encrypting ? 1 : 0, nullptr) == 1;
    sodium_memzero(key.data(), key.size());
    return ready;
}

void Xaes256Gcm::forget_key() noexcept {
    const XaesDerivedKey zero{};
    if (gcm_ && EVP_CipherInit_ex2(gcm_.get(), nullptr, zero.data(), nullptr, 1, nullptr) != 1) gcm_.reset();
}

bool Xaes256Gcm::absorb_aad(const XaesAad& aad) {
    for (const ByteSpan part : {aad.first, aad.second}) {
        int written = 0;
        if (!part.empty() &&
            EVP_CipherUpdate(gcm_.get(), nullptr, &written, part.data(), static_cast<int>(part.size())) != 1)
            return false;
    }
    return true;
}

bool Xaes256Gcm::transform(ByteSpan in, std::uint8_t* out) {
    int written = 0;
    return in.empty() || (EVP_CipherUpdate(gcm_.get(), out, &written, in.data(), static_cast<int>(in.size())) == 1 &&
                          static_cast<std::size_t>(written) == in.size());
}

bool Xaes256Gcm::encrypt_long(ByteSpan plaintext, const XaesNonce& nonce, const XaesAad& aad, std::uint8_t* out) {
    std::uint8_t* const tag = out + plaintext.size();
    int written = 0;
    const bool done = rekey(nonce, true) && absorb_aad(aad) && transform(plaintext, out) &&
                      EVP_CipherFinal_ex(gcm_.get(), tag, &written) == 1 &&
                      EVP_CIPHER_CTX_ctrl(gcm_.get(), EVP_CTRL_AEAD_GET_TAG, xaes_tag_bytes, tag) == 1;
    forget_key();
    return done;
}

bool Xaes256Gcm::encrypt(ByteSpan plaintext, const XaesNonce& nonce, const XaesAad& aad, std::uint8_t* out) {
    if (plaintext.size() > xaes_max_bytes || aad.first.size() > xaes_max_bytes || aad.second.size() > xaes_max_bytes)
        return false;
    JoinedAad joined;
    if (!is_short(plaintext.size()) || !joined.join(aad)) return encrypt_long(plaintext, nonce, aad, out);
    XaesDerivedKey key{};
    const bool sealed = derive_key(nonce, key) &&
                        crypto_aead_aes256gcm_encrypt(out, nullptr, plaintext.data(), plaintext.size(), joined.data(),
                                                      joined.size(), nullptr, gcm_nonce(nonce), key.data()) == 0;
    sodium_memzero(key.data(), key.size());
    return sealed;
}

bool Xaes256Gcm::decrypt_long(ByteSpan sealed, const XaesNonce& nonce, const XaesAad& aad, std::uint8_t* out) {
    const ByteSpan ciphertext = sealed.first(sealed.size() - xaes_tag_bytes);
    // OpenSSL takes the expected tag through a pointer to non-const and copies it.
    std::array<std::uint8_t, xaes_tag_bytes> tag{};
    std::copy_n(sealed.end() - xaes_tag_bytes, xaes_tag_bytes, tag.begin());
    std::uint8_t rest[aes_block_bytes];
    int written = 0;
    const bool genuine = rekey(nonce, false) && absorb_aad(aad) && transform(ciphertext, out) &&
                         EVP_CIPHER_CTX_ctrl(gcm_.get(), EVP_CTRL_AEAD_SET_TAG, xaes_tag_bytes, tag.data()) == 1 &&
                         EVP_CipherFinal_ex(gcm_.get(), rest, &written) == 1;
    forget_key();
    return genuine;
}

bool Xaes256Gcm::decrypt(ByteSpan sealed, const XaesNonce& nonce, const XaesAad& aad, std::uint8_t* out) {
    if (sealed.size() < xaes_tag_bytes || sealed.size() > xaes_max_bytes || aad.first.size() > xaes_max_bytes ||
        aad.second.size() > xaes_max_bytes)
        return false;
    const std::size_t plaintext_bytes = sealed.size() - xaes_tag_bytes;
    JoinedAad joined;
    bool genuine = false;
    if (is_short(plaintext_bytes) && joined.join(aad)) {
        XaesDerivedKey key{};
        genuine = derive_key(nonce, key) &&
                  crypto_aead_aes256gcm_decrypt(out, nullptr, nullptr, sealed.data(), sealed.size(), joined.data(),
                                                joined.size(), gcm_nonce(nonce), key.data()) == 0;
        sodium_memzero(key.data(), key.size());
    } else {
        genuine = decrypt_long(sealed, nonce, aad, out);
    }
    if (!genuine && plaintext_bytes > 0) sodium_memzero(out, plaintext_bytes);
    return genuine;
}

}  // namespace bastion
