#include "pg/base/environment.hpp"

#include "pg/base/settings.hpp"

namespace bastion::pg {
namespace {

char* current = nullptr;

// As bastion_internal.is_environment().
bool is_environment(std::string_view text) noexcept {
    const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
    const auto may_follow = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; };
    return text == "*" || (!text.empty() && text.size() < NAMEDATALEN && is_letter(text.front()) &&
                           std::all_of(text.begin(), text.end(), may_follow));
}

bool check(char** value, void**, GucSource) noexcept {
    if (is_environment(*value)) return true;
    GUC_check_errdetail("An environment is a word of lower-case letters, digits and underscores, at most 63, or *.");
    return false;
}

const SettingsTable table([] {
    define(StringSetting{"bastion.environment",
                         "The environment whose settings and flags count before those for all environments, such as "
                         "production.",
                         &current, "production", PGC_SUSET, 0, check});
});

}  // namespace

const char* environment() {
    require_valid("bastion.environment");
    return current;
}

}  // namespace bastion::pg
