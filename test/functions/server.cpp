// libpq, and the databases of the fuzzer.
#include "server.hpp"

#include <libpq-fe.h>

#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>

#include "../tester/tester.hpp"

namespace functions {
namespace {

// Each transaction alone: an identity lasts until its end.
void run_script(Connection& connection, const std::string& path) {
    const std::string text = tester::contents(path);
    const std::string end = "COMMIT;\n";
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t found = text.find(end, begin);
        const std::size_t next = found == std::string::npos ? text.size() : found + end.size();
        connection.must(text.substr(begin, next - begin));
        begin = next;
    }
}

void append_message(std::string& text, const PGresult* result) {
    char* message = PQresultVerboseErrorMessage(result, PQERRORS_VERBOSE, PQSHOW_CONTEXT_ALWAYS);
    if (message != nullptr) text += message;
    PQfreemem(message);
}

void append_notice(void* notices, const PGresult* result) {
    append_message(*static_cast<std::string*>(notices), result);
}

}  // namespace

Connection::Connection(const std::string& database, const std::string& user) {
    const std::string options =
        "dbname=" + database + " user=" + user + " options='-c statement_timeout=120s -c lock_timeout=20s -c jit=off'";
    // A server that went down takes no connections until it has recovered.
    for (int attempt = 0; attempt < 600 && PQping(options.c_str()) == PQPING_REJECT; ++attempt)
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    connection_ = PQconnectdb(options.c_str());
    if (is_lost()) throw std::runtime_error(PQerrorMessage(connection_));
}

Connection::Connection(Connection&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
    std::swap(connection_, other.connection_);
    return *this;
}

Connection::~Connection() { PQfinish(connection_); }

bool Connection::is_lost() const { return PQstatus(connection_) != CONNECTION_OK; }
bool Connection::in_transaction() const { return PQtransactionStatus(connection_) != PQTRANS_IDLE; }
bool Connection::is_aborted() const { return PQtransactionStatus(connection_) == PQTRANS_INERROR; }
int Connection::process() const { return PQbackendPID(connection_); }

void Connection::read(PGresult* result, Answer& answer) {
    switch (PQresultStatus(result)) {
        case PGRES_TUPLES_OK:
            answer.rows.clear();
            for (int row = 0; row < PQntuples(result); ++row) {
                std::string line;
                for (int column = 0; column < PQnfields(result); ++column) {
                    line += column > 0 ? "|" : "";
                    line.append(PQgetvalue(result, row, column), PQgetlength(result, row, column));
                }
                answer.received += line + '\n';
                answer.rows.push_back(std::move(line));
            }
            break;
        case PGRES_COPY_OUT: {
            char* buffer = nullptr;
            for (int size = 0; (size = PQgetCopyData(connection_, &buffer, 0)) > 0; PQfreemem(buffer))
                answer.received.append(buffer, size);
            break;
        }
        case PGRES_COMMAND_OK:
        case PGRES_EMPTY_QUERY: break;
        default: {
            const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
            answer.sqlstate = state != nullptr ? state : "08006";
            append_message(answer.received, result);
        }
    }
}

Answer Connection::run(const std::string& sql, bool binary) {
    Answer answer;
    PQsetNoticeReceiver(connection_, append_notice, &answer.received);
    const int sent = binary ? PQsendQueryParams(connection_, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 1)
                            : PQsendQuery(connection_, sql.c_str());
    if (sent == 0) return {"08006", PQerrorMessage(connection_), {}};
    while (PGresult* result = PQgetResult(connection_)) {
        read(result, answer);
        PQclear(result);
        if (is_lost()) {
            answer.sqlstate = "08006";
            break;
        }
    }
    return answer;
}

std::vector<std::string> Connection::must(const std::string& sql) {
    Answer answer = run(sql);
    if (!answer.sqlstate.empty()) throw std::runtime_error(answer.received + sql.substr(0, 1000));
    return std::move(answer.rows);
}

void make_template(const std::string& name, const std::string& folder) {
    drop_database(name);
    Connection admin("postgres", "postgres");
    admin.must("CREATE DATABASE " + name);
    // So that the server log shows SQLSTATEs.
    admin.must("ALTER SYSTEM SET log_error_verbosity = 'verbose'");
    admin.must("SELECT pg_reload_conf()");
    Connection inside(name, "postgres");
    for (const char* script : {"setup.sql", "hostile.sql", "fingerprint.sql", "pools.sql"})
        run_script(inside, folder + "/" + script);
    inside.must("VACUUM ANALYZE");
}

void copy_database(const std::string& from, const std::string& to) {
    drop_database(to);
    Connection("postgres", "postgres").must("CREATE DATABASE " + to + " TEMPLATE " + from);
}

void drop_database(const std::string& name) {
    Connection("postgres", "postgres").must("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)");
}

}  // namespace functions
