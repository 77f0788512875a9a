#include "pg/base/jsonb_build.hpp"
#include "pg/base/text.hpp"

namespace bastion::pg {

enum class FlatType : uint8 { null, boolean, integer, string, array, object };

// In the order of the document, except for objects: their sorted names come before their values, as in jsonb.
struct FlatNode {
    FlatType type;
    bool truth;
    uint32 size;  // bytes of a string, children of an array, members of an object
    int64 integer;
    const char* text;  // while flattening, in the document
};

namespace {

struct Flattener {
    std::vector<FlatNode> nodes;
    std::size_t text_bytes = 0;
    bool simple = true;  // no number that numeric must read from its digits

    void string(std::string_view value) {
        nodes.push_back({FlatType::string, false, static_cast<uint32>(value.size()), 0, value.data()});
        text_bytes += value.size();
    }

    void add(const JsonValue& value);
    void object(const JsonValue& value);
};

// The order of jsonb: shorter names first.
bool goes_before(const JsonMember& left, const JsonMember& right) noexcept {
    return left.name.size() != right.name.size() ? left.name.size() < right.name.size() : left.name < right.name;
}

void Flattener::object(const JsonValue& value) {
    auto members = value.members();
    std::sort(members.begin(), members.end(), goes_before);
    nodes.push_back({FlatType::object, false, static_cast<uint32>(members.size()), 0, nullptr});
    for (const JsonMember& member : members) string(member.name);
    for (const JsonMember& member : members) add(member.value);
}

void Flattener::add(const JsonValue& value) {
    switch (value.type()) {
        case JsonType::null: nodes.push_back({FlatType::null, false, 0, 0, nullptr}); return;
        case JsonType::boolean: nodes.push_back({FlatType::boolean, *value.boolean(), 0, 0, nullptr}); return;
        case JsonType::string: string(*value.string()); return;
        case JsonType::object: object(value); return;
        case JsonType::number: {
            const auto integer = value.integer();
            simple = simple && integer.has_value();
            nodes.push_back({FlatType::integer, false, 0, integer.value_or(0), nullptr});
            return;
        }
        case JsonType::array: break;
    }
    const auto elements = value.elements();
    nodes.push_back({FlatType::array, false, static_cast<uint32>(elements.size()), 0, nullptr});
    for (const JsonValue& element : elements) add(element);
}

// Writes jsonb into a buffer that is large enough. Offsets and alignment count from the length word of the value, as in
// jsonb_util.c.
class Writer {
public:
    Writer(const FlatNode* nodes, char* buffer) : next_(nodes), buffer_(buffer), used_(VARHDRSZ) {}

    JEntry value();
    [[nodiscard]] std::size_t used() const noexcept { return used_; }

private:
    // Padding belongs to the value that needs it.
    void align() {
        while (used_ % sizeof(int32) != 0) buffer_[used_++] = 0;
    }

    void append(const void* bytes, std::size_t size) {
        std::memcpy(buffer_ + used_, bytes, size);
        used_ += size;
    }

    JEntry container(uint32 header, uint32 children);
    JEntry number(int64 integer);

    const FlatNode* next_;
    char* buffer_;
    std::size_t used_;
};

JEntry Writer::number(int64 integer) {
    const std::size_t begin = used_;
    Numeric numeric = int64_to_numeric(integer);
    align();
    append(numeric, VARSIZE_ANY(numeric));
    pfree(numeric);
    return static_cast<JEntry>(JENTRY_ISNUMERIC | (used_ - begin));
}

JEntry Writer::container(uint32 header, uint32 children) {
    const std::size_t begin = used_;
    align();
    append(&header, sizeof header);
    const std::size_t entries = used_;
    used_ += sizeof(JEntry) * children;
    uint32 total = 0;
    for (uint32 i = 0; i < children; ++i) {
        JEntry entry = value();
        total += JBE_OFFLENFLD(entry);
        if (i % JB_OFFSET_STRIDE == 0) entry = (entry & JENTRY_TYPEMASK) | total | JENTRY_HAS_OFF;
        std::memcpy(buffer_ + entries + sizeof(JEntry) * i, &entry, sizeof entry);
    }
    return static_cast<JEntry>(JENTRY_ISCONTAINER | (used_ - begin));
}

JEntry Writer::value() {
    const FlatNode& node = *next_++;
    switch (node.type) {
        case FlatType::null: return JENTRY_ISNULL;
        case FlatType::boolean: return node.truth ? JENTRY_ISBOOL_TRUE : JENTRY_ISBOOL_FALSE;
        case FlatType::integer: return number(node.integer);
        case FlatType::string: append(node.text, node.size); return JENTRY_ISSTRING | node.size;
        case FlatType::array: return container(node.size | JB_FARRAY, node.size);
        case FlatType::object: break;
    }
    return container(node.size | JB_FOBJECT, 2 * node.size);
}

// Enough for most tokens, and small enough for malloc's fast path.
constexpr std::size_t usual_nodes = 40;

// The maximum size of a node: its entry, a container's header, padding, and an int64 as numeric.
constexpr std::size_t most_bytes_per_node = sizeof(JEntry) + sizeof(uint32) + 2 * sizeof(int32) + 32;

}  // namespace

Result<void> flatten(const JsonDocument& document, std::string_view source, FlatJson& out) {
    out = {};
    Flattener flat;
    flat.nodes.reserve(usual_nodes);
    // jsonb_datum() handles other encodings, and numbers that are not integers of 64 bits.
    if (GetDatabaseEncoding() == PG_UTF8) flat.add(document.root());
    if (flat.nodes.empty() || !flat.simple) {
        return store(out.text, source);
    }
    const std::size_t node_bytes = flat.nodes.size() * sizeof(FlatNode);
    auto* memory = static_cast<char*>(palloc_extended(node_bytes + flat.text_bytes + 1, MCXT_ALLOC_NO_OOM));
    if (memory == nullptr) throw std::bad_alloc();
    char* text = memory + node_bytes;
    for (FlatNode& node : flat.nodes) {
        if (node.type != FlatType::string) continue;
        std::memcpy(text, node.text, node.size);
        node.text = text;
        text += node.size;
    }
    std::memcpy(memory, flat.nodes.data(), node_bytes);
    out = {reinterpret_cast<const FlatNode*>(memory), flat.nodes.size(), flat.text_bytes, Utf8()};
    return {};
}

Jsonb* build_jsonb(const FlatJson& flat) {
    if (flat.nodes == nullptr) return DatumGetJsonbP(jsonb_datum(flat.text));
    auto* buffer = static_cast<char*>(palloc(VARHDRSZ + flat.count * most_bytes_per_node + flat.text_bytes));
    Writer writer(flat.nodes, buffer);
    (void)writer.value();
    SET_VARSIZE(buffer, writer.used());
    return reinterpret_cast<Jsonb*>(buffer);
}

}  // namespace bastion::pg
