#include "replay.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace functions {
namespace {

// Locks of a transaction are a call's own affair until it ends; those that it leaves behind are not.
std::string state_of(Connection& connection) {
    const std::string locks = connection.in_transaction() ? "false" : "true";
    const Answer answer =
        connection.run("SELECT fz.session_state(pg_catalog.current_setting('search_path'), " + locks + ")");
    return answer.rows.empty() ? "no state: " + answer.received : answer.rows.front();
}

}  // namespace

Replay::Replay(const std::string& original, const std::string& database, const std::string& log) : database_(database) {
    copy_database(original, database);
    watch_.emplace(database);
    log_.emplace(log, database);
}

Replay::~Replay() {
    connections_.clear();
    watch_.reset();
    try {
        drop_database(database_);
    } catch (const std::exception&) {
        // If the server went down, that is the failure to report.
    }
}

Connection& Replay::connect(const std::string& role) {
    const auto found = connections_.find(role);
    if (found != connections_.end()) return found->second;
    Connection& made = connections_.emplace(role, Connection(database_, role)).first->second;
    // The libraries define settings when they are loaded.
    made.must("DO $$ BEGIN END $$; SELECT bastion.user_id()");
    made.must("SELECT fz.lie_in_wait('pg_temp')");
    return made;
}

Failure Replay::run(const Episode& episode) {
    Course course{connect(episode.role), "", false, false};
    course.connection.run("ROLLBACK");
    course.connection.run("RESET ROLE; RESET ALL; DEALLOCATE ALL");
    const auto first = std::find_if(episode.steps.begin(), episode.steps.end(),
                                    [](const Step& step) { return step.kind != Step::Kind::setting; });
    for (auto step = episode.steps.begin(); step != first; ++step) course.connection.run(step->sql);
    course.state = state_of(course.connection);
    const std::string outside = course.state;
    for (auto step = first; step != episode.steps.end() && !course.is_cut_short; ++step)
        if (Failure failure = run_step(*step, course)) return failure;
    if (course.connection.in_transaction()) course.connection.run("ROLLBACK");
    if (Failure failure = judge_state(outside, state_of(course.connection))) return failure;
    return judge_end(course);
}

Failure Replay::run_step(const Step& step, Course& course) {
    if (step.kind == Step::Kind::call) return run_call(step, course);
    if (step.kind == Step::Kind::end && step.sql == "COMMIT") course.may_have_written = true;
    const Answer answer = course.connection.run(step.sql);
    if (Failure failure = judge_answer(answer)) return failure;
    // A refused client continues without an identity.
    if (step.kind == Step::Kind::identity && course.connection.is_aborted()) course.connection.run("ROLLBACK; BEGIN");
    if (step.kind != Step::Kind::end) course.state = state_of(course.connection);
    return {};
}

Failure Replay::run_call(const Step& step, Course& course) {
    Connection& connection = course.connection;
    const bool in_transaction = connection.in_transaction();
    if (in_transaction && step.is_guarded) connection.run("SAVEPOINT fz");
    const Answer answer = connection.run(step.sql, step.is_binary);
    Count& count = tally_[step.name];
    ++count.calls;
    ++calls_;
    if (answer.sqlstate.empty())
        ++count.answers;
    else
        ++count.errors[answer.sqlstate];
    if (Failure failure = judge_answer(answer)) return failure;
    if (!in_transaction) course.may_have_written = true;
    if (connection.is_aborted()) {
        course.is_cut_short = !step.is_guarded;
        if (course.is_cut_short) return {};
        connection.run("ROLLBACK TO fz");
    }
    const std::string before = std::exchange(course.state, state_of(connection));
    return judge_state(before, course.state);
}

Failure Replay::judge_end(Course& course) {
    if (Failure failure = log_->judge()) return failure;
    std::vector<int> processes;
    for (const auto& [role, connection] : connections_) processes.push_back(connection.process());
    if (Failure failure = watch_->judge_rest(processes)) return failure;
    return course.may_have_written ? watch_->judge_rows() : Failure{};
}

}  // namespace functions
