// A filter of the hashes of breached passwords, which tools/breach-filter makes of the files that a service publishes. A password
// that is in it is refused; so is one in 16 million others, or in 4 billion. Opened for each new password; three blocks of the file
// are read (breach_format.hpp).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/operator_file.hpp"
#include "core/base/result.hpp"
#include "core/identity/breach_format.hpp"

namespace bastion {

enum class BreachHash : std::uint32_t { sha1 = 1, ntlm = 2 };

// Fewer give more than one false positive in a million.
inline constexpr std::uint32_t least_fingerprint_bits = 20;

class BreachFilter {
public:
    // io_failure for a file that is missing, truncated, damaged or no filter, and for one with too many false positives.
    [[nodiscard]] static Result<BreachFilter> open(const std::string& path);

    // By the first 8 bytes of the hash, the first byte as the highest.
    [[nodiscard]] Result<bool> contains(std::uint64_t hash) const;
    // For a prepared password. One that is not UTF-8 has no NTLM hash.
    [[nodiscard]] Result<bool> contains_password(std::string_view password) const;
    // Reads every block.
    [[nodiscard]] Result<void> check() const;

    [[nodiscard]] BreachHash kind() const noexcept { return static_cast<BreachHash>(header_.kind); }
    [[nodiscard]] std::uint64_t entries() const noexcept { return header_.entries; }
    [[nodiscard]] std::uint32_t fingerprint_bits() const noexcept { return header_.fingerprint_bits; }

private:
    explicit BreachFilter(OperatorFile file) noexcept;

    [[nodiscard]] Result<void> read_header();
    [[nodiscard]] Result<void> check_header() const;
    [[nodiscard]] Result<void> check_table() const;
    [[nodiscard]] Result<std::uint32_t> fingerprint_at(const breach::Partition& partition, std::uint64_t slot) const;
    [[nodiscard]] Result<void> read_block(std::uint64_t number,
                                          std::span<std::uint8_t, breach::block_bytes> block) const;

    OperatorFile file_;
    breach::Header header_{};
    std::vector<breach::Partition> table_;
};

// Whether the filter can be used, as far as its header and table show.
[[nodiscard]] Result<void> check_breach_filter(const std::string& path);

}  // namespace bastion
