// The memory of this process as the kernel reports it, proc(5), smaps.
#pragma once

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace bastion::test {

struct Mapping {
    const std::uint8_t* begin = nullptr;
    const std::uint8_t* end = nullptr;
    std::string mode;   // as in rw-p
    std::string flags;  // two letters each, with spaces around them: dd is no core dump, lo is locked
    bool stack = false;

    [[nodiscard]] bool has(const std::string& flag) const { return flags.find(' ' + flag + ' ') != std::string::npos; }
};

inline std::vector<Mapping> process_memory() {
    constexpr std::string_view flags_line = "VmFlags:";
    std::ifstream lines("/proc/self/smaps");
    std::vector<Mapping> out;
    for (std::string line; std::getline(lines, line);) {
        std::uintptr_t begin = 0;
        std::uintptr_t end = 0;
        char mode[5] = "";
        if (std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, mode) == 3)
            out.push_back({reinterpret_cast<const std::uint8_t*>(begin), reinterpret_cast<const std::uint8_t*>(end),
                           mode, "", line.ends_with("[stack]")});
        else if (line.starts_with(flags_line) && !out.empty())
            out.back().flags = line.substr(flags_line.size()) + ' ';
    }
    return out;
}

}  // namespace bastion::test
