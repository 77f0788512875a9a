#include "pg/context/grants.hpp"

#include "pg/base/compat.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/settings.hpp"
#include "pg/context/context_setting.hpp"
#include "pg/context/grant_load.hpp"
#include "pg/session/token_setting.hpp"

namespace bastion::pg {
namespace {

bool gate_open = false;

// The value in force; the text is split into its lines in the backend that reads it.
struct GrantsValue {
    std::size_t size;
    char text[1];  // NUL-terminated; longer than declared
};

const GrantsValue* current = nullptr;

// "1 <state> <unit alone>", identity or empty, permissions, sets or empty, sqlstate, message, reason, claims (JSON, the rest).
enum Line {
    line_state,
    line_identity,
    line_permissions,
    line_sets,
    line_sqlstate,
    line_message,
    line_reason,
    line_claims,
    lines
};

char* join_permissions(const Decision& decision) {
    StringInfoData text;
    initStringInfo(&text);
    if (decision.rights != nullptr)
        for (const Permission& permission : decision.rights->permissions) {
            if (text.len > 0) appendStringInfoChar(&text, ' ');
            if (!permission.tenant_wide) appendStringInfoChar(&text, unit_only_mark);
            appendStringInfoString(&text, permission.name.c_str());
        }
    return text.data;
}

// The sets that the workers may need; sets that no check used are not read for them either.
const char* sets_text(const Decision& decision, bool wanted) {
    if (decision.rights == nullptr || (!wanted && decision.rights->sets == nullptr)) return "";
    GrantSets* sets = grant_sets_with_tenants(decision);
    char* text = nullptr;
    guarded_or_raise(
        [&]() -> Result<void> { return store_as_is(text, sets != nullptr ? sets->format() : std::string()); });
    return text;
}

char* format_grants(const Decision& decision, bool sets_wanted) {
    char identity[identity_text_size] = "";
    if (decision.state == ContextState::authenticated) format_identity(decision.identity, identity);
    return psprintf(
        "1 %d %d\n%s\n%s\n%s\n%d\n%s\n%s\n%s", static_cast<int>(decision.state),
        decision.rights != nullptr && decision.rights->unit_alone ? 1 : 0, identity, join_permissions(decision),
        sets_text(decision, sets_wanted), decision.sqlstate, decision.message != nullptr ? decision.message : "",
        decision.reason != nullptr ? decision.reason : "", decision.claims != nullptr ? decision.claims : "");
}

void set_grants(const char* value) {
    gate_open = true;
    PG_TRY();
    { set_local("bastion.grants", value); }
    PG_FINALLY();
    { gate_open = false; }
    PG_END_TRY();
}

// Splits the published text into its lines, in place; the last one may contain line feeds.
bool split(char* text, char* (&out)[lines]) noexcept {
    for (int line = 0; line < lines; ++line) {
        out[line] = text;
        if (line == lines - 1) return true;
        char* end = std::strchr(text, '\n');
        if (end == nullptr) return false;
        *end = '\0';
        text = end + 1;
    }
    return true;
}

Decision parse_grants(const GrantsValue& value) {
    char* fields[lines];
    // Lives as long as the worker.
    char* text = MemoryContextStrdup(TopMemoryContext, value.text);
    Decision out{};
    int state = 0;
    int unit_alone = 0;
    if (!split(text, fields) || std::sscanf(fields[line_state], "1 %d %d", &state, &unit_alone) != 2)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("published identity is malformed")));
    out.state = static_cast<ContextState>(state);
    out.sqlstate = std::atoi(fields[line_sqlstate]);
    out.message = fields[line_message];
    out.reason = fields[line_reason];
    if (out.state != ContextState::authenticated) return out;
    if (!parse_identity(fields[line_identity], out.identity))
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("published identity is malformed")));
    out.rights = adopt_rights(out.identity, fields[line_permissions], fields[line_sets], unit_alone != 0);
    out.claims = fields[line_claims][0] != '\0' ? fields[line_claims] : nullptr;
    return out;
}

}  // namespace

void publish_grants(bool sets_wanted) {
    const Decision& decision = decide();
    // A backend that never had a credential publishes nothing.
    if (decision.state == ContextState::anonymous && current == nullptr && context_value() == nullptr) return;
    set_grants(format_grants(decision, sets_wanted));
}

namespace {

// The decision that the leader published; called in workers only.
Decision published_decision() {
    if (current != nullptr) return parse_grants(*current);
    if (context_value() != nullptr || token_came_too_late())
        ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_STATE),
                        errmsg("identity was not published to the parallel worker"),
                        errhint("Preload pg_bastion, or call bastion.user_id() first.")));
    Decision out{};
    out.state = ContextState::anonymous;
    out.reason = "nothing_presented";
    return out;
}

bool check_grants(char** value, void** extra, GucSource) {
    *extra = nullptr;
    if (*value == nullptr || **value == '\0') return true;
    if (!gate_open && !InitializingParallelWorker) {
        GUC_check_errcode(ERRCODE_INSUFFICIENT_PRIVILEGE);
        GUC_check_errmsg("permission denied to set parameter \"bastion.grants\"");
        return false;
    }
    const std::size_t size = std::strlen(*value);
    auto* copy = static_cast<GrantsValue*>(compat::guc_extra_alloc(sizeof(GrantsValue) + size));
    if (copy == nullptr) return false;
    copy->size = size;
    std::memcpy(copy->text, *value, size + 1);
    *extra = copy;
    return true;
}

void assign_grants(const char*, void* extra) { current = static_cast<const GrantsValue*>(extra); }

const char* show_grants() { return ""; }

[[maybe_unused]] const auto registered = decision_of_worker = published_decision;

const SettingsTable table([] {
    static char* text = nullptr;
    define(StringSetting{"bastion.grants", "Identity and permissions for parallel workers; set by the extension alone.",
                         &text, "", PGC_USERSET, hidden_setting, check_grants, assign_grants, show_grants});
});

}  // namespace

}  // namespace bastion::pg
