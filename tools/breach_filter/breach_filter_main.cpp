// tools/breach-filter: makes the file for bastion.breach_filter of the hashes that a service publishes, and reads it back.
#include <sodium.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/startup.hpp"
#include "core/identity/breach_filter.hpp"
#include "core/identity/breach_filter_writer.hpp"
#include "core/identity/password_text.hpp"

namespace {

namespace fs = std::filesystem;
using namespace bastion;

constexpr std::string_view usage =
    "usage: breach-filter make FILTER SOURCE [--bits 24|32]\n"
    "       breach-filter check FILTER\n"
    "       breach-filter find FILTER < PASSWORDS\n"
    "\n"
    "make writes FILTER, the file for bastion.breach_filter, from SHA-1 or NTLM hashes in hexadecimal. SOURCE is a "
    "folder of files that\n"
    "are named by the first five digits and hold the other digits, or one file of hashes in ascending order; - is the "
    "standard input.\n"
    "A colon and a count may follow each hash. Fingerprints of 24 bits refuse one good password in 16 million and take "
    "3.7 bytes for\n"
    "each hash, those of 32 bits one in 4 billion and 4.9 bytes.\n"
    "check reads every block of FILTER. find prints the lines of its input that are in FILTER; its status is 1 when "
    "none is.\n";

constexpr std::size_t prefix_digits = 5;
constexpr std::uint64_t all_prefixes = 1U << (4 * prefix_digits);
constexpr std::uint64_t bytes_of_a_line = 42;
constexpr std::uint64_t hashes_of_a_partition = 1U << 20;

struct Failure {
    std::string message;
};

[[noreturn]] void fail(std::string message) { throw Failure{std::move(message)}; }

template <class T>
T value_of(Result<T>&& result) {
    if (!result) fail(result.error().message + (result.error().hint.empty() ? "" : "\n" + result.error().hint));
    return *std::move(result);
}

bool is_hex(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; });
}

// Reads lines, and knows which kind of hash they have.
class HashReader {
public:
    // The first 8 bytes of the hash in a line; empty for an empty line.
    std::optional<std::uint64_t> read(std::string_view prefix, std::string_view line, const std::string& name) {
        line = line.substr(0, line.find_first_of(":\r"));
        if (line.empty()) return {};
        const std::size_t digits = prefix.size() + line.size();
        if ((digits != 40 && digits != 32) || !is_hex(line))
            fail("\"" + name + "\" has a line that is no SHA-1 or NTLM hash");
        const BreachHash kind = digits == 40 ? BreachHash::sha1 : BreachHash::ntlm;
        if (kind_.value_or(kind) != kind) fail("\"" + name + "\" mixes SHA-1 and NTLM hashes");
        kind_ = kind;
        const std::string text = std::string(prefix) + std::string(line.substr(0, 16 - prefix.size()));
        std::uint64_t hash = 0;
        std::from_chars(text.data(), text.data() + text.size(), hash, 16);
        return hash;
    }
    [[nodiscard]] const std::optional<BreachHash>& kind() const { return kind_; }

private:
    std::optional<BreachHash> kind_;
};

// Begins with the first hash, whose kind the file gets.
class Maker {
public:
    Maker(std::string path, std::uint32_t bits, std::uint64_t source_bytes) : path_(std::move(path)) {
        options_.fingerprint_bits = bits;
        const std::uint64_t partitions = source_bytes / bytes_of_a_line / hashes_of_a_partition;
        options_.partition_bits =
            std::min<std::uint32_t>(static_cast<std::uint32_t>(std::bit_width(partitions)), breach::max_partition_bits);
        randombytes_buf(options_.key.data(), options_.key.size());
        // Wrong options fail before hours of reading.
        (void)value_of(BreachFilterWriter::create(path_, options_));
    }
    void add(std::uint64_t hash, const HashReader& reader) {
        if (!writer_) begin(*reader.kind());
        if (auto added = writer_->add(hash); !added) fail(added.error().message + "\n" + added.error().hint);
    }
    void finish() {
        if (!writer_) fail("there are no hashes");
        const std::uint64_t entries = value_of(writer_->finish());
        std::cout << entries << (options_.kind == BreachHash::sha1 ? " SHA-1" : " NTLM") << " hashes in " << path_
                  << ", " << fs::file_size(path_) << " bytes\n";
    }

private:
    void begin(BreachHash kind) {
        options_.kind = kind;
        writer_.emplace(value_of(BreachFilterWriter::create(path_, options_)));
    }

    std::string path_;
    BreachFilterOptions options_;
    std::optional<BreachFilterWriter> writer_;
};

std::map<std::string, fs::path> prefix_files(const fs::path& folder) {
    std::map<std::string, fs::path> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
        std::string stem = entry.path().stem().string();
        if (stem.size() != prefix_digits || !is_hex(stem)) continue;
        std::ranges::transform(stem, stem.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        if (!files.emplace(stem, entry.path()).second) fail("there are two files of the prefix " + stem);
    }
    if (files.empty()) fail("no file in " + folder.string() + " is named by five hexadecimal digits");
    return files;
}

std::ifstream open_source(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) fail("cannot read " + path.string());
    return file;
}

void make_of_folder(const fs::path& folder, const std::string& filter, std::uint32_t bits) {
    const auto files = prefix_files(folder);
    std::uint64_t bytes = 0;
    for (const auto& [prefix, path] : files) bytes += fs::file_size(path);
    Maker maker(filter, bits, bytes);
    HashReader reader;
    std::string line;
    for (const auto& [prefix, path] : files) {
        std::ifstream file = open_source(path);
        std::vector<std::uint64_t> hashes;
        while (std::getline(file, line))
            if (const auto hash = reader.read(prefix, line, path.string())) hashes.push_back(*hash);
        if (file.bad()) fail("cannot read " + path.string());
        std::ranges::sort(hashes);
        for (const std::uint64_t hash : hashes) maker.add(hash, reader);
    }
    maker.finish();
    if (files.size() < all_prefixes)
        std::cerr << "breach-filter: only " << files.size() << " of " << all_prefixes
                  << " prefixes have a file: the download may be incomplete\n";
}

void make_of_lines(std::istream& source, const std::string& name, std::uint64_t bytes, const std::string& filter,
                   std::uint32_t bits) {
    Maker maker(filter, bits, bytes);
    HashReader reader;
    for (std::string line; std::getline(source, line);)
        if (const auto hash = reader.read({}, line, name)) maker.add(*hash, reader);
    if (source.bad()) fail("cannot read " + name);
    maker.finish();
}

void make(const std::string& filter, const std::string& source, std::uint32_t bits) {
    // A guess for a pipe: half of what services publish.
    constexpr std::uint64_t bytes_of_a_pipe = 500'000'000 * bytes_of_a_line;
    if (source == "-") return make_of_lines(std::cin, "the standard input", bytes_of_a_pipe, filter, bits);
    if (fs::is_directory(source)) return make_of_folder(source, filter, bits);
    std::ifstream file = open_source(source);
    make_of_lines(file, source, fs::file_size(source), filter, bits);
}

void check(const std::string& path) {
    const BreachFilter filter = value_of(BreachFilter::open(path));
    if (auto checked = filter.check(); !checked) fail(checked.error().message);
    std::cout << filter.entries() << (filter.kind() == BreachHash::sha1 ? " SHA-1" : " NTLM")
              << " hashes, fingerprints of " << filter.fingerprint_bits() << " bits\n";
}

int find(const std::string& path) {
    const BreachFilter filter = value_of(BreachFilter::open(path));
    int status = 1;
    for (std::string line; std::getline(std::cin, line);) {
        const PreparedPassword prepared = prepare_password(line);
        if (!value_of(filter.contains_password(prepared.is_utf8 ? prepared.bytes.text() : line))) continue;
        std::cout << line << '\n';
        status = 0;
    }
    return status;
}

int run(const std::vector<std::string>& words) {
    if (words.size() == 2 && words[0] == "check") return check(words[1]), 0;
    if (words.size() == 2 && words[0] == "find") return find(words[1]);
    if (words.size() == 3 && words[0] == "make") return make(words[1], words[2], 24), 0;
    std::uint32_t bits = 0;
    if (words.size() == 5 && words[0] == "make" && words[3] == "--bits" &&
        std::from_chars(words[4].data(), words[4].data() + words[4].size(), bits).ptr ==
            words[4].data() + words[4].size())
        return make(words[1], words[2], bits), 0;
    std::cerr << usage;
    return 2;
}

}  // namespace

int main(int count, char** arguments) {
    const std::vector<std::string> words(arguments + 1, arguments + count);
    if (words.size() == 1 && (words[0] == "-h" || words[0] == "--help")) {
        std::cout << usage;
        return 0;
    }
    try {
        if (!initialise_libraries()) fail("libsodium does not start");
        return run(words);
    } catch (const Failure& failure) {
        std::cerr << "breach-filter: " << failure.message << '\n';
    } catch (const std::exception& unexpected) {
        std::cerr << "breach-filter: " << unexpected.what() << '\n';
    }
    return 2;
}
