// Draws episodes: the actions of one client on a connection from a reset to the end of its
// transaction.
#pragma once

#include <string>
#include <vector>

#include "world.hpp"

namespace functions {

struct Step {
    enum class Kind { setting, begin, identity, call, end };
    Kind kind = Kind::call;
    std::string sql;
    std::string name;         // of a call: what is called
    bool is_binary = false;   // requests binary results
    bool is_guarded = false;  // stands behind a savepoint
};

struct Episode {
    std::string role;
    std::vector<Step> steps;
};

class Generator {
public:
    Generator(const World& world, unsigned long long seed) : world_(world), random_(seed) {}
    Episode next();

private:
    void add_settings(Episode& episode);
    void add_identity(Episode& episode);
    Step call(const std::string& role, bool in_transaction);
    Step call_function(const std::string& role, bool in_transaction);
    const Function& draw_function(const std::string& role);
    const Function& draw_companion(const std::string& role, const Function& first);
    std::string expression(const Function& function);

    const World& world_;
    Random random_;
    Focus focus_;
    std::vector<const Function*> favourites_;
    int number_ = 0;
};

}  // namespace functions
