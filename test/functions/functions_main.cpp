// usage: function_fuzz --folder FOLDER --log FILE [--seed N] [--calls N] [--jobs N] [--round N] [--plant-hole NAME|all]
//        [--no-shrink] [--verbose]
//
// Calls every function that the roles of applications and migrations may call, in rounds of some hundred calls, each in a
// fresh copy of the database that the scripts in FOLDER make, and each with a seed of its own that is printed when it fails:
// --seed S --round R replays it. --plant-hole breaks the extension first (holes.cpp), and then finding nothing is the
// failure. --no-shrink prints the first failure as it is. FILE is the log of the server, which is that of PGHOST and PGPORT.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <stdexcept>

#include "holes.hpp"
#include "shrink.hpp"

namespace functions {
namespace {

constexpr long round_size = 500;

struct Options {
    std::string folder;
    std::string log;
    std::string hole;
    unsigned long long seed = 1;
    long calls = 50000;
    long round = -1;
    int jobs = 2;
    bool shrinks = true;
    bool verbose = false;
};

Options parse(int argc, char** argv) {
    Options options;
    const std::map<std::string, std::string*> texts{
        {"--folder", &options.folder}, {"--log", &options.log}, {"--plant-hole", &options.hole}};
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        if (name == "--verbose" || name == "--no-shrink") {
            (name == "--verbose" ? options.verbose : options.shrinks) = name == "--verbose";
            continue;
        }
        if (i + 1 >= argc) throw std::runtime_error("a value is missing after " + name);
        const char* value = argv[++i];
        if (const auto text = texts.find(name); text != texts.end())
            *text->second = value;
        else if (name == "--seed")
            options.seed = std::strtoull(value, nullptr, 10);
        else if (name == "--calls")
            options.calls = std::atol(value);
        else if (name == "--round")
            options.round = std::atol(value);
        else if (name == "--jobs")
            options.jobs = std::atoi(value);
        else
            throw std::runtime_error("unknown option " + name);
    }
    if (options.folder.empty() || options.log.empty()) throw std::runtime_error("--folder and --log are needed");
    if (!options.hole.empty() && options.hole != "all" && !holes().contains(options.hole))
        throw std::runtime_error("no hole is called " + options.hole);
    return options;
}

void report(const Place& place, const Options& options, long round, const std::vector<Episode>& done,
            const Failure& failure) {
    std::printf("FAILED --seed %llu --round %ld: %s\n%s\n", options.seed, round, failure.kind.c_str(),
                failure.detail.c_str());
    std::fflush(stdout);
    if (!options.shrinks) return;
    if (options.jobs > 1 && (failure.kind == connection_lost || failure.kind == server_down)) {
        std::printf("Other jobs were stopped by it; --jobs 1 shows the statements.\n");
        return;
    }
    const Minimal minimal = shrink(place, done, failure);
    if (minimal.episodes.empty()) {
        std::printf("It did not fail when it was replayed. The last statements were:\n%s",
                    script_of({done.back()}).c_str());
        return;
    }
    std::printf("This is enough, in the database that the scripts in test/functions make:\n%s%s\n",
                script_of(minimal.episodes).c_str(), minimal.failure.detail.c_str());
}

void add(Tally& sum, const Tally& tally) {
    for (const auto& [name, count] : tally) {
        sum[name].calls += count.calls;
        sum[name].answers += count.answers;
        for (const auto& [state, times] : count.errors) sum[name].errors[state] += times;
    }
}

// Runs a round; false when something failed.
bool run_round(const Place& place, const World& world, const Options& options, long round, Tally& tally) {
    Generator generator(world, options.seed * 1000003 + static_cast<unsigned long long>(round));
    std::vector<Episode> done;
    Failure failure;
    try {
        Replay replay(place.original, place.database, place.log);
        while (replay.calls() < round_size && !failure) {
            done.push_back(generator.next());
            failure = replay.run(done.back());
        }
        add(tally, replay.tally());
    } catch (const std::exception& error) {
        if (done.empty()) throw;
        failure = {connection_lost, error.what()};
    }
    if (!failure) return true;
    report(place, options, round, done, failure);
    return false;
}

void print(const Tally& tally, bool is_verbose) {
    long calls = 0;
    long answers = 0;
    long answered = 0;
    for (const auto& [name, count] : tally) {
        calls += count.calls;
        answers += count.answers;
        answered += count.answers > 0 ? 1 : 0;
        if (!is_verbose) continue;
        std::printf("  %-70s %6ld %6ld", name.c_str(), count.calls, count.answers);
        for (const auto& [state, times] : count.errors) std::printf(" %s:%ld", state.c_str(), times);
        std::printf("\n");
    }
    std::printf("%ld calls of %zu functions and tables, %ld without an error, of %ld of them\n", calls, tally.size(),
                answers, answered);
    std::fflush(stdout);
}

std::string job_database(pid_t job) { return "functions_round_" + std::to_string(job); }

int work(const std::string& original, const World& world, const Options& options, int job) {
    const Place place{original, job_database(getpid()), options.log};
    const long rounds = (options.calls + round_size - 1) / round_size;
    Tally tally;
    bool good = true;
    for (long round = job; round < rounds && good; round += options.jobs)
        if (options.round < 0 || options.round == round) good = run_round(place, world, options, round, tally);
    print(tally, options.verbose);
    return good ? 0 : 1;
}

// With the round that a job is at.
void stop_jobs(const std::set<pid_t>& jobs) {
    for (const pid_t job : jobs) {
        kill(job, SIGTERM);
        waitpid(job, nullptr, 0);
        drop_database(job_database(job));
    }
}

// Each job in a process of its own; the worst of their ends. To find a planted hole once is enough.
int run_jobs(const std::string& original, const World& world, const Options& options) {
    if (options.jobs <= 1) return work(original, world, options, 0);
    std::set<pid_t> running;
    for (int job = 0; job < options.jobs; ++job) {
        if (const pid_t child = fork(); child != 0) {
            running.insert(child);
            continue;
        }
        int status = 2;
        try {
            status = work(original, world, options, job);
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
        stop_jobs(running);
        break;
    }
    return worst;
}

// Whether a hole is found in a copy of the template.
bool finds_hole(const std::string& original, const Options& options, const std::string& hole) {
    const std::string broken = original + "_broken";
    copy_database(original, broken);
    Connection(broken, "postgres").must(holes().at(hole));
    const bool found = run_jobs(broken, read_world(broken), options) == 1;
    drop_database(broken);
    std::printf(found ? "the hole %s was found\n" : "the hole %s was NOT found\n", hole.c_str());
    std::fflush(stdout);
    return found;
}

int run(const Options& options) {
    std::printf("seed %llu, %ld calls\n", options.seed, options.calls);
    std::fflush(stdout);
    const std::string original = "functions_template_" + std::to_string(getpid());
    make_template(original, options.folder);
    int status = 0;
    if (options.hole.empty()) status = run_jobs(original, read_world(original), options);
    for (const auto& [name, sql] : holes())
        if ((options.hole == name || options.hole == "all") && !finds_hole(original, options, name)) status = 1;
    drop_database(original);
    return status;
}

}  // namespace
}  // namespace functions

int main(int argc, char** argv) {
    try {
        return functions::run(functions::parse(argc, argv));
    } catch (const std::exception& error) {
        std::printf("%s\n", error.what());
        return 2;
    }
}
