// Managed keys for applications: made, opened from the bytes that the vault seals, and used to sign, to authenticate and to
// wrap data keys. The algorithms of signatures and MACs are those of JWS (RFC 7518, RFC 8037), over the bytes themselves.
// What a key returns is "v", the version of the key, a dot and base64url. Called by the shims of src/pg, which cache an
// opened key; one thread uses it at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"
#include "core/jose/jwk_key.hpp"
#include "core/key/sealed.hpp"

namespace bastion {

// sign: a key pair; mac: HMAC; wrap: XAES-256-GCM, wraps data keys; transport: RSA-OAEP-256, under which keys are imported.
enum class KeyUse : std::uint8_t { sign, mac, wrap, transport };

struct KeyAlgorithm {
    std::string_view name;
    KeyUse use;
};

// Null for an unknown name.
[[nodiscard]] const KeyAlgorithm* find_key_algorithm(std::string_view name) noexcept;

// The actions of a key, which permissions name: the first makes, the second checks or opens. None for transport.
[[nodiscard]] std::span<const std::string_view> key_actions(KeyUse use) noexcept;

struct MadeKey {
    std::string public_jwk;  // empty without a public half
    SecretBytes material;    // a private JWK, or the 32 bytes of a key that wraps
};

// `bits` is for RSA, 2048 to 4096, and 0 for the default. `unsupported` for an unknown algorithm.
[[nodiscard]] Result<MadeKey> make_application_key(std::string_view algorithm, int bits);

struct ApplicationKey {
    const KeyAlgorithm* algorithm;
    Jwk jwk;                           // sign, mac, transport
    std::optional<SealingKey> sealer;  // wrap
    SecretBytes raw;                   // wrap: for an export
};

// From the material that make_application_key() returned.
[[nodiscard]] Result<ApplicationKey> open_application_key(std::string_view algorithm, ByteSpan material);

// A signature or a MAC; invalid_argument for a key of another use.
[[nodiscard]] Result<std::string> key_sign(const ApplicationKey& key, std::uint32_t version, std::string_view data);

// Whether `signature`, whose version is that of the key, is one of the data. False for malformed text.
[[nodiscard]] Result<bool> key_verify(const ApplicationKey& key, std::string_view data, std::string_view signature);

// A random data key, and the same wrapped; `label` names the key and what the data key is bound to (sealed_aad).
struct WrappedKey {
    SecretBytes plaintext;
    std::string wrapped;
};
[[nodiscard]] Result<WrappedKey> make_wrapped_key(ApplicationKey& key, std::uint32_t version, std::string_view label,
                                                  std::size_t size);

// Every failure is sealed_invalid.
[[nodiscard]] Result<SecretBytes> open_wrapped_key(ApplicationKey& key, std::string_view label,
                                                   std::string_view wrapped);

}  // namespace bastion
