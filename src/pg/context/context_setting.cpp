#include "pg/context/context_setting.hpp"

#include "pg/base/compat.hpp"
#include "pg/base/decision_flag.hpp"
#include "pg/base/settings.hpp"

namespace bastion::pg {
namespace {

// What is being set; null while the gate is closed.
struct Entering {
    const Identity* identity;
    const Evidence* evidence;
    std::size_t claims_size;
};
const Entering* entering = nullptr;
const ContextValue* current = nullptr;

void fill(ContextValue& out, const Entering& value) noexcept {
    const Evidence& evidence = *value.evidence;
    out.identity = *value.identity;
    if (evidence.kid != nullptr) strlcpy(out.kid, evidence.kid, sizeof out.kid);
    out.keys_generation = evidence.keys_generation;
    out.claims_size = value.claims_size;
    if (value.claims_size > 0) std::memcpy(out.claims, evidence.claims, value.claims_size + 1);
}

}  // namespace

const ContextValue* context_value() noexcept { return current; }

void set_context_setting(const Identity& identity, const Evidence& evidence) {
    const Entering value{&identity, &evidence, evidence.claims != nullptr ? std::strlen(evidence.claims) : 0};
    entering = &value;
    PG_TRY();
    { set_local("bastion.context", "set"); }
    PG_FINALLY();
    { entering = nullptr; }
    PG_END_TRY();
}

void clear_context_setting() { set_local("bastion.context", ""); }

bool check_context(char** value, void** extra, GucSource) {
    *extra = nullptr;
    if (*value == nullptr || **value == '\0') return true;
    if (entering == nullptr && !InitializingParallelWorker) {
        GUC_check_errcode(ERRCODE_INSUFFICIENT_PRIVILEGE);
        GUC_check_errmsg("permission denied to set parameter \"bastion.context\"");
        GUC_check_errhint("Call bastion.authenticate(), or set bastion.token.");
        return false;
    }
    // A worker learns only that its leader has an identity; grants.cpp tells which.
    const std::size_t claims_size = entering != nullptr ? entering->claims_size : 0;
    auto* made = static_cast<ContextValue*>(compat::guc_extra_alloc(sizeof(ContextValue) + claims_size));
    if (made == nullptr) return false;
    *extra = made;
    std::memset(made, 0, sizeof(ContextValue));
    if (entering != nullptr) fill(*made, *entering);
    return true;
}

void assign_context(const char*, void* extra) {
    current = static_cast<const ContextValue*>(extra);
    present_another();
}

}  // namespace bastion::pg
