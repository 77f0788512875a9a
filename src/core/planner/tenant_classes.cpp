#include "core/planner/tenant_classes.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace bastion {
namespace {

// What the planner rounds up to one row of any table.
constexpr double least_fraction = 1e-9;
// Below it a share of the others says nothing about the size of one of them.
constexpr double least_base = 1e-6;

double fraction_of_others(const TenantStatistics& statistics) noexcept {
    double rest = std::max(0.0, 1.0 - statistics.list_sum - statistics.null_fraction);
    const double others = statistics.distinct - static_cast<double>(statistics.list_size);
    if (others > 1) rest /= others;
    if (statistics.list_size > 0) rest = std::min<double>(rest, statistics.list_least);
    return std::max(rest, least_fraction);
}

bool is_complete(const TenantStatistics& statistics) noexcept {
    return statistics.list_size > 0 && statistics.distinct <= static_cast<double>(statistics.list_size);
}

}  // namespace

TenantKey TenantKey::of_number(std::int64_t number) noexcept {
    TenantKey key;
    std::memcpy(key.bytes.data(), &number, sizeof number);
    return key;
}

TenantClasses::TenantClasses(TenantStatistics statistics)
    : common_(std::move(statistics.common)),
      others_{fraction_of_others(statistics), is_complete(statistics) ? absent_class : 0, -1},
      class_base_(statistics.list_size > 0 && others_.fraction < least_base ? statistics.list_least : others_.fraction),
      tenants_(std::max(1.0, statistics.distinct)) {
    std::sort(common_.begin(), common_.end(),
              [](const CommonTenant& left, const CommonTenant& right) { return left.key < right.key; });
}

int TenantClasses::class_of(double fraction) const noexcept {
    const double times = fraction / std::max(class_base_, least_fraction);
    return times < 4 ? 0 : std::min(largest_class, static_cast<int>(std::floor(std::log2(times) / 2)));
}

TenantShare TenantClasses::share_of(const TenantKey& key) const noexcept {
    const auto found = std::lower_bound(common_.begin(), common_.end(), key,
                                        [](const CommonTenant& entry, const TenantKey& k) { return entry.key < k; });
    if (found == common_.end() || found->key != key) return others_;
    const double fraction = std::max<double>(found->frequency, least_fraction);
    return {fraction, class_of(fraction), found->place};
}

}  // namespace bastion
