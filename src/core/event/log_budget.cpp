#include "core/event/log_budget.hpp"

#include <algorithm>
#include <utility>

namespace bastion {

// The entry of the address, else one of an earlier minute, else the one that has written least.
LogBudget::Entry& LogBudget::entry_for(std::uint64_t address, std::int64_t minute) noexcept {
    auto& set = sets_[address % sets];
    const auto own = std::ranges::find_if(set, [&](const Entry& entry) {
        return entry.address == address && (entry.minute == minute || entry.left_out > 0);
    });
    if (own != set.end()) return *own;
    return *std::ranges::min_element(set, {}, [&](const Entry& entry) {
        return std::pair(entry.minute == minute, std::pair(entry.minute == minute ? entry.lines : 0U, entry.left_out));
    });
}

LogBudget::Verdict LogBudget::take(std::uint64_t address, std::int64_t minute) noexcept {
    Entry& entry = entry_for(address, minute);
    if (entry.minute != minute) {
        entry.lines = 0;
        entry.minute = minute;
        if (entry.address != address) entry.left_out = 0;
        entry.address = address;
    }
    if (entry.lines == lines_per_minute) {
        ++entry.left_out;
        return {false, 0};
    }
    ++entry.lines;
    return {true, std::exchange(entry.left_out, 0U)};
}

}  // namespace bastion
