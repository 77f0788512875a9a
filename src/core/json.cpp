#include "core/json.hpp"

#include <simdjson.h>
#include <sodium.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>
#include <unordered_set>
#include <utility>

namespace bastion {

namespace dom = simdjson::dom;

// A parser with its buffers: making one costs more than parsing a token.
struct JsonStorage {
    dom::parser parser;
    dom::document document;
    std::unique_ptr<std::uint8_t[]> text;  // the input with simdjson's padding behind it
    std::size_t capacity = 0;
    std::size_t size = 0;
    bool has_nul = false;
    bool has_fraction = false;
    dom::element root;

    bool reserve(std::size_t bytes);
    void wipe() noexcept;
};

struct JsonAccess {
    static JsonValue wrap(const dom::element& element) noexcept {
        static_assert(sizeof(element) <= sizeof(JsonValue) && std::is_trivially_copyable_v<dom::element>);
        JsonValue value;
        std::memcpy(value.element_.data(), &element, sizeof element);
        return value;
    }

    static dom::element unwrap(const JsonValue& value) noexcept {
        dom::element element;
        std::memcpy(static_cast<void*>(&element), value.element_.data(), sizeof element);
        return element;
    }

    static JsonDocument adopt(std::unique_ptr<JsonStorage> storage) noexcept {
        JsonDocument document;
        document.storage_ = std::move(storage);
        return document;
    }

    static JsonStorage& storage(JsonDocument& document) noexcept { return *document.storage_; }
};

namespace {

constexpr std::size_t smallest_capacity = 1024;
constexpr std::size_t largest_kept_capacity = 64 * 1024;
constexpr std::size_t most_kept_parsers = 4;

// Statics may hold documents and die after the thread's pool: then there is nothing to return a parser to.
thread_local bool pool_closed = false;

struct ParserPool {
    std::vector<std::unique_ptr<JsonStorage>> idle;
    ~ParserPool() { pool_closed = true; }
};

ParserPool& parser_pool() {
    thread_local ParserPool pool;
    return pool;
}

std::unique_ptr<JsonStorage> take_parser() {
    if (!pool_closed) {
        auto& idle = parser_pool().idle;
        if (!idle.empty()) {
            auto storage = std::move(idle.back());
            idle.pop_back();
            return storage;
        }
        idle.reserve(most_kept_parsers);  // so that giving back never allocates
    }
    return std::make_unique<JsonStorage>();
}

void give_back(std::unique_ptr<JsonStorage> storage) noexcept {
    if (!storage) return;
    storage->wipe();
    if (pool_closed || storage->capacity > largest_kept_capacity) return;
    auto& idle = parser_pool().idle;
    if (idle.size() < idle.capacity() && idle.size() < most_kept_parsers) idle.push_back(std::move(storage));
}

Error malformed_json(std::string detail) {
    return {ErrorCode::malformed_text, "invalid JSON", std::move(detail)};
}

Error too_deep() {
    return {ErrorCode::limit_exceeded, "JSON is nested too deeply", "At most 64 levels are accepted."};
}

Error parse_error(simdjson::error_code code) {
    switch (code) {
        case simdjson::MEMALLOC: return {ErrorCode::limit_exceeded, "could not get memory to parse JSON"};
        case simdjson::DEPTH_ERROR: return too_deep();
        case simdjson::UTF8_ERROR: return malformed_json("The text is not valid UTF-8.");
        case simdjson::NUMBER_ERROR: return malformed_json("A number is malformed or out of range.");
        case simdjson::STRING_ERROR: return malformed_json("A string is malformed.");
        case simdjson::EMPTY: return malformed_json("The text is empty.");
        default: return malformed_json("The text is not one JSON value.");
    }
}

// Looks at what simdjson leaves to its caller: names that occur twice, U+0000 and the depth of empty containers.
class Inspector {
public:
    explicit Inspector(bool has_escapes) : has_escapes_(has_escapes) {}

    std::optional<Error> inspect(dom::element element, std::size_t depth);
    [[nodiscard]] bool has_nul() const noexcept { return has_nul_; }
    [[nodiscard]] bool has_fraction() const noexcept { return has_fraction_; }

private:
    std::optional<Error> inspect_array(const dom::array& array, std::size_t depth);
    std::optional<Error> inspect_object(const dom::object& object, std::size_t depth);
    void inspect_string(std::string_view text);

    bool has_escapes_;  // without a \u there is no NUL to look for
    bool has_nul_ = false;
    bool has_fraction_ = false;  // a number with fraction or exponent; all others have 20 characters at most
};

std::optional<Error> Inspector::inspect(dom::element element, std::size_t depth) {
    switch (element.type()) {
        case dom::element_type::ARRAY: return inspect_array(element.get_array().value_unsafe(), depth + 1);
        case dom::element_type::OBJECT: return inspect_object(element.get_object().value_unsafe(), depth + 1);
        case dom::element_type::STRING: inspect_string(element.get_string().value_unsafe()); return std::nullopt;
        case dom::element_type::DOUBLE: has_fraction_ = true; return std::nullopt;
        default: return std::nullopt;
    }
}

std::optional<Error> Inspector::inspect_array(const dom::array& array, std::size_t depth) {
    if (depth > json_max_depth) return too_deep();
    for (const dom::element element : array)
        if (auto error = inspect(element, depth)) return error;
    return std::nullopt;
}

// The names of one object so far. Most objects have few, and most names differ in length or first or last character:
// one bit per such class tells at once that a name is new.
class NameSet {
public:
    // False when the name is there already.
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

std::optional<Error> Inspector::inspect_object(const dom::object& object, std::size_t depth) {
    if (depth > json_max_depth) return too_deep();
    NameSet names;
    for (const auto& [name, value] : object) {
        if (!names.insert(name)) return malformed_json("A member name occurs twice.");
        inspect_string(name);
        if (auto error = inspect(value, depth)) return error;
    }
    return std::nullopt;
}

void Inspector::inspect_string(std::string_view text) {
    if (has_escapes_) has_nul_ |= text.find('\0') != std::string_view::npos;
}

// Whether numeric can hold a JSON number: 131,072 digits before the point and 16,383 after it. Far less is asked here,
// for an exponent of four digits unfolds into as many kilobytes; a double ends at 308 anyway.
bool numeric_can_hold(std::string_view number) {
    constexpr std::size_t most_characters = 1000;
    constexpr std::size_t most_exponent_digits = 3;
    if (number.size() > most_characters) return false;
    const std::size_t at = number.find_first_of("eE");
    if (at == std::string_view::npos) return true;
    std::string_view digits = number.substr(at + 1);
    digits.remove_prefix(std::min(digits.find_first_not_of("+-0"), digits.size()));
    return digits.size() <= most_exponent_digits;
}

bool numbers_fit(std::string_view text) {
    std::size_t i = 0;
    while (i < text.size()) {
        const char c = text[i];
        if (c == '"') {
            for (++i; i < text.size() && text[i] != '"'; ++i)
                if (text[i] == '\\') ++i;
            ++i;
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            const std::size_t end = std::min(text.find_first_not_of("0123456789+-.eE", i), text.size());
            if (!numeric_can_hold(text.substr(i, end - i))) return false;
            i = end;
        } else {
            ++i;
        }
    }
    return true;
}

}  // namespace

bool JsonStorage::reserve(std::size_t bytes) {
    if (bytes <= capacity) return true;
    const std::size_t wanted = std::max(std::bit_ceil(bytes), smallest_capacity);
    // One level more than we accept: Inspector decides, so that the limit is the same for every container.
    if (parser.allocate(wanted, json_max_depth + 1) != simdjson::SUCCESS) return false;
    if (document.allocate(wanted) != simdjson::SUCCESS) return false;
    text = std::make_unique<std::uint8_t[]>(wanted + simdjson::SIMDJSON_PADDING);
    capacity = wanted;
    return true;
}

// The strings of a document stand in its buffer with four bytes of length and one of end each: at most 5/3 of the text,
// and simdjson writes up to its padding past the last one.
void JsonStorage::wipe() noexcept {
    if (text) sodium_memzero(text.get(), size);
    if (document.string_buf) sodium_memzero(document.string_buf.get(), 5 * size / 3 + simdjson::SIMDJSON_PADDING);
    size = 0;
    has_nul = false;
    has_fraction = false;
}

JsonType JsonValue::type() const noexcept {
    switch (JsonAccess::unwrap(*this).type()) {
        case dom::element_type::ARRAY: return JsonType::array;
        case dom::element_type::OBJECT: return JsonType::object;
        case dom::element_type::INT64:
        case dom::element_type::UINT64:
        case dom::element_type::DOUBLE: return JsonType::number;
        case dom::element_type::STRING: return JsonType::string;
        case dom::element_type::BOOL: return JsonType::boolean;
        default: return JsonType::null;
    }
}

std::optional<std::string_view> JsonValue::string() const noexcept {
    std::string_view text;
    if (JsonAccess::unwrap(*this).get_string().get(text) != simdjson::SUCCESS) return std::nullopt;
    return text;
}

std::optional<bool> JsonValue::boolean() const noexcept {
    bool value = false;
    if (JsonAccess::unwrap(*this).get_bool().get(value) != simdjson::SUCCESS) return std::nullopt;
    return value;
}

std::optional<double> JsonValue::number() const noexcept {
    double value = 0;
    if (JsonAccess::unwrap(*this).get_double().get(value) != simdjson::SUCCESS) return std::nullopt;
    return value;
}

std::optional<std::int64_t> JsonValue::integer() const noexcept {
    std::int64_t value = 0;
    if (JsonAccess::unwrap(*this).get_int64().get(value) != simdjson::SUCCESS) return std::nullopt;
    return value;
}

std::optional<JsonValue> JsonValue::find(std::string_view name) const noexcept {
    dom::object object;
    if (JsonAccess::unwrap(*this).get_object().get(object) != simdjson::SUCCESS) return std::nullopt;
    for (auto member = object.begin(); member != object.end(); ++member)
        if (member.key_equals(name)) return JsonAccess::wrap(member.value());
    return std::nullopt;
}

void JsonValue::visit_members(void* context, MemberVisitor visit) const {
    dom::object object;
    if (JsonAccess::unwrap(*this).get_object().get(object) != simdjson::SUCCESS) return;
    for (const auto& [name, value] : object)
        if (!visit(context, name, JsonAccess::wrap(value))) return;
}

std::vector<JsonMember> JsonValue::members() const {
    std::vector<JsonMember> members;
    visit_members([&members](std::string_view name, const JsonValue& value) {
        members.push_back({name, value});
        return true;
    });
    return members;
}

std::vector<JsonValue> JsonValue::elements() const {
    std::vector<JsonValue> elements;
    dom::array array;
    if (JsonAccess::unwrap(*this).get_array().get(array) != simdjson::SUCCESS) return elements;
    for (const dom::element element : array) elements.push_back(JsonAccess::wrap(element));
    return elements;
}

JsonDocument::JsonDocument() noexcept = default;
JsonDocument::JsonDocument(JsonDocument&& other) noexcept = default;

JsonDocument& JsonDocument::operator=(JsonDocument&& other) noexcept {
    if (this != &other) {
        give_back(std::move(storage_));
        storage_ = std::move(other.storage_);
    }
    return *this;
}

JsonDocument::~JsonDocument() { give_back(std::move(storage_)); }

JsonValue JsonDocument::root() const noexcept { return JsonAccess::wrap(storage_->root); }

bool JsonDocument::jsonb_representable() const noexcept {
    if (storage_->has_nul) return false;
    return !storage_->has_fraction || numbers_fit({reinterpret_cast<const char*>(storage_->text.get()), storage_->size});
}

Result<JsonDocument> parse_json(std::string_view text, std::size_t max_bytes) {
    if (text.size() > max_bytes)
        return Error{ErrorCode::limit_exceeded, "JSON text is too long",
                     "At most " + std::to_string(max_bytes) + " bytes are accepted."};
    if (text.empty()) return parse_error(simdjson::EMPTY);
    JsonDocument document = JsonAccess::adopt(take_parser());
    JsonStorage& storage = JsonAccess::storage(document);
    if (!storage.reserve(text.size())) return parse_error(simdjson::MEMALLOC);
    std::memcpy(storage.text.get(), text.data(), text.size());
    storage.size = text.size();
    const auto code = storage.parser.parse_into_document(storage.document, storage.text.get(), text.size(), false)
                          .get(storage.root);
    if (code != simdjson::SUCCESS) return parse_error(code);
    Inspector inspector(text.find("\\u") != std::string_view::npos);
    if (auto error = inspector.inspect(storage.root, 0)) return *std::move(error);
    storage.has_nul = inspector.has_nul();
    storage.has_fraction = inspector.has_fraction();
    return document;
}

std::string json_minify(std::string_view text) {
    std::string out(text.size() + simdjson::SIMDJSON_PADDING, '\0');
    std::size_t size = 0;
    if (simdjson::minify(text.data(), text.size(), out.data(), size) != simdjson::SUCCESS) return {};
    out.resize(size);
    return out;
}

void json_append_string(std::string& out, std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        const auto byte = static_cast<std::uint8_t>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20) {
            out += "\\u00";
            out += digits[byte >> 4];
            out += digits[byte & 0x0f];
        } else {
            out += c;
        }
    }
    out += '"';
}

}  // namespace bastion
