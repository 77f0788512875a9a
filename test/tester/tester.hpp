// What the testers that draw at random have in common, test/model, test/model/passing and test/functions: options, jobs in
// processes of their own, and the closing line about a planted hole.
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

// Runs every job, the worst of whose ends is returned: 0, 1 when something was found, 2 when the tester itself failed. To find
// a planted hole once is enough: the other jobs are stopped then, and clear_up is told each.
int run_jobs(const Options& options, const std::function<int(int job)>& work,
             const std::function<void(pid_t job)>& clear_up);

// Prints whether the hole was found by a run that ended so.
bool is_found(const std::string& hole, int status);

// The whole of a tester; what is thrown is printed.
int run(const std::function<int()>& test);

std::string contents(const std::string& path);

}  // namespace tester
