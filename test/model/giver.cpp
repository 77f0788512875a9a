#include "giver.hpp"

#include <algorithm>

namespace model {
namespace {

// The words that a pattern fixes; others are made up.
std::string resource_of(const std::string& pattern) {
    return pattern.starts_with("*") ? "made_up" : pattern.substr(0, pattern.rfind('.'));
}
std::string action_of(const std::string& pattern) {
    return pattern.ends_with("*") ? "made_up" : pattern.substr(pattern.rfind('.') + 1);
}

std::vector<std::string> patterns_of_level(const std::string& resource, int level) {
    if (level == 4) return {resource + ".*"};
    std::vector<std::string> out;
    for (const char* action : {"read", "update", "execute", "deploy", "publish"})
        if (level_of(action) <= level) out.push_back(resource + "." + action);
    return out;
}

}  // namespace

bool overlap(const std::string& a, const std::string& b) {
    for (const std::string& resource : {resource_of(a), resource_of(b)})
        for (const std::string& action : {action_of(a), action_of(b)})
            if (covers(a, resource + "." + action) && covers(b, resource + "." + action)) return true;
    return false;
}

Giver::Giver(const State& state, int user, int tenant) : state_(state), user_(user), tenant_(tenant) {
    const auto add = [&](int role, int unit, Validity validity) {
        if (!in_force(validity)) return;
        stay_ = std::max(stay_, end_of(validity));
        for (const std::string& pattern : state.role_patterns(role))
            rights_.push_back({unit, pattern, false, now, end_of(validity)});
    };
    for (const auto& [place, grant] : state.memberships)
        if (place.user == user && place.tenant == tenant) add(grant.role, place.unit, grant.validity);
    for (const auto& [holder, validity] : state.platform_roles)
        if (holder.first == user) add(holder.second, nobody, validity);
    for (const auto& [key, right] : state.own_rights) {
        const auto& [place, pattern] = key;
        if (place.user != user || place.tenant != tenant || right.validity == Validity::over) continue;
        if (!right.deny && !in_force(right.validity)) continue;
        const int end = right.deny ? end_of(right.validity) : std::min(end_of(right.validity), stay_);
        rights_.push_back({place.unit, pattern, right.deny, begin_of(right.validity), end});
    }
}

int Giver::granted_until(const std::string& pattern, int unit) const {
    int end = now;
    for (const Right& right : rights_)
        if (!right.deny && includes(right.pattern, pattern) &&
            (right.unit == nobody || state_.is_at_or_above(right.unit, unit)))
            end = std::max(end, right.ends);
    return end;
}

template <class Concerns>
int Giver::denied_from(const std::string& pattern, Concerns concerns) const {
    int begin = forever;
    for (const Right& right : rights_)
        if (right.deny && overlap(right.pattern, pattern) && concerns(right)) begin = std::min(begin, right.begins);
    return begin;
}

int Giver::held_until(const std::string& pattern, int unit) const {
    const int denied = denied_from(pattern, [&](const Right& right) {
        return right.unit == nobody || unit == nobody || state_.is_at_or_above(right.unit, unit) ||
               state_.is_at_or_above(unit, right.unit);
    });
    return std::min(granted_until(pattern, unit), denied);
}

bool Giver::gives(const std::set<std::string>& patterns, int unit, int until) const {
    return std::all_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
        return held_until(pattern, unit) >= std::max(until, now + 1);
    });
}

int Giver::met_until(const EntryKey& entry) const {
    if (entry.kind == Subject::user) return entry.subject == user_ ? stay_ : now;
    if (entry.kind == Subject::tenant) return entry.subject == tenant_ ? stay_ : now;
    int end = now;
    for (const auto& [place, grant] : state_.memberships) {
        if (place.user != user_ || place.tenant != tenant_ || !in_force(grant.validity)) continue;
        const bool is_met = entry.kind == Subject::unit
                                ? place.unit != nobody && state_.is_at_or_above(entry.subject, place.unit)
                                : place.unit == nobody && state_.with_inherited({grant.role}).contains(entry.subject);
        if (is_met) end = std::max(end, end_of(grant.validity));
    }
    for (const auto& [holder, validity] : state_.platform_roles)
        if (holder.first == user_ && in_force(validity) && entry.kind == Subject::role &&
            state_.with_inherited({holder.second}).contains(entry.subject))
            end = std::max(end, end_of(validity));
    return end;
}

int Giver::by_share(int level, int acl) const {
    int end = now;
    for (const auto& [key, entry] : state_.entries)
        if (key.acl == acl && entry.level >= level && in_force(entry.validity))
            end = std::max(end, std::min(end_of(entry.validity), met_until(key)));
    return end;
}

int Giver::on_list(const std::string& resource, const std::string& pattern, int acl, int level) const {
    const Acl& list = state_.acls[acl];
    const int root_number = list.kind == AclKind::row ? list.base : acl;
    const Acl& root = state_.acls[root_number];
    int end = std::max(by_share(level, acl), by_share(level, root_number));
    // No share gives the right to create, so it does not matter who may.
    const auto counts = [&](const Right& right) {
        return right.pattern != "*.create" && right.pattern != resource + ".create";
    };
    const auto in_tenant = [&](const Right& right) { return right.unit == nobody && counts(right); };
    const auto here = [&](const Right& right) {
        return counts(right) && (right.unit == nobody || state_.is_at_or_above(right.unit, root.place));
    };
    if (root.kind == AclKind::tenant) end = std::max(end, granted_until(pattern, nobody));
    if (root.kind == AclKind::unit && root.place != nobody)
        end = std::max(end, std::min(granted_until(pattern, root.place), denied_from(pattern, here)));
    if (root.kind == AclKind::user && root.place == user_) end = std::max(end, stay_);
    if (root.kind == AclKind::user || (root.kind == AclKind::unit && root.place == nobody)) {
        const std::string manage = resource + ".manage";
        end = std::max(end, std::min(granted_until(manage, nobody), denied_from(manage, in_tenant)));
    }
    return std::min(end, denied_from(pattern, in_tenant));
}

bool Giver::gives_level(const std::string& resource, int level, int acl, int until) const {
    const std::vector<std::string> patterns = patterns_of_level(resource, level);
    return std::all_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
        return on_list(resource, pattern, acl, level) >= std::max(until, now + 1);
    });
}

}  // namespace model
