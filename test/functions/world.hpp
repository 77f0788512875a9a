// What the copies of the template share: the functions and relations that roles may use, and valid arguments.
#pragma once

#include "values.hpp"

namespace functions {

struct Function {
    std::string name;       // qualified
    std::string signature;  // with the types of its arguments
    bool is_procedure = false;
    std::size_t needed = 0;  // arguments without a default
    std::vector<std::string> parameters;
    std::vector<std::string> types;
};

struct World {
    std::map<std::string, std::vector<Function>> functions;    // by role
    std::map<std::string, std::vector<std::string>> readable;  // by role
    Pools pools;
};

[[nodiscard]] World read_world(const std::string& database);

inline const std::string app_role = "fz_app";
inline const std::string migration_role = "fz_mig";
inline const std::string operator_role = "fz_operator";

}  // namespace functions
