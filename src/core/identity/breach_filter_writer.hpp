// Makes the file of a breach filter (breach_format.hpp) from hashes in ascending order. Used by tools/breach-filter alone. Holds one
// partition in memory.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/file_descriptor.hpp"
#include "core/base/result.hpp"
#include "core/identity/breach_filter.hpp"
#include "core/identity/breach_format.hpp"

namespace bastion {

struct BreachFilterOptions {
    BreachHash kind = BreachHash::sha1;
    std::uint32_t fingerprint_bits = 24;
    // A partition should have about a million hashes.
    std::uint32_t partition_bits = 0;
    // Random: the tags and the places of fingerprints depend on it.
    std::array<std::uint8_t, breach::key_bytes> key{};
};

class BreachFilterWriter {
public:
    // invalid_argument for options outside the limits of the format, with a hint which are better. The file appears under its
    // name when finish() has succeeded, in place of a former one.
    [[nodiscard]] static Result<BreachFilterWriter> create(const std::string& path, const BreachFilterOptions& options);
    BreachFilterWriter(BreachFilterWriter&& other) = default;
    // Leaves no part of a file behind.
    ~BreachFilterWriter();

    // invalid_argument for a hash below the one before. Equal ones count once.
    [[nodiscard]] Result<void> add(std::uint64_t hash);
    // The number of entries.
    [[nodiscard]] Result<std::uint64_t> finish();

private:
    BreachFilterWriter(FileDescriptor file, std::string path, const BreachFilterOptions& options);

    [[nodiscard]] Result<void> end_partition();
    [[nodiscard]] Result<void> write_blocks(const std::vector<std::uint32_t>& fingerprints);
    [[nodiscard]] Result<void> write(const void* bytes, std::size_t size, std::uint64_t offset);

    FileDescriptor file_;
    std::string path_;
    breach::Header header_{};
    std::vector<breach::Partition> table_;
    std::vector<std::uint64_t> hashes_;  // of the partition that is being filled
    std::size_t partition_ = 0;
    std::uint64_t next_block_ = 0;
};

}  // namespace bastion
