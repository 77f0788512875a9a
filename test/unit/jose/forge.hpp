// Makes tokens that jwt_sign would not: any header over any payload, correctly signed with the given key. Used by
// the JWS and JWT tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "core/base/encoding.hpp"
#include "core/jose/jwk.hpp"
#include "core/jose/jws.hpp"

namespace bastion::test {

inline std::string base64url(std::string_view text) { return base64url_encode(as_bytes(text)); }

// A secret of `size` bytes that begins with `first`.
inline std::string secret(std::size_t size, char first = 'a') {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(first + i % 20);
    return text;
}

// An oct JWK over `secret`; `members` is put in front, such as R"("alg":"HS256",)".
inline std::string oct_jwk(std::string_view secret, std::string_view members = "") {
    return "{" + std::string(members) + R"("kty":"oct","k":")" + base64url(secret) + "\"}";
}

inline JwkSet key_set(std::string_view json) {
    auto set = parse_jwk_set(json);
    if (set) return std::move(*set);
    ADD_FAILURE() << set.error().message << " " << set.error().detail;
    return {};
}

inline std::string sign_raw(std::string_view signing_input, const Jwk& key, std::string_view algorithm) {
    const JwsAlgorithm* row = find_jws_algorithm(algorithm);
    const auto signature = row->sign(*row, key, signing_input);
    return std::string(signing_input) + "." + base64url_encode(*signature);
}

inline std::string forge(std::string_view header, std::string_view payload, const Jwk& key,
                         std::string_view algorithm) {
    return sign_raw(base64url(header) + "." + base64url(payload), key, algorithm);
}

}  // namespace bastion::test
