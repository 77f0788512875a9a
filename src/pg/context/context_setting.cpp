#include "pg/context/context_setting.hpp"

#include "pg/base/compat.hpp"
#include "pg/base/decision_flag.hpp"
#include "pg/base/settings.hpp"

namespace bastion::pg {
namespace {

// The identity that is being set; null while the gate is closed.
const Identity* entering = nullptr;
const ContextValue* current = nullptr;

// Removes the next line from the front of `rest`.
std::string_view next_line(std::string_view& rest) noexcept {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return line;
}

}  // namespace

const ContextValue* context_value() noexcept { return current; }

void set_context_setting(const Identity& identity, const Evidence& evidence) {
    char head[identity_text_size];
    format_identity(identity, head);
    char* payload = psprintf("%s\n%s\n%s", head, evidence.kid != nullptr ? evidence.kid : "",
                             evidence.claims != nullptr ? evidence.claims : "");
    entering = &identity;
    PG_TRY();
    { set_local("bastion.context", payload); }
    PG_FINALLY();
    { entering = nullptr; }
    PG_END_TRY();
    current->keys_generation = evidence.keys_generation;
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
    std::string_view claims(*value);
    const std::string_view head = next_line(claims);
    const std::string_view kid = next_line(claims);
    auto* parsed = static_cast<ContextValue*>(compat::guc_extra_alloc(sizeof(ContextValue) + claims.size()));
    if (parsed == nullptr) return false;
    *extra = parsed;
    parsed->keys_generation = 0;
    const std::size_t kid_size = std::min(kid.size(), max_kid_size - 1);
    std::memcpy(parsed->kid, kid.data(), kid_size);
    parsed->kid[kid_size] = '\0';
    parsed->claims_size = claims.size();
    std::memcpy(parsed->claims, claims.data(), claims.size());
    parsed->claims[claims.size()] = '\0';
    // Only a worker reads the text of its leader.
    if (entering == nullptr) return parse_identity(head, parsed->identity);
    Assert(parse_identity(head, parsed->identity) && same_identity(parsed->identity, *entering));
    parsed->identity = *entering;
    return true;
}

void assign_context(const char*, void* extra) {
    current = static_cast<const ContextValue*>(extra);
    present_another();
}

}  // namespace bastion::pg
