// A connection to the server, its answers, and the databases of the fuzzer. Only its source uses libpq.
#pragma once

#include <map>
#include <string>
#include <vector>

typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;

namespace functions {

struct Answer {
    std::string sqlstate;  // empty: no error
    std::string received;  // rows, notices and errors with all their fields
    std::vector<std::string> rows;
};

class Connection {
public:
    Connection(const std::string& database, const std::string& user);
    Connection(Connection&& other) noexcept;
    Connection& operator=(Connection&& other) noexcept;
    ~Connection();
    Answer run(const std::string& sql, bool binary = false);
    std::vector<std::string> must(const std::string& sql);  // throws when it fails
    [[nodiscard]] bool is_lost() const;
    [[nodiscard]] bool in_transaction() const;
    [[nodiscard]] bool is_aborted() const;
    [[nodiscard]] int process() const;

private:
    void read(PGresult* result, Answer& answer);
    PGconn* connection_;
    std::string notices_;
};

// From the scripts in a folder.
void make_template(const std::string& name, const std::string& folder);
void copy_database(const std::string& from, const std::string& to);
void drop_database(const std::string& name);

}  // namespace functions
