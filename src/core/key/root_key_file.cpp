// The root key's file: reading and creating it. All checks use the opened file (fstat on the descriptor), never the
// path a second time.
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "core/base/file_descriptor.hpp"
#include "core/key/root_key.hpp"

namespace bastion {

namespace {

using FileStatus = struct stat;

constexpr std::string_view file_prefix = "pg_bastion root key 1 ";
constexpr std::size_t key_digits = 2 * root_key_bytes;
static_assert(root_key_line_bytes == file_prefix.size() + key_digits);
constexpr std::string_view auto_suffix = ".bastion-root-key";

std::string os_reason(int code) { return std::generic_category().message(code); }

// Loading may happen for any client, so paths go to the log alone.
Error unusable(std::string reason, const std::string& path, std::string hint = {}) {
    return {
        ErrorCode::root_key_missing, std::move(reason), {}, std::move(hint), "The root key file is \"" + path + "\"."};
}

Error load_failure(int code, const std::string& path) {
    Error error = unusable("could not read the root key file: " + os_reason(code), path);
    error.code = ErrorCode::io_failure;
    return error;
}

Error create_refused(std::string reason, const std::string& path, std::string hint = {}) {
    return {ErrorCode::invalid_argument,
            "cannot create root key file \"" + path + "\": " + std::move(reason),
            {},
            std::move(hint)};
}

Error create_failure(int code, const std::string& path) {
    return {ErrorCode::io_failure, "could not create root key file \"" + path + "\": " + os_reason(code)};
}

bool same_file(const FileStatus& left, const FileStatus& right) noexcept {
    return left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

bool usable_path(const std::string& path) noexcept {
    return path.size() > 1 && path.front() == '/' && path.back() != '/' && path.find('\0') == std::string::npos;
}

// "/a/b" is {"/a", "b"}.
std::pair<std::string, std::string> split_path(const std::string& path) {
    const auto slash = path.rfind('/');
    return {path.substr(0, std::max<std::size_t>(slash, 1)), path.substr(slash + 1)};
}

// Whether an open directory is the data directory or lies below it, by walking up: no path is compared as text. Empty
// when that cannot be determined.
std::optional<bool> is_inside(int directory, const FileStatus& data_directory) {
    std::string up = ".";
    FileStatus current{};
    if (::fstatat(directory, up.c_str(), &current, 0) != 0) return std::nullopt;
    for (;;) {
        if (same_file(current, data_directory)) return true;
        up += "/..";
        FileStatus parent{};
        if (::fstatat(directory, up.c_str(), &parent, 0) != 0) return std::nullopt;
        if (same_file(parent, current)) return false;
        current = parent;
    }
}

// The directory that really holds the opened file, symbolic links resolved; not open when the path leads elsewhere now.
FileDescriptor open_real_parent(const std::string& path, const FileStatus& file) {
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
    if (!real) return FileDescriptor(-1);
    const auto [parent, name] = split_path(real.get());
    FileDescriptor directory(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    FileStatus found{};
    const bool same = directory.is_open() &&
                      ::fstatat(directory.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
                      same_file(found, file);
    return same ? std::move(directory) : FileDescriptor(-1);
}

// The rule of ssl_key_file.
const char* permission_problem(const FileStatus& file) noexcept {
    const uid_t user = ::geteuid();
    if (file.st_uid != user && file.st_uid != 0) return "root key file must be owned by the server's user or root";
    if (file.st_uid == user && (file.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return "root key file must not be accessible to group or others";
    if (file.st_uid == 0 && (file.st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) != 0)
        return "root key file owned by root must not be more than readable to its group";
    return nullptr;
}

// Reads up to the capacity, which is one byte more than the longest valid file.
Result<std::size_t> read_all(int fd, SecretBytes& buffer, const std::string& path) {
    std::size_t size = 0;
    while (size < buffer.size()) {
        const ssize_t got = ::read(fd, buffer.data() + size, buffer.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return load_failure(errno, path);
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    return size;
}

bool write_all(int fd, ByteSpan bytes) {
    while (!bytes.empty()) {
        const ssize_t put = ::write(fd, bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return true;
}

SecretBytes format_line(const SecretBytes& key) {
    SecretBytes line(root_key_line_bytes + 1);
    std::copy(file_prefix.begin(), file_prefix.end(), line.data());
    // sodium_bin2hex ends the text with a NUL, in whose place the newline goes.
    sodium_bin2hex(reinterpret_cast<char*>(line.data()) + file_prefix.size(), key_digits + 1, key.data(), key.size());
    line.data()[root_key_line_bytes] = '\n';
    return line;
}

// Writes, makes durable, closes; 0 or an errno.
int write_durably(FileDescriptor& file, ByteSpan line) {
    errno = 0;
    if (!write_all(file.get(), line) || ::fsync(file.get()) != 0 || !file.close()) return errno != 0 ? errno : EIO;
    return 0;
}

Result<void> check_parent(int directory, const std::string& path, const std::string& data_directory) {
    FileStatus parent{};
    FileStatus data{};
    if (::fstat(directory, &parent) != 0) return create_failure(errno, path);
    if (::stat(data_directory.c_str(), &data) != 0) return create_failure(errno, path);
    const auto inside = is_inside(directory, data);
    if (!inside) return create_failure(errno, path);
    if (*inside)
        return create_refused("it would lie inside the data directory", path,
                              "Every base backup would contain it. Name a path outside.");
    if (parent.st_dev != data.st_dev)
        return create_refused("its directory is on another device than the data directory", path,
                              "The key of a container would be lost with the container. Name a path beside the data "
                              "directory, or write the file yourself: \"pg_bastion root key 1 \" and the output of "
                              "openssl rand -hex 32.");
    if (::faccessat(directory, ".", W_OK | X_OK, AT_EACCESS) != 0)
        return create_refused("its directory is not writable for the server's user", path,
                              "Name another path, or create the directory for the server's user.");
    return {};
}

}  // namespace

std::optional<SecretBytes> parse_root_key_line(ByteSpan content) {
    std::string_view line = as_text(content);
    if (line.ends_with('\n')) line.remove_suffix(1);
    if (line.size() != root_key_line_bytes || !line.starts_with(file_prefix)) return std::nullopt;
    SecretBytes key(root_key_bytes);
    std::size_t size = 0;
    const char* end = nullptr;
    const std::string_view digits = line.substr(file_prefix.size());
    if (sodium_hex2bin(key.data(), key.size(), digits.data(), digits.size(), nullptr, &size, &end) != 0 ||
        size != key.size() || end != digits.data() + digits.size())
        return std::nullopt;
    return key;
}

Result<std::string> root_key_path(std::string_view source, const RootKeyPlaces& places) {
    constexpr std::string_view file = "file:";
    constexpr std::string_view credential = "credential:";
    if (source == "auto") {
        const auto last = places.data_directory.find_last_not_of('/');
        if (last == std::string::npos) return invalid_argument("data directory is not usable");
        return places.data_directory.substr(0, last + 1).append(auto_suffix);
    }
    if (source.starts_with(credential)) {
        const std::string_view name = source.substr(credential.size());
        if (name.empty() || name.front() == '.' || name.find('/') != std::string_view::npos)
            return Error{
                ErrorCode::invalid_argument, "invalid root key source", {}, "A credential is named by one word."};
        if (places.credentials_directory.empty())
            return unusable("the server was started without credentials", std::string(name));
        return places.credentials_directory + '/' + std::string(name);
    }
    std::string path(source.starts_with(file) ? source.substr(file.size()) : std::string_view());
    if (!usable_path(path))
        return Error{
            ErrorCode::invalid_argument,
            "invalid root key source",
            {},
            "Use 'auto', 'file:' and an absolute path, 'credential:' and a name, or 'command:' and a command; several "
            "with commas between them."};
    return path;
}

std::vector<std::string_view> root_key_sources(std::string_view setting) {
    std::vector<std::string_view> sources;
    for (;;) {
        const auto comma = setting.find(',');
        std::string_view source = setting.substr(0, comma);
        while (source.starts_with(' ')) source.remove_prefix(1);
        while (source.ends_with(' ')) source.remove_suffix(1);
        sources.push_back(source);
        if (comma == std::string_view::npos) return sources;
        setting.remove_prefix(comma + 1);
    }
}

Result<RootKey> load_root_key_file(const std::string& path, const std::string& data_directory) {
    if (!usable_path(path)) return unusable("root key file must have an absolute path", path);
    // O_NONBLOCK: a FIFO must not stop the backend before it is seen to be one.
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file.is_open()) {
        if (errno != ENOENT && errno != ENOTDIR) return load_failure(errno, path);
        return unusable("no root key", path,
                        "Restore the root key file from its copy. Where there never was one, a superuser runs SELECT "
                        "bastion.init().");
    }
    FileStatus status{};
    FileStatus data{};
    if (::fstat(file.get(), &status) != 0) return load_failure(errno, path);
    if (!S_ISREG(status.st_mode)) return unusable("root key file is not a regular file", path);
    if (const char* problem = permission_problem(status)) return unusable(problem, path);
    if (::stat(data_directory.c_str(), &data) != 0) return load_failure(errno, path);
    const FileDescriptor parent = open_real_parent(path, status);
    const auto inside = parent.is_open() ? is_inside(parent.get(), data) : std::nullopt;
    if (!inside) return unusable("could not tell where the root key file lies", path);
    if (*inside) return unusable("root key file must not lie inside the data directory", path);

    SecretBytes content(root_key_line_bytes + 2);
    const auto size = read_all(file.get(), content, path);
    if (!size) return size.error();
    auto key = parse_root_key_line(content.span().first(*size));
    if (!key) return unusable("root key file does not hold a root key", path);
    return make_root_key(std::move(*key));
}

Result<RootKey> create_root_key_file(const std::string& path, const std::string& data_directory) {
    if (!usable_path(path)) return create_refused("the path must be absolute", path);
    const auto [parent, name] = split_path(path);
    const FileDescriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.is_open()) return create_failure(errno, path);
    if (auto checked = check_parent(directory.get(), path, data_directory); !checked) return checked.error();

    // Readers see the whole file or none: it gets its name when its content is durable.
    const std::string draft = name + '.' + std::to_string(randombytes_random()) + ".tmp";
    FileDescriptor file(
        ::openat(directory.get(), draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file.is_open()) return create_failure(errno, path);

    SecretBytes key(root_key_bytes);
    random_bytes({key.data(), key.size()});
    int code = write_durably(file, format_line(key).span());
    if (code == 0 && ::linkat(directory.get(), draft.c_str(), directory.get(), name.c_str(), 0) != 0) code = errno;
    ::unlinkat(directory.get(), draft.c_str(), 0);
    if (code == 0 && ::fsync(directory.get()) != 0) {
        code = errno;
        ::unlinkat(directory.get(), name.c_str(), 0);
    }
    if (code == EEXIST) return create_refused("it exists", path, "An existing key is never overwritten.");
    if (code != 0) return create_failure(code, path);
    return make_root_key(std::move(key));
}

}  // namespace bastion
