// Entries of the log of changes as canonical bytes; docs/AUDIT.md has the format. The triggers write them, the view reads them, and
// the log of hashes covers them. An Entry views memory of its caller; a StoredEntry views the bytes that it was read from, and lives
// as long as they do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/encoding.hpp"
#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"

namespace bastion {

inline constexpr std::size_t entry_most_bytes = 60 * 1024;
inline constexpr std::size_t entry_most_actors = 8;

// No entry holds `shredded`: a reader puts it where the key of a sealed value is destroyed.
enum class EntryTag : std::uint8_t { null, plain, sealed, redacted, digest, shredded };
enum class EntryKind : std::uint8_t { row = 1, table, action, event };
enum class EntrySide : std::uint8_t { old_value = 1, new_value };

// `bytes` are empty for null, redacted and shredded.
struct EntryValue {
    EntryTag tag = EntryTag::null;
    ByteSpan bytes;
};

struct EntryKey {
    std::string_view name;
    EntryValue value;
};

struct EntryColumn {
    std::string_view name;
    EntrySide side = EntrySide::new_value;
    EntryValue value;
};

struct Entry {
    std::int64_t era = 0;
    std::uint64_t xid = 0;
    std::int64_t seq = 0;
    std::int64_t time = 0;  // microseconds since 1970
    EntryKind kind = EntryKind::row;
    std::string_view relation;
    std::string_view op;
    std::span<const EntryKey> key;
    std::optional<Uuid> tenant;
    std::optional<Uuid> user;
    std::span<const Uuid> actors;
    std::optional<Uuid> unit;
    std::optional<Uuid> session;
    std::optional<Uuid> api_key;
    std::optional<Uuid> delegation;
    std::string_view method;
    std::string_view role;
    std::string_view application;
    EntryValue address;
    EntryValue agent;
    std::span<const EntryColumn> columns;
};

// Plain values that do not fit become digests, and sealed ones are redacted. Errors: limit_exceeded for more actors, columns or bytes than the format has;
// malformed_text for a zero byte in a text.
[[nodiscard]] Result<std::string> encode_entry(const Entry& entry);

struct StoredEntry {
    Entry entry;
    std::vector<EntryKey> key;
    std::vector<Uuid> actors;
    std::vector<EntryColumn> columns;
};

// Refuses every text that encode_entry() does not make: malformed_text, limit_exceeded.
[[nodiscard]] Result<StoredEntry> read_entry(ByteSpan bytes);

// What the entry says as a JSON object, without era, xid, seq and time. A value that is not plain is an object that says so.
[[nodiscard]] std::string entry_json(const Entry& entry);

// Where transactions are numbered: a hash of the system identifier, the timeline and the database, above 0.
[[nodiscard]] Result<std::int64_t> entry_era(std::uint64_t system, std::uint32_t timeline, std::uint32_t database);

}  // namespace bastion
