#include "core/key/root_key_command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "core/base/file_descriptor.hpp"

namespace bastion {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view command_prefix = "command:";
constexpr std::chrono::milliseconds wait_step{5};

Error command_failed(std::string reason) {
    return {ErrorCode::root_key_missing, "root key command failed", {}, {}, std::move(reason)};
}

Error os_failure(int code) { return command_failed(std::generic_category().message(code)); }

int milliseconds_left(Clock::time_point deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    return static_cast<int>(std::max<decltype(left)>(left, 0));
}

// The attributes of the child process: only the three standard files, no signal blocked or ignored, a separate process
// group.
class SpawnOptions {
public:
    explicit SpawnOptions(int output) {
        posix_spawn_file_actions_init(&actions_);
        posix_spawnattr_init(&attributes_);
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(&attributes_, &none);
        posix_spawnattr_setsigdefault(&attributes_, &all);
        posix_spawnattr_setpgroup(&attributes_, 0);
        posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
        posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
#if defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 34)
        posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
#endif
#endif
    }
    SpawnOptions(const SpawnOptions&) = delete;
    SpawnOptions& operator=(const SpawnOptions&) = delete;
    ~SpawnOptions() {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }
    [[nodiscard]] int spawn(pid_t& pid, const std::string& command) const {
        std::string shell = "sh";
        std::string option = "-c";
        std::string text = command;
        char* const arguments[] = {shell.data(), option.data(), text.data(), nullptr};
        return posix_spawn(&pid, "/bin/sh", &actions_, &attributes_, arguments, environ);
    }

private:
    posix_spawn_file_actions_t actions_;
    posix_spawnattr_t attributes_;
};

// The started command; the destructor kills all that is left of it.
class Command {
public:
    explicit Command(pid_t pid) noexcept : pid_(pid) {}
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;
    ~Command() {
        if (pid_ < 0) return;
        ::kill(-pid_, SIGKILL);
        while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
    }
    // Its status; empty when the time is up.
    [[nodiscard]] std::optional<int> wait(Clock::time_point deadline) {
        for (;;) {
            int status = 0;
            const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
            if (ended < 0 && errno == EINTR) continue;
            if (ended != 0) {
                pid_ = -1;
                return ended < 0 ? -1 : status;
            }
            const int left = milliseconds_left(deadline);
            if (left == 0) return std::nullopt;
            ::poll(nullptr, 0, std::min(left, static_cast<int>(wait_step.count())));
        }
    }

private:
    pid_t pid_;
};

Error too_slow() { return command_failed("It took too long."); }

// Up to the end of the output or of the buffer, which is longer than any root key.
Result<std::size_t> read_output(int fd, SecretBytes& buffer, Clock::time_point deadline) {
    std::size_t size = 0;
    while (size < buffer.size()) {
        pollfd ready{fd, POLLIN, 0};
        const int count = ::poll(&ready, 1, milliseconds_left(deadline));
        if (count == 0) return too_slow();
        const ssize_t got = count < 0 ? -1 : ::read(fd, buffer.data() + size, buffer.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return os_failure(errno);
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    return size;
}

Result<void> check_status(int status) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    if (WIFSIGNALED(status)) return command_failed("It was ended by signal " + std::to_string(WTERMSIG(status)) + ".");
    return command_failed("Its exit status was " + std::to_string(WEXITSTATUS(status)) + ".");
}

}  // namespace

std::string_view root_key_command(std::string_view source) noexcept {
    if (!source.starts_with(command_prefix)) return {};
    source.remove_prefix(command_prefix.size());
    while (source.starts_with(' ')) source.remove_prefix(1);
    while (source.ends_with(' ')) source.remove_suffix(1);
    return source;
}

Result<RootKey> run_root_key_command(const std::string& command, std::chrono::milliseconds limit) {
    const Clock::time_point deadline = Clock::now() + limit;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return os_failure(errno);
    const FileDescriptor output(ends[0]);
    FileDescriptor input(ends[1]);
    pid_t pid = -1;
    if (const int code = SpawnOptions(input.get()).spawn(pid, command); code != 0) return os_failure(code);
    Command running(pid);
    if (!input.close()) return os_failure(errno);

    SecretBytes content(root_key_line_bytes + 2);
    const auto size = read_output(output.get(), content, deadline);
    if (!size) return size.error();
    if (*size == content.size()) return command_failed("It printed more than a root key.");
    const std::optional<int> status = running.wait(deadline);
    if (!status) return too_slow();
    if (auto checked = check_status(*status); !checked) return checked.error();
    auto key = parse_root_key_line(content.span().first(*size));
    if (!key) return command_failed("It did not print a root key.");
    return make_root_key(std::move(*key));
}

}  // namespace bastion
