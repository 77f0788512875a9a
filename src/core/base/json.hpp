// Strict JSON (RFC 8259) over simdjson: the whole text is one value of valid UTF-8, no member name occurs twice in an
// object, no lone surrogate, at most 64 levels. Called by the JWK, JWS, JWT and password option parsers. A JsonDocument
// owns what it parsed and wipes it when it dies, for it may hold keys; JsonValue and the views taken from it live as
// long as their document. simdjson is seen by json.cpp and its part json_inspect.hpp alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/base/json_limits.hpp"
#include "core/base/result.hpp"

namespace bastion {

enum class JsonType { null, boolean, number, string, array, object };

struct JsonMember;
struct JsonStorage;

class JsonValue {
public:
    [[nodiscard]] JsonType type() const noexcept;
    [[nodiscard]] bool is_object() const noexcept { return type() == JsonType::object; }
    [[nodiscard]] bool is_array() const noexcept { return type() == JsonType::array; }

    // Each is empty when the value has another type.
    [[nodiscard]] std::optional<std::string_view> string() const noexcept;
    [[nodiscard]] std::optional<bool> boolean() const noexcept;
    [[nodiscard]] std::optional<double> number() const noexcept;          // any JSON number, always finite
    [[nodiscard]] std::optional<std::uint64_t> natural() const noexcept;  // the same as integer(), from 0 to 2^64 - 1
    [[nodiscard]] std::optional<std::int64_t> integer()
        const noexcept;  // a number written without fraction or exponent

    // Empty for anything but an object or array.
    [[nodiscard]] std::optional<JsonValue> find(std::string_view name) const noexcept;
    [[nodiscard]] std::vector<JsonMember> members() const;
    [[nodiscard]] std::vector<JsonValue> elements() const;

    // Calls visit(name, value) for each member of an object until it returns false.
    template <class Visit>
    void visit_members(Visit&& visit) const {
        visit_members(&visit, [](void* context, std::string_view name, const JsonValue& value) -> bool {
            return (*static_cast<std::remove_reference_t<Visit>*>(context))(name, value);
        });
    }

private:
    friend struct JsonAccess;
    using MemberVisitor = bool (*)(void* context, std::string_view name, const JsonValue& value);
    JsonValue() = default;
    void visit_members(void* context, MemberVisitor visit) const;

    alignas(8) std::array<std::byte, 16> element_{};
};

struct JsonMember {
    std::string_view name;
    JsonValue value;
};

class JsonDocument {
public:
    JsonDocument() noexcept;  // holds null
    JsonDocument(JsonDocument&&) noexcept;
    JsonDocument& operator=(JsonDocument&&) noexcept;
    JsonDocument(const JsonDocument&) = delete;
    JsonDocument& operator=(const JsonDocument&) = delete;
    ~JsonDocument();

    // Only of a document that parse_json returned.
    [[nodiscard]] JsonValue root() const noexcept;

    // Whether jsonb can hold it as it is: no U+0000 in a string or name, numbers that numeric can hold.
    [[nodiscard]] bool jsonb_representable() const noexcept;

private:
    friend struct JsonAccess;
    std::unique_ptr<JsonStorage> storage_;
};

// Numbers beyond 64 bits or a double are refused, or have the largest double of their sign as their number(): then only the
// text has the value.
enum class JsonNumbers { bounded, any };

// Errors: malformed_text, or limit_exceeded past `max_bytes` or 64 levels. Messages never quote the text.
[[nodiscard]] Result<JsonDocument> parse_json(std::string_view text, std::size_t max_bytes,
                                              JsonNumbers numbers = JsonNumbers::bounded);

// The same JSON text without insignificant white space; numbers keep their digits. Only of text that parse_json took.
[[nodiscard]] std::string json_minify(std::string_view text);

// The value as JSON text without insignificant white space. A number with fraction or exponent is the shortest text of its double.
[[nodiscard]] std::string json_text(const JsonValue& value);

// Replaces each escaped character outside ASCII by the character, in place; returns the new size. For readers that know no
// UTF-8. Only of text that parse_json took.
[[nodiscard]] std::size_t json_decode_escapes(std::span<char> text) noexcept;

// Appends `text` as a JSON string literal with its quotes.
void json_append_string(std::string& out, std::string_view text);

}  // namespace bastion
