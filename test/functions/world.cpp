#include "world.hpp"

#include <stdexcept>

#include "server.hpp"

namespace functions {
namespace {

// Fields end with a character that no value has.
constexpr const char* separator = "\x1f";

std::vector<std::string> split(const std::string& line) {
    std::vector<std::string> out;
    for (std::size_t begin = 0; begin < line.size();) {
        const std::size_t end = line.find(separator, begin);
        out.push_back(line.substr(begin, end - begin));
        begin = end + 1;
    }
    return out;
}

Function read_function(const std::vector<std::string>& fields) {
    Function out{fields.at(0), fields.at(1), fields.at(2) == "t", std::stoul(fields.at(3)), {}, {}};
    for (std::size_t i = 4; i + 1 < fields.size(); i += 2) {
        out.parameters.push_back(fields[i]);
        out.types.push_back(fields[i + 1]);
    }
    return out;
}

}  // namespace

World read_world(const std::string& database) {
    Connection connection(database, "postgres");
    World world;
    connection.must("SET standard_conforming_strings = on");
    for (const auto& [role, column] : {std::pair{app_role, "by_app"}, {migration_role, "by_mig"}}) {
        for (const std::string& line : connection.must(
                 std::string(
                     "SELECT concat(name, E'\\x1f', signature, E'\\x1f', is_procedure, E'\\x1f', needed, E'\\x1f', "
                     "(SELECT "
                     "string_agg(coalesce(p, '') || E'\\x1f' || t || E'\\x1f', '' ORDER BY n) FROM unnest(parameters, "
                     "types) WITH ORDINALITY a (p, t, n))) FROM fz.callable WHERE ") +
                 column + " ORDER BY signature"))
            world.functions[role].push_back(read_function(split(line)));
        for (const std::string& name :
             connection.must(std::string("SELECT name FROM fz.readable WHERE ") + column + " ORDER BY 1"))
            world.readable[role].push_back(name);
        if (world.functions[role].empty() || world.readable[role].empty()) throw std::runtime_error("nothing to call");
    }
    for (const std::string& line :
         connection.must("SELECT concat(parameter, ' ', type, E'\\x1f', parameters[1], ' ', type, E'\\x1f', "
                         "is_expression, E'\\x1f', value, E'\\x1f') "
                         "FROM fz.pool, unnest(parameters) parameter ORDER BY number, parameter")) {
        const std::vector<std::string> fields = split(line);
        Pool& pool = world.pools[fields.at(0)];
        pool.subject = fields.at(1);
        pool.values.push_back({fields.at(2) == "t", fields.at(3)});
    }
    return world;
}

}  // namespace functions
