#include "core/base/opaque_token.hpp"

#include <sodium.h>

#include <algorithm>

#include "core/base/encoding.hpp"

namespace bastion {

SecretBytes opaque_token_generate(std::string_view prefix) {
    SecretBytes random(opaque_token_random_bytes);
    random_bytes({random.data(), random.size()});
    return opaque_token_of(prefix, random.span());
}

SecretBytes opaque_token_of(std::string_view prefix, ByteSpan random) {
    const SecretBytes encoded = base64url_encode_secret(random);
    SecretBytes token(prefix.size() + encoded.size());
    std::uint8_t* const body = std::copy(prefix.begin(), prefix.end(), token.data());
    std::copy(encoded.span().begin(), encoded.span().end(), body);
    return token;
}

bool is_opaque_token(std::string_view prefix, std::string_view text) {
    if (text.substr(0, prefix.size()) != prefix) return false;
    const std::string_view body = text.substr(prefix.size());
    if (body.size() != base64url_length(opaque_token_random_bytes)) return false;
    const Result<SecretBytes> random = base64url_decode_secret(body);
    return random && random->size() == opaque_token_random_bytes;
}

Sha256 opaque_token_hash(std::string_view token) noexcept {
    Sha256 hash;
    crypto_hash_sha256(hash.data(), as_bytes(token).data(), token.size());
    return hash;
}

}  // namespace bastion
