// One operation after the other: the model predicts the answer, the server executes it, and the test compares
// both.
#include "replay.hpp"

#include <algorithm>

namespace model {
namespace {

std::string joined(std::vector<std::string> lines) {
    std::string out;
    for (const std::string& line : lines) out += (out.empty() ? "" : ", ") + line;
    return "{" + out + "}";
}

std::string joined(const std::set<std::string>& lines) {
    return joined(std::vector<std::string>(lines.begin(), lines.end()));
}

std::string prepared_statements() {
    std::string out;
    for (int table = 0; table < table_count; ++table) {
        const std::string name = resource(table);
        out += "PREPARE read_" + name + "(int, int) AS SELECT id, v FROM mt." + name + " WHERE id BETWEEN $1 AND $2; " +
               "PREPARE write_" + name + "(int, int) AS UPDATE mt." + name +
               " SET v = v + 1 WHERE id BETWEEN $1 AND $2; ";
    }
    return out;
}

}  // namespace

Replay::Replay(Laboratory& laboratory, std::string database)
    : laboratory_(laboratory), database_(std::move(database)), world_(initial_state()) {
    laboratory_.fresh(database_);
    operator_.emplace(database_, "postgres");
    connect();
}

Replay::~Replay() {
    application_.reset();
    operator_.reset();
    laboratory_.drop(database_);
}

void Replay::connect() {
    application_.reset();
    application_.emplace(database_, "model_login");
    application_->must(prepared_statements());
}

Failure Replay::run(const Source& source, std::vector<Op>& done) {
    while (const std::optional<Op> op = source(world_)) {
        const Step step = interpret(world_, *op, laboratory_.server());
        if (!step.applies) continue;
        done.push_back(*op);
        if (const std::string what = perform(*op, step); !what.empty()) return {what, done.size() - 1};
    }
    return {};
}

std::string Replay::perform(const Op& op, const Step& step) {
    if (op.kind == Kind::reconnect) {
        statements_.push_back("-- another connection");
        connect();
        settle(world_, op, step, true);
        return "";
    }
    statements_.push_back((step.admin ? "/* operator */ " : "") + step.sql + ";");
    const Answer answer = step.admin ? operator_->run(step.sql) : application_->run(step.sql);
    const std::string what = compare(op, step, answer);
    if (!what.empty()) return what;
    ++tally_[std::string(name_of(op.kind)) + (answer.error.empty() ? "" : " " + answer.error)];
    settle(world_, op, step, answer.error.empty());
    return "";
}

std::string Replay::compare(const Op& op, const Step& step, const Answer& answer) {
    if (!answer.error.empty()) {
        if (step.errors.contains(answer.error)) return "";
        return "unexpected error " + answer.error + " " + answer.message +
               (step.errors.empty() ? "" : "expected " + joined(step.errors));
    }
    if (!step.may_succeed) return "no error, expected " + joined(step.errors) + "; rows " + joined(answer.rows);
    if (step.cursor != nobody) return settle_fetch(world_, step.cursor, answer.rows, op.c == 0);
    if (step.count && answer.count != *step.count)
        return std::to_string(answer.count) + " rows changed, expected " + std::to_string(*step.count);
    if (!step.rows) return "";
    std::vector<std::string> expected = *step.rows;
    std::vector<std::string> found = answer.rows;
    std::sort(expected.begin(), expected.end());
    std::sort(found.begin(), found.end());
    return expected == found ? "" : "rows " + joined(found) + ", expected " + joined(expected);
}

}  // namespace model
