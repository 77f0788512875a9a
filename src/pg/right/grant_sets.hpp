// The ACLs behind can_by_acl() and the tenants behind can_in_tenant(), on which a user holds permissions. Each is read
// lazily, once per user and tenant, as groups ("these permissions hold on these ids"), expanded lazily into one set per
// permission, and dropped together with the rights that own them.
#pragma once

#include "pg/base/identity.hpp"

namespace bastion::pg {

// A set of ids: sorted, for arrays and index conditions, and hashed, for one test per row.
template <class Id, class Hash, class Less>
class IdSet {
public:
    // Takes the ids in any order, duplicates included.
    explicit IdSet(std::vector<Id>&& ids) : ids_(std::move(ids)) {
        std::sort(ids_.begin(), ids_.end(), Less());
        const auto same = [](const Id& left, const Id& right) { return !Less()(left, right) && !Less()(right, left); };
        ids_.erase(std::unique(ids_.begin(), ids_.end(), same), ids_.end());
        std::size_t slots = 4;
        while (slots < 2 * ids_.size()) slots *= 2;
        slots_.resize(slots);
        for (std::size_t i = 0; i < ids_.size(); ++i) slots_[free_slot(ids_[i])] = static_cast<std::uint32_t>(i + 1);
    }

    [[nodiscard]] bool contains(const Id& id) const noexcept {
        for (std::size_t slot = Hash()(id) & (slots_.size() - 1);; slot = (slot + 1) & (slots_.size() - 1)) {
            if (slots_[slot] == 0) return false;
            const Id& found = ids_[slots_[slot] - 1];
            if (std::memcmp(&found, &id, sizeof id) == 0) return true;
        }
    }

    [[nodiscard]] const std::vector<Id>& sorted() const noexcept { return ids_; }

    [[nodiscard]] std::size_t memory() const noexcept {
        return ids_.capacity() * sizeof(Id) + slots_.capacity() * sizeof(std::uint32_t);
    }

private:
    std::size_t free_slot(const Id& id) const noexcept {
        std::size_t slot = Hash()(id) & (slots_.size() - 1);
        while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
        return slot;
    }

    std::vector<Id> ids_;
    std::vector<std::uint32_t> slots_;  // index + 1, 0 for empty; a power of two of them, at most half full
};

struct AclHash {
    std::size_t operator()(int64 id) const noexcept {
        return static_cast<std::size_t>((static_cast<std::uint64_t>(id) * 0x9E3779B97F4A7C15ull) >> 32);
    }
};

struct TenantHash {
    std::size_t operator()(const pg_uuid_t& id) const noexcept {
        std::uint64_t half[2];
        std::memcpy(half, id.data, sizeof half);
        return static_cast<std::size_t>(((half[0] ^ half[1]) * 0x9E3779B97F4A7C15ull) >> 32);
    }
};

struct TenantLess {
    bool operator()(const pg_uuid_t& left, const pg_uuid_t& right) const noexcept {
        return std::memcmp(left.data, right.data, UUID_LEN) < 0;
    }
};

using AclSet = IdSet<int64, AclHash, std::less<int64>>;
using TenantSet = IdSet<pg_uuid_t, TenantHash, TenantLess>;

// "These permissions hold on these ids."
template <class Id>
struct GrantGroup {
    std::vector<std::string> permissions;
    std::vector<Id> ids;
    bool cross_tenant;    // ACLs of another tenant, shared with this user
    pg_uuid_t of_tenant;  // of ACLs
    bool by_manage;       // held only with resource.manage: the rows of every user
};

struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>{}(name); }
};

// By the name of a permission. It has the names that groups hold, and no other: a name that a caller makes up takes no memory.
template <class Value>
using ByName = std::unordered_map<std::string, Value, NameHash, std::equal_to<>>;

// Where one permission is held: the groups, and the sets made from them.
template <class Set>
struct HeldSets {
    std::vector<std::uint32_t> groups;
    std::optional<Set> here, anywhere;
};

// The default ACLs of a new row; 0 for none.
struct DefaultAcls {
    int64 tenant;
    int64 unit;
    int64 user;
};

// Permissions that a session does not hold, although its user does: in one tenant, in all others, or in all.
struct Withheld {
    OptionalUuid tenant;     // absent: in all
    std::string pattern;     // empty: all but own....
    bool elsewhere = false;  // in all others

    [[nodiscard]] bool concerns(const pg_uuid_t& of) const noexcept;
    [[nodiscard]] bool covers(std::string_view permission) const noexcept;
};

class GrantSets {
public:
    DefaultAcls defaults{};

    GrantSets() noexcept = default;
    GrantSets(const GrantSets&) = delete;
    GrantSets& operator=(const GrantSets&) = delete;
    ~GrantSets();

    void set_acls(std::vector<GrantGroup<int64>>&& groups);
    void set_tenants(std::vector<GrantGroup<pg_uuid_t>>&& groups);
    [[nodiscard]] bool has_tenants() const noexcept { return has_tenants_; }

    // The sets of `whole`, in this tenant, without what is withheld here or in the tenant of the rows. With patterns, for the
    // permissions that they cover, and of its tenants and their rows this one alone.
    static std::shared_ptr<GrantSets> narrowed(std::shared_ptr<GrantSets> whole,
                                               const std::optional<std::vector<std::string>>& patterns,
                                               std::span<const Withheld> withheld, const pg_uuid_t& tenant);

    // Keeps only these ACLs: removes rows elsewhere, new rows except those of the unit, and the tenant as a whole.
    void confine(std::vector<int64>&& acls);
    [[nodiscard]] bool is_confined() const noexcept { return confines_.has_value(); }

    // The set of one permission, made lazily; `anywhere` includes the ACLs of other tenants.
    const AclSet& acls(std::string_view permission, bool anywhere);
    const TenantSet& tenants(std::string_view permission);

    // Drops the sets made lazily when they take more than this. No caller may hold one.
    void trim(std::size_t bytes) noexcept;

    // The bytes of all objects of this class.
    [[nodiscard]] static std::size_t memory() noexcept;

    // The text that parallel workers get, of ACLs and tenants: one line.
    [[nodiscard]] std::string format() const;
    static std::shared_ptr<GrantSets> parse(std::string_view text);

private:
    void count(std::size_t& part, std::size_t bytes) noexcept;
    // Whether the sets have what the whole has, for this permission in this tenant.
    [[nodiscard]] bool lends(std::string_view permission, const pg_uuid_t& tenant) const noexcept;
    [[nodiscard]] bool lends(std::string_view permission, const GrantGroup<int64>& group) const;
    [[nodiscard]] bool has_tenant(std::string_view permission, const pg_uuid_t& tenant) const noexcept;
    void confine_ids(std::vector<int64>& ids) const;
    // acls() of narrowed sets, from these groups of the whole.
    const AclSet& lent_acls(std::string_view permission, const std::vector<std::uint32_t>& groups, bool anywhere);
    template <class Set>
    const Set& counted(std::optional<Set>& place, Set&& set) noexcept;

    std::vector<GrantGroup<int64>> acl_groups_;
    std::vector<GrantGroup<pg_uuid_t>> tenant_groups_;
    bool has_tenants_ = false;
    ByName<HeldSets<AclSet>> acls_;
    ByName<HeldSets<TenantSet>> tenants_;
    std::size_t bytes_ = 0;       // of groups and names
    std::size_t made_bytes_ = 0;  // of sets
    std::shared_ptr<GrantSets> whole_;
    std::optional<std::vector<std::string>> patterns_;
    std::vector<Withheld> withheld_;
    pg_uuid_t tenant_{};
    std::optional<AclSet> confines_;
};

}  // namespace bastion::pg
