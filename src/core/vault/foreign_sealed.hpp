// Values that other systems encrypted, opened so that they can be sealed anew. Called by the import functions of src/pg;
// keeps no state.
#pragma once

#include <string_view>

#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"

namespace bastion {

// base64 (RFC 4648, padded) of nonce (12 bytes), ciphertext and tag (16), AES-256-GCM without additional data. Errors:
// invalid_argument for a key of any size but 32 bytes, sealed_invalid for all other failures.
Result<SecretBytes> open_aes_gcm(std::string_view base64, ByteSpan key);

}  // namespace bastion
