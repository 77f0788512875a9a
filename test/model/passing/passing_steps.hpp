// One step of the passing test: an action of a user or the operator, drawn at random so that most steps have an effect.
#pragma once

#include <random>

#include "passing_world.hpp"

namespace passing {

enum class Kind { by_operator, rights, share, units, accept, other };

struct Step {
    Kind kind;
    int actor;        // or nobody: the operator
    std::string key;  // the key that the actor presents, or nothing
    std::string sql;
};

class Drawer {
public:
    explicit Drawer(unsigned long long seed) : random_(seed) {}
    // number tells the step from all others of the round.
    Step next(const World& world, long number);

private:
    int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned long long>(bound)); }
    bool chance(int percent) { return below(100) < percent; }
    std::string pattern();
    std::string person(int actor);
    std::string place();
    std::string place_or_null(int percent);
    std::string year_or_null(int percent);
    std::string role();
    Step by_operator();
    Step member(const World& world, int actor, long number);
    Step own_right(const World& world, int actor);
    Step share(const World& world);
    Step key(long number);
    Step invitation(const World& world);

    std::mt19937_64 random_;
};

}  // namespace passing
