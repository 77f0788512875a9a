// The sealed envelope: the format of every secret that the extension stores. Called by src/pg for the vault, for
// signing keys and for data keys. A SealingKey keeps keyed cipher contexts and is meant to be cached for as long as its
// data key is; the free functions make one for a single value.
//
//   offset  size
//        0     1  magic B7
//        1     1  suite; 1 = XAES-256-GCM with key commitment
//        2     1  flags, 0
//        3     1  0
//        4     4  key id, big endian
//        8    24  nonce, random
//       32    32  commitment: HMAC-SHA-256(key, "pg_bastion/commit/1" || nonce)
//       64     n  ciphertext
//   64 + n    16  tag
//
// The additional data of the cipher are the first 8 bytes and then the caller's (sealed_aad). The nonce and the
// commitment need not be among them: the cipher's key is derived from the nonce, and the commitment is a function of
// both which is compared in constant time before anything is opened. GCM alone does not commit to its key: one
// ciphertext can be made to open under two.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"

namespace bastion {

inline constexpr std::size_t sealed_overhead = 80;
inline constexpr std::size_t sealed_head_bytes = 64;  // header, nonce and commitment
inline constexpr std::size_t data_key_bytes = 32;
inline constexpr std::size_t sealed_nonce_bytes = 24;
using SealedNonce = std::array<std::uint8_t, sealed_nonce_bytes>;
// PostgreSQL cannot hold a value of 1 GiB; larger plaintext is limit_exceeded.
inline constexpr std::size_t max_sealed_plaintext = (std::size_t{1} << 30) - 1024;

struct SealedHeader {
    std::uint8_t suite = 1;
    std::uint8_t flags = 0;
    std::uint32_t key_id = 0;
};

class SealingKey {
public:
    // invalid_argument unless the key has 32 bytes.
    static Result<SealingKey> create(const SecretBytes& dek);
    SealingKey(SealingKey&&) noexcept;
    SealingKey& operator=(SealingKey&&) noexcept;
    ~SealingKey();

    // Not const: the contexts inside change. One thread at a time, as everywhere in a backend.
    Result<Bytes> seal(ByteSpan plaintext, std::uint32_t key_id, std::string_view aad);
    Result<SecretBytes> open(ByteSpan sealed, std::string_view aad);
    // Whether this key made a value, from its first sealed_head_bytes: its commitment is that of key and nonce. What else the
    // value is bound to does not matter.
    [[nodiscard]] Result<bool> made(ByteSpan head) const;
    // The same into memory of the caller, exactly sealed_overhead more, or less, than what goes in. Output that failed to
    // open is wiped.
    Result<void> seal_into(ByteSpan plaintext, std::uint32_t key_id, std::string_view aad, std::span<std::uint8_t> out);
    Result<void> open_into(ByteSpan sealed, std::string_view aad, std::span<std::uint8_t> out);
    // The nonce is a parameter for published vectors; never use one twice under one key.
    Result<Bytes> seal_with_nonce(ByteSpan plaintext, std::uint32_t key_id, std::string_view aad,
                                  const SealedNonce& nonce);

private:
    struct Contexts;
    Result<void> seal_under(const SealedNonce& nonce, ByteSpan plaintext, std::uint32_t key_id, std::string_view aad,
                            std::span<std::uint8_t> out);
    explicit SealingKey(std::unique_ptr<Contexts> contexts) noexcept;
    std::unique_ptr<Contexts> contexts_;
};

Result<Bytes> seal_value(ByteSpan plaintext, const SecretBytes& dek, std::uint32_t key_id, std::string_view aad);
Result<Bytes> seal_value_with_nonce(ByteSpan plaintext, const SecretBytes& dek, std::uint32_t key_id,
                                    std::string_view aad, const SealedNonce& nonce);

// Every failure is sealed_invalid with one message; only log_detail has the reason.
Result<SecretBytes> open_value(ByteSpan sealed, const SecretBytes& dek, std::string_view aad);

// The id of the key that opens the value. Checks the format and the length, but no part that needs a key.
Result<SealedHeader> parse_sealed_header(ByteSpan sealed);

// The data that a value is bound to, each part after its length in four bytes, big endian: the tenant's uuid (16 bytes, or
// empty for the installation's own), the purpose, and the caller's bound_to.
std::string sealed_aad(std::string_view tenant, std::string_view purpose, std::string_view bound_to);
// The same in two steps, for many values of one tenant and purpose: the second puts prefix and bound_to into `scratch` and
// returns a view of it.
std::string sealed_aad_prefix(std::string_view tenant, std::string_view purpose);
std::string_view sealed_aad(std::string& scratch, std::string_view prefix, std::string_view bound_to);

}  // namespace bastion
