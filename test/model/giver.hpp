// What a user may pass on: until when they hold a pattern in a tenant or unit, or a level on a row. Written from the
// documentation: one grant in force now must cover all of it, and the first deny that could ever meet it ends it.
#pragma once

#include "state.hpp"

namespace model {

class Giver {
public:
    Giver(const State& state, int user, int tenant);

    // In a unit and everything below it, or (nobody) in the whole tenant; now when it is not held.
    [[nodiscard]] int held_until(const std::string& pattern, int unit) const;
    [[nodiscard]] bool gives(const std::set<std::string>& patterns, int unit, int until) const;
    [[nodiscard]] bool holds(const std::set<std::string>& patterns, int unit) const {
        return gives(patterns, unit, now + 1);
    }
    // Everything that a share at a level gives on rows of a resource with this list.
    [[nodiscard]] bool gives_level(const std::string& resource, int level, int acl, int until) const;

private:
    struct Right {
        int unit;
        std::string pattern;
        bool deny;
        int begins;
        int ends;
    };
    [[nodiscard]] int granted_until(const std::string& pattern, int unit) const;
    template <class Concerns>
    [[nodiscard]] int denied_from(const std::string& pattern, Concerns concerns) const;
    [[nodiscard]] int on_list(const std::string& resource, const std::string& pattern, int acl, int level) const;
    [[nodiscard]] int by_share(int level, int acl) const;
    [[nodiscard]] int met_until(const EntryKey& entry) const;

    const State& state_;
    int user_;
    int tenant_;
    int stay_ = now;  // the end of the last membership or role in every tenant
    std::vector<Right> rights_;
};

// Whether there could be a permission that both patterns cover.
[[nodiscard]] bool overlap(const std::string& a, const std::string& b);

}  // namespace model
