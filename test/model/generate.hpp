// Draws the next operation. The draw depends on the world, so that most operations have an effect: after an error it
// rolls the transaction back, inside a transaction it authenticates a user, and it reads rows that exist.
#pragma once

#include <deque>
#include <random>

#include "world.hpp"

namespace model {

class Generator {
public:
    explicit Generator(unsigned long long seed);
    Op next(const World& world);

private:
    int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned long long>(bound)); }
    bool chance(int percent) { return below(100) < percent; }
    int unit_of(int tenant);
    std::string pattern();
    Identity somebody(const World& world);
    std::optional<Identity> member_of_unit(const World& world);
    Op own_right(const World& world, int tenant, int unit);
    Op unit_move(Kind kind, int tenant);
    Op admin_insert(const World& world, int tenant);
    Op in_aborted(const World& world);
    Op outside(const World& world);
    bool leaves_role(const World& world);
    Op inside(const World& world);
    Op identity(const World& world);
    Op on_rows(const World& world);
    Op function(const World& world);
    Op by_operator(const World& world);
    std::pair<int, int> row_to_share(const World& world);
    Op share(const World& world, Kind kind);
    void look_after_share(const World& world, int table, int user, int tenant);
    Op draw_audible(const World& world);
    Op draw(const World& world);

    std::mt19937_64 random_;
    std::deque<Op> planned_;  // what comes next
    // Each generator leaves some kinds out: a frequent operation hides the effects of others (Groce and others,
    // Swarm testing, 2012). A cache that is emptied all the time is never stale.
    std::set<Kind> silent_;
    int last_table_ = 0;
    int last_user_ = 0;  // with whom something was shared, or who got or lost a right
    int last_unit_ = 0;  // that moved
};

}  // namespace model
