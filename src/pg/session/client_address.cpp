#include "pg/session/client_address.hpp"

#include "core/base/json.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/settings.hpp"
#include "pg/base/text.hpp"
#include "pg/session/request_setting.hpp"

extern "C" {
#include "libpq/libpq-be.h"
#include "utils/inet.h"
}

#include <netinet/in.h>

namespace bastion::pg {
namespace {

int trusted_hops = 0;

const SettingsTable table([] {
    define(IntSetting{"bastion.trusted_hops",
                      "Proxies, the HTTP front door's included, whose X-Forwarded-For names the client; 0 takes the "
                      "address of the connection.",
                      &trusted_hops, 0, 0, 32, PGC_SUSET});
});

constexpr std::size_t max_headers = 256 * 1024;

bool socket_address(IpAddress& out) noexcept {
    if (MyProcPort == nullptr) return false;
    const auto* address = reinterpret_cast<const sockaddr*>(&MyProcPort->raddr.addr);
    std::optional<IpAddress> found;
    if (address->sa_family == AF_INET)
        found = ip_address_of(
            reinterpret_cast<const std::uint8_t*>(&reinterpret_cast<const sockaddr_in*>(address)->sin_addr), 4);
    else if (address->sa_family == AF_INET6)
        found = ip_address_of(
            reinterpret_cast<const std::uint8_t*>(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr), 16);
    if (found) out = *found;
    return found.has_value();
}

// Hands a header of the HTTP request to `use`, in phase B; false when there is none that it accepts. Any client may have set
// request.headers to any value: text other than a JSON object with that header has none.
template <class Use>
bool read_header(std::string_view name, Use use) {
    const char* headers = request_setting(request_headers);
    if (*headers == '\0') return false;
    const Utf8 json = utf8_or_null(ServerText(headers));
    CallFailure failure;
    bool found = false;
    const bool read = guarded(failure, [&]() -> Result<void> {
        Result<JsonDocument> document = parse_json(json, max_headers);
        if (!document) return document.error();
        const auto header = document->root().find(name);
        const auto text = header ? header->string() : std::nullopt;
        found = text && use(*text);
        return {};
    });
    if (!read && failure.sqlstate == ERRCODE_OUT_OF_MEMORY) raise(failure);
    return read && found;
}

bool header_address(IpAddress& out) {
    return read_header("x-forwarded-for", [&](std::string_view text) {
        const auto address = forwarded_address(text, static_cast<std::size_t>(trusted_hops));
        if (address) out = *address;
        return address.has_value();
    });
}

constexpr int longest_user_agent = 500;
constexpr int longest_language = 100;

// The beginning of a header as text; null when there is none that the database can hold.
NullableDatum header_text(std::string_view name, int longest) {
    Utf8 text;
    Datum out{};
    if (!read_header(name,
                     [&](std::string_view value) { return value.find('\0') == value.npos && store(text, value); }) ||
        !text_datum_if_possible(text, out))
        return {Datum{0}, true};
    return {DirectFunctionCall2(text_left, out, Int32GetDatum(longest)), false};
}

Datum text_or_null(FunctionCallInfo fcinfo, const NullableDatum& text) {
    if (text.isnull) PG_RETURN_NULL();
    PG_RETURN_DATUM(text.value);
}

}  // namespace

bool client_address(IpAddress& out) {
    require_valid("bastion.trusted_hops");
    return trusted_hops > 0 ? header_address(out) : socket_address(out);
}

bool is_behind_proxy() {
    require_valid("bastion.trusted_hops");
    return trusted_hops > 0;
}

NullableDatum request_user_agent() { return header_text("user-agent", longest_user_agent); }

extern "C" {

PG_FUNCTION_INFO_V1(bastion_client_address);
Datum bastion_client_address(PG_FUNCTION_ARGS) {
    IpAddress address;
    if (!client_address(address)) PG_RETURN_NULL();
    char* text = nullptr;
    guarded_or_raise([&]() -> Result<void> { return store_as_is(text, format_ip_address(address)); });
    return DirectFunctionCall1(inet_in, CStringGetDatum(text));
}

PG_FUNCTION_INFO_V1(bastion_request_user_agent);
Datum bastion_request_user_agent(PG_FUNCTION_ARGS) { return text_or_null(fcinfo, request_user_agent()); }

PG_FUNCTION_INFO_V1(bastion_request_languages);
Datum bastion_request_languages(PG_FUNCTION_ARGS) {
    return text_or_null(fcinfo, header_text("accept-language", longest_language));
}

// The network in its canonical form, or NULL for a text that is not a network.
PG_FUNCTION_INFO_V1(bastion_network_or_null);
Datum bastion_network_or_null(PG_FUNCTION_ARGS) {
    const Utf8 input = utf8_of(PG_GETARG_TEXT_PP(0));
    char* text = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        const std::optional<IpNetwork> network = parse_ip_network(input);
        return network ? store_as_is(text, format_ip_network(*network)) : Result<void>();
    });
    if (text == nullptr) PG_RETURN_NULL();
    return DirectFunctionCall1(cidr_in, CStringGetDatum(text));
}

}  // extern "C"

}  // namespace bastion::pg
