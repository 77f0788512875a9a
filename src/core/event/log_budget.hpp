// How many lines each client address may write to the server log: a table of fixed size, so that neither one address nor many
// fill the disk. It holds no pointers, so processes may share it; the caller holds the lock. pg/event/refusal_log.cpp uses it.
#pragma once

#include <array>
#include <cstdint>

namespace bastion {

class LogBudget {
public:
    static constexpr std::uint32_t lines_per_minute = 10;

    struct Verdict {
        bool write;
        // Lines that were left out since the last one of this entry.
        std::uint32_t left_out;
    };

    // Takes one line for an address, by its hash, in a minute since any epoch. Addresses that find the table full share what is
    // left of an entry, so that the table writes at most 2,560 lines a minute.
    Verdict take(std::uint64_t address, std::int64_t minute) noexcept;

private:
    struct Entry {
        std::uint64_t address;
        std::int64_t minute;
        std::uint32_t lines;
        std::uint32_t left_out;
    };
    static constexpr std::size_t ways = 4;
    static constexpr std::size_t sets = 64;

    Entry& entry_for(std::uint64_t address, std::int64_t minute) noexcept;

    std::array<std::array<Entry, ways>, sets> sets_{};
};

}  // namespace bastion
