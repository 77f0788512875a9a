#include "core/identity/breach_filter.hpp"

#include <nettle/md4.h>
#include <nettle/sha1.h>
#include <sodium.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace bastion {
namespace {

constexpr std::string_view make_again = "Make it again with tools/breach-filter.";

std::uint64_t first_bytes(std::span<const std::uint8_t> digest) noexcept {
    std::uint64_t first = 0;
    for (std::size_t i = 0; i < sizeof(first); ++i) first = first << 8 | digest[i];
    return first;
}

std::uint64_t sha1_of(std::string_view password) noexcept {
    sha1_ctx state;
    std::array<std::uint8_t, SHA1_DIGEST_SIZE> digest;
    sha1_init(&state);
    sha1_update(&state, password.size(), reinterpret_cast<const std::uint8_t*>(password.data()));
    sha1_digest(&state, digest.size(), digest.data());
    sodium_memzero(&state, sizeof(state));
    return first_bytes(digest);
}

void add_unit(md4_ctx& state, std::uint32_t unit) noexcept {
    const std::array<std::uint8_t, 2> bytes = {static_cast<std::uint8_t>(unit), static_cast<std::uint8_t>(unit >> 8)};
    md4_update(&state, bytes.size(), bytes.data());
}

// MD4 over UTF-16 in little-endian order. Empty for text that is not UTF-8.
std::optional<std::uint64_t> ntlm_of(std::string_view password) noexcept {
    md4_ctx state;
    md4_init(&state);
    auto* rest = reinterpret_cast<const utf8proc_uint8_t*>(password.data());
    for (auto size = static_cast<utf8proc_ssize_t>(password.size()); size > 0;) {
        utf8proc_int32_t read = 0;
        const utf8proc_ssize_t used = utf8proc_iterate(rest, size, &read);
        if (used <= 0) return {};
        rest += used;
        size -= used;
        auto code_point = static_cast<std::uint32_t>(read);
        if (code_point >= 0x10000) {
            code_point -= 0x10000;
            add_unit(state, 0xD800 + (code_point >> 10));
            code_point = 0xDC00 + (code_point & 0x3FF);
        }
        add_unit(state, code_point);
    }
    std::array<std::uint8_t, MD4_DIGEST_SIZE> digest;
    md4_digest(&state, digest.size(), digest.data());
    sodium_memzero(&state, sizeof(state));
    return first_bytes(digest);
}

}  // namespace

BreachFilter::BreachFilter(OperatorFile file) noexcept : file_(std::move(file)) {}

Result<BreachFilter> BreachFilter::open(const std::string& path) {
    auto file = OperatorFile::open("breach filter", path);
    if (!file) return file.error();
    BreachFilter filter(*std::move(file));
    if (auto read = filter.read_header(); !read) return read.error();
    return filter;
}

Result<void> BreachFilter::read_header() {
    if (auto read = file_.read(0, {reinterpret_cast<std::uint8_t*>(&header_), sizeof(header_)}); !read) return read;
    if (auto checked = check_header(); !checked) return checked;
    table_.resize(std::size_t{1} << header_.partition_bits);
    const std::span<std::uint8_t> table(reinterpret_cast<std::uint8_t*>(table_.data()),
                                        table_.size() * sizeof(table_[0]));
    if (auto read = file_.read(sizeof(header_), table); !read) return read;
    if (breach::digest_of(header_, table_) != header_.digest)
        return file_.unusable("its checksum is wrong", make_again);
    return check_table();
}

Result<void> BreachFilter::check_header() const {
    if (header_.magic != breach::magic) return file_.unusable("it is no breach filter", make_again);
    if (header_.version != breach::version) return file_.unusable("it has another version of the format", make_again);
    if (kind() != BreachHash::sha1 && kind() != BreachHash::ntlm)
        return file_.unusable("it has hashes of an unknown kind", make_again);
    if (header_.fingerprint_bits < least_fingerprint_bits)
        return file_.unusable("it refuses more than one good password in a million",
                              "Make it again with --bits 24: 3.7 bytes for each entry.");
    if ((header_.fingerprint_bits != 24 && header_.fingerprint_bits != 32) ||
        header_.partition_bits > breach::max_partition_bits)
        return file_.unusable("its header is damaged", make_again);
    if (header_.size != file_.size()) return file_.unusable("its size is wrong", make_again);
    return {};
}

// What the checksum does not show: a table that was made wrong.
Result<void> BreachFilter::check_table() const {
    std::uint64_t next = 0;
    for (const breach::Partition& partition : table_) {
        const bool is_power = std::has_single_bit(partition.segment_length);
        if (partition.first_block != next || (partition.segments != 0 && !is_power) ||
            partition.segment_length > breach::max_segment_length)
            return file_.unusable("its table is damaged", make_again);
        next += breach::blocks_of(partition.slots(), header_.fingerprint_bits);
    }
    if (breach::blocks_offset(header_.partition_bits) + next * breach::block_bytes != header_.size)
        return file_.unusable("its table is damaged", make_again);
    return {};
}

Result<void> BreachFilter::read_block(std::uint64_t number, std::span<std::uint8_t, breach::block_bytes> block) const {
    const std::uint64_t offset = breach::blocks_offset(header_.partition_bits) + number * breach::block_bytes;
    if (auto read = file_.read(offset, block); !read) return read;
    const auto tag = breach::tag_of(header_.key, number, block.subspan(breach::tag_bytes));
    if (!std::equal(tag.begin(), tag.end(), block.begin())) return file_.unusable("a block is damaged", make_again);
    return {};
}

Result<std::uint32_t> BreachFilter::fingerprint_at(const breach::Partition& partition, std::uint64_t slot) const {
    const std::size_t each = breach::fingerprints_per_block(header_.fingerprint_bits);
    const std::size_t size = header_.fingerprint_bits / 8;
    std::array<std::uint8_t, breach::block_bytes> block;
    if (auto read = read_block(partition.first_block + slot / each, block); !read) return read.error();
    std::uint32_t fingerprint = 0;
    std::memcpy(&fingerprint, block.data() + breach::tag_bytes + slot % each * size, size);
    return fingerprint;
}

Result<bool> BreachFilter::contains(std::uint64_t hash) const {
    const breach::Partition& partition = table_[breach::partition_of(hash, header_.partition_bits)];
    if (partition.segments == 0) return false;
    const breach::Place place = breach::place_of(hash, partition, header_.fingerprint_bits);
    std::uint32_t rest = place.fingerprint;
    for (const std::uint64_t slot : place.slots) {
        const auto fingerprint = fingerprint_at(partition, slot);
        if (!fingerprint) return fingerprint.error();
        rest ^= *fingerprint;
    }
    return rest == 0;
}

Result<bool> BreachFilter::contains_password(std::string_view password) const {
    if (kind() == BreachHash::sha1) return contains(sha1_of(password));
    const auto hash = ntlm_of(password);
    return hash ? contains(*hash) : Result<bool>(false);
}

Result<void> BreachFilter::check() const {
    const std::uint64_t blocks = (header_.size - breach::blocks_offset(header_.partition_bits)) / breach::block_bytes;
    std::array<std::uint8_t, breach::block_bytes> block;
    for (std::uint64_t number = 0; number < blocks; ++number)
        if (auto read = read_block(number, block); !read) return read;
    return {};
}

Result<void> check_breach_filter(const std::string& path) {
    const auto filter = BreachFilter::open(path);
    if (!filter) return filter.error();
    return {};
}

}  // namespace bastion
