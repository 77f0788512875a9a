// Breach filters: every entry is found, few others are; published hashes of passwords; damaged files are refused.
#include "core/identity/breach_filter.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "core/identity/breach_filter_writer.hpp"
#include "core/identity/password_policy.hpp"
#include "unit/base/words.hpp"

namespace bastion {
namespace {

namespace fs = std::filesystem;
using bastion::test::words;

constexpr std::array<std::uint8_t, breach::key_bytes> key = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

class BreachFilterFile : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "breach_filter_test.XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        path_ = (folder_ / "filter").string();
    }
    void TearDown() override { fs::remove_all(folder_); }

    // Of hashes that ascend by pseudo-random steps.
    void make(std::uint64_t count, const BreachFilterOptions& options) {
        auto writer = BreachFilterWriter::create(path_, options);
        ASSERT_TRUE(writer.ok());
        const std::uint64_t step = UINT64_MAX / (count + 1);
        std::uint64_t added = 0;
        while (added < count && writer->add(hash(added, step)).ok()) ++added;
        ASSERT_EQ(added, count);
        const auto entries = writer->finish();
        ASSERT_TRUE(entries.ok()) << entries.error().message;
        EXPECT_EQ(*entries, count);
    }
    static std::uint64_t hash(std::uint64_t i, std::uint64_t step) { return i * step + breach::mix(i) % step; }

    // How many of `tried` hashes, none of them an entry, are found.
    static std::uint64_t wrong(const BreachFilter& filter, std::uint64_t count, std::uint64_t tried) {
        const std::uint64_t step = UINT64_MAX / (count + 1);
        std::uint64_t found = 0;
        for (std::uint64_t i = 0; i < tried; ++i) {
            const std::uint64_t other = breach::mix(~i);
            if (other != hash(other / step, step) && filter.contains(other).value()) ++found;
        }
        return found;
    }
    void expect_all(std::uint64_t count, const BreachFilterOptions& options) {
        make(count, options);
        const auto filter = BreachFilter::open(path_);
        ASSERT_TRUE(filter.ok()) << filter.error().message;
        EXPECT_EQ(filter->entries(), count);
        EXPECT_TRUE(filter->check().ok());
        const std::uint64_t step = UINT64_MAX / (count + 1);
        std::uint64_t found = 0;
        while (found < count && filter->contains(hash(found, step)).value()) ++found;
        ASSERT_EQ(found, count);
    }
    [[nodiscard]] std::string content() const {
        std::ifstream file(path_, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    void write(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }
    [[nodiscard]] std::string problem() const {
        const auto filter = BreachFilter::open(path_);
        if (filter) return "none";
        EXPECT_EQ(filter.error().code, ErrorCode::io_failure);
        return filter.error().message.substr(filter.error().message.find(": ") + 2);
    }

    fs::path folder_;
    std::string path_;
};

TEST_F(BreachFilterFile, EveryEntryIsFoundInFilesOfEachSize) {
    for (const std::uint64_t count : {0, 1, 2, 3, 7, 100, 1000, 20'000})
        for (const std::uint32_t partition_bits : {0, 1, 6, 10}) {
            SCOPED_TRACE(words(count, partition_bits));
            expect_all(count, {BreachHash::sha1, partition_bits % 2 == 0 ? 24U : 32U, partition_bits, key});
        }
}

TEST_F(BreachFilterFile, AMillionEntriesAndFewFalsePositives) {
    // 10 million in a run of --long.
    const std::uint64_t count = std::getenv("BASTION_LONG") != nullptr ? 10'000'000 : 1'000'000;
    expect_all(count, {BreachHash::sha1, 24, 2, key});
    EXPECT_LT(static_cast<double>(fs::file_size(path_)), 3.8 * static_cast<double>(count));
    const auto filter = BreachFilter::open(path_);
    ASSERT_TRUE(filter.ok());
    // 0.06 are expected; 3 of them would be one in a million.
    EXPECT_LT(wrong(*filter, count, 1'000'000), 3U);
}

TEST_F(BreachFilterFile, PasswordsByEitherHash) {
    // SHA-1 and NTLM of "password", "P@ssw0rd" and "pässwörd €𝄞", by OpenSSL.
    struct Case {
        std::string_view password;
        std::uint64_t sha1, ntlm;
    };
    for (const Case& row :
         {Case{"password", 0x5baa61e4c9b93f3fULL, 0x8846f7eaee8fb117ULL},
          Case{"P@ssw0rd", 0x21bd12dc183f740eULL, 0xe19ccf75ee54e06bULL},
          Case{"p\u00e4ssw\u00f6rd \u20ac\U0001D11E", 0x38a57a4291eac061ULL, 0xae36ef918c2da525ULL}}) {
        for (const BreachHash kind : {BreachHash::sha1, BreachHash::ntlm}) {
            SCOPED_TRACE(words(row.password, static_cast<int>(kind)));
            auto writer = BreachFilterWriter::create(path_, {kind, 32, 0, key});
            ASSERT_TRUE(writer.ok());
            ASSERT_TRUE(writer->add(kind == BreachHash::sha1 ? row.sha1 : row.ntlm).ok());
            ASSERT_TRUE(writer->finish().ok());
            const auto filter = BreachFilter::open(path_);
            ASSERT_TRUE(filter.ok());
            EXPECT_EQ(filter->kind(), kind);
            EXPECT_TRUE(filter->contains_password(row.password).value());
            EXPECT_FALSE(filter->contains_password(std::string(row.password) + "x").value());
            EXPECT_FALSE(filter->contains_password("no UTF-8: \xff\xfe").value());
        }
    }
}

TEST_F(BreachFilterFile, ThePolicyRefusesWhatIsInIt) {
    auto writer = BreachFilterWriter::create(path_, {BreachHash::sha1, 24, 0, key});
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE(writer->add(0xabf7aad6438836dbULL).ok());  // "correct horse battery staple"
    ASSERT_TRUE(writer->finish().ok());
    PasswordPolicy policy;
    policy.breach_filter = path_;
    const auto flaw = [&](std::string_view password) {
        const auto found = find_password_flaw(password, policy);
        return found ? std::string(name_of(*found)) : "error: " + found.error().message;
    };
    EXPECT_EQ(flaw("correct horse battery staple"), "breached");
    // As it is hashed: with plain spaces. And the bytes that were sent are looked up too.
    EXPECT_EQ(flaw("correct\u3000horse battery staple"), "breached");
    EXPECT_EQ(flaw("Correct horse battery staple"), "none");
    fs::resize_file(path_, fs::file_size(path_) - 1);
    EXPECT_EQ(flaw("Correct horse battery staple"), "error: could not use the breach filter: its size is wrong");
    fs::remove(path_);
    EXPECT_EQ(flaw("Correct horse battery staple"),
              "error: could not use the breach filter: No such file or directory");
    EXPECT_EQ(flaw("short"), "too_short");
}

TEST_F(BreachFilterFile, WhatTheWriterRefuses) {
    for (const std::uint32_t bits : {0, 8, 16, 19, 20, 23, 25, 31, 33, 64}) {
        SCOPED_TRACE(words(bits));
        const auto writer = BreachFilterWriter::create(path_, {BreachHash::sha1, bits, 0, key});
        ASSERT_FALSE(writer.ok()) << bits;
        EXPECT_EQ(writer.error().code, ErrorCode::invalid_argument);
        EXPECT_EQ(writer.error().hint.empty(), bits >= least_fingerprint_bits) << bits;
    }
    EXPECT_FALSE(BreachFilterWriter::create(path_, {BreachHash::sha1, 24, 17, key}).ok());
    EXPECT_EQ(BreachFilterWriter::create((folder_ / "none" / "filter").string(), {}).error().code,
              ErrorCode::io_failure);
    auto writer = BreachFilterWriter::create(path_, {BreachHash::sha1, 24, 3, key});
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE(writer->add(5).ok());
    ASSERT_TRUE(writer->add(5).ok());
    EXPECT_EQ(writer->add(4).error().code, ErrorCode::invalid_argument);
    ASSERT_TRUE(writer->add(UINT64_MAX).ok());
    EXPECT_EQ(writer->add(6).error().code, ErrorCode::invalid_argument);
    // Nothing has the name before it is whole.
    EXPECT_FALSE(fs::exists(path_));
    EXPECT_EQ(writer->finish().value(), 2U);
    EXPECT_EQ(problem(), "none");
    {
        auto unfinished = BreachFilterWriter::create(path_, {});
        ASSERT_TRUE(unfinished.ok());
        ASSERT_TRUE(unfinished->add(1).ok());
    }
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(BreachFilterFile, DamageIsFound) {
    make(1000, {BreachHash::sha1, 24, 1, key});
    const std::string good = content();
    const auto step = UINT64_MAX / 1001;
    // Each byte of header and table, and bytes of blocks.
    const std::size_t blocks = breach::blocks_offset(1);
    for (std::size_t at = 0; at < sizeof(breach::Header) + 2 * sizeof(breach::Partition); ++at) {
        SCOPED_TRACE(words(at));
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 1);
        write(bad);
        EXPECT_NE(problem(), "none") << at;
    }
    for (std::size_t at = blocks; at < good.size(); at += 17) {
        SCOPED_TRACE(words(at));
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0x80);
        write(bad);
        const auto filter = BreachFilter::open(path_);
        ASSERT_TRUE(filter.ok());
        EXPECT_EQ(filter->check().error().code, ErrorCode::io_failure) << at;
        // A look-up says so too, or does not need the block.
        for (std::uint64_t i = 0; i < 1000; ++i) {
            SCOPED_TRACE(words(at, i));
            const auto found = filter->contains(hash(i, step));
            EXPECT_TRUE(!found.ok() || *found);
        }
    }
    // Two blocks in each other's place.
    std::string swapped = good.substr(0, blocks) + good.substr(blocks + breach::block_bytes, breach::block_bytes) +
                          good.substr(blocks, breach::block_bytes) + good.substr(blocks + 2 * breach::block_bytes);
    write(swapped);
    EXPECT_FALSE(BreachFilter::open(path_)->check().ok());
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{95}, std::size_t{96}, std::size_t{100},
                                   blocks, good.size() - 1}) {
        SCOPED_TRACE(words(size));
        write(good.substr(0, size));
        EXPECT_NE(problem(), "none") << size;
    }
    write(good + "x");
    EXPECT_EQ(problem(), "its size is wrong");
    write(std::string(10'000, 'x'));
    EXPECT_EQ(problem(), "it is no breach filter");
    write("");
    EXPECT_EQ(problem(), "it ends early");
}

// A file with this header and table and a right checksum.
std::string with_header(std::string file,
                        const std::function<void(breach::Header&, std::vector<breach::Partition>&)>& change) {
    breach::Header header;
    std::memcpy(&header, file.data(), sizeof(header));
    std::vector<breach::Partition> table(std::size_t{1} << header.partition_bits);
    std::memcpy(table.data(), file.data() + sizeof(header), table.size() * sizeof(table[0]));
    change(header, table);
    header.digest = breach::digest_of(header, table);
    std::memcpy(file.data(), &header, sizeof(header));
    std::memcpy(file.data() + sizeof(header), table.data(), table.size() * sizeof(table[0]));
    return file;
}

TEST_F(BreachFilterFile, HeadersWithARightChecksumAreCheckedToo) {
    make(1000, {BreachHash::sha1, 24, 1, key});
    const std::string good = content();
    using Table = std::vector<breach::Partition>;
    struct Case {
        const char* problem;
        std::function<void(breach::Header&, Table&)> change;
    };
    const Case cases[] = {
        {"it has another version of the format", [](breach::Header& header, Table&) { header.version = 2; }},
        {"it has hashes of an unknown kind", [](breach::Header& header, Table&) { header.kind = 3; }},
        {"it refuses more than one good password in a million",
         [](breach::Header& header, Table&) { header.fingerprint_bits = 16; }},
        {"its header is damaged", [](breach::Header& header, Table&) { header.fingerprint_bits = 28; }},
        {"its header is damaged", [](breach::Header& header, Table&) { header.fingerprint_bits = UINT32_MAX; }},
        {"its header is damaged", [](breach::Header& header, Table&) { header.partition_bits = 17; }},
        {"its size is wrong", [](breach::Header& header, Table&) { header.size += 1; }},
        {"its table is damaged", [](breach::Header&, Table& table) { table[1].first_block += 1; }},
        {"its table is damaged", [](breach::Header&, Table& table) { table[1].segments = UINT32_MAX; }},
        {"its table is damaged", [](breach::Header&, Table& table) { table[0].segment_length = 3; }},
        {"its table is damaged", [](breach::Header&, Table& table) { table[0].segment_length = 1U << 31; }},
        {"its table is damaged", [](breach::Header&, Table& table) { table[0].segment_length = 0; }},
    };
    for (const Case& row : cases) {
        SCOPED_TRACE(row.problem);
        write(with_header(good, [&](breach::Header& header, Table& table) {
            if (row.change) row.change(header, table);
        }));
        EXPECT_EQ(problem(), row.problem);
    }
}

TEST_F(BreachFilterFile, ReplacedOrTruncatedWhileItIsOpen) {
    make(1000, {BreachHash::sha1, 24, 0, key});
    const auto step = UINT64_MAX / 1001;
    const auto old = BreachFilter::open(path_);
    ASSERT_TRUE(old.ok());
    make(1, {BreachHash::sha1, 24, 0, key});
    // The opened file stays as it was.
    EXPECT_TRUE(old->contains(hash(999, step)).value());
    const auto filter = BreachFilter::open(path_);
    ASSERT_TRUE(filter.ok());
    fs::resize_file(path_, breach::blocks_offset(0) + 10);
    EXPECT_EQ(filter->contains(hash(0, UINT64_MAX / 2)).error().code, ErrorCode::io_failure);
    fs::resize_file(path_, 0);
    EXPECT_EQ(filter->contains(hash(0, UINT64_MAX / 2)).error().code, ErrorCode::io_failure);
}

}  // namespace
}  // namespace bastion
