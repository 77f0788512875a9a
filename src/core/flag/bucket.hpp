// The bucket of a percentage roll-out, bit for bit that of flagd: a hash in integers, without floating point. Called by
// targeting.cpp.
#pragma once

#include <cstdint>
#include <string_view>

namespace bastion {

// The largest sum of the weights of a roll-out.
inline constexpr std::int64_t max_total_weight = 2147483647;

// MurmurHash3 x86_32 (Austin Appleby, public domain) with seed 0, over `first` followed by `second`.
[[nodiscard]] std::uint32_t murmur3(std::string_view first, std::string_view second = {}) noexcept;

// A number below `total_weight`, at most max_total_weight, to which the hash belongs.
[[nodiscard]] inline std::int64_t bucket_of(std::uint32_t hash, std::int64_t total_weight) noexcept {
    return static_cast<std::int64_t>((static_cast<std::uint64_t>(hash) * static_cast<std::uint64_t>(total_weight)) >>
                                     32);
}

}  // namespace bastion
