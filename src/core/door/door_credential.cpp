#include "core/door/door_credential.hpp"

#include <algorithm>

namespace bastion {
namespace {

constexpr std::size_t most_sources = 16;
constexpr std::string_view bearer_scheme = "bearer";

// b64token of RFC 6750 section 2.1.
bool is_token(std::string_view text) noexcept {
    const std::size_t end = std::min(text.find('='), text.size());
    const std::string_view digits = text.substr(0, end);
    return !digits.empty() && text.find_first_not_of('=', end) == text.npos &&
           std::all_of(digits.begin(), digits.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
                      c == '.' || c == '_' || c == '~' || c == '+' || c == '/';
           });
}

DoorFlaw add(std::string_view token, bool from_cookie, PresentedCredential& out) noexcept {
    if (!is_token(token)) return DoorFlaw::credential;
    if (out.token.empty()) {
        out = {token, from_cookie};
        return DoorFlaw::none;
    }
    out.from_cookie = out.from_cookie && from_cookie;
    return out.token == token ? DoorFlaw::none : DoorFlaw::two_credentials;
}

// RFC 6265 section 4.1.1: a value may be in quotes.
std::string_view without_quotes(std::string_view value) noexcept {
    const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
    return quoted ? value.substr(1, value.size() - 2) : value;
}

bool add_source(std::string_view item, CredentialSources& out) {
    if (item == bearer_scheme) {
        out.bearer = true;
        return true;
    }
    const std::size_t colon = item.find(':');
    if (colon == item.npos || !is_http_token(item.substr(colon + 1))) return false;
    const std::string_view kind = item.substr(0, colon);
    const std::string_view name = item.substr(colon + 1);
    if (kind == "cookie") {
        out.cookies.emplace_back(name);
        return true;
    }
    const std::string header = lower_ascii(name);
    if (kind != "header" || header == "authorization" || header == "cookie") return false;
    out.headers.push_back(header);
    return true;
}

// RFC 9110 section 9.2.1.
bool is_safe(std::string_view method) noexcept { return method == "GET" || method == "HEAD" || method == "OPTIONS"; }

}  // namespace

Result<CredentialSources> parse_credential_sources(std::string_view setting) {
    CredentialSources out;
    const std::vector<std::string_view> items = list_items(setting);
    const bool valid = items.size() <= most_sources &&
                       std::all_of(items.begin(), items.end(), [&](auto item) { return add_source(item, out); });
    if (!valid) return invalid_argument("invalid list of credentials");
    return out;
}

DoorFlaw add_authorization(std::string_view value, PresentedCredential& out) noexcept {
    value = trim_blanks(value);
    const std::string_view scheme = value.substr(0, value.find(' '));
    const bool is_bearer = std::equal(scheme.begin(), scheme.end(), bearer_scheme.begin(), bearer_scheme.end(),
                                      [](char a, char b) { return (a | 0x20) == b; });
    if (!is_bearer) return DoorFlaw::none;
    return add(trim_blanks(value.substr(scheme.size())), false, out);
}

DoorFlaw add_key_header(std::string_view value, PresentedCredential& out) noexcept {
    return add(trim_blanks(value), false, out);
}

DoorFlaw add_cookie(std::string_view value, PresentedCredential& out) noexcept {
    return add(without_quotes(trim_blanks(value)), true, out);
}

DoorFlaw add_cookies_of(std::string_view header, std::string_view name, PresentedCredential& out) {
    for (const std::string_view part : split(header, ';')) {
        const std::string_view pair = trim_blanks(part);
        const std::size_t equals = std::min(pair.find('='), pair.size());
        if (equals == pair.size() || pair.substr(0, equals) != name) continue;
        if (const DoorFlaw flaw = add_cookie(pair.substr(equals + 1), out); flaw != DoorFlaw::none) return flaw;
    }
    return DoorFlaw::none;
}

bool may_be_cross_site(const RequestSite& site) {
    if (is_safe(site.method)) return false;
    if (!site.fetch_site.empty()) return site.fetch_site != "same-origin" && site.fetch_site != "none";
    // Browsers send Origin with everything that is not safe; a client that sends neither is no browser.
    if (site.origin.empty()) return false;
    const std::size_t scheme = site.origin.find("://");
    return scheme == site.origin.npos || site.host.empty() ||
           lower_ascii(site.origin.substr(scheme + 3)) != lower_ascii(site.host);
}

}  // namespace bastion
