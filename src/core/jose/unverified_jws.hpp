// A compact JWS (RFC 7515) that is parsed, once, and not verified. Made by jws_verify(), and by parse_jwt() for callers
// that choose the key by the claims of the token. Its type is the warning: only jws_verify() turns it into a VerifiedJws.
// Every refusal of a token is the same error; only log_detail has the reason.
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

// The members of a header that verification uses.
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

// Three canonical parts, of which the payload alone may be empty, and an acceptable header; does not check the signature.
[[nodiscard]] Result<UnverifiedJws> parse_jws(std::string_view token);

}  // namespace bastion
