// usage: function_fuzz --folder FOLDER --log FILE [--seed N] [--calls N] [--jobs N] [--round N] [--plant-hole NAME|all]
//        [--no-shrink] [--verbose]
//
// Calls every function that the roles of applications and migrations may call, in rounds of some hundred calls, each in a
// fresh copy of the database that the scripts in FOLDER make, and each with a seed of its own that is printed when it fails:
// --seed S --round R replays it. --plant-hole breaks the extension first (holes.cpp), and then the run fails unless it
// finds the hole. --no-shrink prints the first failure as it is. FILE is the log of the server at PGHOST and PGPORT.
#include <unistd.h>

#include <cstdio>
#include <stdexcept>

#include "../tester/tester.hpp"
#include "holes.hpp"
#include "shrink.hpp"

namespace functions {
namespace {

constexpr long round_size = 500;

struct Options : tester::Options {
    std::string folder;
    std::string log;
    long calls = 50000;
};

Options parse(int argc, char** argv) {
    Options options;
    tester::parse(argc, argv, options,
                  {{"--folder", &options.folder}, {"--log", &options.log}, {"--calls", &options.calls}});
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

int run_jobs(const std::string& original, const World& world, const Options& options) {
    return tester::run_jobs(
        options, [&](int job) { return work(original, world, options, job); },
        [](pid_t job) { drop_database(job_database(job)); });
}

// Whether a hole is found in a copy of the template.
bool finds_hole(const std::string& original, const Options& options, const std::string& hole) {
    const std::string broken = original + "_broken";
    copy_database(original, broken);
    Connection(broken, "postgres").must(holes().at(hole));
    const int status = run_jobs(broken, read_world(broken), options);
    drop_database(broken);
    return tester::is_found(hole, status);
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
    return tester::run([&] { return functions::run(functions::parse(argc, argv)); });
}
