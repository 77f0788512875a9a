// usage: model_test --setup FILE [--seed N] [--ops N] [--jobs N] [--round N] [--plant-hole NAME] [--no-shrink]
//        [--verbose]
//
// Compares the extension with the model in rounds of a thousand operations, each in a fresh copy of the same database, and
// each with a seed of its own that is printed when it fails: --seed S --round R replays it. --ops is the sum over all
// rounds. --plant-hole policy, check, acl, closure or ancestors breaks the extension first, and then the run fails unless
// it finds the hole. --no-shrink prints the first failure as it is. The server is the one of PGHOST and PGPORT.
#include <unistd.h>

#include <cstdio>

#include "../tester/tester.hpp"
#include "generate.hpp"
#include "shrink.hpp"

namespace model {
namespace {

constexpr long round_size = 1000;

struct Options : tester::Options {
    std::string setup;
    long ops = 200000;
};

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

}  // namespace
}  // namespace model

int main(int argc, char** argv) {
    return tester::run([&] {
        model::Options options;
        tester::parse(argc, argv, options, {{"--setup", &options.setup}, {"--ops", &options.ops}});
        std::printf("seed %llu, %ld operations\n", options.seed, options.ops);
        std::fflush(stdout);
        const model::Template original =
            model::make_template("model_template_" + std::to_string(getpid()), options.setup, options.hole);
        const int status = tester::run_jobs(
            options, [&](int job) { return model::work(original, options, job); },
            [&](pid_t job) { model::Laboratory(original).drop(model::round_database(job)); });
        model::Laboratory(original).drop(original.name);
        if (options.hole.empty()) return status;
        return tester::is_found(options.hole, status) ? 0 : 1;
    });
}
