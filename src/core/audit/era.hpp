// The era of an audit log: where the numbers of its transactions count. A restored, promoted or upgraded server counts on from another
// place, so its rows have another era. Called when rows are captured and when they are sealed.
#pragma once

#include <cstdint>

namespace bastion {

struct EraPlace {
    std::uint64_t system_identifier = 0;
    std::uint32_t timeline = 0;
    std::uint32_t database = 0;
};

// The first bits of SHA-256 over a label and the three numbers, each big-endian; above 0.
[[nodiscard]] std::int64_t audit_era(const EraPlace& place);

}  // namespace bastion
