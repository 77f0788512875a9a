// AES-256 (FIPS 197) of single blocks: the function by which XAES-256-GCM derives its keys. The key stays in key memory
// (key_memory.hpp), expanded by Nettle, whose contexts are plain structs; those of OpenSSL are on the heap. Without AES
// instructions Nettle indexes tables by secrets, which a timing attack reveals: there OpenSSL encrypts, keyed for each
// call.
#pragma once

#include "core/base/secret_bytes.hpp"

namespace bastion {

inline constexpr std::size_t aes_block_bytes = 16;

// Whether the processor has instructions for AES-GCM, which libsodium's cipher needs.
[[nodiscard]] bool has_aes_instructions() noexcept;

class Aes256Blocks {
public:
    enum class Cipher { nettle, openssl };
    // Nettle where the processor has AES instructions.
    [[nodiscard]] static Cipher best_cipher() noexcept;

    // With a key that is not of 32 bytes every call returns false.
    explicit Aes256Blocks(ByteSpan key, Cipher cipher = best_cipher());

    // `in` is whole blocks; `out` has as many bytes and may be the same memory.
    [[nodiscard]] bool encrypt(ByteSpan in, std::uint8_t* out) const;

private:
    SecretBytes key_;  // Nettle's struct, or the key itself
    Cipher cipher_;
};

}  // namespace bastion
