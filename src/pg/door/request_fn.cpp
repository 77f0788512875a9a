// SQL function pre_request(): what a front door calls at the beginning of the transaction of a request. It reads the request from the
// settings that the front door made of it, verifies its token, and fixes the identity of the transaction. Everything is of one call.
#include "pg/base/settings.hpp"
#include "pg/base/statistics.hpp"
#include "pg/context/context.hpp"
#include "pg/door/door_setting.hpp"
#include "pg/door/request_refusal.hpp"
#include "pg/rate_limit/rate_count.hpp"
#include "pg/session/api_key_limit.hpp"
#include "pg/session/client_address.hpp"
#include "pg/session/credential.hpp"
#include "pg/session/request_setting.hpp"
#include "pg/session/token_verify.hpp"

namespace bastion::pg {
namespace {

constexpr int most_places = 32;

// The names of tenants and the unit that a request chooses, as PODs; in ASCII.
struct Places {
    char* tenants[most_places];
    int tenant_count;
    char* unit;  // or null
};

struct Taken {
    DoorFlaw flaw;
    bool is_open;
    bool reads_claims;
    Utf8 token;
    Places places;
    Utf8 headers, cookies;  // without their credentials; null where they have none
};

// A setting of the request in UTF-8; null when that cannot hold it.
Utf8 request_text(const char* name) { return utf8_or_null(ServerText(request_setting(name))); }

// Adds names, each once; false for a second unit.
Result<bool> add_places(const PlaceNames& names, Places& out) {
    for (const std::string& name : names.tenants) {
        const bool is_known =
            std::any_of(out.tenants, out.tenants + out.tenant_count, [&](const char* each) { return name == each; });
        if (is_known || out.tenant_count == most_places) continue;
        if (Result<void> stored = store_as_is(out.tenants[out.tenant_count], name); !stored)
            return std::move(stored).error();
        ++out.tenant_count;
    }
    for (const std::string& name : names.units) {
        if (out.unit != nullptr && name != out.unit) return false;
        if (Result<void> stored = store_as_is(out.unit, name); !stored) return std::move(stored).error();
    }
    return true;
}

Result<void> take_request(const RequestTexts& texts, Taken& out) {
    const Result<const DoorRules*> rules = door_rules();
    if (!rules) return rules.error();
    const DoorRequest request = read_request(**rules, texts);
    out.flaw = request.flaw;
    out.is_open = request.is_open;
    out.reads_claims = reads_claims(**rules);
    for (const auto& [kept, stored] : {std::pair(&request.headers, &out.headers), {&request.cookies, &out.cookies}})
        if (*kept)
            if (Result<void> done = store(*stored, **kept); !done) return done;
    if (request.flaw != DoorFlaw::none) return {};
    const Result<bool> added = add_places(request.places, out.places);
    if (!added) return added.error();
    if (!*added) out.flaw = DoorFlaw::two_places;
    return request.token.empty() ? Result<void>() : store(out.token, request.token);
}

Taken read() {
    const Utf8 headers = request_text(request_headers);
    const Utf8 cookies = request_text(request_cookies);
    const Utf8 path = request_text(request_path);
    const bool behind_proxy = is_behind_proxy();
    Taken out{};
    if (headers.is_null() || cookies.is_null() || path.is_null()) {
        out.flaw = DoorFlaw::headers;
        return out;
    }
    const RequestTexts texts{headers, cookies, path, request_setting(request_method), behind_proxy};
    guarded_or_raise([&] { return take_request(texts, out); });
    return out;
}

// Code of the application runs after pre_request(), as owner of a function or trigger too, and is not to read the caller's token.
void hide_credentials(const Taken& request) {
    for (const auto& [name, kept] : {std::pair(request_headers, request.headers), {request_cookies, request.cookies}})
        if (!kept.is_null()) set_local(name, server_text(text_datum(kept)).c_str());
}

DoorFlaw add_claims(const VerifiedToken& token, Places& out) {
    char own_tenant[uuid_text_size] = "";
    if (token.identity.tenant.present) format_uuid_text(token.identity.tenant.value, own_tenant);
    const Utf8 claims(token.claims != nullptr ? token.claims : "");
    DoorFlaw flaw = DoorFlaw::none;
    guarded_or_raise([&]() -> Result<void> {
        const Result<const DoorRules*> rules = door_rules();
        if (!rules) return rules.error();
        PlaceNames names;
        const Result<DoorFlaw> read = read_claims(**rules, claims, own_tenant, names);
        if (!read) return read.error();
        flaw = *read;
        const Result<bool> added = add_places(names, out);
        if (!added) return added.error();
        if (flaw == DoorFlaw::none && !*added) flaw = DoorFlaw::two_places;
        return {};
    });
    return flaw;
}

[[noreturn]] void refuse_flaw(DoorFlaw flaw) {
    const char* reason = "malformed_request";
    switch (flaw) {
        case DoorFlaw::none:
        case DoorFlaw::headers: break;
        case DoorFlaw::credential: reason = "malformed_token"; break;
        case DoorFlaw::two_credentials: reason = "two_tokens"; break;
        case DoorFlaw::cross_site:
            refuse_request({403, "invalid_request", "request of another site", "cross_site_cookie", 0});
        case DoorFlaw::path: reason = "ambiguous_path"; break;
        case DoorFlaw::host: reason = "malformed_host"; break;
        case DoorFlaw::place: reason = "malformed_tenant"; break;
        case DoorFlaw::two_places: reason = "two_tenants"; break;
    }
    if (flaw == DoorFlaw::credential) refuse_request({401, "invalid_token", "invalid token", reason, 0});
    refuse_request({400, "invalid_request", "invalid request", reason, 0});
}

[[noreturn]] void raise_fixed() {
    ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_STATE), errmsg("identity is already fixed in this transaction"),
                    errhidestmt(true)));
    pg_unreachable();
}

[[noreturn]] void refuse_wait(int seconds) {
    refuse_request({429, too_many_requests, "too many requests", too_many_requests, seconds});
}

// Why a known user may not work where the request says; both empty when that is allowed.
struct PlaceVerdict {
    DoorFlaw flaw;
    const char* refusal;
};

// Completes the identity with the place that the request names.
PlaceVerdict choose_place(Identity& identity, const Places& places) {
    const Identity of_token = identity;
    for (int i = 0; i < std::max(places.tenant_count, 1); ++i) {
        Identity chosen = of_token;
        const char* tenant = i < places.tenant_count ? places.tenants[i] : nullptr;
        const Rights* rights = rights_of_identity(chosen, tenant, places.unit);
        if (rights->refusal != nullptr) return {DoorFlaw::none, rights->refusal};
        if (i > 0 && !same_identity(identity, chosen)) return {DoorFlaw::two_places, nullptr};
        identity = chosen;
    }
    return {DoorFlaw::none, nullptr};
}

// Why the credential is refused, as a word of whoami() and one for the server log; null words when it is not.
struct Verdict {
    const char* word;
    const char* log_detail;
};

Verdict verify(const VerifiedToken& verified, Identity& identity) {
    if (verified.refusal != nullptr)
        return {verified.refusal, verified.log_detail != nullptr ? verified.log_detail : verified.refusal};
    identity = verified.identity;
    if (const char* ended = check_credential(identity, verified.kid)) return {word_of_ended(identity), ended};
    return {};
}

template <RequestMoment moment>
void charge(std::string_view limit, const Identity* /*of the transaction*/) {
    if (const int seconds = request_wait(limit, moment)) refuse_wait(seconds);
}

void charge_refused(std::string_view limit, const Identity* identity) {
    if (const int seconds = refused_request_wait(limit, *identity)) refuse_wait(seconds);
}

// A known user who tries tenants is charged for each.
[[noreturn]] void refuse_place(const PlaceVerdict& verdict, bool names_place) {
    if (verdict.flaw != DoorFlaw::none) refuse_flaw(verdict.flaw);
    // The token of a user who is no longer a member of its own tenant is refused as any other.
    if (!names_place) refuse_request({401, "invalid_token", "invalid token", verdict.refusal, 0});
    refuse_request({403, "insufficient_scope", "no access to this tenant or unit", verdict.refusal, 0});
}

// The error that the server raises where it cannot make the user of an issuer's token would be in no record.
[[noreturn]] void refuse_first_sight() {
    refuse_request({405, "invalid_request", "the first request of a new user must be one that writes", "read_only", 0});
}

// Fixes the identity of the token; false for one that is refused on an open path, as whose holder nobody works there.
bool present(Taken& request) {
    const VerifiedToken& seen = verify_argument(request.token);
    if (seen.first_sight && XactReadOnly && !request.is_open) refuse_first_sight();
    const VerifiedToken& verified = seen.first_sight && !XactReadOnly ? verify_or_create(request.token) : seen;
    Identity identity{};
    const Verdict verdict = verify(verified, identity);
    if (verdict.word != nullptr) {
        count_refusal(verdict.word);
        if (request.is_open) return false;
        refuse_request({401, "invalid_token", "invalid token", verdict.log_detail, 0});
    }
    const Identity of_token = identity;
    PlaceVerdict place{request.reads_claims ? add_claims(verified, request.places) : DoorFlaw::none, nullptr};
    if (place.flaw == DoorFlaw::none) place = choose_place(identity, request.places);
    if (place.flaw != DoorFlaw::none || place.refusal != nullptr) {
        if (place.refusal != nullptr) count_refusal("no_access");
        for_each_request_limit(charge_refused, &of_token);
        if (of_token.api_key.present)
            if (const int seconds = api_key_wait(of_token)) refuse_wait(seconds);
        if (request.is_open) return false;
        refuse_place(place, request.places.tenant_count > 0 || request.places.unit != nullptr);
    }
    const Establishment made = try_establish(identity, {verified.claims, verified.kid, verified.keys_generation});
    if (made.refusal == nullptr) return true;
    count_refusal(made.refusal);
    if (made.retry_after > 0) refuse_wait(made.retry_after);
    raise_fixed();
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_pre_request);
Datum bastion_pre_request(PG_FUNCTION_ARGS) {
    attach_statistics();
    require_valid_door();
    drop_left_requests();
    for_each_request_limit(charge<RequestMoment::arrives>);
    Taken request = read();
    hide_credentials(request);
    if (request.is_open && is_of_credential(request.flaw)) request.flaw = DoorFlaw::none;
    if (request.flaw != DoorFlaw::none) refuse_flaw(request.flaw);
    if (!request.token.is_null() && present(request)) {
        for_each_request_limit(charge<RequestMoment::has_identity>);
        if (authenticated_role()[0] != '\0') set_local("role", authenticated_role());
    } else if (decide().state == ContextState::authenticated) {
        raise_fixed();  // of something else than this request
    }
    record_request();
    PG_RETURN_VOID();
}

}  // extern "C"

}  // namespace bastion::pg
