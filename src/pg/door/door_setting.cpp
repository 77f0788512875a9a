#include "pg/door/door_setting.hpp"

#include "pg/base/settings.hpp"

namespace bastion::pg {
namespace {

char* token_from = nullptr;
char* tenant_from = nullptr;
char* open_paths = nullptr;
char* limits = nullptr;
char* role = nullptr;
int errors = 0;
int audit = 0;

std::optional<DoorRules> rules;
bool rules_are_stale = true;

constexpr const char* names[] = {"bastion.token_from",         "bastion.tenant_from",    "bastion.open_paths",
                                 "bastion.request_limits",     "bastion.request_errors", "bastion.request_audit",
                                 "bastion.authenticated_role", "bastion.trusted_hops"};

constexpr config_enum_entry error_values[] = {{"pt", static_cast<int>(RequestErrors::pt), false},
                                              {"pgrst", static_cast<int>(RequestErrors::pgrst), false},
                                              {nullptr, 0, false}};

constexpr config_enum_entry audit_values[] = {{"off", static_cast<int>(RequestAudit::off), false},
                                              {"refused", static_cast<int>(RequestAudit::refused), false},
                                              {"all", static_cast<int>(RequestAudit::all), false},
                                              {nullptr, 0, false}};

// Whether core reads the value as a list of that kind.
template <class Parse>
bool is_list(const char* value, const char* detail, Parse parse) {
    CallFailure failure;
    const bool read = guarded(failure, [&]() -> Result<void> {
        const auto parsed = parse(value);
        return parsed ? Result<void>() : parsed.error();
    });
    if (!read) GUC_check_errdetail("%s", detail);
    return read;
}

bool check_token_from(char** value, void** /*extra*/, GucSource /*source*/) {
    return is_list(*value,
                   "The value is a list with commas of bearer, header:NAME and cookie:NAME; a header is neither "
                   "authorization nor cookie.",
                   [](const char* text) { return parse_credential_sources(text); });
}

bool check_tenant_from(char** value, void** /*extra*/, GucSource /*source*/) {
    return is_list(*value,
                   "The value is a list with commas of header:NAME, header:NAME={unit}, path:/FOLDER/{tenant}, "
                   "host:{tenant}.DOMAIN, claim and claim:NAME.",
                   [](const char* text) { return parse_place_sources(text); });
}

bool check_open_paths(char** value, void** /*extra*/, GucSource /*source*/) {
    return is_list(*value, "The value is a list with commas of paths that begin with a slash.",
                   [](const char* text) { return parse_open_paths(text); });
}

void drop_rules(const char* /*value*/, void* /*extra*/) { rules_are_stale = true; }

const SettingsTable table([] {
    define(StringSetting{.name = "bastion.token_from",
                         .description = "Where bastion.pre_request() finds the token of a request.",
                         .variable = &token_from,
                         .boot_value = "bearer, header:x-api-key",
                         .context = PGC_SUSET,
                         .check = check_token_from,
                         .assign = drop_rules});
    define(StringSetting{.name = "bastion.tenant_from",
                         .description =
                             "Where bastion.pre_request() finds the tenant and the unit of a request; empty: "
                             "those of the token.",
                         .variable = &tenant_from,
                         .boot_value = "",
                         .context = PGC_SUSET,
                         .check = check_tenant_from,
                         .assign = drop_rules});
    define(
        StringSetting{.name = "bastion.open_paths",
                      .description = "Paths (request.path) where bastion.pre_request() takes a refused token for none.",
                      .variable = &open_paths,
                      .boot_value = "",
                      .context = PGC_SUSET,
                      .check = check_open_paths,
                      .assign = drop_rules});
    define(StringSetting{.name = "bastion.request_limits",
                         .description = "Rate limits, with commas, that bastion.pre_request() charges each request to.",
                         .variable = &limits,
                         .boot_value = "",
                         .context = PGC_SUSET});
    define(
        StringSetting{.name = "bastion.authenticated_role",
                      .description = "Role that bastion.pre_request() gives a request with an identity; empty: none.",
                      .variable = &role,
                      .boot_value = "",
                      .context = PGC_SUSET});
    define(EnumSetting{"bastion.request_errors",
                       "How bastion.pre_request() refuses: pt, or pgrst, with headers, for PostgREST from 12 on.",
                       &errors, error_values, PGC_SUSET});
    define(EnumSetting{"bastion.request_audit",
                       "Requests that bastion.pre_request() records as events: off, refused or all.", &audit,
                       audit_values, PGC_SUSET});
});

}  // namespace

void require_valid_door() {
    for (const char* name : names) require_valid(name);
}

Result<const DoorRules*> door_rules() {
    if (!rules || rules_are_stale) {
        Result<DoorRules> parsed = parse_door_rules(token_from, tenant_from, open_paths);
        if (!parsed) return std::move(parsed).error();
        rules = *std::move(parsed);
        rules_are_stale = false;
    }
    return &*rules;
}

RequestErrors request_errors() noexcept { return static_cast<RequestErrors>(errors); }
RequestAudit request_audit() noexcept { return static_cast<RequestAudit>(audit); }
const char* authenticated_role() noexcept { return role; }

void for_each_request_limit(void (*use)(std::string_view name, const Identity* identity), const Identity* identity) {
    std::string_view rest(limits);
    while (!rest.empty()) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        const std::string_view name = trim_blanks(rest.substr(0, comma));
        if (!name.empty()) use(name, identity);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
}

}  // namespace bastion::pg
