// Makes a list of operations that fails as short as it gets: delta debugging (Zeller and Hildebrandt 2002), each attempt
// in a fresh database.
#pragma once

#include "replay.hpp"

namespace model {

struct Minimal {
    std::vector<Op> ops;
    std::vector<std::string> statements;
    Failure failure;
};

[[nodiscard]] Minimal shrink(Laboratory& laboratory, const std::string& database, std::vector<Op> ops);

}  // namespace model
