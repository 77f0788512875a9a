// Checks that simdjson leaves to its caller: names that occur twice, the depth of empty containers, and values that jsonb
// cannot hold. A part of json.cpp, which runs it on each document right after it is parsed; no other file includes it, so
// that simdjson is compiled once.
#pragma once

// The library has a parser for each kind of processor and chooses at run time; the header need not declare those.
#define SIMDJSON_IMPLEMENTATION_FALLBACK 1
#define SIMDJSON_IMPLEMENTATION_HASWELL 0
#define SIMDJSON_IMPLEMENTATION_ICELAKE 0
#define SIMDJSON_IMPLEMENTATION_WESTMERE 0
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "core/base/json_limits.hpp"
#include "core/base/result.hpp"

namespace bastion {
namespace {

struct JsonFindings {
    bool has_nul = false;       // U+0000 in a string or name
    bool has_fraction = false;  // a number with fraction or exponent; all others have 20 characters at most
};

Error malformed_json(std::string_view detail) { return {ErrorCode::malformed_text, "invalid JSON", detail}; }

Error json_too_deep() {
    return {ErrorCode::limit_exceeded, "JSON is nested too deeply", "At most 64 levels are accepted."};
}

class Inspector {
public:
    explicit Inspector(bool has_escapes) : has_escapes_(has_escapes) {}

    std::optional<Error> inspect(simdjson::dom::element element, std::size_t depth);
    [[nodiscard]] JsonFindings findings() const noexcept { return findings_; }

private:
    std::optional<Error> inspect_array(const simdjson::dom::array& array, std::size_t depth);
    std::optional<Error> inspect_object(const simdjson::dom::object& object, std::size_t depth);
    void inspect_string(std::string_view text);

    bool has_escapes_;  // without a \u there is no NUL to look for
    JsonFindings findings_;
};

std::optional<Error> Inspector::inspect(simdjson::dom::element element, std::size_t depth) {
    switch (element.type()) {
        case simdjson::dom::element_type::ARRAY: return inspect_array(element.get_array().value_unsafe(), depth + 1);
        case simdjson::dom::element_type::OBJECT: return inspect_object(element.get_object().value_unsafe(), depth + 1);
        case simdjson::dom::element_type::STRING:
            inspect_string(element.get_string().value_unsafe());
            return std::nullopt;
        case simdjson::dom::element_type::DOUBLE: findings_.has_fraction = true; return std::nullopt;
        default: return std::nullopt;
    }
}

std::optional<Error> Inspector::inspect_array(const simdjson::dom::array& array, std::size_t depth) {
    if (depth > json_max_depth) return json_too_deep();
    for (const simdjson::dom::element element : array)
        if (auto error = inspect(element, depth)) return error;
    return std::nullopt;
}

// The names of one object so far. Most objects have few, and most names differ in length or first or last character:
// one bit per such class tells at once that a name is new.
class NameSet {
public:
    // False when the name occurred already.
    bool insert(std::string_view name) {
        const std::uint64_t bit = class_of(name);
        const bool known_class = (classes_ & bit) != 0;
        classes_ |= bit;
        if (known_class && in_first(name)) return false;
        if (count_ == first_.size()) {
            if (!rest_) rest_.emplace();
            return rest_->insert(name).second;
        }
        first_[count_++] = name;
        return true;
    }

private:
    static std::uint64_t class_of(std::string_view name) {
        if (name.empty()) return 1;
        const auto first = static_cast<std::uint8_t>(name.front());
        const auto last = static_cast<std::uint8_t>(name.back());
        return std::uint64_t{1} << ((name.size() + first * 7U + last * 13U) % 64);
    }

    [[nodiscard]] bool in_first(std::string_view name) const {
        const auto* end = first_.data() + count_;
        return std::find(first_.data(), end, name) != end;
    }

    std::array<std::string_view, 8> first_;
    std::size_t count_ = 0;
    std::uint64_t classes_ = 0;
    std::optional<std::unordered_set<std::string_view>> rest_;
};

std::optional<Error> Inspector::inspect_object(const simdjson::dom::object& object, std::size_t depth) {
    if (depth > json_max_depth) return json_too_deep();
    NameSet names;
    for (const auto& [name, value] : object) {
        if (!names.insert(name)) return malformed_json("A member name occurs twice.");
        inspect_string(name);
        if (auto error = inspect(value, depth)) return error;
    }
    return std::nullopt;
}

void Inspector::inspect_string(std::string_view text) {
    if (has_escapes_) findings_.has_nul |= text.find('\0') != std::string_view::npos;
}

Result<JsonFindings> inspect_json(simdjson::dom::element root, bool has_escapes) {
    Inspector inspector(has_escapes);
    if (auto error = inspector.inspect(root, 0)) return *std::move(error);
    return inspector.findings();
}

}  // namespace
}  // namespace bastion
