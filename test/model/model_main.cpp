// usage: model_test --setup FILE [--seed N] [--ops N] [--jobs N] [--round N] [--plant-hole NAME] [--no-shrink]
//        [--verbose]
//
// Compares the extension with the model in rounds of a thousand operations, each in a fresh copy of the same database, and
// each with a seed of its own that is printed when it fails: --seed S --round R replays it. --ops is the sum over all
// rounds. --plant-hole policy, check, acl, closure or ancestors breaks the extension first, and then finding nothing is the
// failure. --no-shrink prints the first failure as it is. The server is the one of PGHOST and PGPORT.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "generate.hpp"
#include "shrink.hpp"

namespace model {
namespace {

constexpr long round_size = 1000;

struct Options {
    std::string setup;
    std::string hole;
    unsigned long long seed = 1;
    long ops = 200000;
    long round = -1;
    int jobs = 2;
    bool shrinks = true;
    bool verbose = false;
};

Options parse(int argc, char** argv) {
    Options options;
    const auto value = [&](int& i) {
        return i + 1 < argc ? argv[++i] : throw std::runtime_error("a value is missing");
    };
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        if (name == "--setup")
            options.setup = value(i);
        else if (name == "--seed")
            options.seed = std::strtoull(value(i), nullptr, 10);
        else if (name == "--ops")
            options.ops = std::atol(value(i));
        else if (name == "--round")
            options.round = std::atol(value(i));
        else if (name == "--jobs")
            options.jobs = std::atoi(value(i));
        else if (name == "--plant-hole")
            options.hole = value(i);
        else if (name == "--no-shrink")
            options.shrinks = false;
        else if (name == "--verbose")
            options.verbose = true;
        else
            throw std::runtime_error("unknown option " + name);
    }
    return options;
}

void report(const Minimal& minimal) {
    if (!minimal.failure) {
        std::printf("It did not fail when it was replayed.\n");
        return;
    }
    std::printf("%zu operations are enough: %s\n", minimal.ops.size(), minimal.failure.what.c_str());
    for (const std::string& statement : minimal.statements) std::printf("    %s\n", statement.c_str());
    std::fflush(stdout);
}

std::string round_database(pid_t job) { return "model_round_" + std::to_string(job); }

using Tally = std::map<std::string, long>;

// Runs a round; false when something differed.
bool run_round(Laboratory& laboratory, const Options& options, long round, long size, Tally& tally, long& count) {
    const std::string database = round_database(getpid());
    std::vector<Op> done;
    Failure failure;
    {
        Generator generator(options.seed * 1000003 + static_cast<unsigned long long>(round));
        Replay replay(laboratory, database);
        const Source source = [&](const World& world) -> std::optional<Op> {
            if (static_cast<long>(done.size()) >= size) return std::nullopt;
            return generator.next(world);
        };
        failure = replay.run(source, done);
        for (const auto& [name, times] : replay.tally()) tally[name] += times;
        count += static_cast<long>(done.size());
        if (failure && options.verbose)
            for (const std::string& statement : replay.statements()) std::printf("%s\n", statement.c_str());
    }
    if (!failure) return true;
    std::printf("FAILED --seed %llu --round %ld, operation %zu: %s\n", options.seed, round, failure.index + 1,
                failure.what.c_str());
    if (options.shrinks) report(shrink(laboratory, database, done));
    return false;
}

int work(const Template& original, const Options& options, int job) {
    Laboratory laboratory(original);
    const long rounds = (options.ops + round_size - 1) / round_size;
    Tally tally;
    long count = 0;
    bool good = true;
    for (long round = job; round < rounds && good; round += options.jobs)
        if (options.round < 0 || options.round == round)
            good = run_round(laboratory, options, round, std::min(round_size, options.ops - round * round_size), tally,
                             count);
    std::printf("%ld operations\n", count);
    if (options.verbose)
        for (const auto& [name, times] : tally) std::printf("  %-40s %ld\n", name.c_str(), times);
    std::fflush(stdout);
    return good ? 0 : 1;
}

// With the round that a job is at.
void stop_jobs(const Template& original, const std::set<pid_t>& jobs) {
    for (const pid_t job : jobs) {
        kill(job, SIGTERM);
        waitpid(job, nullptr, 0);
        Laboratory(original).drop(round_database(job));
    }
}

// Each job in a process of its own; the worst of their ends. To find a planted hole once is enough.
int run_jobs(const Template& original, const Options& options) {
    if (options.jobs <= 1) return work(original, options, 0);
    std::set<pid_t> running;
    for (int job = 0; job < options.jobs; ++job) {
        if (const pid_t child = fork(); child != 0) {
            running.insert(child);
            continue;
        }
        int status = 2;
        try {
            status = work(original, options, job);
        } catch (const std::exception& error) {
            std::printf("%s\n", error.what());
        }
        std::fflush(stdout);
        _exit(status);
    }
    int worst = 0;
    int status = 0;
    for (pid_t job = wait(&status); job > 0; job = wait(&status)) {
        running.erase(job);
        worst = std::max(worst, WIFEXITED(status) ? WEXITSTATUS(status) : 2);
        if (options.hole.empty() || worst != 1) continue;
        stop_jobs(original, running);
        break;
    }
    return worst;
}

}  // namespace
}  // namespace model

int main(int argc, char** argv) {
    try {
        const model::Options options = model::parse(argc, argv);
        std::printf("seed %llu, %ld operations\n", options.seed, options.ops);
        std::fflush(stdout);
        const model::Template original =
            model::make_template("model_template_" + std::to_string(getpid()), options.setup, options.hole);
        const int status = model::run_jobs(original, options);
        model::Laboratory(original).drop(original.name);
        if (options.hole.empty()) return status;
        std::printf(status == 1 ? "the hole %s was found\n" : "the hole %s was NOT found\n", options.hole.c_str());
        return status == 1 ? 0 : 1;
    } catch (const std::exception& error) {
        std::printf("%s\n", error.what());
        return 2;
    }
}
