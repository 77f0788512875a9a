#include "core/mfa/authenticator_data.hpp"

#include <algorithm>

#include "core/mfa/cbor.hpp"

namespace bastion {
namespace {

constexpr std::size_t fixed_bytes = 37;
constexpr std::size_t hash_bytes = 32;

enum Flag : std::uint8_t {
    present = 0x01,
    verified = 0x04,
    eligible = 0x08,
    backed_up = 0x10,
    has_credential = 0x40,
    has_extensions = 0x80
};

Error malformed(std::string_view detail) { return {ErrorCode::malformed_text, "invalid authenticator data", detail}; }

// WebAuthn §6.5.1. Moves `rest` behind it.
Result<AttestedCredential> take_credential(ByteSpan& rest) {
    AttestedCredential credential;
    constexpr std::size_t head = 18;
    if (rest.size() < head) return malformed("The credential ends too early.");
    std::copy_n(rest.begin(), credential.aaguid.bytes.size(), credential.aaguid.bytes.begin());
    const std::size_t size = static_cast<std::size_t>(rest[16]) << 8 | rest[17];
    rest = rest.subspan(head);
    if (size == 0 || size > credential_id_most_bytes || size > rest.size())
        return malformed("The id of the credential has a wrong length.");
    credential.id = rest.first(size);
    rest = rest.subspan(size);
    const Result<CborRead> key = read_cbor(rest);
    if (!key) return key.error();
    credential.public_key = rest.first(key->size);
    rest = rest.subspan(key->size);
    return credential;
}

}  // namespace

Result<AuthenticatorData> parse_authenticator_data(ByteSpan bytes) {
    if (bytes.size() < fixed_bytes) return malformed("It ends too early.");
    const std::uint8_t flags = bytes[hash_bytes];
    AuthenticatorData data;
    data.rp_id_hash = bytes.first(hash_bytes);
    data.user_present = (flags & present) != 0;
    data.user_verified = (flags & verified) != 0;
    data.backup_eligible = (flags & eligible) != 0;
    data.backed_up = (flags & backed_up) != 0;
    for (std::size_t i = hash_bytes + 1; i < fixed_bytes; ++i) data.sign_count = data.sign_count << 8 | bytes[i];
    ByteSpan rest = bytes.subspan(fixed_bytes);
    if ((flags & has_credential) != 0) {
        Result<AttestedCredential> credential = take_credential(rest);
        if (!credential) return std::move(credential).error();
        data.credential = *credential;
    }
    if ((flags & has_extensions) != 0) {
        const Result<CborRead> extensions = read_cbor(rest);
        if (!extensions) return extensions.error();
        if (extensions->value.type != CborType::map) return malformed("The extensions are no map.");
        rest = rest.subspan(extensions->size);
    }
    if (!rest.empty()) return malformed("Bytes follow it.");
    return data;
}

}  // namespace bastion
