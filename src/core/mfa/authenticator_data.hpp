// Authenticator data (WebAuthn §6.1): what an authenticator signs about itself, with the new credential at registration. Called by
// webauthn.cpp. A value views the bytes that it was read from.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/encoding.hpp"
#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"

namespace bastion {

inline constexpr std::size_t credential_id_most_bytes = 1023;

struct AttestedCredential {
    Uuid aaguid;
    ByteSpan id;
    ByteSpan public_key;  // COSE
};

struct AuthenticatorData {
    ByteSpan rp_id_hash;
    bool user_present = false;
    bool user_verified = false;
    bool backup_eligible = false;
    bool backed_up = false;
    std::uint32_t sign_count = 0;
    std::optional<AttestedCredential> credential;
};

// Errors: malformed_text for what is no authenticator data, bytes after it included; what read_cbor() refuses.
[[nodiscard]] Result<AuthenticatorData> parse_authenticator_data(ByteSpan bytes);

}  // namespace bastion
