#include "generate.hpp"

namespace model {

Generator::Generator(unsigned long long seed) : random_(seed) {
    const bool quiet = chance(40);
    for (int kind = static_cast<int>(Kind::membership_set); kind < static_cast<int>(Kind::admin_dump); ++kind)
        if (chance(quiet ? 90 : 40)) silent_.insert(static_cast<Kind>(kind));
    for (const Kind kind : {Kind::exception_block, Kind::set_role, Kind::reconnect, Kind::begin_frozen, Kind::unshare})
        if (chance(25)) silent_.insert(kind);
    // Without rows no policy shows an effect, and dependencies on the tree of units show only when it changes.
    silent_.erase(Kind::admin_insert);
    if (chance(60)) silent_.erase(chance(50) ? Kind::unit_move : Kind::admin_unit_move);
}

std::string Generator::pattern() {
    static const char* const whole[] = {"*",
                                        "*.read",
                                        "*.update",
                                        "*.delete",
                                        "*.create",
                                        "*.manage",
                                        "tenant.*",
                                        "tenant.members.manage",
                                        "tenant.roles.manage",
                                        "tenant.units.manage"};
    static const char* const actions[] = {"read", "update", "delete", "create", "manage", "*"};
    if (chance(35)) return whole[below(10)];
    const int table = below(table_count);
    return table == 5 && chance(25) ? "d5.edit" : resource(table) + "." + actions[below(6)];
}

// The next reads use the unit that was just moved.
int Generator::unit_of(int tenant) {
    return tenant_of_unit(last_unit_) == tenant && chance(40) ? last_unit_ : tenant * 3 + below(3);
}

// A member of some unit, who works in one below, or in any: it may have been below before.
std::optional<Identity> Generator::member_of_unit(const World& world) {
    std::vector<Place> places;
    for (const auto& [place, grant] : world.now.memberships)
        if (place.unit != nobody && in_force(grant.validity)) places.push_back(place);
    if (places.empty()) return std::nullopt;
    const Place& place = places[below(static_cast<int>(places.size()))];
    const bool wants_below = chance(50);
    int unit = unit_of(place.tenant);
    for (int attempt = 0; attempt < 4 && wants_below && !world.now.is_at_or_above(place.unit, unit); ++attempt)
        unit = unit_of(place.tenant);
    const Identity found{place.user, place.tenant, unit};
    if (!world.now.units[unit].exists) return std::nullopt;
    // A refused user ends the transaction.
    return may_work(world.now, found) || chance(50) ? std::optional(found) : std::nullopt;
}

// Mostly a user with access.
Identity Generator::somebody(const World& world) {
    if (chance(30))
        if (const std::optional<Identity> found = member_of_unit(world)) return *found;
    const bool again = chance(40);
    for (int attempt = 0; attempt < 8; ++attempt) {
        const int tenant = below(tenant_count);
        const Identity found{again ? last_user_ : below(user_count), tenant, chance(35) ? unit_of(tenant) : nobody};
        if (may_work(world.now, found) || chance(4)) return found;
    }
    return {0, 0, nobody};
}

Op Generator::identity(const World& world) {
    if (world.latch == Latch::identity && chance(85)) {
        const int unit = chance(50) ? unit_of(world.latched.tenant) : nobody;
        return {
            chance(70) ? Kind::authenticate : Kind::present, world.latched.user, world.latched.tenant, unit, 0, 0, {}};
    }
    const Identity who = somebody(world);
    return {chance(70) ? Kind::authenticate : Kind::present, who.user, who.tenant, who.unit, 0, 0, {}};
}

Op Generator::in_aborted(const World& world) {
    if (!world.savepoints.empty() && chance(75))
        return {
            Kind::rollback_to, 0, 0, 0, 0, 0, world.savepoints[below(static_cast<int>(world.savepoints.size()))].name};
    return {chance(80) ? Kind::rollback : Kind::commit, 0, 0, 0, 0, 0, {}};
}

Op Generator::outside(const World& world) {
    const int draw = below(100);
    if (draw < 60) return {draw < 54 ? Kind::begin : Kind::begin_frozen, 0, 0, 0, 0, 0, {}};
    if (world.vars.role != login_role && draw < 70) return {Kind::set_role, login_role, 0, 0, 0, 0, {}};
    if (draw < 64) return {Kind::set_role, below(database_role_count), 0, 0, 0, 0, {}};
    if (draw < 66) return {Kind::scan_mode, below(7), 0, 0, 0, 0, {}};
    if (draw < 68) return {Kind::generic_plans, below(2), 0, 0, 0, 0, {}};
    if (draw < 72) return on_rows(world);
    if (draw == 72 && chance(30)) return {Kind::reconnect, 0, 0, 0, 0, 0, {}};
    return by_operator(world);
}

// These roles can do little but read.
bool Generator::leaves_role(const World& world) {
    return (world.vars.role == bypass_role || world.vars.role == stranger_role) && chance(12);
}

Op Generator::inside(const World& world) {
    if (leaves_role(world)) return {Kind::set_role, login_role, 0, 0, 0, 0, {}};
    const bool has_identity = world.vars.context || world.vars.token;
    const int draw = below(1000);
    if (!has_identity && world.latch != Latch::nobody && draw < 850) return identity(world);
    if (draw < 40) return {Kind::savepoint, 0, 0, 0, 0, 0, "s" + std::to_string(below(3))};
    if (draw < 65 && !world.savepoints.empty())
        return {draw < 55 ? Kind::rollback_to : Kind::release,
                0,
                0,
                0,
                0,
                0,
                world.savepoints[below(static_cast<int>(world.savepoints.size()))].name};
    if (draw < 105) return {draw < 90 ? Kind::commit : Kind::rollback, 0, 0, 0, 0, 0, {}};
    if (draw < 115) return {Kind::set_role, chance(50) ? login_role : below(database_role_count), 0, 0, 0, 0, {}};
    if (draw < 130) return identity(world);
    if (draw < 134) return {Kind::context_drop, 0, 0, 0, 0, 0, {}};
    if (draw < 142) return {Kind::scan_mode, below(7), 0, 0, 0, 0, {}};
    if (draw < 147) return {Kind::generic_plans, below(2), 0, 0, 0, 0, {}};
    if (draw < 420) return function(world);
    if (draw < 580) return by_operator(world);
    return on_rows(world);
}

Op Generator::on_rows(const World& world) {
    // The next reads use the table that was just written.
    const int table = chance(45) ? last_table_ : below(table_count);
    last_table_ = table;
    const int id = 1 + below(last_id);
    const int low = chance(60) ? 1 : id;
    const int high = low == 1 ? last_id + 4 : id + below(4);
    const int draw = below(100);
    if (draw < 33) {
        const int mode = below(11);
        return {Kind::select, mode == 9 && chance(60) ? 0 : mode, table, low, high, 0, {}};
    }
    if (draw < 52)
        return {Kind::insert, below(2), table, id, below(100), chance(12) ? below(tenant_count) : nobody, {}};
    if (draw < 60) return {Kind::upsert, below(2), table, id, below(100), 0, {}};
    if (draw < 72)
        return {Kind::update,
                chance(4) ? 5 : below(5),
                table,
                chance(70) ? id : low,
                chance(70) ? id + below(4) : high,
                0,
                {}};
    if (draw < 77) return {Kind::remove, below(2), table, id, id + below(2), 0, {}};
    if (draw < 83) return {Kind::merge, below(2), table, id, below(100), 0, {}};
    if (draw < 86) return {Kind::steal, below(2), table, id, id + below(4), below(tenant_count), {}};
    if (draw < 89) return {Kind::exception_block, below(2), table, id, id + below(6), below(tenant_count), {}};
    if (draw < 90) return {Kind::copy_from, 0, table, 0, 0, 0, {}};
    if (draw < 94 || world.cursors.empty()) return {Kind::open, below(4), table, below(2), 0, 0, {}};
    auto cursor = world.cursors.begin();
    std::advance(cursor, below(static_cast<int>(world.cursors.size())));
    return {Kind::fetch, cursor->first, 0, chance(40) ? 0 : 1 + below(3), 0, 0, {}};
}

// Mostly a row that the current user manages; often one that is shared already, for which a share makes no new ACL.
std::pair<int, int> Generator::row_to_share(const World& world) {
    const Decision decision = decide(world);
    std::vector<std::pair<int, int>> managed, shared;
    if (decision.standing == Standing::authenticated && !chance(8)) {
        const Judge judge(world.now, decision.identity);
        for (int table = 2; table < table_count; ++table)
            for (const auto& [id, row] : world.now.tables[table].rows) {
                if (row.tenant != decision.identity.tenant || !judge.may(resource(table) + ".manage", row.acl, false))
                    continue;
                managed.emplace_back(table, id);
                if (row.shared_as != nobody) shared.emplace_back(table, id);
            }
    }
    const auto& from = shared.empty() || chance(50) ? managed : shared;
    if (from.empty()) return {2 + below(table_count - 2), 1 + below(last_id)};
    return from[below(static_cast<int>(from.size()))];
}

// A stale cache shows when the subjects of the share read before any other change of their rights.
void Generator::look_after_share(const World& world, int table, int user, int tenant) {
    const Identity who{user, tenant, nobody};
    if (!may_work(world.now, who)) return;
    planned_ = {{Kind::commit, 0, 0, 0, 0, 0, {}},
                {Kind::begin, 0, 0, 0, 0, 0, {}},
                {Kind::authenticate, user, tenant, nobody, 0, 0, {}},
                {Kind::select, 0, table, 1, last_id + 4, 0, {}}};
}

Op Generator::share(const World& world, Kind kind) {
    static const int bounds[] = {user_count, unit_count, role_count, tenant_count};
    const auto [table, id] = row_to_share(world);
    const auto& rows = world.now.tables[table].rows;
    const int tenant = world.latch == Latch::identity ? world.latched.tenant : below(tenant_count);
    last_table_ = table;
    // Only existing shares can be removed.
    if (kind == Kind::unshare && rows.contains(id) && chance(80)) {
        const int acl = rows.at(id).acl;
        const auto entry = world.now.entries.lower_bound({acl, Subject::user, -1});
        if (entry != world.now.entries.end() && entry->first.acl == acl) {
            if (entry->first.kind == Subject::user) last_user_ = entry->first.subject;
            if (chance(60)) look_after_share(world, table, last_user_, tenant);
            return {kind, table, id, static_cast<int>(entry->first.kind), entry->first.subject, 0, {}};
        }
    }
    const int subject = chance(40) ? 0 : below(4);
    int whom = below(bounds[subject]);
    for (int attempt = 0; attempt < 6 && subject == 0 && !world.now.is_member(whom, tenant); ++attempt)
        whom = below(user_count);
    if (subject == 1 && chance(80)) whom = unit_of(tenant);
    if (subject == 3 && chance(60)) whom = tenant;
    if (subject == 0) last_user_ = whom;
    if (chance(40)) look_after_share(world, table, last_user_, tenant);
    return {kind, table, id, subject, whom, 1 + below(4), kind == Kind::share && chance(20) ? "ends" : ""};
}

Op Generator::function(const World& world) {
    const int tenant = world.latch == Latch::identity ? world.latched.tenant : below(tenant_count);
    const int unit = chance(40) ? unit_of(chance(90) ? tenant : below(tenant_count)) : nobody;
    const int own_role = chance(90) ? 7 + tenant * 2 + below(2) : below(role_count);
    const int draw = below(100);
    if (draw < 8) return {Kind::permissions, 0, 0, 0, 0, 0, {}};
    if (draw < 12) return {Kind::tenants_with, 0, 0, 0, 0, 0, resource(below(table_count)) + ".read"};
    if (draw < 38) return share(world, Kind::share);
    if (draw < 51) return share(world, Kind::unshare);
    if (draw < 58) return unit_move(Kind::unit_move, tenant);
    if (draw < 62) return share(world, Kind::shares_of);
    if (draw < 70)
        return {Kind::membership_set,
                below(user_count),
                chance(50) ? own_role : below(role_count),
                unit,
                chance(80) ? 0 : below(4),
                chance(40) ? 1 : 0,
                {}};
    if (draw < 74)
        return {Kind::membership_remove, below(user_count), chance(70) ? nobody : below(role_count), unit, 0, 0, {}};
    if (draw < 84) return {Kind::permission_put, below(user_count), 0, unit, below(2), chance(30) ? 1 : 0, pattern()};
    if (draw < 88) return own_right(world, tenant, unit);
    if (draw < 92) return {Kind::role_permission_add, own_role, 0, 0, 0, 0, pattern()};
    if (draw < 94) return {Kind::role_permission_remove, own_role, 0, 0, 0, 0, pattern()};
    if (draw < 96) return {Kind::role_parent_add, own_role, chance(60) ? below(7) : below(role_count), 0, 0, 0, {}};
    return unit_move(Kind::unit_move, tenant);
}

// To reset, mostly an existing one.
Op Generator::own_right(const World& world, int tenant, int unit) {
    std::vector<std::pair<Place, std::string>> here;
    for (const auto& [key, right] : world.now.own_rights)
        if (key.first.tenant == tenant) here.push_back(key);
    if (here.empty() || chance(25)) return {Kind::permission_remove, below(user_count), 0, unit, 0, 0, pattern()};
    const auto& [place, pattern] = here[below(static_cast<int>(here.size()))];
    return {Kind::permission_remove, place.user, 0, place.unit, 0, 0, pattern};
}

// To another parent, or to the top; impossible parents are rare.
Op Generator::unit_move(Kind kind, int tenant) {
    const int unit = unit_of(tenant);
    const int parent = chance(65) ? tenant * 3 + below(3) : nobody;
    last_unit_ = unit;
    return {kind, unit, parent, 0, 0, 0, {}};
}

// Sometimes to the ACL of a unit: the readers of the row then depend on the units above.
Op Generator::admin_insert(const World& world, int tenant) {
    const int table = below(table_count);
    const int unit = unit_of(tenant);
    const bool of_unit = chance(50) && world.now.units[unit].exists;
    return {Kind::admin_insert,
            of_unit ? 1 + unit : 0,
            of_unit ? 2 + below(table_count - 2) : table,
            1 + below(last_id),
            tenant,
            chance(20) ? nobody : below(user_count),
            {}};
}

Op Generator::by_operator(const World& world) {
    const int tenant = below(tenant_count);
    const int unit = chance(55) ? unit_of(tenant) : nobody;
    const int validity = chance(70) ? 0 : below(4);
    // The change affects the current user.
    const bool concerned = world.latch == Latch::identity && chance(50);
    const int user = concerned ? world.latched.user : below(user_count);
    const int where = concerned ? world.latched.tenant : tenant;
    const int draw = below(1000);
    if (draw < 120)
        return {Kind::admin_membership,
                user,
                tenant,
                unit,
                chance(35) ? 7 + tenant * 2 + below(2) : below(role_count),
                validity,
                {}};
    if (draw < 150) return {Kind::admin_membership_remove, user, tenant, unit, 0, 0, {}};
    if (draw < 250) return {Kind::admin_pattern, application_role + below(7), below(2), 0, 0, 0, pattern()};
    if (draw < 290) return {Kind::admin_inherit, 7 + below(6), below(role_count), below(2), 0, 0, {}};
    if (draw < 370)
        return {Kind::admin_right, user, where, chance(50) ? unit_of(where) : nobody, below(2), validity, pattern()};
    if (draw < 440) {
        if (world.now.own_rights.empty()) return {Kind::admin_dump, 0, below(table_count), 0, 0, 0, {}};
        auto right = world.now.own_rights.begin();
        std::advance(right, below(static_cast<int>(world.now.own_rights.size())));
        const Place& place = right->first.first;
        return {Kind::admin_right_remove, place.user, place.tenant, place.unit, 0, 0, right->first.second};
    }
    if (draw < 455) return {Kind::admin_platform, below(user_count), below(7), 0, 0, validity, {}};
    if (draw < 480) return {Kind::admin_platform_remove, below(user_count), below(7), 0, 0, 0, {}};
    if (draw < 620) return unit_move(Kind::admin_unit_move, tenant);
    if (draw < 665) return {Kind::admin_unit_make, below(unit_count), 0, 0, 0, 0, {}};
    if (draw < 700) return {Kind::admin_unit_remove, below(unit_count), 0, 0, 0, 0, {}};
    if (draw < 710) return {Kind::admin_user, user, 0, 0, 0, 0, {}};
    if (draw < 740) return {Kind::admin_user, below(user_count), 1, 0, 0, 0, {}};
    if (draw < 745) return {Kind::admin_tenant, tenant, 0, 0, 0, 0, {}};
    if (draw < 765) return {Kind::admin_tenant, tenant, 1, 0, 0, 0, {}};
    if (draw < 805) {
        static const int bounds[] = {user_count, unit_count, role_count, tenant_count};
        const int kind = below(3);
        const int subject = below(4);
        const int place = kind == 0   ? below(tenant_count)
                          : kind == 1 ? below(unit_count)
                                      : below(user_count * tenant_count);
        return {Kind::admin_entry, kind, place, subject, below(bounds[subject]), below(5), {}};
    }
    if (draw < 910) return admin_insert(world, tenant);
    const int table = below(table_count);
    if (draw < 945) return {Kind::admin_delete, 0, table, 1 + below(last_id), 0, 0, {}};
    if (draw < 963) return {Kind::admin_protect, 0, table, below(3), below(3), 0, {}};
    if (draw < 966) return {Kind::admin_unprotect, 0, table, 0, 0, 0, {}};
    return {Kind::admin_dump, 0, table, 0, 0, 0, {}};
}

Op Generator::draw(const World& world) {
    if (!world.in_transaction) return outside(world);
    return world.aborted ? in_aborted(world) : inside(world);
}

Op Generator::draw_audible(const World& world) {
    Op op = draw(world);
    for (int attempt = 0; attempt < 30 && silent_.contains(op.kind); ++attempt) {
        planned_.clear();
        op = draw(world);
    }
    return op;
}

Op Generator::next(const World& world) {
    if (!planned_.empty() && !world.aborted) {
        const Op op = planned_.front();
        planned_.pop_front();
        return op;
    }
    planned_.clear();
    const Op op = draw_audible(world);
    if (op.kind >= Kind::admin_membership && op.kind <= Kind::admin_platform_remove && op.kind != Kind::admin_pattern &&
        op.kind != Kind::admin_inherit)
        last_user_ = op.a;
    return op;
}

}  // namespace model
