// A request as a front door such as PostgREST describes it in settings: its headers and cookies as JSON, path and method.
// Any client of the database can fill these settings, so nothing is believed: a credential is verified later, and a place
// is checked against the membership. Called by src/pg/door. Nothing here keeps state.
#pragma once

#include "core/door/door_credential.hpp"
#include "core/door/door_place.hpp"

namespace bastion {

struct DoorRules {
    CredentialSources credentials;
    std::vector<PlaceSource> places;
    std::vector<std::string> open_paths;  // where a credential that is refused does not count
};

// The three settings. Error: invalid_argument.
[[nodiscard]] Result<DoorRules> parse_door_rules(std::string_view token_from, std::string_view tenant_from,
                                                 std::string_view open_paths);

// "/rpc/login, /rpc/refresh". Error: invalid_argument.
[[nodiscard]] Result<std::vector<std::string>> parse_open_paths(std::string_view setting);

struct RequestTexts {
    std::string_view headers;  // a JSON object, names in lower case; empty for none
    std::string_view cookies;  // the same, in place of the Cookie header
    std::string_view path;     // of the front door
    std::string_view method;
    bool behind_proxy = false;  // whether X-Original-URI and X-Forwarded-Host are those of a trusted proxy
};

struct DoorRequest {
    DoorFlaw flaw = DoorFlaw::none;
    bool is_open = false;  // the path is one of the open ones
    std::string token;     // empty for none
    PlaceNames places;     // without those of claims
    // The texts without their credentials, for code of the application to read; none where a text has none.
    std::optional<std::string> headers, cookies;
};

[[nodiscard]] DoorRequest read_request(const DoorRules& rules, const RequestTexts& texts);

// Adds the places that the claims of the verified token name; `own_tenant` is that of the token, or empty.
[[nodiscard]] Result<DoorFlaw> read_claims(const DoorRules& rules, std::string_view claims, std::string_view own_tenant,
                                           PlaceNames& places);

[[nodiscard]] bool reads_claims(const DoorRules& rules) noexcept;

}  // namespace bastion
