// Shared by the random testers, test/model, test/model/passing and test/functions: options, jobs in separate processes, and
// the closing line about a planted hole.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <variant>

namespace tester {

struct Options {
    unsigned long long seed = 1;
    long round = -1;  // the only one, or -1
    long jobs = 2;
    std::string hole;
    bool shrinks = true;
    bool verbose = false;
};

// Options with a value, by name.
using Target = std::variant<std::string*, long*, unsigned long long*>;
// Reads the common options and those of the tester itself; throws for any other.
void parse(int argc, char** argv, Options& options, std::map<std::string, Target> own);

// Runs every job and returns the worst result: 0, 1 for a finding, 2 when the tester itself failed. One finding of a
// planted hole is enough: the other jobs are then stopped, and clear_up is called for each.
int run_jobs(const Options& options, const std::function<int(int job)>& work,
             const std::function<void(pid_t job)>& clear_up);

// Prints whether a run with this result found the hole.
bool is_found(const std::string& hole, int status);

// The main function of a tester; prints exceptions.
int run(const std::function<int()>& test);

std::string contents(const std::string& path);

}  // namespace tester
