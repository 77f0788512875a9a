#include "pg/context_setting.hpp"

#include "pg/compat.hpp"
#include "pg/context.hpp"
#include "pg/guc.hpp"

namespace bastion::pg {
namespace {

bool gate_open = false;
const ContextValue* current = nullptr;

}  // namespace

const ContextValue* context_value() noexcept { return current; }

void set_context_setting(const Identity& identity, const char* claims) {
    char head[identity_text_size];
    format_identity(identity, head);
    char* payload = claims != nullptr ? psprintf("%s\n%s", head, claims) : head;
    gate_open = true;
    PG_TRY();
    { set_local("bastion.context", payload); }
    PG_FINALLY();
    { gate_open = false; }
    PG_END_TRY();
}

void clear_context_setting() { set_local("bastion.context", ""); }

bool check_context(char** value, void** extra, GucSource) {
    *extra = nullptr;
    if (*value == nullptr || **value == '\0') return true;
    if (!gate_open && !InitializingParallelWorker) {
        GUC_check_errcode(ERRCODE_INSUFFICIENT_PRIVILEGE);
        GUC_check_errmsg("permission denied to set parameter \"bastion.context\"");
        GUC_check_errhint("Call bastion.authenticate(), or set bastion.token.");
        return false;
    }
    const std::string_view payload(*value);
    const std::size_t head_size = std::min(payload.find('\n'), payload.size());
    const std::string_view claims = payload.substr(std::min(head_size + 1, payload.size()));
    auto* parsed = static_cast<ContextValue*>(compat::guc_extra_alloc(sizeof(ContextValue) + claims.size()));
    if (parsed == nullptr) return false;
    *extra = parsed;
    parsed->claims_size = claims.size();
    std::memcpy(parsed->claims, claims.data(), claims.size());
    parsed->claims[claims.size()] = '\0';
    return parse_identity(payload.substr(0, head_size), parsed->identity);
}

void assign_context(const char*, void* extra) {
    current = static_cast<const ContextValue*>(extra);
    forget_decision();
}

const char* show_context() { return describe_context(); }

}  // namespace bastion::pg
