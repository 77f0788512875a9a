// libpq, and the databases of the test.
#include <libpq-fe.h>

#include <cstdlib>
#include <stdexcept>

#include "../tester/tester.hpp"
#include "replay.hpp"

namespace model {
namespace {

// The change that a planted hole makes to the template.
const std::map<std::string, std::string>& holes() {
    static const std::map<std::string, std::string> all{
        {"", ""},
        // A policy that lets every user read.
        {"policy", "DROP POLICY bastion_tenant_select ON mt.d2; CREATE POLICY hole ON mt.d2 FOR SELECT USING (true)"},
        // A check that accepts new rows of any tenant.
        {"check", "ALTER POLICY bastion_tenant_insert ON mt.d0 WITH CHECK (true)"},
        // The end of a share sends no invalidation to the caches that hold it.
        {"acl", "ALTER TABLE bastion.acl_entries DISABLE TRIGGER acl_entries_invalidate"},
        // A moved unit remains below its former ancestors.
        {"closure",
         "CREATE OR REPLACE FUNCTION bastion_internal.unit_closure_cut(unit_id uuid) RETURNS void LANGUAGE sql AS "
         "'SELECT'"},
        // A moved unit does not get the ancestors of its new parent.
        {"ancestors",
         "CREATE OR REPLACE FUNCTION bastion_internal.unit_closure_add(unit_id uuid, parent_id uuid, tenant_id uuid) "
         "RETURNS "
         "void LANGUAGE sql AS 'INSERT INTO bastion.unit_closure VALUES (parent_id, unit_id, tenant_id, 1) ON CONFLICT "
         "DO NOTHING'"},
    };
    return all;
}

std::string more_options() {
    const char* options = std::getenv("PGOPTIONS");
    return options != nullptr ? options : "";
}

void read_rows(PGresult* result, Answer& answer) {
    answer.rows.clear();
    for (int row = 0; row < PQntuples(result); ++row) {
        std::string line;
        for (int column = 0; column < PQnfields(result); ++column)
            line += (column > 0 ? "|" : "") + std::string(PQgetvalue(result, row, column));
        answer.rows.push_back(line);
    }
}

void read_copy(PGconn* connection, Answer& answer) {
    char* buffer = nullptr;
    answer.rows.clear();
    for (int size = 0; (size = PQgetCopyData(connection, &buffer, 0)) > 0; PQfreemem(buffer))
        answer.rows.emplace_back(buffer, size - 1);
}

void read_result(PGconn* connection, PGresult* result, Answer& answer) {
    switch (PQresultStatus(result)) {
        case PGRES_TUPLES_OK: read_rows(result, answer); break;
        case PGRES_COPY_OUT: read_copy(connection, answer); break;
        case PGRES_COPY_IN: PQputCopyEnd(connection, "the server must refuse this"); break;
        case PGRES_COMMAND_OK: break;
        default: {
            const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
            answer.error = state != nullptr ? state : "08006";
            answer.message = PQresultErrorMessage(result);
        }
    }
    answer.count = std::atol(PQcmdTuples(result));
}

}  // namespace

// Scans that are switched off cost so much that the server would compile every statement. PGOPTIONS adds more settings.
Connection::Connection(const std::string& database, const std::string& user)
    : connection_(
          PQconnectdb(("dbname=" + database + " user=" + user +
                       " options='-c client_min_messages=error -c lock_timeout=20s -c jit=off " + more_options() + "'")
                          .c_str())) {
    if (PQstatus(connection_) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_));
}

Connection::Connection(Connection&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
    std::swap(connection_, other.connection_);
    return *this;
}

Connection::~Connection() { PQfinish(connection_); }

Answer Connection::run(const std::string& sql) {
    Answer answer;
    if (PQsendQuery(connection_, sql.c_str()) == 0) return {"08006", PQerrorMessage(connection_), {}, 0};
    while (PGresult* result = PQgetResult(connection_)) {
        read_result(connection_, result, answer);
        PQclear(result);
        if (PQstatus(connection_) == CONNECTION_BAD) break;
    }
    return answer;
}

Answer Connection::must(const std::string& sql) {
    Answer answer = run(sql);
    if (!answer.error.empty()) throw std::runtime_error(answer.message + sql);
    return answer;
}

Template make_template(const std::string& name, const std::string& setup, const std::string& hole) {
    if (!holes().contains(hole)) throw std::runtime_error("no hole is called " + hole);
    Template out{name, {}};
    Laboratory(out).drop(name);
    Connection("postgres", "postgres").must("CREATE DATABASE " + name);
    Connection inside(name, "postgres");
    inside.must(tester::contents(setup));
    if (!hole.empty()) inside.must(holes().at(hole));
    out.server.version = std::stoi(inside.must("SHOW server_version_num").rows.at(0)) / 10000;
    // Without sessions, which end for more reasons than the model knows.
    inside.must("SET bastion.access_token_lifetime = '1h'");
    for (int user = 0; user < user_count; ++user)
        out.server.tokens[user] =
            inside.must("SELECT bastion.token_issue('" + user_id(user) + "', '" + tenant_id(user % tenant_count) + "')")
                .rows.at(0);
    // Without this, planner statistics would show empty tables.
    inside.must("VACUUM ANALYZE");
    return out;
}

void Laboratory::fresh(const std::string& database) {
    drop(database);
    admin_.must("CREATE DATABASE " + database + " TEMPLATE " + original_.name);
}

void Laboratory::drop(const std::string& database) {
    admin_.must("DROP DATABASE IF EXISTS " + database + " WITH (FORCE)");
}

}  // namespace model
