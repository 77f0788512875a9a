// The names of the counters: what they count, of what, and how it ended. Those of caches come with the caches, when the library is loaded.
#pragma once

#include "pg/base/statistics.hpp"

namespace bastion::pg {

// The counters of a cache, from the first one on, for its whole lifetime; a cache beyond `most_caches` counts with the last one. The name
// is a static.
[[nodiscard]] Counter counters_of_cache(const char* name) noexcept;

// Words, which need no escape anywhere.
struct CounterName {
    const char* topic;  // null: nothing has this counter
    const char* subject;
    const char* detail;
};
[[nodiscard]] CounterName counter_name(std::size_t place) noexcept;

}  // namespace bastion::pg
