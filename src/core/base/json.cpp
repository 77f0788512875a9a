#include "core/base/json.hpp"

#include <sodium.h>
#include <utf8proc.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <type_traits>
#include <utility>

#include "core/base/json_inspect.hpp"
#include "core/base/json_numbers.hpp"

namespace bastion {

namespace dom = simdjson::dom;

// A parser with its buffers: making one costs more than parsing a token.
struct JsonStorage {
    dom::parser parser;
    dom::document document;
    std::unique_ptr<std::uint8_t[]> text;  // the input with simdjson's padding behind it
    std::size_t capacity = 0;
    std::size_t size = 0;
    JsonFindings findings;
    dom::element root;
    std::optional<bool> clipped_fit;  // whether numeric can hold the numbers that were clipped in the text

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

// Statics may hold documents and die after the thread's pool; no pool is then left to return a parser to.
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
        idle.reserve(most_kept_parsers);  // so that returning a parser never allocates
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

Error parse_error(simdjson::error_code code) {
    switch (code) {
        case simdjson::MEMALLOC: return {ErrorCode::limit_exceeded, "could not get memory to parse JSON"};
        case simdjson::DEPTH_ERROR: return json_too_deep();
        case simdjson::UTF8_ERROR: return malformed_json("The text is not valid UTF-8.");
        case simdjson::NUMBER_ERROR: return malformed_json("A number is malformed or out of range.");
        case simdjson::STRING_ERROR: return malformed_json("A string is malformed.");
        case simdjson::EMPTY: return malformed_json("The text is empty.");
        default: return malformed_json("The text is not one JSON value.");
    }
}

// The four digits of an escape; -1 without them.
int escaped_unit(std::string_view digits) noexcept {
    int value = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    return digits.size() == 4 && parsed.ec == std::errc() && parsed.ptr == digits.data() + 4 ? value : -1;
}

// The character of the escapes at the beginning, and how many characters they take; none if they name no character.
std::pair<char32_t, std::size_t> escaped_character(std::string_view text) noexcept {
    const int first = text.starts_with("\\u") ? escaped_unit(text.substr(2, 4)) : -1;
    if (first < 0) return {0, 0};
    if (first < 0xd800 || first > 0xdfff) return {static_cast<char32_t>(first), 6};
    const int second = text.substr(6).starts_with("\\u") ? escaped_unit(text.substr(8, 4)) : -1;
    if (first > 0xdbff || second < 0xdc00 || second > 0xdfff) return {0, 0};
    return {0x10000 + (static_cast<char32_t>(first - 0xd800) << 10) + static_cast<char32_t>(second - 0xdc00), 12};
}

}  // namespace

bool JsonStorage::reserve(std::size_t bytes) {
    if (bytes <= capacity) return true;
    const std::size_t wanted = std::max(std::bit_ceil(bytes), smallest_capacity);
    // One level more than we accept: inspect_json decides, so that the limit is the same for every container.
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
    findings = {};
    clipped_fit.reset();
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

std::optional<std::uint64_t> JsonValue::natural() const noexcept {
    std::uint64_t value = 0;
    if (JsonAccess::unwrap(*this).get_uint64().get(value) != simdjson::SUCCESS) return std::nullopt;
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
    dom::object object;
    if (JsonAccess::unwrap(*this).get_object().get(object) == simdjson::SUCCESS) members.reserve(object.size());
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
    elements.reserve(array.size());
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
    if (storage_->findings.has_nul) return false;
    if (storage_->clipped_fit) return *storage_->clipped_fit;
    return !storage_->findings.has_fraction ||
           json_numbers_fit({reinterpret_cast<const char*>(storage_->text.get()), storage_->size});
}

namespace {

Result<JsonDocument> parse_bounded(std::string_view text) {
    JsonDocument document = JsonAccess::adopt(take_parser());
    JsonStorage& storage = JsonAccess::storage(document);
    if (!storage.reserve(text.size())) return parse_error(simdjson::MEMALLOC);
    std::memcpy(storage.text.get(), text.data(), text.size());
    storage.size = text.size();
    const auto code =
        storage.parser.parse_into_document(storage.document, storage.text.get(), text.size(), false).get(storage.root);
    if (code != simdjson::SUCCESS) return parse_error(code);
    const auto findings = inspect_json(storage.root, text.find("\\u") != std::string_view::npos);
    if (!findings) return findings.error();
    storage.findings = *findings;
    return document;
}

// The document of the clipped text, or the error that the text itself gives.
Result<JsonDocument> parse_clipped(std::string_view text, Result<JsonDocument>&& refused) {
    std::string clipped = json_clip_numbers(text);
    if (clipped == text) return std::move(refused);
    auto document = parse_bounded(clipped);
    sodium_memzero(clipped.data(), clipped.size());
    if (document) JsonAccess::storage(*document).clipped_fit = json_numbers_fit(text);
    return document;
}

}  // namespace

Result<JsonDocument> parse_json(std::string_view text, std::size_t max_bytes, JsonNumbers numbers) {
    if (text.size() > max_bytes)
        return Error{ErrorCode::limit_exceeded, "JSON text is too long",
                     "At most " + std::to_string(max_bytes) + " bytes are accepted."};
    if (text.empty()) return parse_error(simdjson::EMPTY);
    // Newer versions of simdjson skip it; later readers of the text do not.
    if (text.starts_with("\xef\xbb\xbf")) return parse_error(simdjson::TAPE_ERROR);
    auto document = parse_bounded(text);
    const bool malformed = !document && document.error().code == ErrorCode::malformed_text;
    return malformed && numbers == JsonNumbers::any ? parse_clipped(text, std::move(document)) : std::move(document);
}

std::string json_minify(std::string_view text) {
    std::string out(text.size() + simdjson::SIMDJSON_PADDING, '\0');
    std::size_t size = 0;
    if (simdjson::minify(text.data(), text.size(), out.data(), size) != simdjson::SUCCESS) return {};
    out.resize(size);
    return out;
}

std::string json_text(const JsonValue& value) { return simdjson::minify(JsonAccess::unwrap(value)); }

std::size_t json_decode_escapes(std::span<char> text) noexcept {
    const std::string_view in(text.data(), text.size());
    char* out = text.data();
    for (std::size_t i = 0; i < in.size();) {
        const auto [character, taken] = escaped_character(in.substr(i));
        if (character >= 0x80) {
            out += utf8proc_encode_char(static_cast<utf8proc_int32_t>(character),
                                        reinterpret_cast<utf8proc_uint8_t*>(out));
            i += taken;
            continue;
        }
        // A backslash takes the next character with it.
        if (in[i] == '\\' && i + 1 < in.size()) *out++ = in[i++];
        *out++ = in[i++];
    }
    return static_cast<std::size_t>(out - text.data());
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
