// A strict reader of CBOR (RFC 8949) as authenticators write it (CTAP 2 §8): definite lengths, the shortest form of each number, at
// most 4 levels, map keys that are integers or text and occur once; no tags, floats or other simple values than true and false.
// Called by the parsers of WebAuthn, whose input comes from browsers. A value views the bytes that it was read from, and lives as
// long as they do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"

namespace bastion {

inline constexpr std::size_t cbor_most_bytes = 64 * 1024;
inline constexpr int cbor_most_levels = 4;

enum class CborType : std::uint8_t { integer, bytes, text, array, map, boolean };

struct CborMember;

struct CborValue {
    CborType type = CborType::integer;
    std::int64_t number = 0;  // of an integer; 0 or 1 of a boolean
    ByteSpan content;         // of bytes and text
    std::vector<CborValue> elements;
    std::vector<CborMember> members;

    // The member of a map; null when there is none.
    [[nodiscard]] const CborValue* find(std::int64_t key) const noexcept;
    [[nodiscard]] const CborValue* find(std::string_view key) const noexcept;
    // Each is empty when the value has another type.
    [[nodiscard]] std::optional<std::int64_t> as_integer() const noexcept;
    [[nodiscard]] std::optional<ByteSpan> as_bytes() const noexcept;
    [[nodiscard]] std::optional<std::string_view> as_text() const noexcept;
};

struct CborMember {
    CborValue key;
    CborValue value;
};

// One value at the beginning of the bytes, and how many of them it takes. Integers beyond 64 bits with a sign are refused. Errors:
// malformed_text, limit_exceeded.
struct CborRead {
    CborValue value;
    std::size_t size = 0;
};
[[nodiscard]] Result<CborRead> read_cbor(ByteSpan bytes);

}  // namespace bastion
