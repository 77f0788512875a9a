#include "core/audit/entry.hpp"

#include <array>
#include <deque>
#include <limits>

#include "core/base/libcrypto.hpp"

namespace bastion {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t digest_size = 32;
using Digest = std::array<std::uint8_t, digest_size>;

bool has_bytes(EntryTag tag) noexcept {
    return tag == EntryTag::plain || tag == EntryTag::sealed || tag == EntryTag::digest;
}

Result<Digest> sha256(ByteSpan bytes) {
    Digest out;
    const EVP_MD* algorithm = fetched_digest(HashId::sha256);
    if (algorithm == nullptr || EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, algorithm, nullptr) != 1)
        return Error{ErrorCode::internal, "could not compute SHA-256"};
    return out;
}

// Writing

template <class Number>
void append_number(std::string& out, Number value) {
    auto bits = static_cast<std::uint64_t>(static_cast<std::make_unsigned_t<Number>>(value));
    std::array<char, sizeof(Number)> bytes;
    for (std::size_t i = bytes.size(); i > 0; bits >>= 8) bytes[--i] = static_cast<char>(bits & 0xFF);
    out.append(bytes.data(), bytes.size());
}

void append_counted(std::string& out, std::string_view bytes) {
    append_number(out, static_cast<std::uint16_t>(bytes.size()));
    out.append(bytes);
}

void append_uuid(std::string& out, const Uuid& uuid) { out.append(as_text(uuid.bytes)); }

void append_optional(std::string& out, const std::optional<Uuid>& uuid) {
    append_number(out, static_cast<std::uint8_t>(uuid.has_value()));
    if (uuid) append_uuid(out, *uuid);
}

void append_value(std::string& out, const EntryValue& value) {
    append_number(out, static_cast<std::uint8_t>(value.tag));
    if (has_bytes(value.tag)) append_counted(out, as_text(value.bytes));
}

void append_key(std::string& out, std::span<const EntryKey> key) {
    append_number(out, static_cast<std::uint8_t>(key.size()));
    for (const EntryKey& part : key) {
        append_counted(out, part.name);
        append_value(out, part.value);
    }
}

void append_columns(std::string& out, std::span<const EntryColumn> columns) {
    append_number(out, static_cast<std::uint16_t>(columns.size()));
    for (const EntryColumn& column : columns) {
        append_counted(out, column.name);
        append_number(out, static_cast<std::uint8_t>(column.side));
        append_value(out, column.value);
    }
}

// The bytes of an entry without those of its values, and each value's own.
std::size_t value_size(const EntryValue& value) noexcept { return has_bytes(value.tag) ? 3 + value.bytes.size() : 1; }

std::size_t encoded_size(const Entry& entry) noexcept {
    std::size_t size = 38 + 16 * entry.actors.size() + value_size(entry.address) + value_size(entry.agent);
    for (const std::string_view text : {entry.relation, entry.op, entry.method, entry.role, entry.application})
        size += 2 + text.size();
    for (const auto* id : {&entry.tenant, &entry.user, &entry.unit, &entry.session, &entry.api_key, &entry.delegation})
        size += id->has_value() ? 17 : 1;
    for (const EntryKey& part : entry.key) size += 2 + part.name.size() + value_size(part.value);
    for (const EntryColumn& column : entry.columns) size += 3 + column.name.size() + value_size(column.value);
    return size;
}

std::string encoded(const Entry& entry, std::size_t size) {
    std::string out;
    out.reserve(size);
    append_number(out, version);
    append_number(out, entry.era);
    append_number(out, entry.xid);
    append_number(out, entry.seq);
    append_number(out, entry.time);
    append_number(out, static_cast<std::uint8_t>(entry.kind));
    append_counted(out, entry.relation);
    append_counted(out, entry.op);
    append_key(out, entry.key);
    append_optional(out, entry.tenant);
    append_optional(out, entry.user);
    append_number(out, static_cast<std::uint8_t>(entry.actors.size()));
    for (const Uuid& actor : entry.actors) append_uuid(out, actor);
    for (const auto* id : {&entry.unit, &entry.session, &entry.api_key, &entry.delegation}) append_optional(out, *id);
    for (const std::string_view text : {entry.method, entry.role, entry.application}) append_counted(out, text);
    append_value(out, entry.address);
    append_value(out, entry.agent);
    append_columns(out, entry.columns);
    return out;
}

// Makes an entry fit. It owns the values that it replaces.
class Shrinking {
public:
    explicit Shrinking(const Entry& entry)
        : entry_(entry),
          key_(entry.key.begin(), entry.key.end()),
          columns_(entry.columns.begin(), entry.columns.end()) {
        entry_.key = key_;
        entry_.columns = columns_;
    }

    Result<std::string> encode() {
        while (encoded_size(entry_) > entry_most_bytes) {
            EntryValue* value = largest();
            const Result<void> shrunk = value != nullptr ? replace(*value) : replace_columns();
            if (!shrunk) return shrunk.error();
        }
        return encoded(entry_, encoded_size(entry_));
    }

private:
    // Null when no digest would be smaller than what it replaces.
    EntryValue* largest() noexcept {
        EntryValue* found = nullptr;
        const auto consider = [&found](EntryValue& value) {
            if (value.tag != EntryTag::plain || value.bytes.size() <= digest_size) return;
            if (found == nullptr || value.bytes.size() > found->bytes.size()) found = &value;
        };
        for (EntryKey& part : key_) consider(part.value);
        for (EntryColumn& column : columns_) consider(column.value);
        return found;
    }

    Result<void> replace(EntryValue& value) {
        const Result<Digest> digest = sha256(value.bytes);
        if (!digest) return digest.error();
        value = {EntryTag::digest, digests_.emplace_back(*digest)};
        return {};
    }

    Result<void> replace_columns() {
        if (columns_.size() == 1 && columns_[0].name.empty())
            return Error{ErrorCode::limit_exceeded, "the entry is too large"};
        std::string all;
        append_columns(all, columns_);
        const Result<Digest> digest = sha256(as_bytes(all));
        if (!digest) return digest.error();
        columns_ = {{"", EntrySide::new_value, {EntryTag::digest, digests_.emplace_back(*digest)}}};
        entry_.columns = columns_;
        return {};
    }

    Entry entry_;
    std::vector<EntryKey> key_;
    std::vector<EntryColumn> columns_;
    std::deque<Digest> digests_;
};

bool has_zero(std::string_view text) noexcept { return text.find('\0') != std::string_view::npos; }

// Whether numbers of two bytes hold its lengths, and its values have the form of their tags.
Result<void> check_value(const EntryValue& value) {
    if (value.tag == EntryTag::plain && has_zero(as_text(value.bytes)))
        return Error{ErrorCode::malformed_text, "a zero byte in a text"};
    if ((value.tag == EntryTag::digest && value.bytes.size() != digest_size) ||
        (value.tag == EntryTag::sealed && value.bytes.size() > std::numeric_limits<std::uint16_t>::max()))
        return Error{ErrorCode::limit_exceeded, "a value of another size than its tag has"};
    return {};
}

Result<void> check_text(std::string_view text) {
    if (has_zero(text)) return Error{ErrorCode::malformed_text, "a zero byte in a text"};
    if (text.size() > std::numeric_limits<std::uint16_t>::max())
        return Error{ErrorCode::limit_exceeded, "a name is too long"};
    return {};
}

Result<void> check_entry(const Entry& entry) {
    if (entry.actors.size() > entry_most_actors || entry.key.size() > std::numeric_limits<std::uint8_t>::max() ||
        entry.columns.size() > std::numeric_limits<std::uint16_t>::max())
        return Error{ErrorCode::limit_exceeded, "too many parts of an entry"};
    for (const std::string_view text : {entry.relation, entry.op, entry.method, entry.role, entry.application})
        if (Result<void> valid = check_text(text); !valid) return valid;
    for (const EntryKey& part : entry.key) {
        if (Result<void> valid = check_text(part.name); !valid) return valid;
        if (Result<void> valid = check_value(part.value); !valid) return valid;
    }
    for (const EntryColumn& column : entry.columns) {
        if (Result<void> valid = check_text(column.name); !valid) return valid;
        if (Result<void> valid = check_value(column.value); !valid) return valid;
    }
    if (Result<void> valid = check_value(entry.address); !valid) return valid;
    return check_value(entry.agent);
}

}  // namespace

Result<std::string> encode_entry(const Entry& entry) {
    if (Result<void> valid = check_entry(entry); !valid) return valid.error();
    if (const std::size_t size = encoded_size(entry); size <= entry_most_bytes) return encoded(entry, size);
    return Shrinking(entry).encode();
}

Result<std::int64_t> entry_era(std::uint64_t system, std::uint32_t timeline, std::uint32_t database) {
    std::string name = "pg_bastion era";
    append_number(name, system);
    append_number(name, timeline);
    append_number(name, database);
    const Result<Digest> digest = sha256(as_bytes(name));
    if (!digest) return digest.error();
    std::uint64_t era = 0;
    for (std::size_t i = 0; i < 8; ++i) era = era << 8 | (*digest)[i];
    return static_cast<std::int64_t>(era >> 1 | 1);
}

}  // namespace bastion
