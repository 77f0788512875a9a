#include "pg/cache/backend_cache.hpp"

namespace bastion::pg {

CacheStatistics ValueCache::statistics() const noexcept {
    return {loads_, hits_, stale_, static_cast<int64>(entries_.size()), static_cast<int64>(bytes_)};
}

void ValueCache::drop_all() noexcept {
    count_dropped(entries_.size());
    shrink({0, 0});
    ++generation_;
    Assert(is_consistent() && bytes_ == 0);
}

void ValueCache::drop_one(Oid message) noexcept {
    for (auto found = by_message_.find(message); found != by_message_.end(); found = by_message_.find(message)) {
        remove(found->second);
        count_dropped(1);
    }
    Assert(is_consistent());
}

void ValueCache::count_dropped(std::size_t entries) noexcept {
    stale_ += static_cast<int64>(entries);
    count(counter_at(counters_, cache_dropped), entries);
}

void* ValueCache::use(Place place) noexcept {
    entries_.splice(entries_.begin(), entries_, place);
    ++hits_;
    count(counter_at(counters_, cache_hits));
    return pin(place->value, true);
}

void ValueCache::keep(std::string_view key, std::shared_ptr<void> value, std::vector<Oid>&& messages,
                      std::size_t value_bytes, bool keeps) {
    Entry entry{std::string(key), value, std::move(messages), 0};
    entry.bytes = entry_bytes + heap_bytes(entry.key) + entry.messages.size() * message_bytes + value_bytes;
    keeps = keeps && limits_.entries > 0 && entry.bytes <= limits_.bytes;
    if (keeps) {
        if (const Place* old = place_of(key); old != nullptr) remove(*old);
        shrink({limits_.entries - 1, limits_.bytes - entry.bytes});
        insert(std::move(entry));
    }
    pin(std::move(value), keeps);
}

void* ValueCache::pin(std::shared_ptr<void> value, bool kept) noexcept {
    // One owner is the pin; a cached value has the cache as another.
    Assert(value == nullptr || value.use_count() > (kept ? 1 : 0));
    pinned_ = std::move(value);
    lease_ = kept ? generation_ : 0;
    return pinned_.get();
}

void ValueCache::insert(Entry&& entry) {
    bytes_ += entry.bytes;
    entries_.push_front(std::move(entry));
    try {
        by_key_.emplace(entries_.front().key, entries_.begin());
        for (const Oid message : entries_.front().messages) by_message_.emplace(message, entries_.begin());
    } catch (...) {
        remove(entries_.begin());
        throw;
    }
    Assert(is_consistent());
}

void ValueCache::remove(Place place) noexcept {
    for (const Oid message : place->messages) {
        const auto [first, last] = by_message_.equal_range(message);
        const auto found = std::find_if(first, last, [&](const auto& pair) { return pair.second == place; });
        if (found != last) by_message_.erase(found);
    }
    by_key_.erase(place->key);
    bytes_ -= place->bytes;
    entries_.erase(place);
    ++generation_;
}

// For assertions: the indexes match the list, and the sum of the bytes is correct.
bool ValueCache::is_consistent() const noexcept {
    std::size_t bytes = 0;
    std::size_t messages = 0;
    for (const Entry& entry : entries_) {
        bytes += entry.bytes;
        messages += entry.messages.size();
    }
    return bytes == bytes_ && by_key_.size() == entries_.size() && by_message_.size() == messages &&
           entries_.size() <= limits_.entries && bytes_ <= limits_.bytes;
}

// Removes the least recently used entries.
void ValueCache::shrink(const CacheLimits& limits) noexcept {
    while (!entries_.empty() && (entries_.size() > limits.entries || bytes_ > limits.bytes))
        remove(std::prev(entries_.end()));
}

}  // namespace bastion::pg
