#include "core/identity/breach_filter_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <optional>
#include <system_error>
#include <utility>

namespace bastion {
namespace {

using breach::Partition;
using breach::Place;

// A seed fails about once in a thousand times.
constexpr int max_attempts = 200;

Error io_error(const std::string& path) {
    return {ErrorCode::io_failure, "could not write \"" + path + "\": " + std::generic_category().message(errno)};
}

std::string draft_of(const std::string& path) { return path + ".tmp"; }

// The sizes that the paper gives for three segments.
void set_geometry(Partition& partition, std::size_t entries) {
    const double count = std::max<double>(2, static_cast<double>(entries));
    const auto power = static_cast<std::uint32_t>(std::floor(std::log(count) / std::log(3.33) + 2.25));
    partition.segment_length = std::min(1u << std::min(power, 18u), breach::max_segment_length);
    const double factor = std::max(1.125, 0.875 + 0.25 * std::log(1e6) / std::log(count));
    const auto segments = static_cast<std::int64_t>(std::ceil(count * factor / partition.segment_length)) - 2;
    partition.segments = static_cast<std::uint32_t>(std::max<std::int64_t>(segments, 1));
}

// Which hash gets which slot: one that no later hash of the list has a place in. Empty when the seed has no such order.
class Peeling {
public:
    struct Step {
        std::uint64_t hash;
        std::uint32_t place;  // of its three
    };

    Peeling(const std::vector<std::uint64_t>& hashes, const Partition& partition, std::uint32_t bits)
        : partition_(partition), bits_(bits), slots_(partition.slots()) {
        for (const std::uint64_t hash : hashes) toggle(hash, 1);
    }

    [[nodiscard]] std::optional<std::vector<Step>> order(std::size_t entries) {
        std::vector<Step> steps;
        steps.reserve(entries);
        std::vector<std::uint64_t> single;
        for (std::uint64_t slot = 0; slot < slots_.size(); ++slot)
            if (slots_[slot].count == 1) single.push_back(slot);
        while (!single.empty()) {
            const Slot slot = slots_[single.back()];
            single.pop_back();
            if (slot.count != 1) continue;
            steps.push_back({slot.hashes, slot.places});
            toggle(slot.hashes, -1);
            for (const std::uint64_t other : breach::place_of(slot.hashes, partition_, bits_).slots)
                if (slots_[other].count == 1) single.push_back(other);
        }
        if (steps.size() != entries) return {};
        return steps;
    }

private:
    // The hashes that have a place in a slot, and which of their places it is, by XOR.
    struct Slot {
        std::uint64_t hashes = 0;
        std::int32_t count = 0;
        std::uint32_t places = 0;
    };

    void toggle(std::uint64_t hash, std::int32_t change) {
        const Place place = breach::place_of(hash, partition_, bits_);
        for (std::uint32_t i = 0; i < place.slots.size(); ++i) {
            Slot& slot = slots_[place.slots[i]];
            slot.hashes ^= hash;
            slot.count += change;
            slot.places ^= i;
        }
    }

    const Partition& partition_;
    std::uint32_t bits_;
    std::vector<Slot> slots_;
};

// So that the three of each hash give its fingerprint by XOR.
std::vector<std::uint32_t> assign(const std::vector<Peeling::Step>& steps, const Partition& partition,
                                  std::uint32_t bits) {
    std::vector<std::uint32_t> fingerprints(partition.slots(), 0);
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
        const Place place = breach::place_of(step->hash, partition, bits);
        std::uint32_t fingerprint = place.fingerprint;
        for (std::uint32_t i = 0; i < place.slots.size(); ++i)
            if (i != step->place) fingerprint ^= fingerprints[place.slots[i]];
        fingerprints[place.slots[step->place]] = fingerprint;
    }
    return fingerprints;
}

}  // namespace

BreachFilterWriter::BreachFilterWriter(FileDescriptor file, std::string path, const BreachFilterOptions& options)
    : file_(std::move(file)), path_(std::move(path)), table_(std::size_t{1} << options.partition_bits) {
    header_.magic = breach::magic;
    header_.version = breach::version;
    header_.kind = static_cast<std::uint32_t>(options.kind);
    header_.fingerprint_bits = options.fingerprint_bits;
    header_.partition_bits = options.partition_bits;
    header_.key = options.key;
}

Result<BreachFilterWriter> BreachFilterWriter::create(const std::string& path, const BreachFilterOptions& options) {
    if (options.fingerprint_bits < least_fingerprint_bits)
        return invalid_argument(
            "these fingerprints would refuse more than one good password in a million",
            "24 bits refuse one in 16 million and take 3.7 bytes for each entry, 32 bits one in 4 billion "
            "and 4.9 bytes.");
    if (options.fingerprint_bits != 24 && options.fingerprint_bits != 32)
        return invalid_argument("fingerprints have 24 or 32 bits");
    if (options.partition_bits > breach::max_partition_bits) return invalid_argument("too many partitions");
    FileDescriptor file(::open(draft_of(path).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!file.is_open()) return io_error(draft_of(path));
    return BreachFilterWriter(std::move(file), path, options);
}

BreachFilterWriter::~BreachFilterWriter() {
    if (file_.is_open()) ::unlink(draft_of(path_).c_str());
}

Result<void> BreachFilterWriter::add(std::uint64_t hash) {
    const std::size_t partition = breach::partition_of(hash, header_.partition_bits);
    if (partition < partition_ || (!hashes_.empty() && hash < hashes_.back()))
        return invalid_argument("the hashes are not in ascending order", "LC_ALL=C sort orders a file of hashes.");
    while (partition_ < partition)
        if (auto ended = end_partition(); !ended) return ended;
    if (hashes_.empty() || hash != hashes_.back()) hashes_.push_back(hash);
    return {};
}

Result<void> BreachFilterWriter::end_partition() {
    Partition& partition = table_[partition_];
    partition.first_block = next_block_;
    if (!hashes_.empty()) {
        std::uint64_t base = 0;
        std::memcpy(&base, header_.key.data(), sizeof(base));
        set_geometry(partition, hashes_.size());
        std::optional<std::vector<Peeling::Step>> steps;
        for (int attempt = 0; !steps && attempt < max_attempts; ++attempt) {
            partition.seed = breach::mix(base + partition_ * max_attempts + static_cast<std::uint64_t>(attempt));
            steps = Peeling(hashes_, partition, header_.fingerprint_bits).order(hashes_.size());
        }
        if (!steps) return Error{ErrorCode::internal, "no seed fits the hashes"};
        if (auto written = write_blocks(assign(*steps, partition, header_.fingerprint_bits)); !written) return written;
        header_.entries += hashes_.size();
        hashes_.clear();
    }
    ++partition_;
    return {};
}

Result<void> BreachFilterWriter::write_blocks(const std::vector<std::uint32_t>& fingerprints) {
    const std::size_t each = breach::fingerprints_per_block(header_.fingerprint_bits);
    const std::size_t size = header_.fingerprint_bits / 8;
    const std::uint64_t blocks = breach::blocks_of(fingerprints.size(), header_.fingerprint_bits);
    std::vector<std::uint8_t> bytes(blocks * breach::block_bytes, 0);
    for (std::size_t slot = 0; slot < fingerprints.size(); ++slot)
        std::memcpy(bytes.data() + slot / each * breach::block_bytes + breach::tag_bytes + slot % each * size,
                    &fingerprints[slot], size);
    for (std::uint64_t i = 0; i < blocks; ++i) {
        const std::span block(bytes.data() + i * breach::block_bytes, breach::block_bytes);
        std::ranges::copy(breach::tag_of(header_.key, next_block_ + i, block.subspan(breach::tag_bytes)),
                          block.begin());
    }
    const std::uint64_t offset = breach::blocks_offset(header_.partition_bits) + next_block_ * breach::block_bytes;
    next_block_ += blocks;
    return write(bytes.data(), bytes.size(), offset);
}

Result<void> BreachFilterWriter::write(const void* bytes, std::size_t size, std::uint64_t offset) {
    for (const auto* rest = static_cast<const std::uint8_t*>(bytes); size > 0;) {
        const ssize_t put = ::pwrite(file_.get(), rest, size, static_cast<off_t>(offset));
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return io_error(draft_of(path_));
        rest += put;
        size -= static_cast<std::size_t>(put);
        offset += static_cast<std::uint64_t>(put);
    }
    return {};
}

Result<std::uint64_t> BreachFilterWriter::finish() {
    while (partition_ < table_.size())
        if (auto ended = end_partition(); !ended) return ended.error();
    header_.size = breach::blocks_offset(header_.partition_bits) + next_block_ * breach::block_bytes;
    header_.digest = breach::digest_of(header_, table_);
    if (auto written = write(&header_, sizeof(header_), 0); !written) return written.error();
    if (auto written = write(table_.data(), table_.size() * sizeof(table_[0]), sizeof(header_)); !written)
        return written.error();
    if (::ftruncate(file_.get(), static_cast<off_t>(header_.size)) != 0 || ::fsync(file_.get()) != 0 ||
        !file_.close() || std::rename(draft_of(path_).c_str(), path_.c_str()) != 0)
        return io_error(path_);
    return header_.entries;
}

}  // namespace bastion
