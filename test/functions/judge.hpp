// Checks of an answer, a session, the server log and the rows of tenant B after a call.
#pragma once

#include <fstream>
#include <string>
#include <vector>

#include "server.hpp"

namespace functions {

struct Failure {
    std::string kind;  // empty: none
    std::string detail;
    [[nodiscard]] explicit operator bool() const { return !kind.empty(); }
};

// A failure that ends the other jobs too.
inline const std::string connection_lost = "the connection was lost";
inline const std::string server_down = "the server went down";

[[nodiscard]] Failure judge_answer(const Answer& answer);

// Both as fz.session_state() gives them.
[[nodiscard]] Failure judge_state(const std::string& before, const std::string& after);

// Lines of other jobs in the same log do not count, unless the server goes down.
class ServerLog {
public:
    ServerLog(const std::string& path, std::string database);
    [[nodiscard]] Failure judge();

private:
    std::ifstream file_;
    std::string database_;
};

// As a superuser, between transactions of the others.
class Watch {
public:
    explicit Watch(const std::string& database);
    [[nodiscard]] Failure judge_rest(const std::vector<int>& processes);
    [[nodiscard]] Failure judge_rows();

private:
    Connection admin_;
    std::vector<std::string> fingerprint_;
};

}  // namespace functions
