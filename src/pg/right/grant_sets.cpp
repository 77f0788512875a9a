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
std::vector<Id> ids_of(const std::vector<GrantGroup<Id>>& groups, const std::vector<std::uint32_t>& held,
                       bool anywhere) {
    std::vector<Id> ids;
    for (const std::uint32_t number : held) {
        const GrantGroup<Id>& group = groups[number];
        if (!group.cross_tenant || anywhere) ids.insert(ids.end(), group.ids.begin(), group.ids.end());
    }
    return ids;
}

// Which groups hold each permission; returns the bytes of groups and names.
template <class Id, class Set>
std::size_t index_groups(const std::vector<GrantGroup<Id>>& groups, ByName<HeldSets<Set>>& out) {
    constexpr std::size_t entry = sizeof(std::pair<std::string, HeldSets<Set>>) + 4 * sizeof(void*);
    std::size_t bytes = groups.capacity() * sizeof(GrantGroup<Id>);
    out.clear();
    for (std::size_t number = 0; number < groups.size(); ++number) {
        bytes += groups[number].ids.capacity() * sizeof(Id);
        for (const std::string& permission : groups[number].permissions) {
            out[permission].groups.push_back(static_cast<std::uint32_t>(number));
            bytes += sizeof(std::string) + permission.capacity() + sizeof(std::uint32_t);
        }
    }
    return bytes + out.size() * entry;
}

template <class Set>
void forget_sets(ByName<HeldSets<Set>>& held) noexcept {
    for (auto& [name, sets] : held) {
        sets.here.reset();
        sets.anywhere.reset();
    }
}

// The groups, each with one permission, and the ids that `keep` leaves.
template <class Id, class Keep>
std::vector<GrantGroup<Id>> kept_groups(const std::vector<GrantGroup<Id>>& groups, Keep keep) {
    std::vector<GrantGroup<Id>> out;
    for (const GrantGroup<Id>& group : groups) {
        for (const std::string& name : group.permissions) {
            std::vector<Id> ids = group.ids;
            keep(group, name, ids);
            if (!ids.empty())
                out.push_back({{name}, std::move(ids), group.cross_tenant, group.of_tenant, group.by_manage});
        }
    }
    return out;
}

std::size_t living_bytes = 0;

}  // namespace

std::size_t GrantSets::memory() noexcept { return living_bytes; }

GrantSets::~GrantSets() { living_bytes -= bytes_ + made_bytes_; }

void GrantSets::count(std::size_t& part, std::size_t bytes) noexcept {
    part += bytes;
    living_bytes += bytes;
}

template <class Set>
const Set& GrantSets::counted(std::optional<Set>& place, Set&& set) noexcept {
    place.emplace(std::move(set));
    count(made_bytes_, place->memory());
    return *place;
}

void GrantSets::set_acls(std::vector<GrantGroup<int64>>&& groups) {
    acl_groups_ = std::move(groups);
    count(bytes_, index_groups(acl_groups_, acls_));
}

void GrantSets::set_tenants(std::vector<GrantGroup<pg_uuid_t>>&& groups) {
    tenant_groups_ = std::move(groups);
    count(bytes_, index_groups(tenant_groups_, tenants_));
    has_tenants_ = true;
}

void GrantSets::trim(std::size_t bytes) noexcept {
    if (whole_ != nullptr) whole_->trim(bytes);
    if (made_bytes_ <= bytes) return;
    forget_sets(acls_);
    forget_sets(tenants_);
    living_bytes -= made_bytes_;
    made_bytes_ = 0;
}

bool Withheld::concerns(const pg_uuid_t& of) const noexcept {
    return !tenant.present || same_uuid(tenant.value, of) != elsewhere;
}

bool Withheld::covers(std::string_view permission) const noexcept {
    return pattern.empty() ? !permission.starts_with("own.") : pattern_covers(pattern, permission);
}

std::shared_ptr<GrantSets> GrantSets::narrowed(std::shared_ptr<GrantSets> whole,
                                               const std::optional<std::vector<std::string>>& patterns,
                                               std::span<const Withheld> withheld, const pg_uuid_t& tenant) {
    auto sets = std::make_shared<GrantSets>();
    sets->defaults = whole->defaults;
    sets->whole_ = std::move(whole);
    sets->patterns_ = patterns;
    sets->withheld_.assign(withheld.begin(), withheld.end());
    sets->tenant_ = tenant;
    return sets;
}

bool GrantSets::lends(std::string_view permission, const pg_uuid_t& tenant) const noexcept {
    if (patterns_ && !any_pattern_covers(*patterns_, permission)) return false;
    return std::none_of(withheld_.begin(), withheld_.end(),
                        [&](const Withheld& rule) { return rule.concerns(tenant) && rule.covers(permission); });
}

bool GrantSets::lends(std::string_view permission, const GrantGroup<int64>& group) const {
    if (!lends(permission, tenant_)) return false;
    if (group.cross_tenant && (patterns_ || !lends(permission, group.of_tenant))) return false;
    return !group.by_manage || lends(std::string(permission.substr(0, permission.rfind('.'))) + ".manage", tenant_);
}

bool GrantSets::has_tenant(std::string_view permission, const pg_uuid_t& tenant) const noexcept {
    return !is_confined() && (!patterns_ || same_uuid(tenant, tenant_)) && lends(permission, tenant);
}

void GrantSets::confine(std::vector<int64>&& acls) {
    confines_.emplace(std::move(acls));
    count(bytes_, confines_->memory());
    defaults.tenant = 0;
    defaults.user = 0;
}

void GrantSets::confine_ids(std::vector<int64>& ids) const {
    if (is_confined()) std::erase_if(ids, [this](int64 id) { return !confines_->contains(id); });
}

const AclSet& GrantSets::acls(std::string_view permission, bool anywhere) {
    static const AclSet nothing{std::vector<int64>()};
    ByName<HeldSets<AclSet>>& names = whole_ != nullptr ? whole_->acls_ : acls_;
    const auto found = names.find(permission);
    if (found == names.end()) return nothing;
    if (whole_ != nullptr) return lent_acls(permission, found->second.groups, anywhere);
    std::optional<AclSet>& set = anywhere ? found->second.anywhere : found->second.here;
    return set ? *set : counted(set, AclSet(ids_of(acl_groups_, found->second.groups, anywhere)));
}

const AclSet& GrantSets::lent_acls(std::string_view permission, const std::vector<std::uint32_t>& groups,
                                   bool anywhere) {
    HeldSets<AclSet>& mine = acls_[std::string(permission)];
    std::optional<AclSet>& set = anywhere ? mine.anywhere : mine.here;
    if (set) return *set;
    std::vector<std::uint32_t> lent = groups;
    std::erase_if(lent, [&](std::uint32_t number) { return !lends(permission, whole_->acl_groups_[number]); });
    if (lent.size() == groups.size() && !is_confined()) return whole_->acls(permission, anywhere);
    std::vector<int64> ids = ids_of(whole_->acl_groups_, lent, anywhere);
    confine_ids(ids);
    return counted(set, AclSet(std::move(ids)));
}

const TenantSet& GrantSets::tenants(std::string_view permission) {
    static const TenantSet nothing{std::vector<pg_uuid_t>()};
    if (whole_ != nullptr) {
        const TenantSet& all = whole_->tenants(permission);
        std::vector<pg_uuid_t> ids = all.sorted();
        std::erase_if(ids, [&](const pg_uuid_t& id) { return !has_tenant(permission, id); });
        if (ids.empty()) return nothing;
        std::optional<TenantSet>& set = tenants_[std::string(permission)].anywhere;
        return set ? *set : counted(set, TenantSet(std::move(ids)));
    }
    const auto found = tenants_.find(permission);
    if (found == tenants_.end()) return nothing;
    std::optional<TenantSet>& set = found->second.anywhere;
    return set ? *set : counted(set, TenantSet(ids_of(tenant_groups_, found->second.groups, true)));
}

std::string GrantSets::format() const {
    if (whole_ != nullptr) {
        GrantSets covered;
        covered.defaults = defaults;
        covered.acl_groups_ = kept_groups(
            whole_->acl_groups_, [&](const GrantGroup<int64>& group, const std::string& name, std::vector<int64>& ids) {
                if (lends(name, group))
                    confine_ids(ids);
                else
                    ids.clear();
            });
        covered.tenant_groups_ =
            kept_groups(whole_->tenant_groups_, [&](const auto&, const std::string& name, std::vector<pg_uuid_t>& ids) {
                std::erase_if(ids, [&](const pg_uuid_t& id) { return !has_tenant(name, id); });
            });
        return covered.format();
    }
    std::string out;
    for (const int64 acl : {defaults.tenant, defaults.unit, defaults.user}) out.append(id_text(acl)) += item_end;
    out += part_end;
    append_groups(out, acl_groups_);
    out += acls_end;
    append_groups(out, tenant_groups_);
    return out;
}

std::shared_ptr<GrantSets> GrantSets::parse(std::string_view text) {
    auto sets = std::make_shared<GrantSets>();
    std::string_view acls = cut(text, part_end);
    for (int64* acl : {&sets->defaults.tenant, &sets->defaults.unit, &sets->defaults.user})
        parse_id(cut(acls, item_end), *acl);
    sets->set_acls(parse_groups<int64>(cut(text, acls_end)));
    sets->set_tenants(parse_groups<pg_uuid_t>(text));
    return sets;
}

}  // namespace bastion::pg
