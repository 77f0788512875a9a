// Shrinks a failing sequence of episodes as far as possible, each attempt in a fresh copy: first whole episodes, then
// their steps, by delta debugging (Zeller and Hildebrandt 2002).
#pragma once

#include "replay.hpp"

namespace functions {

struct Minimal {
    std::vector<Episode> episodes;
    Failure failure;
};

struct Place {
    std::string original;
    std::string database;
    std::string log;
};

[[nodiscard]] Minimal shrink(const Place& place, const std::vector<Episode>& episodes, const Failure& failure);
// As a script for psql.
[[nodiscard]] std::string script_of(const std::vector<Episode>& episodes);

}  // namespace functions
