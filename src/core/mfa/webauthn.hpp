// Passkeys: the ceremonies of WebAuthn level 3 (§7.1 and §7.2), on the JSON of PublicKeyCredential.toJSON(). Called by src/pg, which
// stores what a registration gives. Attestation is none, or packed by the credential's own key: who made an authenticator is not
// checked. Nothing here keeps state.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/encoding.hpp"
#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"
#include "core/mfa/cose_key.hpp"

namespace bastion {

inline constexpr std::size_t webauthn_most_bytes = 128 * 1024;

// What the caller expects of a ceremony.
struct WebauthnExpected {
    std::string_view rp_id;
    std::span<const std::string> origins;  // compared as they are, without wildcards
    ByteSpan challenge;                    // the bytes that the browser was given
    bool user_verified = false;            // needed where the passkey is the only factor
};

struct NewPasskey {
    Bytes credential_id;
    Bytes public_key;  // COSE, as the authenticator sent it
    CoseAlgorithm algorithm = CoseAlgorithm::es256;
    std::uint32_t sign_count = 0;
    bool backup_eligible = false;
    bool backed_up = false;
    bool user_verified = false;
    Uuid aaguid;
    std::string attestation;  // none or packed
    std::vector<std::string> transports;
};

// Every failure is token_refused with one message; only log_detail has the reason.
[[nodiscard]] Result<NewPasskey> webauthn_register(std::string_view credential, const WebauthnExpected& expected);

// The id of the passkey that a browser presents, by which the caller finds the stored one.
[[nodiscard]] Result<Bytes> webauthn_credential_id(std::string_view credential);

struct StoredPasskey {
    ByteSpan credential_id;
    ByteSpan public_key;
    std::uint32_t sign_count = 0;
    bool backup_eligible = false;
    ByteSpan user_handle;
};

struct PasskeyUse {
    std::uint32_t sign_count = 0;
    bool backed_up = false;
    bool user_verified = false;
    // The counter did not rise: two authenticators hold the key. The use must be refused, and the passkey suspended.
    bool cloned = false;
};

// `needs_user_handle`: the login named no user, so that the authenticator must.
[[nodiscard]] Result<PasskeyUse> webauthn_assert(std::string_view credential, const WebauthnExpected& expected,
                                                 const StoredPasskey& stored, bool needs_user_handle);

}  // namespace bastion
