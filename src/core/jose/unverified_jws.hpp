// A compact JWS (RFC 7515) taken apart, once, before anything is known about its signature. Made by jws_verify(), and by
// parse_jwt() for callers that choose the key by what the token claims. Its type is the warning: jws_verify() turns it into a
// VerifiedJws, and nothing else does. Every refusal of a token is the same error; its reason stands in log_detail alone.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace bastion {

inline constexpr std::size_t token_max_bytes = 16 * 1024;

// The refusal of a token: token_refused, "invalid token", `reason` for the log alone.
[[nodiscard]] Error refuse_token(std::string_view reason);

// What a header says and we may act upon.
struct JwsHeader {
    std::string alg;
    std::string kid;  // empty when the token names none
    std::string typ;  // empty when the token names none
};

struct UnverifiedJws {
    std::string_view signing_input;  // a view of the caller's text
    std::shared_ptr<const JwsHeader> header;
    std::string payload;    // its bytes
    std::string signature;  // its bytes
};

// Three canonical parts, of which the payload alone may be empty, and a header that we may act upon; says nothing about
// the signature.
[[nodiscard]] Result<UnverifiedJws> parse_jws(std::string_view token);

}  // namespace bastion
