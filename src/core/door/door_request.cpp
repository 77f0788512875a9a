#include "core/door/door_request.hpp"

#include <algorithm>

#include "core/door/door_members.hpp"

namespace bastion {
namespace {

constexpr std::size_t max_request = 256 * std::size_t{1024};
constexpr std::size_t most_open_paths = 64;

bool contains(const std::vector<std::string>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// A JSON object of the request, or none. A bug of core and memory that is exhausted are errors; a text that is no object is a flaw.
class RequestObject {
public:
    explicit RequestObject(std::string_view json) {
        if (json.empty()) return;
        Result<JsonDocument> document = parse_json(json, max_request);
        valid_ = document && document->root().is_object();
        if (valid_) document_ = std::move(document).value();
    }

    [[nodiscard]] bool valid() const noexcept { return valid_; }

    // Empty for a missing member. One that is no text makes the object invalid.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) {
        if (!document_) return std::nullopt;
        const auto value = document_->root().find(name);
        if (!value) return std::nullopt;
        valid_ = valid_ && value->string();
        return value->string();
    }

private:
    bool valid_ = true;
    std::optional<JsonDocument> document_;
};

class Reader {
public:
    Reader(const DoorRules& rules, const RequestTexts& texts)
        : rules_(rules), texts_(texts), headers_(texts.headers), cookies_(texts.cookies) {}

    [[nodiscard]] DoorRequest read() {
        out_.is_open = contains(rules_.open_paths, texts_.path.substr(0, texts_.path.find('?')));
        out_.flaw = first_flaw();
        // A flaw that was noticed late: a member that is no text.
        if (!headers_.valid() || !cookies_.valid()) out_.flaw = DoorFlaw::headers;
        if (out_.flaw == DoorFlaw::none) out_.token = presented_.token;
        if (out_.flaw != DoorFlaw::headers) hide_credentials();
        return std::move(out_);
    }

private:
    // Authorization and Cookie go in any case: another program than this one may take a credential from them.
    void hide_credentials() {
        const CredentialSources& sources = rules_.credentials;
        out_.headers = without_members(texts_.headers, [&](std::string_view name) {
            const std::string header = lower_ascii(name);
            return header == "authorization" || header == "cookie" || contains(sources.headers, header);
        });
        out_.cookies =
            without_members(texts_.cookies, [&](std::string_view name) { return contains(sources.cookies, name); });
    }

    DoorFlaw first_flaw() {
        if (!headers_.valid() || !cookies_.valid()) return DoorFlaw::headers;
        if (const DoorFlaw flaw = read_credential(); flaw != DoorFlaw::none) return flaw;
        for (const PlaceSource& source : rules_.places)
            if (const DoorFlaw flaw = read_place(source); flaw != DoorFlaw::none) return flaw;
        return DoorFlaw::none;
    }

    DoorFlaw read_credential() {
        DoorFlaw flaw = DoorFlaw::none;
        const auto add = [&](DoorFlaw next) { flaw = flaw == DoorFlaw::none ? next : flaw; };
        if (rules_.credentials.bearer)
            if (const auto value = headers_.find("authorization")) add(add_authorization(*value, presented_));
        for (const std::string& name : rules_.credentials.headers)
            if (const auto value = headers_.find(name)) add(add_key_header(*value, presented_));
        for (const std::string& name : rules_.credentials.cookies) add(read_cookie(name));
        if (flaw == DoorFlaw::none && presented_.from_cookie && may_be_cross_site(site())) return DoorFlaw::cross_site;
        return flaw;
    }

    DoorFlaw read_cookie(std::string_view name) {
        if (const auto value = cookies_.find(name)) return add_cookie(*value, presented_);
        const auto header = headers_.find("cookie");
        return header && texts_.cookies.empty() ? add_cookies_of(*header, name, presented_) : DoorFlaw::none;
    }

    RequestSite site() {
        return {texts_.method, headers_.find("sec-fetch-site").value_or(""), headers_.find("origin").value_or(""),
                host().value_or("")};
    }

    // The name that the client used: behind a proxy, the proxy says which.
    std::optional<std::string_view> of_proxy(std::string_view header) {
        return texts_.behind_proxy ? headers_.find(header) : std::nullopt;
    }

    std::optional<std::string_view> host() {
        const auto forwarded = of_proxy("x-forwarded-host");
        return forwarded ? forwarded : headers_.find("host");
    }

    DoorFlaw read_place(const PlaceSource& source) {
        switch (source.origin) {
            case PlaceOrigin::claim: break;
            case PlaceOrigin::header:
                if (const auto value = headers_.find(source.name))
                    return read_header_place(source, *value, out_.places);
                break;
            case PlaceOrigin::host:
                if (const auto value = host()) return read_host_place(source, *value, out_.places);
                break;
            case PlaceOrigin::path:
                const std::string_view path = of_proxy("x-original-uri").value_or(texts_.path);
                return path.empty() ? DoorFlaw::none : read_path_place(source, path, out_.places);
        }
        return DoorFlaw::none;
    }

    const DoorRules& rules_;
    const RequestTexts& texts_;
    RequestObject headers_;
    RequestObject cookies_;
    PresentedCredential presented_;
    DoorRequest out_;
};

bool is_open_path(std::string_view path) noexcept {
    return path.starts_with('/') && std::all_of(path.begin(), path.end(), [](char c) {
               return c == '/' || c == '.' || c == '~' || is_http_token({&c, 1});
           });
}

}  // namespace

Result<std::vector<std::string>> parse_open_paths(std::string_view setting) {
    const std::vector<std::string_view> items = list_items(setting);
    if (items.size() > most_open_paths || !std::all_of(items.begin(), items.end(), is_open_path))
        return invalid_argument("invalid list of paths");
    return std::vector<std::string>(items.begin(), items.end());
}

Result<DoorRules> parse_door_rules(std::string_view token_from, std::string_view tenant_from,
                                   std::string_view open_paths) {
    Result<CredentialSources> credentials = parse_credential_sources(token_from);
    if (!credentials) return std::move(credentials).error();
    Result<std::vector<PlaceSource>> places = parse_place_sources(tenant_from);
    if (!places) return std::move(places).error();
    Result<std::vector<std::string>> open = parse_open_paths(open_paths);
    if (!open) return std::move(open).error();
    return DoorRules{*std::move(credentials), *std::move(places), *std::move(open)};
}

DoorRequest read_request(const DoorRules& rules, const RequestTexts& texts) { return Reader(rules, texts).read(); }

bool reads_claims(const DoorRules& rules) noexcept {
    return std::any_of(rules.places.begin(), rules.places.end(),
                       [](const PlaceSource& source) { return source.origin == PlaceOrigin::claim; });
}

Result<DoorFlaw> read_claims(const DoorRules& rules, std::string_view claims, std::string_view own_tenant,
                             PlaceNames& places) {
    Result<JsonDocument> document = parse_json(claims.empty() ? "{}" : claims, max_request, JsonNumbers::any);
    if (!document) return std::move(document).error();
    for (const PlaceSource& source : rules.places) {
        if (source.origin != PlaceOrigin::claim) continue;
        DoorFlaw flaw = DoorFlaw::none;
        if (!source.name.empty())
            flaw = read_claim_place(source, document->root(), places);
        else if (!own_tenant.empty())
            flaw = read_header_place(source, own_tenant, places);
        if (flaw != DoorFlaw::none) return flaw;
    }
    return DoorFlaw::none;
}

}  // namespace bastion
