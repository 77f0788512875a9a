// The credential of a request: a token of the Authorization header, of a header of its own or of a cookie, by the setting
// bastion.token_from. It is read here and verified elsewhere. Nothing here keeps state.
#pragma once

#include "core/base/result.hpp"
#include "core/door/door_text.hpp"

namespace bastion {

struct CredentialSources {
    bool bearer = false;
    std::vector<std::string> headers;  // in lower case
    std::vector<std::string> cookies;

    friend bool operator==(const CredentialSources&, const CredentialSources&) = default;
};

// "bearer, header:x-api-key, cookie:session". Error: invalid_argument.
[[nodiscard]] Result<CredentialSources> parse_credential_sources(std::string_view setting);

// What a request presents; several times the same is once.
struct PresentedCredential {
    std::string_view token;    // empty for none; part of the text it was read from
    bool from_cookie = false;  // and from nothing else, so that a browser may have added it by itself
};

// Each adds what a header or cookie presents.
[[nodiscard]] DoorFlaw add_authorization(std::string_view value, PresentedCredential& out) noexcept;
[[nodiscard]] DoorFlaw add_key_header(std::string_view value, PresentedCredential& out) noexcept;
[[nodiscard]] DoorFlaw add_cookie(std::string_view value, PresentedCredential& out) noexcept;

// Of the Cookie header: the cookies of that name, which two sites may have set.
[[nodiscard]] DoorFlaw add_cookies_of(std::string_view header, std::string_view name, PresentedCredential& out);

// What a browser says about the site that made a request; empty where it says nothing.
struct RequestSite {
    std::string_view method;
    std::string_view fetch_site;  // Sec-Fetch-Site
    std::string_view origin;
    std::string_view host;
};

// Whether another site may have made a request that changes something.
[[nodiscard]] bool may_be_cross_site(const RequestSite& site);

}  // namespace bastion
