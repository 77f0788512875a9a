#include "tester.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

namespace tester {
namespace {

struct Reader {
    const char* value;
    void operator()(std::string* target) const { *target = value; }
    void operator()(long* target) const { *target = std::atol(value); }
    void operator()(unsigned long long* target) const { *target = std::strtoull(value, nullptr, 10); }
};

[[noreturn]] void work_in_process(const std::function<int(int)>& work, int job) {
    const int status = run([&] { return work(job); });
    std::fflush(stdout);
    _exit(status);
}

}  // namespace

void parse(int argc, char** argv, Options& options, std::map<std::string, Target> own) {
    own.insert({{"--seed", &options.seed},
                {"--round", &options.round},
                {"--jobs", &options.jobs},
                {"--plant-hole", &options.hole}});
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        if (name == "--no-shrink") {
            options.shrinks = false;
        } else if (name == "--verbose") {
            options.verbose = true;
        } else {
            const auto found = own.find(name);
            if (found == own.end()) throw std::runtime_error("unknown option " + name);
            if (++i == argc) throw std::runtime_error("a value is missing after " + name);
            std::visit(Reader{argv[i]}, found->second);
        }
    }
}

int run_jobs(const Options& options, const std::function<int(int)>& work, const std::function<void(pid_t)>& clear_up) {
    if (options.jobs <= 1) return work(0);
    std::set<pid_t> running;
    for (int job = 0; job < options.jobs; ++job) {
        const pid_t child = fork();
        if (child == 0) work_in_process(work, job);
        running.insert(child);
    }
    int worst = 0;
    int status = 0;
    for (pid_t job = wait(&status); job > 0; job = wait(&status)) {
        running.erase(job);
        worst = std::max(worst, WIFEXITED(status) ? WEXITSTATUS(status) : 2);
        if (options.hole.empty() || worst != 1) continue;
        for (const pid_t other : running) {
            kill(other, SIGTERM);
            waitpid(other, nullptr, 0);
            clear_up(other);
        }
        break;
    }
    return worst;
}

bool is_found(const std::string& hole, int status) {
    std::printf(status == 1 ? "the hole %s was found\n" : "the hole %s was NOT found\n", hole.c_str());
    std::fflush(stdout);
    return status == 1;
}

int run(const std::function<int()>& test) {
    try {
        return test();
    } catch (const std::exception& error) {
        std::printf("%s\n", error.what());
        return 2;
    }
}

std::string contents(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path);
    std::ostringstream out;
    out << file.rdbuf();
    return out.str();
}

}  // namespace tester
