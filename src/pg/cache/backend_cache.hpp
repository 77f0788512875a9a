// The cache of a backend, one class for all: values from the rows of a table, or results of verifications. The file that
// reads the rows holds a static of this type, and defines how a row is read and which value is made from it.
// docs/ARCHITECTURE.md ("Caches") has the contract.
#pragma once

#include "pg/base/guard.hpp"
#include "pg/base/statistics_name.hpp"
#include "pg/cache/announcement.hpp"

namespace bastion::pg {

// Bytes that name a value: parts of fixed size, and texts, each but the last followed by a separator. A POD, because a key
// stays alive while a load reads, which may raise. A key that does not fit into Size finds no value and caches none.
template <std::size_t Size>
class CacheKey {
public:
    CacheKey() noexcept {}  // the bytes stay undefined

    template <class Part>
    explicit CacheKey(const Part& part) noexcept {
        add(part);
    }

    CacheKey& add(std::string_view part) noexcept {
        fits_ = fits_ && part.size() <= Size - size_;
        if (fits_) size_ += part.copy(bytes_ + size_, part.size());
        return *this;
    }

    CacheKey& add(const char* part) noexcept { return add(std::string_view(part)); }
    CacheKey& add(const pg_uuid_t& part) noexcept { return add({reinterpret_cast<const char*>(part.data), UUID_LEN}); }

    template <class Integer>
    requires std::is_integral_v<Integer> CacheKey& add(Integer part) noexcept {
        return add({reinterpret_cast<const char*>(&part), sizeof part});
    }

    [[nodiscard]] bool fits() const noexcept { return fits_; }
    [[nodiscard]] std::string_view bytes() const noexcept { return {bytes_, size_}; }

private:
    std::size_t size_ = 0;
    bool fits_ = true;
    char bytes_[Size];
};

struct CacheLimits {
    std::size_t entries;
    std::size_t bytes;
};

inline constexpr std::size_t mebibyte = 1024 * 1024;

// The bytes of texts on the heap, for Loaded::bytes.
[[nodiscard]] inline std::size_t heap_bytes(const std::string& text) noexcept {
    return text.capacity() > std::string().capacity() ? text.capacity() + 1 : 0;
}

[[nodiscard]] inline std::size_t heap_bytes(const std::vector<std::string>& texts) noexcept {
    std::size_t bytes = texts.capacity() * sizeof(std::string);
    for (const std::string& text : texts) bytes += heap_bytes(text);
    return bytes;
}

// The value that a load made from the row.
template <class Value>
struct Loaded {
    Value value;
    std::vector<Oid> messages = {};  // the messages that drop it, besides the one for everything
    std::size_t heap = 0;            // bytes that the value holds besides itself
    bool keeps = true;
};

// What every cache does with values of any type; BackendCache has the type.
class ValueCache : public CacheListener {
public:
    ValueCache(const char* name, Oid everything, const CacheLimits& limits)
        : CacheListener(everything, name), counters_(counters_of_cache(name)), limits_(limits) {}

    void limit(const CacheLimits& limits) noexcept {
        limits_ = limits;
        shrink(limits);
    }

    // Removes the least recently used values, except the most recent one, while `wanted` says so.
    template <class Wanted>
    void shrink_while(Wanted&& wanted) noexcept {
        while (entries_.size() > 1 && wanted()) remove(std::prev(entries_.end()));
    }

    // For call sites, which can hold a plain pointer only. generation() changes whenever a value leaves the cache; a pointer to
    // the pinned value is good while it is what lease() was: 0, which it never is, for a value that was not kept.
    [[nodiscard]] uint64 generation() const noexcept { return generation_; }
    [[nodiscard]] uint64 lease() const noexcept { return lease_; }

    // load() counts a miss; a caller that finds no value, and makes one otherwise, does it.
    void count_miss() const noexcept { count(counter_at(counters_, cache_misses)); }

    [[nodiscard]] CacheStatistics statistics() const noexcept override;
    void drop_all() noexcept override;
    void drop_one(Oid message) noexcept override;
    void unpin() noexcept override { pin(nullptr, false); }

protected:
    struct Entry {
        std::string key;
        std::shared_ptr<void> value;
        std::vector<Oid> messages;
        std::size_t bytes;
    };
    using Place = std::list<Entry>::iterator;

    // Null when there is none.
    [[nodiscard]] const Place* place_of(std::string_view key) const noexcept {
        const auto found = by_key_.find(key);
        return found == by_key_.end() ? nullptr : &found->second;
    }

    // A hit: the value becomes the most recently used one, and pinned.
    [[nodiscard]] void* use(Place place) noexcept;

    // Pins the value, and keeps it where the limits let it. `value_bytes` are those besides key and messages.
    void keep(std::string_view key, std::shared_ptr<void> value, std::vector<Oid>&& messages, std::size_t value_bytes,
              bool keeps);

    void* pin(std::shared_ptr<void> value, bool kept) noexcept;

    ~ValueCache() = default;

    std::shared_ptr<void> pinned_;
    int64 loads_ = 0;

private:
    // The nodes of an entry in the list and in the indexes, and one message.
    static constexpr std::size_t node_bytes = 4 * sizeof(void*);
    static constexpr std::size_t entry_bytes = sizeof(Entry) + 3 * node_bytes;
    static constexpr std::size_t message_bytes = sizeof(Oid) + sizeof(std::pair<Oid, Place>) + node_bytes;

    void insert(Entry&& entry);
    void remove(Place place) noexcept;
    [[nodiscard]] bool is_consistent() const noexcept;
    void shrink(const CacheLimits& limits) noexcept;
    void count_dropped(std::size_t entries) noexcept;

    const Counter counters_;
    CacheLimits limits_;
    std::list<Entry> entries_;  // most recently used first
    std::unordered_map<std::string_view, Place> by_key_;
    std::unordered_multimap<Oid, Place> by_message_;
    std::size_t bytes_ = 0;
    uint64 generation_ = 1;
    uint64 lease_ = 0;
    int64 hits_ = 0;
    int64 stale_ = 0;
};

template <class Value, std::size_t KeySize>
class BackendCache final : public ValueCache {
public:
    using Key = CacheKey<KeySize>;
    using ValueCache::ValueCache;

    // Any phase: the cached value, pinned; null when there is none that is `usable`.
    template <class Usable>
    [[nodiscard]] Value* find(const Key& key, Usable&& usable) noexcept {
        const Place* found = key.fits() ? place_of(key.bytes()) : nullptr;
        if (found == nullptr || !usable(*static_cast<const Value*>((*found)->value.get()))) return nullptr;
        return static_cast<Value*>(use(*found));
    }

    [[nodiscard]] Value* find(const Key& key) noexcept {
        return find(key, [](const Value&) { return true; });
    }

    // Phase A: the value, cached or loaded, and pinned. First drops what earlier commands of the transaction changed.
    template <class Usable, class Read, class Make>
    [[nodiscard]] Value* get(const Key& key, Usable&& usable, Read&& read, Make&& make) {
        settle_changes();
        Value* cached = find(key, usable);
        return cached != nullptr ? cached : load(key, read, make);
    }

    template <class Read, class Make>
    [[nodiscard]] Value* get(const Key& key, Read&& read, Make&& make) {
        return get(
            key, [](const Value&) { return true; }, read, make);
    }

    // Phase A: reads and makes the value, and pins it. `read` returns an optional POD and may raise; without a row there is no
    // value, and nothing is cached. `make` runs in phase B and returns Result<Loaded<Value>>. The value is not kept when a
    // message arrived meanwhile.
    template <class Read, class Make>
    [[nodiscard]] Value* load(const Key& key, Read&& read, Make&& make) {
        Assert(!in_phase_b);
        const uint64 before = invalidation_count();
        const auto row = read();
        static_assert(std::is_trivially_destructible_v<decltype(row)>, "must survive an ERROR");
        ++loads_;
        count_miss();
        if (!row) return nullptr;
        guarded_or_raise([&]() -> Result<void> {
            Result<Loaded<Value>> made = make(*row);
            if (!made) return std::move(made).error();
            keep(key, std::move(*made), before);
            return {};
        });
        return pinned();
    }

    // Phase B, where a load needs more than one step of each phase: pins the value, and keeps it unless a message arrived since
    // invalidation_count() was `before`.
    Value* keep(const Key& key, Loaded<Value>&& made, uint64 before) {
        Assert(in_phase_b && before <= invalidation_count());
        ValueCache::keep(key.bytes(), std::make_shared<Value>(std::move(made.value)), std::move(made.messages),
                         sizeof(Value) + made.heap, made.keeps && key.fits() && before == invalidation_count());
        return pinned();
    }

    // The pinned value, for a static that needs it longer.
    [[nodiscard]] std::shared_ptr<Value> share() const noexcept { return std::static_pointer_cast<Value>(pinned_); }

private:
    [[nodiscard]] Value* pinned() const noexcept { return static_cast<Value*>(pinned_.get()); }
};

}  // namespace bastion::pg
