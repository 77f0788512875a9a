// Shrinks a failing sequence of operations as far as possible: delta debugging (Zeller and Hildebrandt 2002), each
// attempt in a fresh database.
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
