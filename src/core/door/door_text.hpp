// Small readers for the parts of an HTTP request, shared by the files of this room: what RFC 9110 calls a token, white space
// around a value, and lists with commas. Nothing here keeps state.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bastion {

// Why a request is not understood. The client learns the kind, and never the value.
enum class DoorFlaw {
    none,
    headers,          // request.headers or request.cookies is no JSON object of texts
    credential,       // a credential that is no token at all
    two_credentials,  // RFC 6750 section 2: at most one
    cross_site,       // a cookie with a request that another site may have made
    path,             // a path that programs read in different ways
    host,             // no host name
    place,            // a header that does not name a place in the form of the setting
    two_places        // two tenants, or two units
};

// Whether the flaw is one of the credential, which a request without identity may have.
[[nodiscard]] constexpr bool is_of_credential(DoorFlaw flaw) noexcept {
    return flaw == DoorFlaw::credential || flaw == DoorFlaw::two_credentials || flaw == DoorFlaw::cross_site;
}

[[nodiscard]] std::string_view trim_blanks(std::string_view text) noexcept;

[[nodiscard]] std::string lower_ascii(std::string_view text);

// A name of a header or cookie: the token of RFC 9110 section 5.6.2.
[[nodiscard]] bool is_http_token(std::string_view text) noexcept;

// The parts between separators, empty ones too; one empty part of an empty text.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

// The parts of a list with commas, trimmed. Empty for blanks alone.
[[nodiscard]] std::vector<std::string_view> list_items(std::string_view text);

}  // namespace bastion
