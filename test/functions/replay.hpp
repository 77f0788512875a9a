// Runs episodes against a fresh copy of the template and judges each call.
#pragma once

#include <functional>
#include <optional>

#include "generate.hpp"
#include "judge.hpp"

namespace functions {

// How often each function was called and answered without an error.
struct Count {
    long calls = 0;
    long answers = 0;
    std::map<std::string, long> errors;  // by SQLSTATE
};
using Tally = std::map<std::string, Count>;

class Replay {
public:
    Replay(const std::string& original, const std::string& database, const std::string& log);
    ~Replay();
    Replay(const Replay&) = delete;
    Replay& operator=(const Replay&) = delete;
    [[nodiscard]] Failure run(const Episode& episode);
    [[nodiscard]] long calls() const { return calls_; }
    [[nodiscard]] const Tally& tally() const { return tally_; }

private:
    // The state of one episode.
    struct Course {
        Connection& connection;
        std::string state;
        bool is_cut_short = false;
        bool may_have_written = false;
    };
    Connection& connect(const std::string& role);
    Failure run_step(const Step& step, Course& course);
    Failure run_call(const Step& step, Course& course);
    Failure judge_end(Course& course);

    std::string database_;
    std::map<std::string, Connection> connections_;
    std::optional<Watch> watch_;
    std::optional<ServerLog> log_;
    Tally tally_;
    long calls_ = 0;
};

}  // namespace functions
