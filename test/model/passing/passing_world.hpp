// The passing test's model of a database: the data of passing.dump(), and the rights that follow for every member, place,
// ACL of a row and year. It does not contain the rules for passing on, only the rights that a user holds at a time if
// nothing changes until then.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace passing {

constexpr int person_count = 6;
constexpr int unit_count = 5;
constexpr int role_count = 9;  // six of the extension, three of the tenant
constexpr int nobody = -1;
constexpr int whole_tenant = unit_count;  // a place, beside the units
constexpr int place_count = unit_count + 1;

// Now, and the years in which something may begin or end.
constexpr std::array<int, 6> years = {2050, 2090, 2091, 2092, 2093, 9000};
constexpr int year_count = static_cast<int>(years.size());

// A set of permissions, by their places in permission_names(). Some are not registered: they may be one day.
using Set = std::uint32_t;
[[nodiscard]] const std::vector<std::string>& permission_names();
[[nodiscard]] Set covered_by(const std::string& pattern);
[[nodiscard]] std::string names_of(Set set);

struct Window {
    int from;
    int until;
    [[nodiscard]] bool holds(int year) const { return from <= year && year < until; }
};

struct Membership {
    int person;
    int unit;  // or nobody
    int role;
    Window window;
};

struct OwnRight {
    int person;
    int unit;
    bool deny;
    Window window;
    std::string pattern;
};

struct PlatformRole {
    int person;
    int role;
    Window window;
};

struct Doc {
    int id;
    long list;
    long base;  // the default list below, or the list itself
    std::string kind;
    int unit;
    int owner;
};

struct Entry {
    long list;
    std::string kind;
    int subject;
    int level;
    Window window;
};

struct Invitation {
    int unit;
    int role;
    int inviter;
    int person;
    bool by_id;  // of the user, else by e-mail address
    bool operator==(const Invitation&) const = default;
};

struct Key {
    std::string name;
    int person;
    int unit;
    int expires;
    Set scopes;
};

struct World {
    std::vector<Membership> memberships;
    std::vector<OwnRight> rights;
    std::vector<PlatformRole> platform;
    std::array<Set, role_count> patterns{};
    std::array<std::vector<int>, role_count> parents;
    std::map<int, int> units;  // those that exist, with their parents
    std::vector<Doc> docs;
    std::vector<Entry> entries;
    std::vector<Invitation> invitations;
    std::vector<Key> keys;

    [[nodiscard]] bool is_at_or_above(int upper, int unit) const;
    [[nodiscard]] bool reaches(int where, int place) const;  // what is given in a unit, or (nobody) in the whole tenant
};

[[nodiscard]] World parse(const std::vector<std::string>& lines);

// The rights of a person in a year.
struct Holding {
    bool present = false;  // by a membership or a role in every tenant; else what they are granted is of no use
    std::array<Set, place_count> granted{};
    std::array<Set, place_count> denied{};
    std::map<int, Set> docs;      // by row; without what is denied
    std::map<int, Set> unshared;  // the same without what shares give
    [[nodiscard]] Set in(int place) const { return granted[place] & ~denied[place]; }
    [[nodiscard]] Set on(int doc) const;
};

using Holdings = std::array<std::array<Holding, year_count>, person_count>;
[[nodiscard]] Holdings holdings_of(const World& world);

}  // namespace passing
