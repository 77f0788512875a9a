// Runs a list of operations against a fresh database and the model side by side.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "world.hpp"

typedef struct pg_conn PGconn;

namespace model {

struct Failure {
    std::string what;  // empty: none
    std::size_t index = 0;
    [[nodiscard]] explicit operator bool() const { return !what.empty(); }
};

// One connection. The answer is that of the last statement that returned rows, or of the last one.
struct Answer {
    std::string error;  // SQLSTATE
    std::string message;
    std::vector<std::string> rows;
    long count = 0;
};

class Connection {
public:
    Connection(const std::string& database, const std::string& user);
    Connection(Connection&& other) noexcept;
    Connection& operator=(Connection&& other) noexcept;
    ~Connection();
    Answer run(const std::string& sql);
    Answer must(const std::string& sql);  // throws when it fails

private:
    PGconn* connection_;
};

// The database that every round begins with.
struct Template {
    std::string name;
    Server server;
};

// Made from setup.sql, and then broken on purpose.
[[nodiscard]] Template make_template(const std::string& name, const std::string& setup, const std::string& hole);

// Copies of the template.
class Laboratory {
public:
    explicit Laboratory(const Template& original) : admin_("postgres", "postgres"), original_(original) {}
    [[nodiscard]] const Server& server() const { return original_.server; }
    void fresh(const std::string& database);
    void drop(const std::string& database);

private:
    Connection admin_;
    const Template& original_;
};

// The next operation for a world, or nothing at the end.
using Source = std::function<std::optional<Op>(const World&)>;

class Replay {
public:
    Replay(Laboratory& laboratory, std::string database);
    ~Replay();
    // Runs what the source gives until something differs; done collects what was run.
    Failure run(const Source& source, std::vector<Op>& done);
    [[nodiscard]] const std::vector<std::string>& statements() const { return statements_; }
    [[nodiscard]] const std::map<std::string, long>& tally() const { return tally_; }

private:
    void connect();
    std::string perform(const Op& op, const Step& step);
    std::string compare(const Op& op, const Step& step, const Answer& answer);

    Laboratory& laboratory_;
    std::string database_;
    World world_;
    std::optional<Connection> application_;
    std::optional<Connection> operator_;
    std::vector<std::string> statements_;
    std::map<std::string, long> tally_;  // how often each kind ended how
};

[[nodiscard]] const char* name_of(Kind kind);

}  // namespace model
