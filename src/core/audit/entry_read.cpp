// The strict reader of entries, and what it read as JSON.
#include "core/audit/entry.hpp"
#include "core/base/json.hpp"

namespace bastion {
namespace {

// Reads from the front; once something is wrong, it stays so and every read gives nothing.
class Reader {
public:
    explicit Reader(ByteSpan bytes) noexcept : rest_(bytes) {}

    [[nodiscard]] bool ok() const noexcept { return ok_; }
    [[nodiscard]] bool at_end() const noexcept { return ok_ && rest_.empty(); }
    void refuse() noexcept { ok_ = false; }

    ByteSpan take(std::size_t size) noexcept {
        if (!ok_ || rest_.size() < size) {
            ok_ = false;
            return {};
        }
        const ByteSpan out = rest_.first(size);
        rest_ = rest_.subspan(size);
        return out;
    }

    std::uint64_t number(std::size_t size) noexcept {
        std::uint64_t out = 0;
        for (const std::uint8_t byte : take(size)) out = out << 8 | byte;
        return out;
    }

    std::string_view text() noexcept {
        const std::string_view out = as_text(take(number(2)));
        if (out.find('\0') != std::string_view::npos) refuse();
        return out;
    }

    Uuid uuid() noexcept {
        Uuid out;
        const ByteSpan bytes = take(out.bytes.size());
        std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
        return out;
    }

    std::optional<Uuid> optional_uuid() noexcept {
        const std::uint64_t present = number(1);
        if (present > 1) refuse();
        if (present != 1) return {};
        return uuid();
    }

    EntryValue value() noexcept {
        const std::uint64_t tag = number(1);
        if (tag > static_cast<std::uint64_t>(EntryTag::digest)) refuse();
        EntryValue out{ok_ ? static_cast<EntryTag>(tag) : EntryTag::null, {}};
        if (out.tag == EntryTag::plain) out.bytes = as_bytes(text());
        if (out.tag == EntryTag::sealed || out.tag == EntryTag::digest) out.bytes = take(number(2));
        if (out.tag == EntryTag::digest && out.bytes.size() != 32) refuse();
        return out;
    }

    // A number of one byte between two others.
    std::uint64_t choice(std::uint64_t first, std::uint64_t last) noexcept {
        const std::uint64_t out = number(1);
        if (out < first || out > last) refuse();
        return ok_ ? out : first;
    }

private:
    ByteSpan rest_;
    bool ok_ = true;
};

void read_head(Reader& reader, Entry& entry) {
    if (reader.number(1) != 1) reader.refuse();
    entry.era = static_cast<std::int64_t>(reader.number(8));
    entry.xid = reader.number(8);
    entry.seq = static_cast<std::int64_t>(reader.number(8));
    entry.time = static_cast<std::int64_t>(reader.number(8));
    entry.kind = static_cast<EntryKind>(reader.choice(1, 4));
    entry.relation = reader.text();
    entry.op = reader.text();
}

void read_key(Reader& reader, StoredEntry& out) {
    for (std::uint64_t left = reader.number(1); left > 0 && reader.ok(); --left) {
        EntryKey part;
        part.name = reader.text();
        part.value = reader.value();
        out.key.push_back(part);
    }
}

void read_actor(Reader& reader, StoredEntry& out) {
    Entry& entry = out.entry;
    entry.tenant = reader.optional_uuid();
    entry.user = reader.optional_uuid();
    for (std::uint64_t left = reader.choice(0, entry_most_actors); left > 0; --left)
        out.actors.push_back(reader.uuid());
    for (auto* id : {&entry.unit, &entry.session, &entry.api_key, &entry.delegation}) *id = reader.optional_uuid();
    for (auto* text : {&entry.method, &entry.role, &entry.application}) *text = reader.text();
    entry.address = reader.value();
    entry.agent = reader.value();
}

void read_columns(Reader& reader, StoredEntry& out) {
    for (std::uint64_t left = reader.number(2); left > 0 && reader.ok(); --left) {
        EntryColumn column;
        column.name = reader.text();
        column.side = static_cast<EntrySide>(reader.choice(1, 2));
        column.value = reader.value();
        out.columns.push_back(column);
    }
}

// JSON

void append_name(std::string& out, std::string_view name) {
    if (out.back() != '{') out += ',';
    json_append_string(out, name);
    out += ':';
}

void append_text(std::string& out, std::string_view name, std::string_view text) {
    if (text.empty()) return;
    append_name(out, name);
    json_append_string(out, text);
}

void append_id(std::string& out, std::string_view name, const std::optional<Uuid>& id) {
    if (id) append_text(out, name, format_uuid(*id));
}

void append_value(std::string& out, std::string_view name, const EntryValue& value) {
    append_name(out, name);
    switch (value.tag) {
        case EntryTag::null: out += "null"; break;
        case EntryTag::plain: json_append_string(out, as_text(value.bytes)); break;
        case EntryTag::sealed: out += R"({"sealed":true})"; break;
        case EntryTag::shredded: out += R"({"shredded":true})"; break;
        case EntryTag::redacted: out += R"({"redacted":true})"; break;
        case EntryTag::digest: out += R"({"sha256":")" + hex_encode(value.bytes) + R"("})"; break;
    }
}

void append_columns(std::string& out, std::string_view name, std::span<const EntryColumn> columns, EntrySide side) {
    append_name(out, name);
    out += '{';
    for (const EntryColumn& column : columns)
        if (column.side == side) append_value(out, column.name, column.value);
    out += '}';
}

void append_actors(std::string& out, std::span<const Uuid> actors) {
    if (actors.empty()) return;
    append_name(out, "actors");
    char separator = '[';
    for (const Uuid& actor : actors) {
        out += separator;
        json_append_string(out, format_uuid(actor));
        separator = ',';
    }
    out += ']';
}

std::string_view kind_name(EntryKind kind) noexcept {
    constexpr std::string_view names[] = {"row", "table", "action", "event"};
    return names[static_cast<std::size_t>(kind) - 1];
}

}  // namespace

Result<StoredEntry> read_entry(ByteSpan bytes) {
    if (bytes.size() > entry_most_bytes) return Error{ErrorCode::limit_exceeded, "the entry is too large"};
    StoredEntry out;
    Reader reader(bytes);
    read_head(reader, out.entry);
    read_key(reader, out);
    read_actor(reader, out);
    read_columns(reader, out);
    if (!reader.at_end()) return Error{ErrorCode::malformed_text, "malformed entry"};
    out.entry.key = out.key;
    out.entry.actors = out.actors;
    out.entry.columns = out.columns;
    return out;
}

std::string entry_json(const Entry& entry) {
    std::string out = "{";
    append_text(out, "kind", kind_name(entry.kind));
    append_text(out, "relation", entry.relation);
    append_text(out, "op", entry.op);
    append_name(out, "key");
    out += '{';
    for (const EntryKey& part : entry.key) append_value(out, part.name, part.value);
    out += '}';
    append_id(out, "tenant", entry.tenant);
    append_id(out, "user", entry.user);
    append_actors(out, entry.actors);
    append_id(out, "unit", entry.unit);
    append_id(out, "session", entry.session);
    append_id(out, "api_key", entry.api_key);
    append_id(out, "delegation", entry.delegation);
    append_text(out, "method", entry.method);
    append_text(out, "role", entry.role);
    append_text(out, "application", entry.application);
    if (entry.address.tag != EntryTag::null) append_value(out, "address", entry.address);
    if (entry.agent.tag != EntryTag::null) append_value(out, "agent", entry.agent);
    append_columns(out, "old", entry.columns, EntrySide::old_value);
    append_columns(out, "new", entry.columns, EntrySide::new_value);
    out += '}';
    return out;
}

}  // namespace bastion
