#include "core/audit/entry.hpp"

#include <array>
#include <cassert>
#include <cstring>
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

// Appends to a string that has room for all of it: see encoded_size().
class Writer {
public:
    explicit Writer(std::string& out) noexcept : at_(out.data()), end_(out.data() + out.size()) {}

    void bytes(std::string_view bytes) noexcept {
        assert(bytes.size() <= room());
        if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
        at_ += bytes.size();
    }

    template <class Number>
    void number(Number value) noexcept {
        assert(sizeof value <= room());
        auto bits = static_cast<std::uint64_t>(static_cast<std::make_unsigned_t<Number>>(value));
        for (std::size_t i = sizeof value; i > 0; bits >>= 8) at_[--i] = static_cast<char>(bits & 0xFF);
        at_ += sizeof value;
    }

    void counted(std::string_view bytes) noexcept {
        number(static_cast<std::uint16_t>(bytes.size()));
        this->bytes(bytes);
    }

    void optional(const std::optional<Uuid>& uuid) noexcept {
        number(static_cast<std::uint8_t>(uuid.has_value()));
        if (uuid) bytes(as_text(uuid->bytes));
    }

    void value(const EntryValue& value) noexcept {
        number(static_cast<std::uint8_t>(value.tag));
        if (has_bytes(value.tag)) counted(as_text(value.bytes));
    }

    void key(std::span<const EntryKey> key) noexcept {
        number(static_cast<std::uint8_t>(key.size()));
        for (const EntryKey& part : key) {
            counted(part.name);
            value(part.value);
        }
    }

    void columns(std::span<const EntryColumn> columns) noexcept {
        number(static_cast<std::uint16_t>(columns.size()));
        for (const EntryColumn& column : columns) {
            counted(column.name);
            number(static_cast<std::uint8_t>(column.side));
            value(column.value);
        }
    }

    [[nodiscard]] std::size_t room() const noexcept { return static_cast<std::size_t>(end_ - at_); }

private:
    char* at_;
    char* end_;
};

// The bytes of an entry without those of its values, and each value's own.
std::size_t value_size(const EntryValue& value) noexcept { return has_bytes(value.tag) ? 3 + value.bytes.size() : 1; }

std::size_t columns_size(std::span<const EntryColumn> columns) noexcept {
    std::size_t size = 2;
    for (const EntryColumn& column : columns) size += 3 + column.name.size() + value_size(column.value);
    return size;
}

std::size_t encoded_size(const Entry& entry) noexcept {
    std::size_t size = 36 + 16 * entry.actors.size() + value_size(entry.address) + value_size(entry.agent);
    for (const std::string_view text : {entry.relation, entry.op, entry.method, entry.role, entry.application})
        size += 2 + text.size();
    for (const auto* id : {&entry.tenant, &entry.user, &entry.unit, &entry.session, &entry.api_key, &entry.delegation})
        size += id->has_value() ? 17 : 1;
    for (const EntryKey& part : entry.key) size += 2 + part.name.size() + value_size(part.value);
    return size + columns_size(entry.columns);
}

std::string encoded(const Entry& entry, std::size_t size) {
    std::string bytes(size, '\0');
    Writer out(bytes);
    out.number(version);
    out.number(entry.era);
    out.number(entry.xid);
    out.number(entry.seq);
    out.number(entry.time);
    out.number(static_cast<std::uint8_t>(entry.kind));
    out.counted(entry.relation);
    out.counted(entry.op);
    out.key(entry.key);
    out.optional(entry.tenant);
    out.optional(entry.user);
    out.number(static_cast<std::uint8_t>(entry.actors.size()));
    for (const Uuid& actor : entry.actors) out.bytes(as_text(actor.bytes));
    for (const auto* id : {&entry.unit, &entry.session, &entry.api_key, &entry.delegation}) out.optional(*id);
    for (const std::string_view text : {entry.method, entry.role, entry.application}) out.counted(text);
    out.value(entry.address);
    out.value(entry.agent);
    out.columns(entry.columns);
    assert(out.room() == 0);
    return bytes;
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
    // Null when nothing smaller can replace one.
    EntryValue* largest() noexcept {
        EntryValue* found = nullptr;
        const auto consider = [&found](EntryValue& value) {
            if ((value.tag != EntryTag::plain && value.tag != EntryTag::sealed) || value.bytes.size() <= digest_size)
                return;
            if (found == nullptr || value.bytes.size() > found->bytes.size()) found = &value;
        };
        for (EntryKey& part : key_) consider(part.value);
        for (EntryColumn& column : columns_) consider(column.value);
        return found;
    }

    // The digest of a ciphertext would tell nobody anything.
    Result<void> replace(EntryValue& value) {
        if (value.tag == EntryTag::sealed) {
            value = {EntryTag::redacted, {}};
            return {};
        }
        const Result<Digest> digest = sha256(value.bytes);
        if (!digest) return digest.error();
        value = {EntryTag::digest, digests_.emplace_back(*digest)};
        return {};
    }

    Result<void> replace_columns() {
        if (columns_.size() == 1 && columns_[0].name.empty())
            return Error{ErrorCode::limit_exceeded, "the entry is too large"};
        std::string all(columns_size(columns_), '\0');
        Writer(all).columns(columns_);
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
    if (value.tag > EntryTag::digest) return Error{ErrorCode::internal, "a tag that no entry has"};
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
    constexpr std::string_view label = "pg_bastion era";
    std::string name(label.size() + sizeof system + sizeof timeline + sizeof database, '\0');
    Writer out(name);
    out.bytes(label);
    out.number(system);
    out.number(timeline);
    out.number(database);
    const Result<Digest> digest = sha256(as_bytes(name));
    if (!digest) return digest.error();
    std::uint64_t era = 0;
    for (std::size_t i = 0; i < 8; ++i) era = era << 8 | (*digest)[i];
    return static_cast<std::int64_t>(era >> 1 | 1);
}

}  // namespace bastion
