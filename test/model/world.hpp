// The operations of the test, one Op after the other, and their expected results. A World is the model of a database
// together with the one connection of the application that all users share; interpret() turns an Op into SQL and the
// expected result, settle() records how it ended. An Op names places, users and rows by number, so any part of a
// sequence can be replayed.
#pragma once

#include <memory>

#include "state.hpp"

namespace model {

enum class Kind {
    // the connection of the application
    begin,
    begin_frozen,
    commit,
    rollback,
    savepoint,
    rollback_to,
    release,
    set_role,
    authenticate,
    present,
    context_drop,
    scan_mode,
    generic_plans,
    reconnect,
    // rows
    select,
    insert,
    upsert,
    update,
    remove,
    merge,
    steal,
    exception_block,
    copy_from,
    open,
    fetch,
    // functions for users
    permissions,
    tenants_with,
    share,
    unshare,
    shares_of,
    membership_set,
    membership_remove,
    permission_put,
    permission_remove,
    role_permission_add,
    role_permission_remove,
    role_parent_add,
    unit_move,
    // the operator, over a separate connection
    admin_membership,
    admin_membership_remove,
    admin_pattern,
    admin_inherit,
    admin_right,
    admin_right_remove,
    admin_platform,
    admin_platform_remove,
    admin_unit_move,
    admin_unit_make,
    admin_unit_remove,
    admin_user,
    admin_tenant,
    admin_entry,
    admin_insert,
    admin_delete,
    admin_protect,
    admin_unprotect,
    admin_dump,
};

struct Op {
    Kind kind;
    int a = 0;
    int b = 0;
    int c = 0;
    int d = 0;
    int e = 0;
    std::string text = {};
};

// Roles of the database that the connection of the application takes.
enum DatabaseRole { login_role, app_role, bypass_role, stranger_role, table_owner_role, database_role_count };

struct Vars {
    int role = login_role;
    std::optional<Identity> context;  // from authenticate()
    std::optional<Identity> token;    // from bastion.token
};

struct Cursor {
    int table;
    int role;
    std::map<int, Row> rows;  // when it was opened
    int level;                // how many savepoints there were
    bool fetched = false;
    std::set<int> upper;  // seen by any of the fetches
    std::set<int> lower;  // seen by all of them
    std::set<int> returned;
};

struct Savepoint {
    std::string name;
    State state;
    Vars vars;
};

enum class Latch { open, identity, nobody };

struct World {
    explicit World(const State& initial) : base(initial), now(initial) {}

    State base;  // committed
    State now;   // as the connection of the application sees it
    Vars vars;
    Vars vars_before;
    bool in_transaction = false;
    bool aborted = false;
    bool wrote = false;      // may hold locks that the operator would wait for
    bool frozen = false;     // REPEATABLE READ
    bool disturbed = false;  // frozen, and the operator changed rights since
    Latch latch = Latch::open;
    Identity latched{};
    std::vector<Savepoint> savepoints;
    std::map<int, Cursor> cursors;
};

// The expected result of an Op.
struct Step {
    bool applies = false;  // or there is nothing to do
    bool admin = false;
    std::string sql;
    std::set<std::string> errors;                  // SQLSTATEs, any of which may come
    bool may_succeed = true;                       // and must, where errors is empty
    std::optional<std::vector<std::string>> rows;  // exactly these, in any order
    std::optional<long> count;                     // of rows changed
    std::vector<std::string> copy_lines;           // to send
    bool writes = false;
    int cursor = nobody;  // the rows are those of a fetch
    std::shared_ptr<State> after;
    std::optional<Vars> vars_after;
};

enum class Standing { anonymous, authenticated, refused };

struct Decision {
    Standing standing;
    Identity identity;
    std::string error;
};

[[nodiscard]] Decision decide(const World& world);

struct Server {
    int version;  // 15, 17, 18
    std::array<std::string, user_count> tokens;
};

[[nodiscard]] Step interpret(const World& world, const Op& op, const Server& server);

// Records the effect of the op. rows are those that a fetch returned.
void settle(World& world, const Op& op, const Step& step, bool succeeded);

// Empty, or the fault of the rows of a fetch, which it records.
[[nodiscard]] std::string settle_fetch(World& world, int cursor, const std::vector<std::string>& rows, bool to_the_end);

// The parts of interpret().
void interpret_session(const World& world, const Op& op, const Server& server, Step& step);
void interpret_rows(const World& world, const Op& op, const Server& server, Step& step);
void interpret_functions(const World& world, const Op& op, Step& step);
void interpret_admin(const World& world, const Op& op, Step& step);

// Names in SQL.
[[nodiscard]] std::string user_id(int user);
[[nodiscard]] std::string tenant_id(int tenant);
[[nodiscard]] std::string unit_id(int unit, int generation);
[[nodiscard]] std::string role_id(int role);
[[nodiscard]] std::string table_name(int table);
[[nodiscard]] std::string quoted(const std::string& text);
[[nodiscard]] std::string unit_or_null(const State& state, int unit);
[[nodiscard]] std::string tenant_value(int table, int tenant);
[[nodiscard]] std::string acl_query(const State& state, AclKind kind, int a, int b);

// What the policies of a table let an identity see and do, for bypassing roles and unprotected tables as well.
class Gate {
public:
    Gate(const World& world, int table);

    [[nodiscard]] bool refused() const { return open_ == false && decision_.standing == Standing::refused; }
    [[nodiscard]] const Decision& decision() const { return decision_; }
    [[nodiscard]] bool open() const { return open_; }
    [[nodiscard]] bool reads(const Row& row) const { return passes("read", row); }
    [[nodiscard]] bool updates(const Row& row) const { return passes("update", row) && passes_read_of(row, "update"); }
    [[nodiscard]] bool deletes(const Row& row) const { return passes("delete", row) && passes_read_of(row, "delete"); }
    // A new row of this tenant with this ACL.
    [[nodiscard]] bool creates(const Row& row, int default_acl) const;

private:
    [[nodiscard]] bool passes(const std::string& action, const Row& row) const;
    [[nodiscard]] bool passes_read_of(const Row& row, const std::string& action) const;

    const Table& table_;
    int number_;
    bool open_;
    Decision decision_;
    std::optional<Judge> judge_;
};

}  // namespace model
