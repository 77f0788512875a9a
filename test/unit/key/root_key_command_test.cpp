// Root keys that commands print.
#include "core/key/root_key_command.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "unit/base/words.hpp"

namespace bastion {
namespace {

using bastion::test::words;

using namespace std::chrono_literals;

const std::string line = "pg_bastion root key 1 " + std::string(64, 'a');

Result<RootKey> run(const std::string& command) { return run_root_key_command(command, 20s); }

std::string reason(const Result<RootKey>& result) { return result ? "a key" : result.error().log_detail; }

TEST(RootKeyCommand, IsToldFromOtherSources) {
    EXPECT_EQ(root_key_command("command:cat /key"), "cat /key");
    EXPECT_EQ(root_key_command("command:  cat /key  "), "cat /key");
    for (const std::string_view source :
         {"", "auto", "file:/command:", "command:", "command:  ", "Command:x", "command"}) {
        SCOPED_TRACE(words(source));
        EXPECT_EQ(root_key_command(source), "");
    }
}

TEST(RootKeyCommand, GivesTheKey) {
    const Result<RootKey> key = run("echo '" + line + "'");
    ASSERT_TRUE(key.ok()) << reason(key);
    EXPECT_EQ(key->key.size(), root_key_bytes);
    EXPECT_EQ(key->key.data()[31], 0xaa);
    const Result<RootKey> again =
        run("printf '%s' 'pg_bastion root key'; sleep 0.05; printf ' 1 %s' " + std::string(64, 'A'));
    ASSERT_TRUE(again.ok()) << reason(again);
    EXPECT_EQ(again->id, key->id);
}

TEST(RootKeyCommand, SaysWhyThereIsNone) {
    EXPECT_EQ(reason(run("exit 3")), "Its exit status was 3.");
    EXPECT_EQ(reason(run("echo '" + line + "'; exit 1")), "Its exit status was 1.");
    EXPECT_EQ(reason(run("kill -TERM $$")), "It was ended by signal 15.");
    EXPECT_EQ(reason(run("/nowhere/to/be/found 2>/dev/null")), "Its exit status was 127.");
    EXPECT_EQ(reason(run("true")), "It did not print a root key.");
    EXPECT_EQ(reason(run("echo " + std::string(64, 'a'))), "It did not print a root key.");
    EXPECT_EQ(reason(run("echo '" + line + "'; echo")), "It printed more than a root key.");
    EXPECT_EQ(reason(run("yes")), "It printed more than a root key.");
    EXPECT_EQ(run("exit 3").error().code, ErrorCode::root_key_missing);
    EXPECT_EQ(run("exit 3").error().message, "root key command failed");
}

TEST(RootKeyCommand, HasALimitOfTime) {
    for (const char* command : {"sleep 600", "exec >&-; sleep 600", "sleep 600 & wait"}) {
        SCOPED_TRACE(words(command));
        const auto begin = std::chrono::steady_clock::now();
        EXPECT_EQ(reason(run_root_key_command(command, 200ms)), "It took too long.");
        EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
    }
}

// Gone, or killed and not yet collected by its new parent.
bool has_ended(pid_t process) {
    std::string state;
    std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
    for (int i = 0; i < 3; ++i) stat >> state;
    return ::kill(process, 0) != 0 || state == "Z" || state == "X" || state.empty();
}

TEST(RootKeyCommand, LeavesNoProcessBehind) {
    char file[] = "/tmp/root-key-command-XXXXXX";
    const int fd = ::mkstemp(file);
    ASSERT_GE(fd, 0);
    ::close(fd);
    EXPECT_EQ(reason(run_root_key_command("sleep 600 & echo $! >" + std::string(file) + "; wait", 1000ms)),
              "It took too long.");
    pid_t child = 0;
    std::ifstream(file) >> child;
    ::unlink(file);
    ASSERT_GT(child, 0);
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!has_ended(child) && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_TRUE(has_ended(child));
}

TEST(RootKeyCommand, SeesNoOtherFileAndNoInput) {
    EXPECT_EQ(reason(run("test -z \"$(cat)\" || exit 9; ls /proc/self/fd | grep -qvx '[0-3]' && exit 8; exit 7")),
              "Its exit status was 7.");
}

}  // namespace
}  // namespace bastion
