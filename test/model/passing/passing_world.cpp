#include "passing_world.hpp"

#include <set>
#include <sstream>

#include "../state.hpp"

namespace passing {
namespace {

int number(const std::string& word) { return word == "-" ? nobody : std::stoi(word); }

std::set<int> with_inherited(const World& world, int role) {
    std::set<int> found;
    std::vector<int> open{role};
    while (!open.empty()) {
        const int at = open.back();
        open.pop_back();
        if (found.insert(at).second) open.insert(open.end(), world.parents[at].begin(), world.parents[at].end());
    }
    return found;
}

Set of_role(const World& world, int role) {
    Set out = 0;
    for (const int each : with_inherited(world, role)) out |= world.patterns[each];
    return out;
}

// The actions of a share at a level.
Set of_level(int level) {
    Set out = 0;
    for (std::size_t i = 0; i < permission_names().size(); ++i) {
        const std::string& name = permission_names()[i];
        const std::string action = name.substr(name.rfind('.') + 1);
        if (name.starts_with("docs.") && action != "create" && model::level_of(action) <= level) out |= Set{1} << i;
    }
    return out;
}

void grant(const World& world, std::array<Set, place_count>& sets, int where, Set set) {
    for (int place = 0; place < place_count; ++place)
        if (world.reaches(where, place)) sets[place] |= set;
}

bool is_met(const World& world, const Entry& entry, int person, int year) {
    if (entry.kind == "user") return entry.subject == person;
    for (const Membership& membership : world.memberships) {
        if (membership.person != person || !membership.window.holds(year)) continue;
        if (entry.kind == "tenant") return true;
        if (entry.kind == "unit" && membership.unit != nobody && world.is_at_or_above(entry.subject, membership.unit))
            return true;
        if (entry.kind == "role" && membership.unit == nobody &&
            with_inherited(world, membership.role).contains(entry.subject))
            return true;
    }
    for (const PlatformRole& platform : world.platform)
        if (platform.person == person && platform.window.holds(year) &&
            (entry.kind == "tenant" ||
             (entry.kind == "role" && with_inherited(world, platform.role).contains(entry.subject))))
            return true;
    return false;
}

Set unshared_on(const Holding& holding, const Doc& doc, int person) {
    Set out = 0;
    if (doc.kind == "tenant") out |= holding.in(whole_tenant);
    if (doc.kind == "unit" && doc.unit != nobody) out |= holding.in(doc.unit);
    if (doc.kind == "user" && doc.owner == person) out |= of_level(4);
    const bool of_no_unit = doc.kind == "user" || (doc.kind == "unit" && doc.unit == nobody);
    if (of_no_unit && (holding.in(whole_tenant)&covered_by("docs.manage")) != 0) out |= of_level(4);
    return out & ~holding.denied[whole_tenant];
}

Set shared_on(const World& world, const Holding& holding, const Doc& doc, int person, int year) {
    Set out = 0;
    for (const Entry& entry : world.entries)
        if ((entry.list == doc.list || entry.list == doc.base) && entry.window.holds(year) &&
            is_met(world, entry, person, year))
            out |= of_level(entry.level);
    return out & ~holding.denied[whole_tenant];
}

Holding holding_of(const World& world, int person, int year) {
    Holding out;
    for (const Membership& membership : world.memberships) {
        if (membership.person != person || !membership.window.holds(year)) continue;
        out.present = true;
        grant(world, out.granted, membership.unit, of_role(world, membership.role));
    }
    for (const PlatformRole& platform : world.platform) {
        if (platform.person != person || !platform.window.holds(year)) continue;
        out.present = true;
        grant(world, out.granted, nobody, of_role(world, platform.role));
    }
    for (const OwnRight& right : world.rights)
        if (right.person == person && right.window.holds(year))
            grant(world, right.deny ? out.denied : out.granted, right.unit, covered_by(right.pattern));
    for (const Doc& doc : world.docs) {
        out.unshared[doc.id] = unshared_on(out, doc, person);
        out.docs[doc.id] = out.unshared[doc.id] | shared_on(world, out, doc, person, year);
    }
    return out;
}

void parse_line(World& world, char kind, std::istringstream& words) {
    const auto next = [&] {
        std::string word;
        words >> word;
        return word;
    };
    const auto next_number = [&] { return number(next()); };
    const auto next_window = [&] {
        const int from = next_number();
        return Window{from, next_number()};
    };
    switch (kind) {
        case 'm': {
            const int person = next_number(), unit = next_number(), role = next_number();
            world.memberships.push_back({person, unit, role, next_window()});
            break;
        }
        case 'r': {
            const int person = next_number(), unit = next_number();
            const bool deny = next() == "deny";
            const Window window = next_window();
            world.rights.push_back({person, unit, deny, window, next()});
            break;
        }
        case 'o': {
            const int person = next_number(), role = next_number();
            world.platform.push_back({person, role, next_window()});
            break;
        }
        case 'g': {
            const int role = next_number();
            world.patterns[role] |= covered_by(next());
            break;
        }
        case 'i': {
            const int role = next_number();
            world.parents[role].push_back(next_number());
            break;
        }
        case 'u': {
            const int unit = next_number();
            world.units[unit] = next_number();
            break;
        }
        case 'd': {
            Doc doc{};
            words >> doc.id >> doc.list >> doc.base >> doc.kind;
            doc.unit = next_number();
            doc.owner = next_number();
            world.docs.push_back(doc);
            break;
        }
        case 'e': {
            Entry entry{};
            words >> entry.list >> entry.kind >> entry.subject >> entry.level;
            entry.window = {0, next_number()};
            world.entries.push_back(entry);
            break;
        }
        case 'n': {
            const int unit = next_number(), role = next_number(), inviter = next_number();
            const int person = next_number();
            world.invitations.push_back({unit, role, inviter, person, next() == "id"});
            break;
        }
        default: {
            Key key{next(), next_number(), next_number(), next_number(), 0};
            std::istringstream scopes(next());
            for (std::string scope; std::getline(scopes, scope, ',');) key.scopes |= covered_by(scope);
            world.keys.push_back(key);
        }
    }
}

}  // namespace

const std::vector<std::string>& permission_names() {
    static const std::vector<std::string> names{
        "docs.read",     "docs.update",  "docs.delete",           "docs.manage",         "docs.later",
        "docs.create",   "notes.read",   "notes.update",          "notes.manage",        "notes.later",
        "notes.someday", "notes.x.read", "tenant.members.manage", "tenant.roles.manage", "tenant.units.manage",
        "tenant.delete"};
    return names;
}

Set covered_by(const std::string& pattern) {
    static std::map<std::string, Set> known;
    const auto found = known.find(pattern);
    if (found != known.end()) return found->second;
    Set out = 0;
    for (std::size_t i = 0; i < permission_names().size(); ++i)
        if (model::covers(pattern, permission_names()[i])) out |= Set{1} << i;
    return known[pattern] = out;
}

std::string names_of(Set set) {
    std::string out;
    for (std::size_t i = 0; i < permission_names().size(); ++i)
        if ((set >> i & 1) != 0) out += (out.empty() ? "" : ", ") + permission_names()[i];
    return out;
}

bool World::is_at_or_above(int upper, int unit) const {
    for (auto at = units.find(unit); at != units.end(); at = units.find(at->second))
        if (at->first == upper) return true;
    return false;
}

bool World::reaches(int where, int place) const {
    if (place == whole_tenant) return where == nobody;
    return units.contains(place) && (where == nobody || is_at_or_above(where, place));
}

World parse(const std::vector<std::string>& lines) {
    World world;
    for (const std::string& line : lines) {
        std::istringstream words(line.substr(2));
        parse_line(world, line[0], words);
    }
    return world;
}

Set Holding::on(int doc) const {
    const auto found = docs.find(doc);
    return found == docs.end() ? 0 : found->second;
}

Holdings holdings_of(const World& world) {
    Holdings out;
    for (int person = 0; person < person_count; ++person)
        for (int year = 0; year < year_count; ++year) out[person][year] = holding_of(world, person, years[year]);
    return out;
}

}  // namespace passing
