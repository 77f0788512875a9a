#include "core/refresh_token.hpp"

#include <sodium.h>

#include <algorithm>
#include <string>

#include "core/encoding.hpp"

namespace bastion {
namespace {

constexpr std::string_view successor_label{"pg_bastion/refresh/1\0", 21};

SecretBytes token_of(ByteSpan random) {
    const SecretBytes encoded = base64url_encode_secret(random);
    SecretBytes token(refresh_token_prefix.size() + encoded.size());
    std::uint8_t* const body = std::copy(refresh_token_prefix.begin(), refresh_token_prefix.end(), token.data());
    std::copy(encoded.span().begin(), encoded.span().end(), body);
    return token;
}

}  // namespace

SecretBytes refresh_token_generate() {
    SecretBytes random(refresh_token_random_bytes);
    random_bytes({random.data(), random.size()});
    return token_of(random.span());
}

bool is_refresh_token(std::string_view text) {
    if (text.substr(0, refresh_token_prefix.size()) != refresh_token_prefix) return false;
    const Result<SecretBytes> random = base64url_decode_secret(text.substr(refresh_token_prefix.size()));
    return random && random->size() == refresh_token_random_bytes;
}

Sha256 refresh_token_hash(std::string_view token) noexcept {
    Sha256 hash;
    crypto_hash_sha256(hash.data(), as_bytes(token).data(), token.size());
    return hash;
}

Result<SecretBytes> refresh_token_successor(const HmacKey& pepper, std::string_view token) {
    if (!is_refresh_token(token)) return Error{ErrorCode::malformed_text, "not a refresh token"};
    SecretBytes message(successor_label.size() + token.size());
    std::uint8_t* const body = std::copy(successor_label.begin(), successor_label.end(), message.data());
    std::copy(token.begin(), token.end(), body);
    Result<Mac> mac = pepper.compute(message.text());
    if (!mac) return mac.error();
    SecretBytes successor = token_of({mac->bytes.data(), refresh_token_random_bytes});
    sodium_memzero(mac->bytes.data(), mac->bytes.size());
    return successor;
}

}  // namespace bastion
