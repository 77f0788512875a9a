#include "generate.hpp"

#include <algorithm>
#include <set>

namespace functions {
namespace {

using List = std::vector<std::string>;

struct Setting {
    const char* name;
    List values;
};

const std::vector<Setting>& settings() {
    static const std::vector<Setting> all{
        {"search_path",
         {"evil, pg_catalog", "evil, pg_catalog, pg_temp", "pg_temp, evil, pg_catalog", "''", "evil", "no_such_schema",
          "evil, bastion, pg_catalog"}},
        {"search_path", {"evil, pg_catalog", "pg_temp, evil, pg_catalog"}},
        {"standard_conforming_strings", {"off"}},
        {"backslash_quote", {"off", "on"}},
        {"DateStyle", {"'German, DMY'", "'SQL, MDY'", "'Postgres, YMD'"}},
        {"IntervalStyle", {"sql_standard", "iso_8601", "postgres_verbose"}},
        {"TimeZone", {"'Pacific/Kiritimati'", "'-14:59'", "'<+14>-14'", "'Europe/Berlin'"}},
        {"row_security", {"off"}},
        {"default_transaction_isolation", {"'repeatable read'", "serializable"}},

        {"bytea_output", {"escape"}},
        {"extra_float_digits", {"-15", "3"}},
        {"lc_messages", {"'C'", "'C.UTF-8'"}},
        {"client_encoding", {"latin1", "sql_ascii", "win1252"}},
        {"quote_all_identifiers", {"on"}},
        {"array_nulls", {"off"}},
        {"transform_null_equals", {"on"}},
        {"xmlbinary", {"hex"}},
        {"plan_cache_mode", {"force_generic_plan", "force_custom_plan"}},
        {"client_min_messages", {"error", "log", "debug1", "debug5"}},
        {"debug_print_plan", {"on"}},
        {"plpgsql.print_strict_params", {"on"}},
        {"plpgsql.extra_warnings", {"all"}},
        {"plpgsql.check_asserts", {"off"}},
        {"check_function_bodies", {"off"}},
        {"work_mem", {"'64kB'"}},
        {"enable_seqscan", {"off"}},
        {"enable_indexscan", {"off"}},
        {"enable_nestloop", {"off"}},
        {"enable_hashagg", {"off"}},
        {"from_collapse_limit", {"1"}},
        {"geqo_threshold", {"2"}},
        {"constraint_exclusion", {"on"}},
        {"synchronous_commit", {"off"}},
        {"default_toast_compression", {"pglz"}},
        {"bastion.require_context", {"error"}},
        {"bastion.tenant", {"'acme'", "'beta'", "'a0000000-0000-4000-8000-000000000002'", "''"}},
        {"bastion.unit", {"'red'", "'green'", "'b0000000-0000-4000-8000-000000000011'"}},
        {"bastion.context", {"'1 a0000000-0000-4000-8000-000000000002'"}},
        {"bastion.grants", {"'1 a0000000-0000-4000-8000-000000000002'"}},
        {"request.headers",
         {R"('{"x-forwarded-for": "10.0.0.1, ::1, evil", "user-agent": "agent"}')", "'{'",
          R"('{"user-agent": {"a": 1}}')", "'[]'"}},
    };
    return all;
}

// One plan in parallel costs two processes.
const List parallel{"SET max_parallel_workers_per_gather = 2", "SET parallel_setup_cost = 0",
                    "SET parallel_tuple_cost = 0", "SET min_parallel_table_scan_size = 0"};

// Other than plain ones.
const List beginnings{"BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN READ ONLY",
                      "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE"};

// The owner of A comes most often.
const List good_tokens{"ann token", "ann token", "ann token", "max token",
                       "max token", "ada token", "uma token", "foreign token"};
const List keys{"ann key docs.read", "ann key *", "ann key tenant.*", "ann key notes.manage notes.read",
                "max key docs.*"};
const List refused{"late token",    "ended token", "dan token",     "forged token",
                   "unknown token", "ann refresh", "ann invitation"};

Step step_of(Step::Kind kind, const std::string& sql) { return {kind, sql, "", false, false}; }

bool is_costly(const Function& function) {
    return function.name == "bastion.password_hash" || function.name == "bastion.jwk_generate" ||
           function.name.ends_with(".login") || function.name.ends_with(".signup") ||
           function.name.ends_with(".signup_invited");
}

std::set<std::string> subjects(const Pools& pools, const Function& function) {
    std::set<std::string> out;
    for (std::size_t i = 0; i < std::min(function.parameters.size(), function.types.size()); ++i)
        if (const auto pool = pools.find(pool_name(function.parameters[i], function.types[i])); pool != pools.end())
            out.insert(pool->second.subject);
    return out;
}

bool have_common_subject(const Pools& pools, const Function& a, const Function& b) {
    const std::set<std::string> of_b = subjects(pools, b);
    const std::set<std::string> of_a = subjects(pools, a);
    return std::any_of(of_a.begin(), of_a.end(), [&](const std::string& subject) { return of_b.contains(subject); });
}

}  // namespace

void Generator::add_settings(Episode& episode) {
    for (std::size_t count = random_.below(4); count > 0; --count) {
        const Setting& setting = random_.of(settings());
        episode.steps.push_back(
            step_of(Step::Kind::setting, std::string("SET ") + setting.name + " = " + random_.of(setting.values)));
    }
    // Set for the session, which every transaction must ignore.
    if (random_.percent(5))
        episode.steps.push_back(
            step_of(Step::Kind::setting, "SELECT pg_catalog.set_config('bastion.token', fz.text('ann token'), false)"));
    if (random_.percent(15))
        for (const std::string& sql : parallel) episode.steps.push_back(step_of(Step::Kind::setting, sql));
    // Named differently before 16.
    if (random_.percent(8))
        for (const char* name : {"force_parallel_mode", "debug_parallel_query"})
            episode.steps.push_back(step_of(Step::Kind::setting, std::string("SET ") + name + " = on"));
}

void Generator::add_identity(Episode& episode) {
    const auto add = [&](const std::string& sql) { episode.steps.push_back(step_of(Step::Kind::identity, sql)); };
    if (episode.role == operator_role) {
        const char* user = random_.percent(50) ? "1" : "3";
        add(std::string("SELECT bastion.impersonate('e0000000-0000-4000-8000-00000000000") + user +
            "', 'a0000000-0000-4000-8000-000000000001', 'support', " + (random_.percent(50) ? "true)" : "false)"));
        add("SET LOCAL ROLE fz_app");
        return;
    }
    if (random_.percent(12)) return;
    const std::size_t draw = random_.below(100);
    const std::string& name = draw < 68 ? random_.of(good_tokens) : draw < 85 ? random_.of(keys) : random_.of(refused);
    const std::string token = random_.percent(3) ? "E'a.b.c'" : "fz.text(" + literal(name) + ")";
    if (episode.role == migration_role || random_.percent(30)) {
        add("SELECT pg_catalog.set_config('bastion.token', " + token + ", true)");
        return;
    }
    const std::size_t place = random_.below(20);
    add("SELECT bastion.authenticate(" + token +
        (place == 0  ? ", 'beta'"
         : place < 3 ? ", 'acme'"
         : place < 6 ? ", 'acme', 'red'"
                     : "") +
        ")");
}

// By position, or by name without some arguments that have defaults.
std::string Generator::expression(const Function& function) {
    const std::size_t count = function.types.size();
    const bool by_name = count == function.parameters.size() && random_.percent(70);
    std::string out;
    for (std::size_t i = 0; i < count; ++i) {
        const bool is_optional = i >= function.needed;
        if (is_optional && by_name && random_.percent(60)) continue;
        const std::string& parameter = i < function.parameters.size() ? function.parameters[i] : "";
        out += (out.empty() ? "" : ", ") + (by_name && is_optional ? parameter + " => " : "") +
               argument(world_.pools, focus_, parameter, function.types[i], random_);
    }
    return function.name + "(" + out + ")";
}

// A function with the same kind of argument, if any.
const Function& Generator::draw_companion(const std::string& role, const Function& first) {
    std::vector<const Function*> found;
    for (const Function& function : world_.functions.at(role))
        if (have_common_subject(world_.pools, first, function)) found.push_back(&function);
    return found.empty() ? random_.of(world_.functions.at(role)) : *random_.of(found);
}

// An episode returns to a few related functions, so that one sees the effects of another.
const Function& Generator::draw_function(const std::string& role) {
    const std::vector<Function>& all = world_.functions.at(role);
    if (favourites_.empty()) favourites_.push_back(&random_.of(all));
    while (favourites_.size() < 3) favourites_.push_back(&draw_companion(role, *favourites_.front()));
    const Function& drawn = random_.percent(70) ? *random_.of(favourites_) : random_.of(all);
    // Hashing is slow, so it must be drawn twice before it runs.
    return is_costly(drawn) ? random_.of(all) : drawn;
}

// The same call in each shape that brings it before another part of the server.
Step Generator::call_function(const std::string& role, bool in_transaction) {
    const Function& function = draw_function(role);
    const std::string call = expression(function);
    Step step{Step::Kind::call, "", function.signature, false, random_.percent(80)};
    if (function.is_procedure) {
        step.sql = "CALL " + call;
        return step;
    }
    const std::string select = "SELECT " + call;
    const std::string name = "fz_" + std::to_string(++number_);
    switch (random_.below(is_costly(function) ? 3 : 18)) {
        case 0:
        case 1: step.sql = select; break;
        case 2: step.sql = "SELECT * FROM " + call; break;
        case 3:
            step.sql = select;
            step.is_binary = true;
            break;
        case 4: step.sql = select + " FROM pg_catalog.generate_series(1, 2)"; break;
        case 5:
        case 6:
            step.sql = "DO $fz$ BEGIN PERFORM " + call +
                       "; EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'caught % %', SQLSTATE, SQLERRM; END $fz$";
            break;
        case 7:
            step.sql = in_transaction ? "DECLARE " + name + " CURSOR FOR " + select + "; FETCH ALL FROM " + name +
                                            "; CLOSE " + name
                                      : select;
            break;
        case 8: step.sql = "PREPARE " + name + " AS " + select + "; EXECUTE " + name + "; EXECUTE " + name; break;
        case 9: step.sql = "CREATE TEMPORARY TABLE " + name + " AS " + select + " AS value"; break;
        case 10: step.sql = "EXPLAIN (ANALYZE, VERBOSE) " + select; break;
        case 11: step.sql = "COPY (" + select + ") TO STDOUT"; break;
        case 12:
            step.sql =
                "SELECT * FROM " + random_.of(world_.readable.at(role)) + " WHERE (" + select + " LIMIT 1) IS NOT NULL";
            break;
        case 13:
            step.sql = "SELECT pg_catalog.count(*) FROM (TABLE " + random_.of(world_.readable.at(role)) +
                       " LIMIT 2) t, LATERAL (" + select + ") x";
            break;
        case 14: step.sql = "WITH x AS MATERIALIZED (" + select + ") SELECT * FROM x UNION ALL SELECT * FROM x"; break;
        default: step.sql = select; break;
    }
    return step;
}

Step Generator::call(const std::string& role, bool in_transaction) {
    const std::string& reader = role == migration_role ? migration_role : app_role;
    if (random_.percent(92)) return call_function(reader, in_transaction);
    const std::string& relation = random_.of(world_.readable.at(reader));
    Step step{Step::Kind::call, "", relation, random_.percent(10), random_.percent(80)};
    const List changes{"SELECT * FROM ", "SELECT * FROM ", "SELECT pg_catalog.to_jsonb(x) FROM ",
                       "TABLE ",         "COPY ",          "DELETE FROM "};
    const std::string& change = random_.of(changes);
    step.sql = change + relation + (change.starts_with("SELECT") ? " x" : change == "COPY " ? " TO STDOUT" : "");
    return step;
}

Episode Generator::next() {
    const std::size_t draw = random_.below(100);
    focus_.clear();
    favourites_.clear();
    Episode episode{draw < 64 ? app_role : draw < 88 ? migration_role : operator_role, {}};
    add_settings(episode);
    const bool in_transaction = episode.role == operator_role || random_.percent(85);
    if (in_transaction) {
        const bool is_plain = episode.role == operator_role || random_.percent(65);
        episode.steps.push_back(step_of(Step::Kind::begin, is_plain ? "BEGIN" : random_.of(beginnings)));
        add_identity(episode);
    }
    for (std::size_t count = 1 + random_.below(6); count > 0; --count)
        episode.steps.push_back(call(episode.role, in_transaction));
    if (in_transaction) episode.steps.push_back(step_of(Step::Kind::end, random_.percent(45) ? "COMMIT" : "ROLLBACK"));
    return episode;
}

}  // namespace functions
