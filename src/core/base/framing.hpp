// Big-endian numbers and length-prefixed parts: the unambiguous framing of the data that a sealed value is bound
// to. Used by sealed.cpp and root_key.cpp; keeps no state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bastion {

inline void append_u32(std::string& out, std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift & 0xFF));
}

// The length in four bytes, then the part, so that no two lists of parts give the same bytes.
inline void append_length_prefixed(std::string& out, std::string_view part) {
    append_u32(out, static_cast<std::uint32_t>(part.size()));
    out.append(part);
}

}  // namespace bastion
