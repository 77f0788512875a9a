// The share of a table's rows that each tenant has, by the statistics of its tenant column, and its class of size. A plan
// serves every tenant of a class. The shares are PostgreSQL's own estimates for a literal (var_eq_const() in selfuncs.c).
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bastion {

// A tenant as the column names it: the 16 bytes of its id, or its number.
struct TenantKey {
    std::array<std::uint8_t, 16> bytes{};

    [[nodiscard]] static TenantKey of_number(std::int64_t number) noexcept;
    friend auto operator<=>(const TenantKey&, const TenantKey&) = default;
};

// An entry of the list of most common values.
struct CommonTenant {
    TenantKey key;
    float frequency;  // of all rows
    int place;        // in the list
};

struct TenantStatistics {
    std::vector<CommonTenant> common;
    double null_fraction = 0;
    double distinct = 0;        // the number of tenants
    std::size_t list_size = 0;  // of the list of most common values, including those that are no tenants
    double list_sum = 0;        // the sum of its frequencies
    float list_least = 1;       // the least of them
};

struct TenantShare {
    double fraction;  // of all rows; above 0
    int size_class;
    int place;  // in the list of most common values, or -1
};

class TenantClasses {
public:
    // Class 0 holds the tenants outside the list and those up to four times as large, class n those from 4^n times.
    static constexpr int largest_class = 60;
    // Tenants outside a list that has every value: no rows, as far as the statistics know.
    static constexpr int absent_class = 62;

    explicit TenantClasses(TenantStatistics statistics);

    [[nodiscard]] TenantShare share_of(const TenantKey& key) const noexcept;
    // Of a tenant outside the list, and of nobody.
    [[nodiscard]] const TenantShare& share_of_others() const noexcept { return others_; }
    // The number of tenants, at least 1.
    [[nodiscard]] double tenants() const noexcept { return tenants_; }
    [[nodiscard]] std::size_t heap_bytes() const noexcept { return common_.capacity() * sizeof(CommonTenant); }

private:
    [[nodiscard]] int class_of(double fraction) const noexcept;

    std::vector<CommonTenant> common_;  // sorted by key
    TenantShare others_;
    double class_base_;
    double tenants_;
};

}  // namespace bastion
