// XAES-256-GCM (C2SP): AES-256-GCM under a key derived from the first half of a 24-byte nonce, so that nonces may be
// random for any number of messages. Used by sealed.cpp alone. An Xaes256Gcm keeps its key in key memory. The cipher is
// libsodium's for short messages, where the processor has AES instructions: it expands a key, which is new for each
// message, in a quarter of OpenSSL's time. For longer ones it is OpenSSL's, which is then the faster.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/libcrypto.hpp"
#include "core/base/secret_bytes.hpp"
#include "core/key/aes_blocks.hpp"

namespace bastion {

inline constexpr std::size_t xaes_key_bytes = 32;
inline constexpr std::size_t xaes_nonce_bytes = 24;
inline constexpr std::size_t xaes_tag_bytes = 16;
// Far below GCM's own bound; lengths fit the int of OpenSSL's calls.
inline constexpr std::size_t xaes_max_bytes = std::size_t{1} << 30;
using XaesNonce = std::array<std::uint8_t, xaes_nonce_bytes>;
using XaesDerivedKey = std::array<std::uint8_t, 32>;

inline constexpr std::size_t xaes_short_bytes = 1024;

// Additional data in two parts, so that callers need not join them.
struct XaesAad {
    ByteSpan first;
    ByteSpan second;
};

class Xaes256Gcm {
public:
    // Exactly xaes_key_bytes; with any other size, or when memory is exhausted, every call returns false.
    explicit Xaes256Gcm(ByteSpan key);
    Xaes256Gcm(const Xaes256Gcm&) = delete;
    Xaes256Gcm& operator=(const Xaes256Gcm&) = delete;

    // `out` holds plaintext.size() + 16 bytes: the ciphertext, then the tag.
    [[nodiscard]] bool encrypt(ByteSpan plaintext, const XaesNonce& nonce, const XaesAad& aad, std::uint8_t* out);
    // `sealed` is ciphertext and tag, `out` has room for the ciphertext. False, and `out` wiped, when not genuine.
    [[nodiscard]] bool decrypt(ByteSpan sealed, const XaesNonce& nonce, const XaesAad& aad, std::uint8_t* out);

    // The AES-256-GCM key for a nonce; public for the published vectors.
    [[nodiscard]] bool derive_key(const XaesNonce& nonce, XaesDerivedKey& out);

private:
    [[nodiscard]] bool encrypt_long(ByteSpan plaintext, const XaesNonce& nonce, const XaesAad& aad, std::uint8_t* out);
    [[nodiscard]] bool decrypt_long(ByteSpan sealed, const XaesNonce& nonce, const XaesAad& aad, std::uint8_t* out);

    // Keys the GCM context for the nonce; forget_key() wipes it from there.
    [[nodiscard]] bool rekey(const XaesNonce& nonce, bool encrypting);
    void forget_key() noexcept;
    [[nodiscard]] bool absorb_aad(const XaesAad& aad);
    [[nodiscard]] bool transform(ByteSpan in, std::uint8_t* out);

    Aes256Blocks block_;  // under the long-term key, the PRF of the derivation
    SecretBytes subkey_;  // K1 of CMAC
    CipherContext gcm_;
};

}  // namespace bastion
