#include "core/vault/foreign_sealed.hpp"

#include <algorithm>
#include <array>

#include "core/base/encoding.hpp"
#include "core/base/libcrypto.hpp"

namespace bastion {

namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;

Error cannot_open(const char* reason) {
    return {ErrorCode::sealed_invalid, "sealed value cannot be opened", {}, {}, reason};
}

bool decrypt(ByteSpan value, ByteSpan key, SecretBytes& out) {
    const CipherContext context(EVP_CIPHER_CTX_new());
    // OpenSSL takes the expected tag through a pointer to non-const and copies it.
    std::array<std::uint8_t, tag_bytes> tag{};
    std::copy(value.end() - tag_bytes, value.end(), tag.begin());
    std::uint8_t rest[tag_bytes];
    int written = 0;
    return context &&
           EVP_DecryptInit_ex2(context.get(), fetched_aes_256_gcm(), key.data(), value.data(), nullptr) == 1 &&
           (out.empty() || EVP_DecryptUpdate(context.get(), out.data(), &written, value.data() + nonce_bytes,
                                             static_cast<int>(out.size())) == 1) &&
           EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, tag_bytes, tag.data()) == 1 &&
           EVP_DecryptFinal_ex(context.get(), rest, &written) == 1;
}

}  // namespace

Result<SecretBytes> open_aes_gcm(std::string_view base64, ByteSpan key) {
    if (key.size() != key_bytes) return invalid_argument("key must have 32 bytes");
    const Result<Bytes> value = base64_decode(base64);
    if (!value) return cannot_open("It is not base64.");
    if (value->size() < nonce_bytes + tag_bytes) return cannot_open("It is too short.");
    SecretBytes out(value->size() - nonce_bytes - tag_bytes);
    if (!decrypt(*value, key, out)) return cannot_open("The key is another, or the value was changed.");
    return out;
}

}  // namespace bastion
