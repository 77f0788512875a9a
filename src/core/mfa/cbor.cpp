#include "core/mfa/cbor.hpp"

#include <algorithm>

namespace bastion {
namespace {

Error malformed(std::string_view detail) { return {ErrorCode::malformed_text, "invalid CBOR", detail}; }

struct Head {
    std::uint8_t major = 0;
    std::uint64_t argument = 0;
};

bool same_key(const CborValue& left, const CborValue& right) {
    return left.type == right.type && left.number == right.number && std::ranges::equal(left.content, right.content);
}

class Reader {
public:
    explicit Reader(ByteSpan bytes) : rest_(bytes) {}

    Result<CborValue> read(int level);
    [[nodiscard]] std::size_t left() const noexcept { return rest_.size(); }

private:
    Result<Head> read_head();
    Result<ByteSpan> take(std::uint64_t size);
    Result<CborValue> read_items(Head head, int level);
    Result<void> read_member(CborValue& map, int level);

    ByteSpan rest_;
};

Result<ByteSpan> Reader::take(std::uint64_t size) {
    if (size > rest_.size()) return malformed("It ends too early.");
    const ByteSpan taken = rest_.first(static_cast<std::size_t>(size));
    rest_ = rest_.subspan(taken.size());
    return taken;
}

// RFC 8949 §3, and §4.2.1 for the shortest form.
Result<Head> Reader::read_head() {
    const Result<ByteSpan> first = take(1);
    if (!first) return first.error();
    Head head{static_cast<std::uint8_t>((*first)[0] >> 5), static_cast<std::uint64_t>((*first)[0] & 31U)};
    if (head.argument < 24 || head.major == 7) return head;
    if (head.argument > 27) return malformed("A length is indefinite or reserved.");
    const std::size_t size = std::size_t{1} << (head.argument - 24);
    const Result<ByteSpan> bytes = take(size);
    if (!bytes) return bytes.error();
    head.argument = 0;
    for (const std::uint8_t byte : *bytes) head.argument = head.argument << 8 | byte;
    const std::uint64_t least = size == 1 ? 24 : std::uint64_t{1} << (size * 4);
    if (head.argument < least) return malformed("A number is not in its shortest form.");
    return head;
}

Result<void> Reader::read_member(CborValue& map, int level) {
    Result<CborValue> key = read(level);
    if (!key) return std::move(key).error();
    if (key->type != CborType::integer && key->type != CborType::text)
        return malformed("A key is neither an integer nor text.");
    for (const CborMember& member : map.members)
        if (same_key(member.key, *key)) return malformed("A key occurs twice.");
    Result<CborValue> value = read(level);
    if (!value) return std::move(value).error();
    map.members.push_back({std::move(*key), std::move(*value)});
    return {};
}

Result<CborValue> Reader::read_items(Head head, int level) {
    CborValue value;
    value.type = head.major == 4 ? CborType::array : CborType::map;
    if (level == cbor_most_levels) return Error{ErrorCode::limit_exceeded, "CBOR is nested too deeply"};
    // Each item takes a byte, so a length that lies ends the loop early.
    for (std::uint64_t i = 0; i < head.argument; ++i) {
        if (value.type == CborType::map) {
            if (Result<void> read_one = read_member(value, level + 1); !read_one) return std::move(read_one).error();
            continue;
        }
        Result<CborValue> element = read(level + 1);
        if (!element) return std::move(element).error();
        value.elements.push_back(std::move(*element));
    }
    return value;
}

Result<CborValue> Reader::read(int level) {
    const Result<Head> head = read_head();
    if (!head) return head.error();
    CborValue value;
    switch (head->major) {
        case 0:
        case 1:
            if (head->argument > INT64_MAX) return malformed("An integer is too large.");
            value.number = static_cast<std::int64_t>(head->argument);
            if (head->major == 1) value.number = -1 - value.number;
            return value;
        case 2:
        case 3: {
            const Result<ByteSpan> content = take(head->argument);
            if (!content) return content.error();
            value.type = head->major == 2 ? CborType::bytes : CborType::text;
            value.content = *content;
            return value;
        }
        case 4:
        case 5: return read_items(*head, level);
        default: break;
    }
    if (head->major != 7 || head->argument < 20 || head->argument > 21)
        return malformed("A tag, a float or an unknown simple value.");
    value.type = CborType::boolean;
    value.number = static_cast<std::int64_t>(head->argument - 20);
    return value;
}

}  // namespace

const CborValue* CborValue::find(std::int64_t key) const noexcept {
    for (const CborMember& member : members)
        if (member.key.type == CborType::integer && member.key.number == key) return &member.value;
    return nullptr;
}

const CborValue* CborValue::find(std::string_view key) const noexcept {
    for (const CborMember& member : members)
        if (member.key.as_text() == key) return &member.value;
    return nullptr;
}

std::optional<std::int64_t> CborValue::as_integer() const noexcept {
    return type == CborType::integer ? std::optional(number) : std::nullopt;
}

std::optional<ByteSpan> CborValue::as_bytes() const noexcept {
    return type == CborType::bytes ? std::optional(content) : std::nullopt;
}

std::optional<std::string_view> CborValue::as_text() const noexcept {
    return type == CborType::text ? std::optional(bastion::as_text(content)) : std::nullopt;
}

Result<CborRead> read_cbor(ByteSpan bytes) {
    if (bytes.size() > cbor_most_bytes) return Error{ErrorCode::limit_exceeded, "CBOR is longer than 64 KiB"};
    Reader reader(bytes);
    Result<CborValue> value = reader.read(0);
    if (!value) return std::move(value).error();
    return CborRead{std::move(*value), bytes.size() - reader.left()};
}

}  // namespace bastion
