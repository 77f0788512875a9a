// Requests as front doors describe them: which token and which places they name, and what is refused because two programs could
// read it in two ways.
#include "core/door/door_request.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bastion {
namespace {

using Names = std::vector<std::string>;

constexpr std::string_view all_credentials = "bearer, header:X-API-Key, cookie:session";
constexpr std::string_view path_places = "path:/organizations/{tenant}/projects/{unit}";

DoorRules rules(std::string_view tokens, std::string_view places = "", std::string_view open = "") {
    Result<DoorRules> parsed = parse_door_rules(tokens, places, open);
    EXPECT_TRUE(parsed.ok()) << tokens << " | ";
    return parsed ? *std::move(parsed) : DoorRules{};
}

DoorRequest with_headers(const DoorRules& rules, std::string_view headers, std::string_view method = "GET") {
    return read_request(rules, {headers, "", "/documents", method, false});
}

// A request at this path, which the header of a proxy names.
DoorRequest at(std::string_view path, std::string_view places = path_places) {
    std::string headers = R"({"x-original-uri": )";
    json_append_string(headers, path);
    return read_request(rules("", places), {headers + "}", "", "/rpc/other", "GET", true});
}

DoorRequest of_host(std::string_view host, std::string_view places = "host:{tenant}.example.com") {
    std::string headers = R"({"host": )";
    json_append_string(headers, host);
    return with_headers(rules("", places), headers + "}");
}

DoorRequest of_header(std::string_view value, std::string_view places = "header:x-organization") {
    std::string headers = R"({"x-organization": )";
    json_append_string(headers, value);
    return with_headers(rules("", places), headers + "}");
}

TEST(DoorSettings, AreLists) {
    EXPECT_TRUE(rules("").credentials.cookies.empty());
    EXPECT_TRUE(rules(" bearer ").credentials.bearer);
    EXPECT_EQ(rules(all_credentials).credentials.headers, Names{"x-api-key"});
    EXPECT_EQ(rules("cookie:__Host-id").credentials.cookies, Names{"__Host-id"});
    EXPECT_EQ(rules("", "header:X-Org, claim, host:{unit}.{tenant}.Example.COM").places.size(), 3U);
    EXPECT_EQ(rules("", "", "/rpc/login, /rpc/refresh").open_paths, (Names{"/rpc/login", "/rpc/refresh"}));
}

std::string kept(std::string_view headers, std::string_view cookies = "") {
    const DoorRequest request = read_request(rules(all_credentials), {headers, cookies, "/documents", "GET", false});
    return request.headers.value_or("as it is") + ' ' + request.cookies.value_or("as it is");
}

TEST(DoorRequest, HasTextsWithoutCredentials) {
    EXPECT_EQ(kept(""), "as it is as it is");
    EXPECT_EQ(kept("{}", "{}"), "as it is as it is");
    EXPECT_EQ(kept(R"({"host": "a"})", R"({"theme": "dark"})"), "as it is as it is");
    EXPECT_EQ(kept(R"({"authorization":"Bearer a"})"), "{} as it is");
    EXPECT_EQ(kept(" {\n \"a\" : \"b\" ,\"x-api-key\": \"c\" , \"d\" : \"e\" } "), R"({"a" : "b","d" : "e"} as it is)");
    EXPECT_EQ(kept(R"({"Authorization": "Basic a", "X-API-KEY": "b", "cookie": "c=d", "Cookie": "e", "host": "f"})"),
              R"({"host": "f"} as it is)");
    EXPECT_EQ(
        kept(R"({"a": "}\\", "b": "\",", "cookie": "c", "d": {"cookie": [1, "]"]}, "e": null, "f": [{}], "g": 1})"),
        R"({"a": "}\\","b": "\",","d": {"cookie": [1, "]"]},"e": null,"f": [{}],"g": 1} as it is)");
    EXPECT_EQ(kept(R"({"cooki\u0065": "a", "h": "\u20ac"})"), R"({"h": "\u20ac"} as it is)");
    EXPECT_EQ(kept("{}", R"({"session": "a", "Session": "b", "other": "c"})"),
              R"(as it is {"Session": "b","other": "c"})");
}

TEST(DoorRequest, HidesCredentialsThatAreRefused) {
    for (const std::string_view headers :
         {R"({"authorization": "Bearer"})", R"({"authorization": "Bearer a", "x-api-key": "b"})"}) {
        SCOPED_TRACE(headers);
        EXPECT_EQ(kept(headers), "{} as it is");
    }
}

TEST(DoorSettings, RefuseWhatCannotWork) {
    for (const std::string_view tokens :
         {"Bearer", "bearer,", "basic", "header:", "header:a b", "header:authorization", "header:Cookie", "cookie",
          "cookie:a=b", "cookie:\xC3\xBC", "bearer cookie:x"}) {
        SCOPED_TRACE(tokens);
        EXPECT_FALSE(parse_door_rules(tokens, "", "").ok());
    }
    for (const std::string_view places : {"header",
                                          "header:",
                                          "header:x=",
                                          "header:x={org}",
                                          "header:x={tenant}{unit}",
                                          "header:x=a",
                                          "path:{tenant}",
                                          "path:/",
                                          "path:/a/../{tenant}",
                                          "path:/a//{tenant}",
                                          "path:/{tenant}/{tenant}",
                                          "path:/{tenant}/",
                                          "host:",
                                          "host:example.com",
                                          "host:{tenant}..com",
                                          "host:*.{tenant}",
                                          "claims",
                                          "claim:",
                                          "url:/{tenant}",
                                          ",",
                                          "path:/%7Btenant%7D/{tenant}"}) {
        SCOPED_TRACE(places);
        EXPECT_FALSE(parse_door_rules("", places, "").ok());
    }
    for (const std::string_view open : {"rpc", "/rpc/login,", "/a b", "/a*b\"", "/\xFF"}) {
        SCOPED_TRACE(open);
        EXPECT_FALSE(parse_door_rules("", "", open).ok());
    }
    std::string many = "bearer";
    for (int i = 0; i < 16; ++i) many += ", cookie:c" + std::to_string(i);
    EXPECT_FALSE(parse_door_rules(many, "", "").ok());
}

TEST(DoorCredential, IsReadFromEachSource) {
    const DoorRules all = rules(all_credentials);
    EXPECT_EQ(with_headers(all, R"({"authorization": "Bearer a.b-c_d~e+f/g=="})").token, "a.b-c_d~e+f/g==");
    EXPECT_EQ(with_headers(all, R"({"authorization": "bEARER   abc "})").token, "abc");
    EXPECT_EQ(with_headers(all, R"({"x-api-key": " bst_live_1 "})").token, "bst_live_1");
    EXPECT_EQ(with_headers(all, R"({"cookie": "a=b; session=\"abc\"; c"})").token, "abc");
    EXPECT_EQ(read_request(all, {"{}", R"({"session": "abc"})", "", "GET", false}).token, "abc");
    EXPECT_EQ(
        with_headers(all, R"({"x-api-key": "abc", "authorization": "Bearer abc", "cookie": "session=abc"})").token,
        "abc");
}

TEST(DoorCredential, IsNotReadFromOthers) {
    const DoorRules bearer = rules("bearer");
    for (const std::string_view headers :
         {"", "{}", R"({"x-api-key": "abc"})", R"({"cookie": "session=abc"})", R"({"authorization": "Basic YTpi"})",
          R"({"authorization": ""})", R"({"Authorization": "Bearer abc"})"}) {
        SCOPED_TRACE(headers);
        const DoorRequest request = with_headers(bearer, headers);
        EXPECT_EQ(request.flaw, DoorFlaw::none);
        EXPECT_EQ(request.token, "");
    }
    EXPECT_EQ(with_headers(rules(""), R"({"authorization": "Bearer abc"})").token, "");
    // What the front door read of the cookies goes before the header.
    EXPECT_EQ(read_request(rules("cookie:a"), {R"({"cookie": "a=b"})", "{}", "", "GET", false}).token, "");
}

TEST(DoorCredential, IsRefusedWhenItIsNoToken) {
    const DoorRules all = rules(all_credentials);
    for (const std::string_view headers :
         {R"({"authorization": "Bearer"})", R"({"authorization": "Bearer "})", R"({"authorization": "Bearer a b"})",
          R"({"authorization": "Bearer a, Bearer b"})", R"({"authorization": "Bearer a\u0000"})",
          R"({"authorization": "Bearer =a"})", R"({"authorization": "Bearer \u00FC"})", R"({"x-api-key": ""})",
          R"({"x-api-key": "a, b"})", R"({"cookie": "session={\"access_token\":\"abc\"}"})",
          R"({"cookie": "session="})"}) {
        SCOPED_TRACE(headers);
        const DoorRequest request = with_headers(all, headers);
        EXPECT_EQ(request.flaw, DoorFlaw::credential);
        EXPECT_EQ(request.token, "");
    }
    EXPECT_EQ(read_request(all, {"{}", R"({"session": "{\"access_token\":\"abc\"}"})", "", "GET", false}).flaw,
              DoorFlaw::credential);
}

TEST(DoorCredential, IsRefusedBesideAnother) {
    const DoorRules all = rules(all_credentials);
    for (const std::string_view headers :
         {R"({"authorization": "Bearer a", "x-api-key": "b"})",
          R"({"authorization": "Bearer a", "cookie": "session=b"})", R"({"cookie": "session=a; session=b"})"}) {
        SCOPED_TRACE(headers);
        const DoorRequest request = with_headers(all, headers);
        EXPECT_EQ(request.flaw, DoorFlaw::two_credentials);
        EXPECT_EQ(request.token, "");
    }
    EXPECT_TRUE(is_of_credential(DoorFlaw::two_credentials));
    EXPECT_FALSE(is_of_credential(DoorFlaw::headers));
}

TEST(DoorCredential, OfACookieComesFromTheSameSite) {
    const DoorRules all = rules(all_credentials);
    const auto flaw = [&](std::string_view more, std::string_view method) {
        return with_headers(all, R"({"host": "App.example:8443", "cookie": "session=a")" + std::string(more) + "}",
                            method)
            .flaw;
    };
    for (const std::string_view good : {R"(, "sec-fetch-site": "same-origin")", R"(, "sec-fetch-site": "none")",
                                        R"(, "origin": "https://app.example:8443")", ""}) {
        SCOPED_TRACE(good);
        EXPECT_EQ(flaw(good, "POST"), DoorFlaw::none);
    }
    for (const std::string_view bad : {R"(, "sec-fetch-site": "cross-site")",
                                       R"(, "sec-fetch-site": "same-site", "origin": "https://app.example:8443")",
                                       R"(, "sec-fetch-site": "same-origin, cross-site")", R"(, "origin": "null")",
                                       R"(, "origin": "https://evil.example")", R"(, "origin": "https://app.example")",
                                       R"(, "origin": "app.example:8443")"}) {
        for (const std::string_view method : {"POST", "PATCH", "DELETE", "get", ""}) {
            SCOPED_TRACE(method);
            EXPECT_EQ(flaw(bad, method), DoorFlaw::cross_site);
        }
        for (const std::string_view method : {"GET", "HEAD", "OPTIONS"}) {
            SCOPED_TRACE(method);
            EXPECT_EQ(flaw(bad, method), DoorFlaw::none);
        }
        // A header that no form of another site can send.
        EXPECT_EQ(flaw(std::string(bad) + R"(, "authorization": "Bearer a")", "POST"), DoorFlaw::none);
    }
}

TEST(DoorRequest, IsAnObjectOfTexts) {
    const DoorRules all = rules(all_credentials, "header:x-organization");
    for (const std::string_view headers :
         {"[]", "null", "{", "x", R"({"authorization": "Bearer a", "authorization": "Bearer b"})",
          R"({"authorization": ["Bearer a"]})", R"({"x-organization": 1})", "{\"authorization\": \"Bearer \xFF\"}",
          R"({"a": "\uD800"})"}) {
        SCOPED_TRACE(headers);
        const DoorRequest request = with_headers(all, headers);
        EXPECT_EQ(request.flaw, DoorFlaw::headers);
        EXPECT_EQ(request.token, "");
    }
    EXPECT_EQ(read_request(all, {"{}", "[]", "", "GET", false}).flaw, DoorFlaw::headers);
    EXPECT_EQ(read_request(all, {"{}", R"({"session": {}})", "", "GET", false}).flaw, DoorFlaw::headers);
    EXPECT_EQ(with_headers(all, std::string(100, '[') + std::string(100, ']')).flaw, DoorFlaw::headers);
}

TEST(DoorRequest, OfManyBytesIsRead) {
    const DoorRules all = rules(all_credentials, "header:x-organization");
    const std::string many(std::size_t{64} * 1024, 'a');
    EXPECT_EQ(with_headers(all, R"({"x-other": ")" + many + R"(", "authorization": "Bearer abc"})").token, "abc");
    EXPECT_EQ(with_headers(all, R"({"authorization": "Bearer )" + many + R"("})").token, many);
    EXPECT_EQ(with_headers(all, R"({"x-organization": ")" + many + R"("})").flaw, DoorFlaw::place);
    const std::string beyond(std::size_t{256} * 1024, 'a');
    EXPECT_EQ(with_headers(all, R"({"x-other": ")" + beyond + R"("})").flaw, DoorFlaw::headers);
}

TEST(DoorRequest, AtAnOpenPathSaysSo) {
    const DoorRules open = rules("bearer", "", "/rpc/login");
    const auto is_open = [&](std::string_view path) {
        return read_request(open, {"{}", "", path, "POST", true}).is_open;
    };
    EXPECT_TRUE(is_open("/rpc/login"));
    EXPECT_TRUE(is_open("/rpc/login?a=b"));
    for (const std::string_view other :
         {"", "/", "/rpc/login/", "/rpc/logins", "/rpc", "//rpc/login", "/RPC/login", "/rpc/../rpc/login"}) {
        SCOPED_TRACE(other);
        EXPECT_FALSE(is_open(other));
    }
    // The path of a proxy opens nothing.
    EXPECT_FALSE(read_request(open, {R"({"x-original-uri": "/rpc/login"})", "", "/documents", "GET", true}).is_open);
}

TEST(DoorPath, NamesWhatStandsBeforeTheFirstDifference) {
    const auto names = [](std::string_view path) {
        const DoorRequest request = at(path);
        EXPECT_EQ(request.flaw, DoorFlaw::none);
        Names out = request.places.tenants;
        out.insert(out.end(), request.places.units.begin(), request.places.units.end());
        return out;
    };
    EXPECT_EQ(names("/organizations/acme/projects/web/documents?id=eq.1"), (Names{"acme", "web"}));
    EXPECT_EQ(names("/organizations/acme/projects/web"), (Names{"acme", "web"}));
    EXPECT_EQ(names("/organizations/acme/projects/web/"), (Names{"acme", "web"}));
    EXPECT_EQ(names("/organizations/acme/projects/"), Names{"acme"});
    EXPECT_EQ(names("/organizations/acme/settings"), Names{"acme"});
    EXPECT_EQ(names("/organizations/acme?next=/organizations/beta"), Names{"acme"});
    EXPECT_EQ(names("/organizations/acme#/../beta"), Names{"acme"});
    EXPECT_EQ(names("/%6Frganizations/ac%6De"), Names{"acme"});
    EXPECT_EQ(names("/organizations/acme/projects/web/a%2Fb/c//d"), (Names{"acme", "web"}));
    for (const std::string_view other : {"/", "/organizations", "/organizations/", "/Organizations/acme",
                                         "/documents/acme", "/%25organizations/acme"}) {
        SCOPED_TRACE(other);
        EXPECT_EQ(names(other), Names{});
    }
}

TEST(DoorPath, IsRefusedWhenProgramsReadItDifferently) {
    for (const std::string_view path : {"/organizations/acme/../beta",
                                        "/organizations/acme/%2e%2E/beta",
                                        "/organizations/acme/.%2e/beta",
                                        "/./organizations/acme",
                                        "/organizations/acme/projects/web/a/../../../../beta",
                                        "/organizations/acme%2Fprojects/web",
                                        "/organizations%2facme",
                                        "/organizations/acme%5c..",
                                        "/organizations\\acme",
                                        "//organizations/acme",
                                        "/organizations//acme/projects/web",
                                        "/organizations/acme%00",
                                        "/organizations/acme%0d%0aX",
                                        "/organizations/acme%7f",
                                        "/organizations/acme%",
                                        "/organizations/acme%4",
                                        "/organizations/ac%zz",
                                        "/organizations/acme%252f",
                                        "/organizations/acme;a=b",
                                        "/organizations/acme/..;/beta",
                                        "/organizations/acme/x%2f../beta",
                                        "/organizations/{tenant}",
                                        "/organizations/ac me",
                                        "/organizations/%C3%BCber",
                                        "/organizations/\xFF",
                                        "organizations/acme",
                                        "http://example.com/organizations/acme",
                                        "*"}) {
        SCOPED_TRACE(path);
        const DoorRequest request = at(path);
        EXPECT_NE(request.flaw, DoorFlaw::none);
        EXPECT_EQ(request.token, "");
    }
    EXPECT_EQ(at("/organizations/" + std::string(64, 'a')).flaw, DoorFlaw::path);
    EXPECT_EQ(at("/organizations/" + std::string(std::size_t{64} * 1024, 'a')).flaw, DoorFlaw::path);
    // Without a template that reads it, a path is no business of ours.
    EXPECT_EQ(at("/a/../b", "").flaw, DoorFlaw::none);
}

TEST(DoorPath, OfAProxyCountsBehindOneAlone) {
    const DoorRules places = rules("", path_places);
    const auto tenants = [&](bool behind_proxy, std::string_view headers) {
        return read_request(places, {headers, "", "/organizations/own/x", "GET", behind_proxy}).places.tenants;
    };
    EXPECT_EQ(tenants(true, R"({"x-original-uri": "/organizations/acme"})"), Names{"acme"});
    EXPECT_EQ(tenants(false, R"({"x-original-uri": "/organizations/acme"})"), Names{"own"});
    EXPECT_EQ(tenants(true, "{}"), Names{"own"});
}

TEST(DoorHost, NamesTheTenant) {
    for (const std::string_view host :
         {"acme.example.com", "ACME.Example.com", "acme.example.com:8443", "acme.example.com.", " acme.example.com "}) {
        SCOPED_TRACE(host);
        EXPECT_EQ(of_host(host).places.tenants, Names{"acme"});
    }
    EXPECT_EQ(of_host("web.acme.example.com", "host:{unit}.{tenant}.example.com").places.units, Names{"web"});
    for (const std::string_view other :
         {"example.com", "a.b.example.com", "acme.example.org", "localhost", "127.0.0.1:80"}) {
        SCOPED_TRACE(other);
        EXPECT_EQ(of_host(other).flaw, DoorFlaw::none);
        EXPECT_EQ(of_host(other).places.tenants, Names{});
    }
    for (const std::string_view bad : {"acme.example.com, beta.example.com", "acme.example.com:",
                                       "acme.example.com:80a", "[::1]:80", "acme@beta.example.com", "", ":80",
                                       "ac_me.example.com", "acme.example.com:1234567", "\xC3\xBC.example.com"}) {
        SCOPED_TRACE(bad);
        EXPECT_EQ(of_host(bad).flaw, DoorFlaw::host);
    }
}

TEST(DoorHost, OfAProxyCountsBehindOneAlone) {
    const DoorRules places = rules("", "host:{tenant}.example.com");
    constexpr std::string_view headers = R"({"host": "own.example.com", "x-forwarded-host": "acme.example.com"})";
    EXPECT_EQ(read_request(places, {headers, "", "", "GET", true}).places.tenants, Names{"acme"});
    EXPECT_EQ(read_request(places, {headers, "", "", "GET", false}).places.tenants, Names{"own"});
}

TEST(DoorHeader, NamesAPlaceOrIsRefused) {
    EXPECT_EQ(of_header(" acme ").places.tenants, Names{"acme"});
    EXPECT_EQ(of_header("00000000-0000-0000-0000-00000000000A").places.tenants,
              Names{"00000000-0000-0000-0000-00000000000A"});
    EXPECT_EQ(of_header("web", "header:X-Organization={unit}").places.units, Names{"web"});
    EXPECT_EQ(of_header("acme/web", "header:x-organization={tenant}/{unit}").places.units, Names{"web"});
    for (const std::string_view bad :
         {"", " ", "acme, beta", "acme/web", "acme;", "../acme", "a\nb", "a\tb", "{tenant}", "%61cme", "\xC3\xBC"}) {
        SCOPED_TRACE(bad);
        EXPECT_EQ(of_header(bad).flaw, DoorFlaw::place);
    }
    EXPECT_EQ(with_headers(rules("", "header:x-organization"), "{}").flaw, DoorFlaw::none);
}

TEST(DoorPlaces, AreCollected) {
    constexpr std::string_view places =
        "header:x-organization, path:/organizations/{tenant}/projects/{unit}, header:x-project={unit}";
    const auto read = [&](std::string_view headers, std::string_view path) {
        return read_request(rules("", places), {headers, "", path, "GET", false});
    };
    EXPECT_EQ(read(R"({"x-organization": "acme"})", "/organizations/acme").places.tenants, Names{"acme"});
    // The id and the slug of one tenant may stand beside each other, so both are looked up.
    EXPECT_EQ(read(R"({"x-organization": "acme"})", "/organizations/beta").places.tenants, (Names{"acme", "beta"}));
    EXPECT_EQ(read(R"({"x-project": "web"})", "/organizations/acme/projects/web").places.units, Names{"web"});
    EXPECT_EQ(read(R"({"x-project": "app"})", "/organizations/acme/projects/web").flaw, DoorFlaw::two_places);
}

TEST(DoorClaims, NameATenant) {
    const auto read = [](std::string_view places, std::string_view claims, std::string_view own) {
        PlaceNames names;
        const Result<DoorFlaw> flaw = read_claims(rules("", places), claims, own, names);
        EXPECT_TRUE(flaw.ok());
        if (flaw && *flaw != DoorFlaw::none) return Names{"flaw"};
        return names.tenants;
    };
    EXPECT_EQ(read("claim", "", "acme"), Names{"acme"});
    EXPECT_EQ(read("claim", R"({"org": "beta"})", ""), Names{});
    EXPECT_EQ(read("claim:org", R"({"org": "beta"})", "acme"), Names{"beta"});
    EXPECT_EQ(read("claim:org", "", "acme"), Names{});
    EXPECT_EQ(read("claim:org", R"({"org": 7})", ""), Names{});
    EXPECT_EQ(read("claim:org", R"({"org": "a b"})", ""), Names{"flaw"});
    EXPECT_EQ(read("header:org", R"({"org": "beta"})", "acme"), Names{});
    EXPECT_TRUE(reads_claims(rules("", "claim:org")));
    EXPECT_FALSE(reads_claims(rules("", "header:org")));
}

}  // namespace
}  // namespace bastion
