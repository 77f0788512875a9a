#include "core/session/refresh_token.hpp"

#include <sodium.h>

#include <algorithm>

namespace bastion {
namespace {

constexpr std::string_view successor_label{"pg_bastion/refresh/1\0", 21};

}  // namespace

SecretBytes refresh_token_generate() { return opaque_token_generate(refresh_token_prefix); }

bool is_refresh_token(std::string_view text) { return is_opaque_token(refresh_token_prefix, text); }

Result<SecretBytes> refresh_token_successor(const HmacKey& pepper, std::string_view token) {
    if (!is_refresh_token(token)) return Error{ErrorCode::malformed_text, "not a refresh token"};
    SecretBytes message(successor_label.size() + token.size());
    std::uint8_t* const body = std::copy(successor_label.begin(), successor_label.end(), message.data());
    std::copy(token.begin(), token.end(), body);
    Result<Mac> mac = pepper.compute(message.text());
    if (!mac) return mac.error();
    SecretBytes successor = opaque_token_of(refresh_token_prefix, {mac->bytes.data(), opaque_token_random_bytes});
    sodium_memzero(mac->bytes.data(), mac->bytes.size());
    return successor;
}

}  // namespace bastion
