// The options of jwt_verify, from JSON. Every mistake is an error, because an ignored option would weaken the check.
#include <algorithm>
#include <utility>

#include "core/jose/jws.hpp"
#include "core/jose/jwt.hpp"

namespace bastion {
namespace {

constexpr std::size_t options_max_bytes = 64 * 1024;

bool contains(const std::vector<std::string>& list, std::string_view text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

Result<std::vector<std::string>> option_strings(const JsonMember& option, bool one_allowed) {
    const std::string name(option.name);
    std::vector<std::string> strings;
    if (const auto one = option.value.string(); one && one_allowed) strings.emplace_back(*one);
    for (const JsonValue& element : option.value.elements()) {
        const auto text = element.string();
        if (!text) return invalid_argument("option \"" + name + "\" may hold strings alone");
        strings.emplace_back(*text);
    }
    // An empty list must not mean "any value".
    if (strings.empty() || contains(strings, ""))
        return invalid_argument("option \"" + name + "\" must be " + (one_allowed ? "a non-empty string or " : "") +
                                "an array of non-empty strings");
    return strings;
}

Result<double> option_seconds(const JsonMember& option, double least, double most) {
    const auto seconds = option.value.number();
    if (!seconds || !(*seconds >= least && *seconds <= most))
        return invalid_argument("option \"" + std::string(option.name) + "\" must be a number of seconds from " +
                                std::to_string(static_cast<long long>(least)) + " to " +
                                std::to_string(static_cast<long long>(most)));
    return *seconds;
}

template <class T, class Field>
Result<void> assign(Result<T> value, Field& field) {
    if (!value) return std::move(value).error();
    field = std::move(*value);
    return {};
}

Result<void> read_algorithms(const JsonMember& option, JwtOptions& options) {
    auto names = option_strings(option, false);
    if (!names) return std::move(names).error();
    for (const std::string& name : *names)
        if (find_jws_algorithm(name) == nullptr)
            return invalid_argument("option \"algorithms\" names an algorithm that is not supported",
                                    "Supported are " + jws_algorithm_names() + ".");
    options.algorithms = std::move(*names);
    return {};
}

Result<void> read_typ(const JsonMember& option, JwtOptions& options) {
    const auto text = option.value.string();
    if (!text || text->empty()) return invalid_argument("option \"typ\" must be a non-empty string");
    options.typ = std::string(*text);
    return {};
}

Result<bool> option_flag(const JsonMember& option) {
    const auto flag = option.value.boolean();
    if (!flag) return invalid_argument("option \"" + std::string(option.name) + "\" must be true or false");
    return *flag;
}

Result<void> read_option(const JsonMember& option, JwtOptions& options) {
    if (option.name == "iss") return assign(option_strings(option, true), options.iss);
    if (option.name == "aud") return assign(option_strings(option, true), options.aud);
    if (option.name == "algorithms") return read_algorithms(option, options);
    if (option.name == "typ") return read_typ(option, options);
    if (option.name == "leeway") return assign(option_seconds(option, 0, max_leeway_seconds), options.leeway);
    if (option.name == "max_age") return assign(option_seconds(option, 0, max_numeric_date), options.max_age);
    if (option.name == "allow_missing_exp") return assign(option_flag(option), options.allow_missing_exp);
    if (option.name == "allow_any_aud") return assign(option_flag(option), options.allow_any_aud);
    if (option.name == "now") return assign(option_seconds(option, 0, max_numeric_date), options.now);
    return invalid_argument(
        "unknown JWT option",
        "Options are iss, aud, leeway, algorithms, typ, max_age, allow_any_aud, allow_missing_exp and now.");
}

}  // namespace

Result<JwtOptions> parse_jwt_options(std::string_view json) {
    const auto document = parse_json(json, options_max_bytes);
    if (!document || !document->root().is_object()) return invalid_argument("JWT options must be a JSON object");
    JwtOptions options;
    for (const JsonMember& option : document->root().members())
        if (auto read = read_option(option, options); !read) return std::move(read).error();
    if (options.allow_any_aud && !options.aud.empty())
        return invalid_argument("option \"allow_any_aud\" contradicts option \"aud\"");
    return options;
}

}  // namespace bastion
