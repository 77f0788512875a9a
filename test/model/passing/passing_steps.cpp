#include "passing_steps.hpp"

namespace passing {
namespace {

std::string text(long number) { return std::to_string(number); }
std::string person_id(int person) { return "passing.person(" + text(person) + ")"; }
std::string unit_id(int unit) { return unit == nobody ? "NULL" : "passing.unit(" + text(unit) + ")"; }
std::string slug(int unit) { return unit == nobody ? "NULL" : "'unit-" + text(unit) + "'"; }
std::string quoted(const std::string& value) { return "'" + value + "'"; }

}  // namespace

std::string Drawer::pattern() {
    static const char* const patterns[] = {"*",
                                           "*.read",
                                           "*.update",
                                           "*.manage",
                                           "*.later",
                                           "docs.*",
                                           "docs.*",
                                           "docs.read",
                                           "docs.update",
                                           "docs.delete",
                                           "docs.manage",
                                           "docs.create",
                                           "notes.*",
                                           "notes.read",
                                           "notes.later",
                                           "tenant.*",
                                           "tenant.members.*",
                                           "tenant.members.manage",
                                           "tenant.roles.manage",
                                           "tenant.units.manage"};
    return patterns[below(20)];
}

// Often oneself.
std::string Drawer::person(int actor) { return person_id(chance(30) ? actor : below(person_count)); }
std::string Drawer::place() { return slug(below(unit_count)); }
std::string Drawer::place_or_null(int percent) { return chance(percent) ? "NULL" : place(); }
std::string Drawer::year_or_null(int percent) {
    return chance(percent) ? "NULL" : "'" + text(chance(5) ? 2001 : years[1 + below(year_count - 2)]) + "-01-01Z'";
}
std::string Drawer::role() { return "passing.role(" + text(below(role_count)) + ")::text"; }

// Without checks: the rights that the chains begin with.
Step Drawer::by_operator() {
    const auto operates = [](const std::string& sql) { return Step{Kind::by_operator, nobody, "", sql}; };
    const int unit = chance(50) ? nobody : below(unit_count);
    const int who = below(person_count);
    // The years are drawn so that what begins ends later.
    const std::string from = chance(75) ? "NULL" : "'2091-01-01Z'";
    const std::string until = chance(50) ? "NULL" : chance(50) ? "'2092-01-01Z'" : "'2093-01-01Z'";
    switch (below(8)) {
        case 0:
        case 1:
            return operates(
                "INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id, valid_from, valid_until) "
                "SELECT " +
                person_id(1 + below(person_count - 1)) + ", passing.tenant(), " + unit_id(unit) + ", passing.role(" +
                text(below(role_count)) + "), " + from + ", " + until +
                " ON CONFLICT ON CONSTRAINT memberships_user_id_tenant_id_unit_id_role_id_key DO UPDATE SET "
                "valid_from = excluded.valid_from, valid_until = excluded.valid_until");
        case 2:
        case 3:
            return operates(
                "INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect, valid_from, "
                "valid_until) SELECT " +
                person_id(who) + ", passing.tenant(), " + unit_id(unit) + ", " + quoted(pattern()) + ", " +
                (chance(40) ? "'deny'" : "'grant'") + ", " + from + ", " + until +
                " ON CONFLICT ON CONSTRAINT user_permissions_user_id_tenant_id_unit_id_pattern_key DO UPDATE SET "
                "effect = excluded.effect, valid_from = excluded.valid_from, valid_until = excluded.valid_until");
        case 4:
            return operates("DELETE FROM bastion.user_permissions WHERE effect = 'deny' AND user_id = " +
                            person_id(who));
        case 5:
            return operates("INSERT INTO bastion.role_permissions (role_id, pattern) VALUES (passing.role(" +
                            text(6 + below(3)) + "), " + quoted(pattern()) + ") ON CONFLICT DO NOTHING");
        case 6:
            return operates("INSERT INTO bastion.units (id, tenant_id, kind, name, slug) VALUES (" +
                            unit_id(who % unit_count) + ", passing.tenant(), 'team', 'unit', " +
                            slug(who % unit_count) + ") ON CONFLICT DO NOTHING");
        default: break;
    }
    if (chance(50)) return operates("DELETE FROM bastion.platform_roles");
    return operates("INSERT INTO bastion.platform_roles (user_id, role_id, valid_until) VALUES (" + person_id(who) +
                    ", passing.role(" + text(below(6)) + "), " + until + ") ON CONFLICT DO NOTHING");
}

// To reset or to change, mostly one that is there.
Step Drawer::own_right(const World& world, int actor) {
    std::string where = place_or_null(50);
    std::string whom = person(actor);
    std::string what = pattern();
    if (!world.rights.empty() && chance(60)) {
        const OwnRight& right = world.rights[below(static_cast<int>(world.rights.size()))];
        where = slug(right.unit);
        whom = person_id(right.person);
        what = right.pattern;
    }
    const std::string arguments = whom + ", " + quoted(what) + ", " + where;
    const int draw = below(10);
    if (draw < 3) return {Kind::rights, actor, "", "bastion.permission_remove(" + arguments + ")"};
    return {Kind::rights, actor, "",
            std::string(draw < 8 ? "bastion.permission_grant(" : "bastion.permission_deny(") + arguments + ", " +
                year_or_null(40) + ")"};
}

Step Drawer::share(const World& world) {
    static const char* const levels[] = {"read", "write", "deploy", "manage"};
    const Doc& doc = world.docs[below(static_cast<int>(world.docs.size()))];
    const std::string row = "'passing.docs', '" + text(doc.id) + "', ";
    const int draw = below(10);
    const std::string with = draw < 6   ? "with_user => " + person_id(below(person_count))
                             : draw < 8 ? "with_unit => " + unit_id(below(unit_count))
                             : draw < 9 ? "with_role => passing.role(" + text(below(role_count)) + ")"
                                        : "with_tenant => passing.tenant()";
    if (chance(20)) return {Kind::other, nobody, "", "bastion.unshare(" + row + with + ")"};
    return {Kind::share, nobody, "",
            "bastion.share(" + row + with + ", level => '" + levels[below(4)] + "', valid_until => " +
                year_or_null(40) + ")"};
}

Step Drawer::key(long number) {
    std::string scopes;
    for (int i = 1 + below(4); i > 0; --i) scopes += (scopes.empty() ? "" : ",") + pattern();
    if (chance(50)) scopes += ",tenant.members.manage,tenant.roles.manage,tenant.units.manage,docs.manage";
    if (chance(30)) scopes += ",docs.*,notes.*,tenant.members.manage";
    const std::string name = "'k" + text(number) + "'";
    return {Kind::other, nobody, "",
            "(SELECT true FROM passing.keep(" + name + ", bastion_api.api_key_create(" + name + ", '{" + scopes +
                "}', " + year_or_null(60) + ", '{}', " + place_or_null(50) + ") ->> 'key'))"};
}

Step Drawer::invitation(const World& world) {
    if (!world.invitations.empty() && chance(60)) {
        const Invitation& invitation = world.invitations[below(static_cast<int>(world.invitations.size()))];
        const std::string which = invitation.by_id ? "passing.invitation(" + person_id(invitation.person) + ", " +
                                                         unit_id(invitation.unit) + ")"
                                                   : "(SELECT value FROM passing.kept WHERE name = 'n" +
                                                         text(invitation.person) + text(invitation.unit + 1) + "')";
        return {Kind::accept, invitation.person, "", "bastion_api.invitation_accept(" + which + ")"};
    }
    const int whom = below(person_count);
    const int unit = chance(60) ? nobody : below(unit_count);
    return {Kind::other, nobody, "",
            "(SELECT true FROM passing.keep('n" + text(whom) + text(unit + 1) + "', bastion.invite('p" + text(whom) +
                "@passing.example', " + role() + ", " + slug(unit) + ", '7 days', " + year_or_null(50) +
                ") ->> 'token'))"};
}

Step Drawer::member(const World& world, int actor, long number) {
    const int draw = below(100);
    const auto does = [&](Kind kind, const std::string& sql) { return Step{kind, actor, "", sql}; };
    if (draw < 20)
        return does(Kind::rights, std::string("bastion.membership_") + (chance(40) ? "add(" : "set(") + person(actor) +
                                      ", " + role() + ", " + place_or_null(50) + ", " +
                                      (chance(85) ? "NULL" : "'2090-01-01Z'") + ", " + year_or_null(40) + ")");
    if (draw < 24)
        return does(Kind::rights, "bastion.membership_remove(" + person(actor) + ", " + place_or_null(50) + ")");
    if (draw < 46) return own_right(world, actor);
    const std::string own_role = "passing.role(" + text(6 + below(3)) + ")::text";
    if (draw < 52)
        return does(Kind::rights, "bastion.role_permission_add(" + own_role + ", " + quoted(pattern()) + ")");
    if (draw < 54)
        return does(Kind::rights, "bastion.role_permission_remove(" + own_role + ", " + quoted(pattern()) + ")");
    if (draw < 58) return does(Kind::rights, "bastion.role_parent_add(" + own_role + ", " + role() + ")");
    if (draw < 60) return does(Kind::rights, "bastion.role_parent_remove(" + own_role + ", " + role() + ")");
    if (draw < 69) return does(Kind::units, "bastion.unit_move(" + place() + ", " + place_or_null(30) + ")");
    if (draw < 71) return does(Kind::units, "bastion.unit_delete(" + place() + ")");
    Step step = draw < 86 ? share(world) : draw < 90 ? key(number) : invitation(world);
    if (step.kind != Kind::accept) step.actor = actor;
    return step;
}

Step Drawer::next(const World& world, long number) {
    if (chance(12)) return by_operator();
    Step step = member(world, below(person_count), number);
    if (step.kind != Kind::accept && !world.keys.empty() && chance(25)) {
        const Key& found = world.keys[below(static_cast<int>(world.keys.size()))];
        step.actor = found.person;
        step.key = found.name;
    }
    return step;
}

}  // namespace passing
