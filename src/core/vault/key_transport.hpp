// How a managed key travels between systems: under a random AES key (RFC 5649, AES-KWP), and this under an RSA public key
// (RSA-OAEP with SHA-256), one after the other, RSA first. It is the RSA_AES_KEY_WRAP of PKCS#11, and what cloud services
// and Vault import and export. A key pair travels as PKCS#8 (RFC 5958), other keys as their bytes. Called by the shims of
// src/pg; keeps no state.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"
#include "core/vault/application_key.hpp"

namespace bastion {

// RFC 5649 with a key encryption key of 16, 24 or 32 bytes. A value that was changed is invalid_argument.
[[nodiscard]] Result<Bytes> aes_kwp_wrap(ByteSpan key_encryption_key, ByteSpan key);
[[nodiscard]] Result<SecretBytes> aes_kwp_unwrap(ByteSpan key_encryption_key, ByteSpan wrapped);

// `recipient` is an RSA public key of at least 2048 bits, as PEM or as a JSON Web Key.
[[nodiscard]] Result<Bytes> export_application_key(const ApplicationKey& key, std::string_view recipient);

// The material of a key for the algorithm, which `transport` unwraps. One message for all bytes that it cannot unwrap.
[[nodiscard]] Result<MadeKey> import_application_key(const ApplicationKey& transport, ByteSpan wrapped,
                                                     std::string_view algorithm);

// The public half of a key pair as PEM (RFC 7468 §13, SubjectPublicKeyInfo).
[[nodiscard]] Result<std::string> public_key_pem(const Jwk& key);

}  // namespace bastion
