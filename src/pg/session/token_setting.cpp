#include "pg/session/token_setting.hpp"

#include "pg/base/compat.hpp"
#include "pg/base/decision_flag.hpp"
#include "pg/base/settings.hpp"

namespace bastion::pg {
namespace {

// 0 marks a value that counts in no transaction.
constexpr uint64 no_transaction = 0;

uint64 current_transaction = 1;
uint64 last_id = 0;
bool loading = true;
bool token_unknown = false;

PresentedValue* token = nullptr;
PresentedValue* tenant = nullptr;
PresentedValue* unit = nullptr;

char* token_text = nullptr;
char* tenant_text = nullptr;
char* unit_text = nullptr;
bool allow_session_token = false;

bool counts(const PresentedValue* value) noexcept {
    return value != nullptr && (value->transaction == current_transaction || allow_session_token);
}

// True when the setting is a placeholder that the current transaction has set: only then does it have a stack.
bool set_in_this_transaction(const char* name) {
    const config_generic* setting = compat::find_setting(name);
    return setting != nullptr && (setting->flags & GUC_CUSTOM_PLACEHOLDER) != 0 && setting->stack != nullptr;
}

bool has_placeholder_value(const char* name) {
    const config_generic* setting = compat::find_setting(name);
    if (setting == nullptr || (setting->flags & GUC_CUSTOM_PLACEHOLDER) == 0) return false;
    const char* value = *reinterpret_cast<const config_string*>(setting)->variable;
    return value != nullptr && *value != '\0';
}

void adopt(void* extra) noexcept {
    if (extra != nullptr) static_cast<PresentedValue*>(extra)->transaction = current_transaction;
}

// The values that the current transaction has set: the present one, and those that a ROLLBACK TO gives back. The oldest on the
// stack is from before the transaction.
void adopt_stack(const char* name, PresentedValue* present, bool in_this_transaction) noexcept {
    if (!in_this_transaction) return;
    adopt(present);
    const config_generic* setting = compat::find_setting(name);
    const GucStack* saved = setting != nullptr ? setting->stack : nullptr;
    for (; saved != nullptr; saved = saved->prev) {
        if (saved->state == GUC_SET_LOCAL) adopt(saved->masked.extra);
        if (saved->prev != nullptr) adopt(saved->prior.extra);
    }
}

bool present(char** value, void** extra, GucSource source, const char* name) {
    *extra = nullptr;
    if (*value == nullptr || **value == '\0') return true;
    if (source != PGC_S_SESSION && !InitializingParallelWorker) {
        GUC_check_errcode(ERRCODE_INSUFFICIENT_PRIVILEGE);
        GUC_check_errmsg("permission denied to store parameter \"%s\"", name);
        GUC_check_errdetail("It can be set only inside a session.");
        return false;
    }
    const std::size_t size = std::strlen(*value);
    auto* presented = static_cast<PresentedValue*>(compat::guc_extra_alloc(sizeof(PresentedValue) + size));
    if (presented == nullptr) return false;
    presented->id = ++last_id;
    presented->transaction = loading ? no_transaction : current_transaction;
    presented->size = size;
    std::memcpy(presented->text, *value, size + 1);
    *extra = presented;
    return true;
}

}  // namespace

void hide_statement() {
    static const char* const shown = "<bastion.token set>";
    if (InitializingParallelWorker || debug_query_string == nullptr) return;
    debug_query_string = shown;
    pgstat_report_activity(STATE_RUNNING, shown);
}

const PresentedValue* presented_token(bool* stale) noexcept {
    const bool counted = counts(token);
    *stale = token != nullptr && !counted;
    return counted ? token : nullptr;
}

bool token_came_too_late() noexcept { return token_unknown && IsInParallelMode(); }

const PresentedValue* presented_tenant() noexcept { return counts(tenant) ? tenant : nullptr; }
const PresentedValue* presented_unit() noexcept { return counts(unit) ? unit : nullptr; }

uint64 transaction_number() noexcept { return current_transaction; }
void next_transaction() noexcept { ++current_transaction; }

Placeholders find_placeholders() {
    return {set_in_this_transaction("bastion.token"), set_in_this_transaction("bastion.tenant"),
            set_in_this_transaction("bastion.unit"), has_placeholder_value("bastion.token")};
}

void adopt_placeholders(const Placeholders& set_in_this_transaction) noexcept {
    adopt_stack("bastion.token", token, set_in_this_transaction.token);
    adopt_stack("bastion.tenant", tenant, set_in_this_transaction.tenant);
    adopt_stack("bastion.unit", unit, set_in_this_transaction.unit);
    token_unknown = set_in_this_transaction.unknown;
    loading = false;
}

bool session_token_counts() noexcept { return allow_session_token; }

namespace {

bool check_token(char** value, void** extra, GucSource source) {
    if (*value != nullptr && **value != '\0') hide_statement();
    return present(value, extra, source, "bastion.token");
}

bool check_selector(char** value, void** extra, GucSource source) {
    return present(value, extra, source, "bastion.tenant or bastion.unit");
}

void assign_token(const char*, void* extra) {
    token = static_cast<PresentedValue*>(extra);
    present_another();
}

void assign_tenant(const char*, void* extra) {
    tenant = static_cast<PresentedValue*>(extra);
    present_another();
}

void assign_unit(const char*, void* extra) {
    unit = static_cast<PresentedValue*>(extra);
    forget_decision();
}

const char* show_token() { return token != nullptr ? "<hidden>" : ""; }

const SettingsTable table([] {
    define(StringSetting{"bastion.token", "Token of the current transaction, verified lazily.", &token_text, "",
                         PGC_USERSET, hidden_setting, check_token, assign_token, show_token});
    define(StringSetting{"bastion.tenant", "Tenant (id or slug) that the current transaction selects.", &tenant_text,
                         "", PGC_USERSET, hidden_setting, check_selector, assign_tenant});
    define(StringSetting{"bastion.unit", "Unit (id) that the current transaction selects.", &unit_text, "", PGC_USERSET,
                         hidden_setting, check_selector, assign_unit});
    define(BoolSetting{"bastion.allow_session_token",
                       "Honours a token that was set before the current transaction. Never behind a connection pool.",
                       &allow_session_token, PGC_SUSET});
});

}  // namespace

}  // namespace bastion::pg
