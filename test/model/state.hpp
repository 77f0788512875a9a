// The model that the extension is compared with: users, tenants, units, roles, shares and rows as plain values, and a
// Judge that says what a user may do. Written from the documentation and not from the SQL: it asks about one row at a time
// and builds no sets. A State is copied for every savepoint.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace model {

constexpr int tenant_count = 3;
constexpr int user_count = 8;
constexpr int unit_count = 9;   // three in each tenant
constexpr int role_count = 13;  // six of the extension, one of the application, two of each tenant
constexpr int table_count = 7;
constexpr int last_id = 36;
constexpr int owner_role = 0;
constexpr int application_role = 6;
constexpr int nobody = -1;

enum class Validity { always, ends_later, over, not_begun };
enum class Sharing { none, tenant, cross_tenant };
enum class Visibility { tenant, unit, owner };
enum class Subject { user, unit, role, tenant };
enum class AclKind { tenant, unit, user, row };

[[nodiscard]] inline bool in_force(Validity validity) {
    return validity == Validity::always || validity == Validity::ends_later;
}
// Times, as the tests have them: what has not begun begins in 2098, and what ends later ends in 2099.
constexpr int now = 0;
constexpr int forever = 3;
[[nodiscard]] inline int begin_of(Validity validity) { return validity == Validity::not_begun ? 1 : now; }
[[nodiscard]] inline int end_of(Validity validity) {
    return validity == Validity::over ? now : validity == Validity::ends_later ? 2 : forever;
}
[[nodiscard]] inline int tenant_of_unit(int unit) { return unit / 3; }
[[nodiscard]] inline int tenant_of_role(int role) { return role <= application_role ? nobody : (role - 7) / 2; }

struct Identity {
    int user;
    int tenant;
    int unit;  // or nobody
    bool operator==(const Identity&) const = default;
};

struct Grant {
    int role;
    Validity validity;
};

struct OwnRight {
    bool deny;
    Validity validity;
};

struct Place {
    int user;
    int tenant;
    int unit;  // or nobody: the whole tenant
    auto operator<=>(const Place&) const = default;
};

struct Unit {
    bool exists;
    int parent;  // or nobody
    int acl;
    int generation;  // tells a unit from one that stood in its place before
};

struct Acl {
    int tenant;
    AclKind kind;
    int place;  // unit or user, or nobody when it is gone
    int base;   // of kind row
};

struct Entry {
    int level;
    Validity validity;
};

struct EntryKey {
    int acl;
    Subject kind;
    int subject;
    auto operator<=>(const EntryKey&) const = default;
};

struct Row {
    int tenant;
    int owner;  // or nobody
    int acl;    // or nobody
    int value;
    int shared_as;  // the ACL that share() made for this row, or nobody
};

struct Table {
    bool is_protected;
    Sharing sharing;
    Visibility visibility;
    std::map<int, Row> rows;
};

struct State {
    std::array<bool, user_count> active_users;
    std::array<bool, tenant_count> active_tenants;
    std::array<int, tenant_count> tenant_acls;
    std::array<Unit, unit_count> units;
    std::array<std::set<std::string>, role_count> patterns;
    std::array<std::set<int>, role_count> parents;
    std::multimap<Place, Grant> memberships;  // each role once
    std::map<Place, int> invitations;         // open ones, of users by id, and their roles
    std::map<std::pair<Place, std::string>, OwnRight> own_rights;
    std::map<std::pair<int, int>, Validity> platform_roles;  // of user and role
    std::map<std::pair<int, int>, int> user_acls;            // of user and tenant
    std::vector<Acl> acls;
    std::map<EntryKey, Entry> entries;
    std::array<Table, table_count> tables;
    std::set<std::string> registered;
    int generations;

    [[nodiscard]] bool is_at_or_above(int upper, int unit) const;  // unit is nobody: never
    [[nodiscard]] bool has_children(int unit) const;
    [[nodiscard]] bool is_member(int user, int tenant) const;  // in force or not
    // Takes the memberships in a place away, of one role or of all (nobody).
    std::vector<Grant> end_memberships(const Place& place, int role);
    [[nodiscard]] bool has_lasting_owner(int tenant) const;
    [[nodiscard]] std::set<int> with_inherited(const std::set<int>& roles) const;
    [[nodiscard]] std::set<std::string> role_patterns(int role) const;
    int new_acl(Acl acl);
    int acl_of_user(int user, int tenant);  // made when there is none; of nobody, that of rows without an owner
    void remove_unit(int unit);
    void register_table(int table);
};

// As test/model/setup.sql leaves the database.
[[nodiscard]] State initial_state();

[[nodiscard]] std::string resource(int table);
// The action that the policies of a table use for create, read, update and delete.
[[nodiscard]] std::string permission(int table, const std::string& action);
[[nodiscard]] bool is_reserved(const std::string& pattern);
[[nodiscard]] bool covers(const std::string& pattern, const std::string& permission);
// Whether everything that one pattern ever covers, another covers too.
[[nodiscard]] bool includes(const std::string& outer, const std::string& inner);
// The least level of a share that gives an action.
[[nodiscard]] int level_of(const std::string& action);
[[nodiscard]] const std::vector<std::string>& system_permissions();

// Whether a user may work in a tenant and unit.
[[nodiscard]] bool may_work(const State& state, const Identity& identity);

// What a user may do in a tenant.
class Judge {
public:
    Judge(const State& state, const Identity& identity);

    // In this unit (or nobody: the tenant), from any source.
    [[nodiscard]] bool holds_in(const std::string& permission, int unit) const;
    [[nodiscard]] bool holds(const std::string& permission) const { return holds_in(permission, identity_.unit); }
    // In the whole tenant, and not denied in the chosen unit.
    [[nodiscard]] bool holds_everywhere(const std::string& permission) const;
    // On rows with this ACL; anywhere: ACLs of other tenants count as well.
    [[nodiscard]] bool may(const std::string& permission, int acl, bool anywhere) const;
    [[nodiscard]] const Identity& identity() const { return identity_; }
    [[nodiscard]] const State& state() const { return state_; }

private:
    struct Right {
        int unit;
        std::string pattern;
        bool deny;
    };
    [[nodiscard]] bool granted(const std::string& permission, int unit) const;
    [[nodiscard]] bool denied(const std::string& permission, int unit) const;
    [[nodiscard]] bool by_place(const std::string& permission, int acl) const;
    [[nodiscard]] bool by_share(const std::string& permission, int acl) const;
    [[nodiscard]] bool is_met_as(const EntryKey& entry, bool elsewhere) const;

    const State& state_;
    Identity identity_;
    std::vector<Right> rights_;
    std::set<int> tenant_roles_;  // held in the whole tenant, inherited ones too
};

// The tenants in which a user holds a permission.
[[nodiscard]] std::set<int> tenants_with(const State& state, int user, const std::string& permission);

}  // namespace model
