// The root key: its file with every rule, and the key hierarchy below it. As root the rules of ownership are tried with
// another effective user too; as an ordinary user those cases are skipped.
#include "core/key/root_key.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/encoding.hpp"
#include "core/key/sealed.hpp"
#include "unit/base/words.hpp"

namespace bastion {
namespace {

using bastion::test::words;

namespace fs = std::filesystem;

using FileStatus = struct stat;

constexpr uid_t nobody = 65534;
const std::string digits = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const std::string line = "pg_bastion root key 1 " + digits;
const std::string id = "7f3fc4dce8c181cf";

// Acts as another user until it dies; only root can.
class EffectiveUser {
public:
    explicit EffectiveUser(uid_t user) { EXPECT_EQ(::seteuid(user), 0); }
    EffectiveUser(const EffectiveUser&) = delete;
    EffectiveUser& operator=(const EffectiveUser&) = delete;
    ~EffectiveUser() { EXPECT_EQ(::seteuid(0), 0); }
};

// A folder with a data directory in it, gone after the test.
class RootKeyFile : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "root_key_test.XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = fs::canonical(pattern);
        data_ = (folder_ / "data").string();
        path_ = (folder_ / "data.bastion-root-key").string();
        fs::create_directories(folder_ / "data" / "base" / "1");
        fs::permissions(folder_, fs::perms(0755));
    }
    void TearDown() override { fs::remove_all(folder_); }

    void write(const std::string& path, const std::string& content, mode_t mode = 0600) {
        std::ofstream(path, std::ios::binary) << content;
        ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    }
    // Files in the folder: everything but the data directory.
    [[nodiscard]] auto files_beside() const {
        return std::distance(fs::directory_iterator(folder_), fs::directory_iterator()) - 1;
    }
    [[nodiscard]] Result<RootKey> load() const { return load_root_key_file(path_, data_); }

    // Refused as "no usable root key", the path in the log alone.
    void expect_unusable(const Result<RootKey>& loaded, const std::string& reason) {
        ASSERT_FALSE(loaded.ok());
        EXPECT_EQ(loaded.error().code, ErrorCode::root_key_missing);
        EXPECT_NE(loaded.error().message.find(reason), std::string::npos) << loaded.error().message;
        for (const std::string& shown : {loaded.error().message, loaded.error().detail, loaded.error().hint}) {
            SCOPED_TRACE(words(shown));
            EXPECT_EQ(shown.find(folder_.string()), std::string::npos);
            EXPECT_EQ(shown.find(digits.substr(0, 8)), std::string::npos);
        }
        EXPECT_TRUE(loaded.error().log_detail.starts_with("The root key file is \""));
    }

    fs::path folder_;
    std::string data_;
    std::string path_;
};

TEST_F(RootKeyFile, IsReadWithOrWithoutNewline) {
    for (const std::string& content : {line, line + "\n"}) {
        SCOPED_TRACE(words(content));
        write(path_, content);
        const auto loaded = load();
        ASSERT_TRUE(loaded.ok()) << loaded.error().message;
        EXPECT_EQ(hex_encode(loaded->key.span()), digits);
        EXPECT_EQ(loaded->id, id);
    }
}

TEST_F(RootKeyFile, OtherContentIsRefused) {
    const std::string prefix = line.substr(0, 22);
    for (const std::string& content :
         {std::string(), std::string("\n"), digits, line.substr(0, line.size() - 1), line + "0", line + "\n\n",
          line + "\r\n", line + "\n" + line, line + " ", " " + line, line + std::string(1, '\0'),
          "pg_bastion root key 2 " + digits, prefix + std::string(64, 'g'), prefix + std::string(64, ' '),
          prefix + std::string(64, '\0'), prefix + std::string(63, '0') + ":", std::string(1 << 20, 'x'),
          std::string(86, '\xff')}) {
        SCOPED_TRACE(words(content));
        write(path_, content);
        expect_unusable(load(), "does not hold a root key");
    }
}

TEST_F(RootKeyFile, MissingFileSaysWhatToDo) {
    const auto loaded = load();
    expect_unusable(loaded, "no root key");
    EXPECT_NE(loaded.error().hint.find("bastion.init()"), std::string::npos);
    expect_unusable(load_root_key_file((folder_ / "absent" / "key").string(), data_), "no root key");
    write(path_, line);
    expect_unusable(load_root_key_file(path_ + "/key", data_), "no root key");
}

TEST_F(RootKeyFile, PathsMustBeAbsolute) {
    for (const std::string& path : {std::string(), std::string("key"), std::string("./key"), std::string("/"),
                                    folder_.string() + "/", path_ + std::string("\0x", 2)}) {
        SCOPED_TRACE(words(path));
        expect_unusable(load_root_key_file(path, data_), "absolute path");
    }
}

TEST_F(RootKeyFile, GroupAndOthersHaveNoAccess) {
    for (const mode_t mode : {0600, 0400, 0700}) {
        SCOPED_TRACE(testing::Message() << std::oct << mode);
        write(path_, line, mode);
        EXPECT_TRUE(load().ok());
    }
    for (const mode_t mode : {0640, 0604, 0620, 0602, 0610, 0601, 0644, 0666, 0777}) {
        SCOPED_TRACE(testing::Message() << std::oct << mode);
        write(path_, line, mode);
        expect_unusable(load(), "must not be accessible to group or others");
    }
}

TEST_F(RootKeyFile, RootMayOwnItForTheServer) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    for (const mode_t mode : {0640, 0440}) {
        SCOPED_TRACE(testing::Message() << std::oct << mode);
        write(path_, line, mode);
        ASSERT_EQ(::chown(path_.c_str(), 0, nobody), 0);
        ASSERT_EQ(::setegid(nobody), 0);
        {
            const EffectiveUser server(nobody);
            EXPECT_TRUE(load().ok());
        }
        ASSERT_EQ(::setegid(0), 0);
    }
    for (const mode_t mode : {0644, 0660, 0650, 0666}) {
        SCOPED_TRACE(testing::Message() << std::oct << mode);
        write(path_, line, mode);
        ASSERT_EQ(::chown(path_.c_str(), 0, nobody), 0);
        ASSERT_EQ(::setegid(nobody), 0);
        {
            const EffectiveUser server(nobody);
            expect_unusable(load(), "owned by root must not be more than readable to its group");
        }
        ASSERT_EQ(::setegid(0), 0);
    }
}

TEST_F(RootKeyFile, NobodyElseMayOwnIt) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    write(path_, line, 0600);
    ASSERT_EQ(::chown(path_.c_str(), nobody, nobody), 0);
    expect_unusable(load(), "must be owned by the server's user or root");
    const EffectiveUser owner(nobody);
    EXPECT_TRUE(load().ok());
}

TEST_F(RootKeyFile, UnreadableIsAnInputOutputError) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    write(path_, line, 0600);
    const EffectiveUser server(nobody);
    const auto loaded = load();
    ASSERT_FALSE(loaded.ok());
    EXPECT_EQ(loaded.error().code, ErrorCode::io_failure);
    EXPECT_EQ(loaded.error().message.find(folder_.string()), std::string::npos);
}

TEST_F(RootKeyFile, SymbolicLinksAreFollowed) {
    const fs::path real = folder_ / "keys" / "real";
    fs::create_directories(real.parent_path());
    write(real.string(), line);
    fs::create_symlink(real, path_);
    EXPECT_TRUE(load().ok());
    // The rules apply to the file and not to the link.
    ASSERT_EQ(::chmod(real.c_str(), 0644), 0);
    expect_unusable(load(), "must not be accessible");
    fs::remove(real);
    expect_unusable(load(), "no root key");
}

TEST_F(RootKeyFile, InsideTheDataDirectoryIsRefused) {
    for (const char* const place : {"data/key", "data/base/1/key"}) {
        SCOPED_TRACE(words(place));
        write((folder_ / place).string(), line);
        expect_unusable(load_root_key_file((folder_ / place).string(), data_), "inside the data directory");
        expect_unusable(load_root_key_file((folder_ / place).string(), data_ + "/"), "inside the data directory");
    }
    expect_unusable(load_root_key_file((folder_ / "data" / ".." / "data" / "key").string(), data_),
                    "inside the data directory");
    // By way of a link to the file, to a folder above it, or to the data directory.
    fs::create_symlink(folder_ / "data" / "key", path_);
    expect_unusable(load(), "inside the data directory");
    fs::create_directory_symlink(folder_ / "data" / "base", folder_ / "elsewhere");
    expect_unusable(load_root_key_file((folder_ / "elsewhere" / "1" / "key").string(), data_),
                    "inside the data directory");
    fs::create_directory_symlink(data_, folder_ / "alias");
    expect_unusable(load_root_key_file((folder_ / "data" / "key").string(), (folder_ / "alias").string()),
                    "inside the data directory");
    // A link inside the data directory to a file outside is no copy in a backup.
    write((folder_ / "outside").string(), line);
    fs::create_symlink(folder_ / "outside", folder_ / "data" / "link");
    EXPECT_TRUE(load_root_key_file((folder_ / "data" / "link").string(), data_).ok());
    // A name that merely begins with the data directory's is outside.
    EXPECT_TRUE(load_root_key_file((folder_ / "outside").string(), data_).ok());
}

TEST_F(RootKeyFile, OnlyRegularFilesAreRead) {
    expect_unusable(load_root_key_file(data_, folder_.string()), "not a regular file");
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    expect_unusable(load(), "not a regular file");
    expect_unusable(load_root_key_file("/dev/null", data_), "not a regular file");
}

TEST_F(RootKeyFile, IsCreatedOnceForItsUserAlone) {
    const auto created = create_root_key_file(path_, data_);
    ASSERT_TRUE(created.ok()) << created.error().message;
    FileStatus status{};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
    EXPECT_EQ(status.st_size, 87);
    const auto loaded = load();
    ASSERT_TRUE(loaded.ok());
    EXPECT_EQ(loaded->id, created->id);
    EXPECT_EQ(loaded->key.text(), created->key.text());

    const auto again = create_root_key_file(path_, data_);
    ASSERT_FALSE(again.ok());
    EXPECT_EQ(again.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(again.error().message.find("it exists"), std::string::npos);
    EXPECT_EQ(load()->id, created->id);
    EXPECT_NE(create_root_key_file(path_ + "2", data_)->id, created->id);
}

TEST_F(RootKeyFile, IsNotCreatedThroughALink) {
    fs::create_symlink(folder_ / "target", path_);
    EXPECT_FALSE(create_root_key_file(path_, data_).ok());
    EXPECT_FALSE(fs::exists(folder_ / "target"));
}

TEST_F(RootKeyFile, IsNotCreatedInsideTheDataDirectory) {
    fs::create_directory_symlink(folder_ / "data" / "base", folder_ / "elsewhere");
    for (const char* const place : {"data/key", "data/base/1/key", "elsewhere/key"}) {
        SCOPED_TRACE(words(place));
        const auto created = create_root_key_file((folder_ / place).string(), data_);
        ASSERT_FALSE(created.ok());
        EXPECT_EQ(created.error().code, ErrorCode::invalid_argument);
        EXPECT_NE(created.error().message.find("inside the data directory"), std::string::npos);
        EXPECT_FALSE(fs::exists(folder_ / place));
    }
}

TEST_F(RootKeyFile, IsNotCreatedOnAnotherDevice) {
    FileStatus here{};
    FileStatus there{};
    ASSERT_EQ(::stat(data_.c_str(), &here), 0);
    if (::stat("/dev/shm", &there) != 0 || here.st_dev == there.st_dev || ::access("/dev/shm", W_OK) != 0)
        GTEST_SKIP() << "needs a second device at /dev/shm";
    const std::string path = "/dev/shm/" + folder_.filename().string();
    const auto created = create_root_key_file(path, data_);
    ASSERT_FALSE(created.ok());
    EXPECT_NE(created.error().message.find("another device"), std::string::npos);
    EXPECT_FALSE(fs::exists(path));
}

TEST_F(RootKeyFile, NeedsAParentThatCanBeWritten) {
    const auto missing = create_root_key_file((folder_ / "absent" / "key").string(), data_);
    ASSERT_FALSE(missing.ok());
    EXPECT_EQ(missing.error().code, ErrorCode::io_failure);
    EXPECT_EQ(create_root_key_file("relative", data_).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(create_root_key_file("", data_).error().code, ErrorCode::invalid_argument);

    fs::permissions(folder_, fs::perms(0555));
    const auto refuse = [&] {
        const auto created = create_root_key_file(path_, data_);
        ASSERT_FALSE(created.ok());
        EXPECT_EQ(created.error().code, ErrorCode::invalid_argument);
        EXPECT_NE(created.error().message.find("not writable"), std::string::npos);
    };
    if (::geteuid() == 0) {
        const EffectiveUser server(nobody);
        refuse();
    } else {
        refuse();
    }
    fs::permissions(folder_, fs::perms(0755));
}

// A full disk: the write fails after the file was made.
TEST_F(RootKeyFile, FailedCreationLeavesNothing) {
    struct rlimit before {};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const struct rlimit small { 10, before.rlim_max };
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const auto created = create_root_key_file(path_, data_);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, handler);
    ASSERT_FALSE(created.ok());
    EXPECT_EQ(created.error().code, ErrorCode::io_failure);
    EXPECT_EQ(files_beside(), 0);
}

// Two databases whose init() runs at once: one file, and no reader sees a part of it.
TEST_F(RootKeyFile, OneOfManyCreatesIt) {
    for (int round = 0; round < 20; ++round) {
        SCOPED_TRACE(words(round));
        std::atomic<int> created = 0;
        std::atomic<bool> partial = false;
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                if (create_root_key_file(path_, data_).ok()) ++created;
            });
            threads.emplace_back([&] {
                const auto loaded = load();
                if (!loaded.ok() && loaded.error().message.find("no root key") == std::string::npos) partial = true;
            });
        }
        for (auto& thread : threads) thread.join();
        EXPECT_EQ(created, 1);
        EXPECT_FALSE(partial);
        EXPECT_EQ(files_beside(), 1);
        EXPECT_TRUE(load().ok());
        fs::remove(path_);
    }
}

TEST_F(RootKeyFile, LeavesNoDescriptorOpen) {
    const auto count = [] { return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()); };
    const auto before = count();
    EXPECT_TRUE(create_root_key_file(path_, data_).ok());
    EXPECT_FALSE(create_root_key_file(path_, data_).ok());
    EXPECT_TRUE(load().ok());
    EXPECT_FALSE(load_root_key_file("/dev/null", data_).ok());
    EXPECT_FALSE(load_root_key_file(path_, "/absent").ok());
    EXPECT_EQ(count(), before);
}

TEST(RootKeySetting, NamesAPath) {
    const auto path = [](const char* source, const char* data = "/data", const char* credentials = "") {
        return root_key_path(source, {data, credentials});
    };
    EXPECT_EQ(*path("auto", "/var/lib/data"), "/var/lib/data.bastion-root-key");
    EXPECT_EQ(*path("auto", "/var/lib/data//"), "/var/lib/data.bastion-root-key");
    EXPECT_EQ(*path("file:/etc/key"), "/etc/key");
    EXPECT_EQ(*path("credential:root", "/data", "/run/credentials"), "/run/credentials/root");
    EXPECT_EQ(path("credential:root").error().code, ErrorCode::root_key_missing);
    EXPECT_EQ(path("auto", "/").error().code, ErrorCode::invalid_argument);
    for (const char* const source : {"", "AUTO", "file:", "file:key", "file:/", "file:/etc/", "/etc/key", "file: /k",
                                     "credential:", "credential:../key", "credential:a/b", "credential:."}) {
        SCOPED_TRACE(words(source));
        EXPECT_EQ(path(source, "/data", "/run").error().code, ErrorCode::invalid_argument);
    }
    EXPECT_EQ(path("command:cat /etc/key").error().code, ErrorCode::invalid_argument);
}

TEST(RootKeySetting, ListsSources) {
    using Sources = std::vector<std::string_view>;
    EXPECT_EQ(root_key_sources("auto"), Sources{"auto"});
    EXPECT_EQ(root_key_sources("file:/new, file:/old ,auto"), (Sources{"file:/new", "file:/old", "auto"}));
    EXPECT_EQ(root_key_sources(""), Sources{""});
    EXPECT_EQ(root_key_sources("auto,"), (Sources{"auto", ""}));
}

RootKey root_of(std::uint8_t first) {
    Bytes key(root_key_bytes);
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(first + i);
    return make_root_key(SecretBytes(key)).value();
}

const Bytes vault = hex_decode("000102030405060708090a0b0c0d0e0f").value();

TEST(RootKey, MustHave32Bytes) {
    for (const std::size_t size : {0U, 31U, 33U}) {
        SCOPED_TRACE(words(size));
        EXPECT_EQ(make_root_key(SecretBytes(size)).error().code, ErrorCode::invalid_argument);
    }
    EXPECT_EQ(derive_kek(root_of(0), ByteSpan(vault).first(15)).error().code, ErrorCode::invalid_argument);
}

// Computed with Python's hashlib and cryptography packages: identifiers and derived keys never change.
TEST(RootKey, HierarchyIsFrozen) {
    const RootKey root = root_of(0);
    EXPECT_EQ(root.id, id);
    const auto kek = derive_kek(root, vault);
    ASSERT_TRUE(kek.ok());
    EXPECT_EQ(hex_encode(kek->span()), "3feff1ad35a1d1fae48ec2a8303df73ac09d91bec2acf6d9d74fd3fd797310d9");
    const Bytes wrapped = hex_decode(
                              "b70100000000002a050505050505050505050505050505050505050505050505"
                              "f9fcf0ade570a924710f24a56a73e4723e6ec5f3f55dd21ce8e73d035b4175d9"
                              "5facee58782a6c805cc34bec16acfed2b74f0d993ccc8ab6451b7a96c3a4f849"
                              "c68dee071c66badf79ceb5d895214bef")
                              .value();
    const auto dek = unwrap_data_key(wrapped, *kek, {"0123456789abcdef", "secrets", 3, 42});
    ASSERT_TRUE(dek.ok());
    EXPECT_EQ(hex_encode(dek->span()), std::string(64, '1'));
}

TEST(RootKey, EachRootAndVaultHasItsOwnKey) {
    Bytes other_vault = vault;
    other_vault[15] ^= 1;
    const std::string kek(derive_kek(root_of(0), vault)->text());
    EXPECT_NE(derive_kek(root_of(1), vault)->text(), kek);
    EXPECT_NE(derive_kek(root_of(0), other_vault)->text(), kek);
    EXPECT_NE(root_of(1).id, id);
}

TEST(RootKey, DataKeysOpenUnderTheirOwnLabelAlone) {
    const auto kek = derive_kek(root_of(0), vault);
    const SecretBytes dek = generate_data_key();
    EXPECT_EQ(dek.size(), data_key_bytes);
    EXPECT_NE(dek.text(), generate_data_key().text());
    const DataKeyLabel label{"0123456789abcdef", "secrets", 1, 7};
    const auto wrapped = wrap_data_key(dek, *kek, label);
    ASSERT_TRUE(wrapped.ok());
    EXPECT_EQ(wrapped->size(), data_key_bytes + sealed_overhead);
    EXPECT_EQ(parse_sealed_header(*wrapped)->key_id, 7U);
    EXPECT_EQ(unwrap_data_key(*wrapped, *kek, label)->text(), dek.text());
    for (const DataKeyLabel& other :
         {DataKeyLabel{"", "secrets", 1, 7}, DataKeyLabel{"0123456789abcdeX", "secrets", 1, 7},
          DataKeyLabel{"0123456789abcdef", "signing", 1, 7}, DataKeyLabel{"0123456789abcdef", "secrets", 2, 7},
          DataKeyLabel{"0123456789abcdef", "secrets", 1, 8}}) {
        SCOPED_TRACE(words(other.tenant, other.purpose, other.version, other.key_id));
        EXPECT_EQ(unwrap_data_key(*wrapped, *kek, other).error().code, ErrorCode::sealed_invalid);
    }
    const auto other_kek = derive_kek(root_of(1), vault);
    EXPECT_EQ(unwrap_data_key(*wrapped, *other_kek, label).error().code, ErrorCode::sealed_invalid);
    EXPECT_EQ(wrap_data_key(SecretBytes(16), *kek, label).error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace bastion
