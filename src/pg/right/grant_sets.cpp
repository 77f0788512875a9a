#include "pg/right/grant_sets.hpp"

#include "core/right/permission_pattern.hpp"

namespace bastion::pg {
namespace {

// The text form: the default ACLs and '|', then groups; groups end with ';', their three parts with '|', lists are separated
// by ',', and '#' stands between the ACLs and the tenants. Names and ids contain none of these.
constexpr char group_end = ';';
constexpr char part_end = '|';
constexpr char item_end = ',';
constexpr char acls_end = '#';

// Removes everything up to `mark` from the front of `rest`.
std::string_view cut(std::string_view& rest, char mark) noexcept {
    const std::size_t end = std::min(rest.find(mark), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return part;
}

std::string id_text(int64 id) { return std::to_string(id); }

std::string id_text(const pg_uuid_t& id) {
    char text[uuid_text_size];
    format_uuid_text(id, text);
    return text;
}

void parse_id(std::string_view text, int64& id) { id = std::stoll(std::string(text)); }

void parse_id(std::string_view text, pg_uuid_t& id) {
    if (!parse_uuid_text(text, id)) throw std::invalid_argument("published grants are malformed");
}

template <class Id>
void append_groups(std::string& out, const std::vector<GrantGroup<Id>>& groups) {
    for (const GrantGroup<Id>& group : groups) {
        for (const std::string& permission : group.permissions) out.append(permission) += item_end;
        out += part_end;
        for (const Id& id : group.ids) out.append(id_text(id)) += item_end;
        out += part_end;
        out += group.cross_tenant ? '1' : '0';
        out += group_end;
    }
}

template <class Id>
std::vector<GrantGroup<Id>> parse_groups(std::string_view rest) {
    std::vector<GrantGroup<Id>> groups;
    while (!rest.empty()) {
        std::string_view text = cut(rest, group_end);
        GrantGroup<Id>& group = groups.emplace_back();
        for (std::string_view names = cut(text, part_end); !names.empty();)
            group.permissions.emplace_back(cut(names, item_end));
        for (std::string_view ids = cut(text, part_end); !ids.empty();)
            parse_id(cut(ids, item_end), group.ids.emplace_back());
        group.cross_tenant = text == "1";
    }
    return groups;
}

template <class Id>
std::vector<Id> ids_of(const std::vector<GrantGroup<Id>>& groups, std::string_view permission, bool anywhere) {
    std::vector<Id> ids;
    for (const GrantGroup<Id>& group : groups) {
        if (group.cross_tenant && !anywhere) continue;
        if (std::find(group.permissions.begin(), group.permissions.end(), permission) == group.permissions.end())
            continue;
        ids.insert(ids.end(), group.ids.begin(), group.ids.end());
    }
    return ids;
}

// The groups without the permissions that the patterns do not cover.
template <class Id>
std::vector<GrantGroup<Id>> covered_groups(const std::vector<GrantGroup<Id>>& groups,
                                           std::span<const std::string> patterns) {
    std::vector<GrantGroup<Id>> out = groups;
    for (GrantGroup<Id>& group : out)
        std::erase_if(group.permissions, [&](const std::string& name) { return !any_pattern_covers(patterns, name); });
    std::erase_if(out, [](const GrantGroup<Id>& group) { return group.permissions.empty(); });
    return out;
}

}  // namespace

std::shared_ptr<GrantSets> GrantSets::narrowed(std::shared_ptr<GrantSets> whole, std::span<const std::string> patterns,
                                               const pg_uuid_t& tenant) {
    auto sets = std::make_shared<GrantSets>();
    sets->defaults = whole->defaults;
    sets->whole_ = std::move(whole);
    sets->patterns_.assign(patterns.begin(), patterns.end());
    sets->tenant_ = tenant;
    return sets;
}

void GrantSets::confine(std::vector<int64>&& acls) {
    confines_.emplace(std::move(acls));
    defaults.tenant = 0;
    defaults.user = 0;
}

const AclSet& GrantSets::acls(std::string_view permission, bool anywhere) {
    static const AclSet nothing{std::vector<int64>()};
    if (whole_ != nullptr) {
        if (!any_pattern_covers(patterns_, permission)) return nothing;
        if (!is_confined()) return whole_->acls(permission, anywhere);
    }
    const std::string key = (anywhere ? '*' : '.') + std::string(permission);
    const auto found = acl_sets_.find(key);
    if (found != acl_sets_.end()) return found->second;
    if (whole_ != nullptr) {
        std::vector<int64> ids = whole_->acls(permission, anywhere).sorted();
        std::erase_if(ids, [this](int64 id) { return !confines_->contains(id); });
        return acl_sets_.emplace(key, AclSet(std::move(ids))).first->second;
    }
    return acl_sets_.emplace(key, AclSet(ids_of(acl_groups, permission, anywhere))).first->second;
}

const TenantSet& GrantSets::tenants(std::string_view permission) {
    const std::string key(permission);
    const auto found = tenant_sets_.find(key);
    if (found != tenant_sets_.end()) return found->second;
    if (whole_ != nullptr) {
        const bool held = !is_confined() && any_pattern_covers(patterns_, permission) &&
                          whole_->tenants(permission).contains(tenant_);
        std::vector<pg_uuid_t> ids(held ? 1 : 0, tenant_);
        return tenant_sets_.emplace(key, TenantSet(std::move(ids))).first->second;
    }
    return tenant_sets_.emplace(key, TenantSet(ids_of(tenant_groups, permission, true))).first->second;
}

std::string GrantSets::format() const {
    if (whole_ != nullptr) {
        GrantSets covered;
        covered.defaults = defaults;
        covered.acl_groups = covered_groups(whole_->acl_groups, patterns_);
        covered.tenant_groups = covered_groups(whole_->tenant_groups, patterns_);
        for (GrantGroup<pg_uuid_t>& group : covered.tenant_groups)
            std::erase_if(group.ids, [&](const pg_uuid_t& id) { return is_confined() || !same_uuid(id, tenant_); });
        if (is_confined())
            for (GrantGroup<int64>& group : covered.acl_groups)
                std::erase_if(group.ids, [&](int64 id) { return !confines_->contains(id); });
        return covered.format();
    }
    std::string out;
    for (const int64 acl : {defaults.tenant, defaults.unit, defaults.user}) out.append(id_text(acl)) += item_end;
    out += part_end;
    append_groups(out, acl_groups);
    out += acls_end;
    append_groups(out, tenant_groups);
    return out;
}

std::shared_ptr<GrantSets> GrantSets::parse(std::string_view text) {
    auto sets = std::make_shared<GrantSets>();
    std::string_view acls = cut(text, part_end);
    for (int64* acl : {&sets->defaults.tenant, &sets->defaults.unit, &sets->defaults.user})
        parse_id(cut(acls, item_end), *acl);
    sets->acl_groups = parse_groups<int64>(cut(text, acls_end));
    sets->tenant_groups = parse_groups<pg_uuid_t>(text);
    sets->tenants_read = true;
    return sets;
}

}  // namespace bastion::pg
