// The cache of a backend, one template for all: values from the rows of a table, or results of verifications. The file that
// reads the rows holds a static of this type, and defines how a row is read and which value is made from it.
// docs/ARCHITECTURE.md ("Caches") has the contract.
#pragma once

#include "pg/base/guard.hpp"
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

template <class Value, std::size_t KeySize>
class BackendCache final : public CacheListener {
public:
    using Key = CacheKey<KeySize>;

    BackendCache(const char* name, Oid everything, const CacheLimits& limits)
        : CacheListener(everything, name), limits_(limits) {}

    // Any phase: the cached value, pinned; null when there is none that is `usable`.
    template <class Usable>
    [[nodiscard]] Value* find(const Key& key, Usable&& usable) noexcept {
        const auto found = key.fits() ? by_key_.find(key.bytes()) : by_key_.end();
        if (found == by_key_.end() || !usable(*found->second->value)) return nullptr;
        entries_.splice(entries_.begin(), entries_, found->second);
        ++statistics_.hits;
        return pin(found->second->value, true);
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
        ++statistics_.loads;
        if (!row) return nullptr;
        guarded_or_raise([&]() -> Result<void> {
            Result<Loaded<Value>> made = make(*row);
            if (!made) return made.error();
            keep(key, std::move(*made), before);
            return {};
        });
        return pinned_.get();
    }

    // Phase B, where a load needs more than one step of each phase: pins the value, and keeps it unless a message arrived since
    // invalidation_count() was `before`.
    Value* keep(const Key& key, Loaded<Value>&& made, uint64 before) {
        Assert(in_phase_b && before <= invalidation_count());
        auto value = std::make_shared<Value>(std::move(made.value));
        const std::size_t bytes = entry_bytes + made.messages.size() * message_bytes + made.heap;
        const bool keeps =
            made.keeps && key.fits() && before == invalidation_count() && limits_.entries > 0 && bytes <= limits_.bytes;
        if (keeps) {
            if (const auto old = by_key_.find(key.bytes()); old != by_key_.end()) remove(old->second);
            shrink({limits_.entries - 1, limits_.bytes - bytes});
            insert({key, value, std::move(made.messages), bytes});
        }
        return pin(std::move(value), keeps);
    }

    void limit(const CacheLimits& limits) noexcept {
        limits_ = limits;
        shrink(limits);
    }

    // Removes the least recently used values, except the most recent one, while `wanted` says so.
    template <class Wanted>
    void shrink_while(Wanted&& wanted) noexcept {
        while (entries_.size() > 1 && wanted()) remove(std::prev(entries_.end()));
    }

    // The pinned value, for a static that needs it longer.
    [[nodiscard]] std::shared_ptr<Value> share() const noexcept { return pinned_; }

    // For call sites, which can hold a plain pointer only. generation() changes whenever a value leaves the cache; a pointer to
    // the pinned value is good while it is what lease() was: 0, which it never is, for a value that was not kept.
    [[nodiscard]] uint64 generation() const noexcept { return generation_; }
    [[nodiscard]] uint64 lease() const noexcept { return lease_; }

    [[nodiscard]] CacheStatistics statistics() const noexcept override {
        CacheStatistics out = statistics_;
        out.entries = static_cast<int64>(entries_.size());
        out.bytes = static_cast<int64>(bytes_);
        return out;
    }

    void drop_all() noexcept override {
        statistics_.stale += static_cast<int64>(entries_.size());
        shrink({0, 0});
        ++generation_;
        Assert(is_consistent() && bytes_ == 0);
    }

    void drop_one(Oid message) noexcept override {
        for (auto found = by_message_.find(message); found != by_message_.end(); found = by_message_.find(message)) {
            remove(found->second);
            ++statistics_.stale;
        }
        Assert(is_consistent());
    }

    void unpin() noexcept override { pin(nullptr, false); }

private:
    struct Entry {
        Key key;
        std::shared_ptr<Value> value;
        std::vector<Oid> messages;
        std::size_t bytes;
    };
    using Place = typename std::list<Entry>::iterator;

    // An entry with its nodes of the list and of the indexes, and one message.
    static constexpr std::size_t node_bytes = 4 * sizeof(void*);
    static constexpr std::size_t entry_bytes = sizeof(Entry) + sizeof(Value) + 3 * node_bytes;
    static constexpr std::size_t message_bytes = sizeof(Oid) + sizeof(std::pair<Oid, Place>) + node_bytes;

    Value* pin(std::shared_ptr<Value> value, bool kept) noexcept {
        // One owner is the pin; a cached value has the cache as another.
        Assert(value == nullptr || value.use_count() > (kept ? 1 : 0));
        pinned_ = std::move(value);
        lease_ = kept ? generation_ : 0;
        return pinned_.get();
    }

    void insert(Entry&& entry) {
        bytes_ += entry.bytes;
        entries_.push_front(std::move(entry));
        try {
            by_key_.emplace(entries_.front().key.bytes(), entries_.begin());
            for (const Oid message : entries_.front().messages) by_message_.emplace(message, entries_.begin());
        } catch (...) {
            remove(entries_.begin());
            throw;
        }
        Assert(is_consistent());
    }

    void remove(Place place) noexcept {
        for (const Oid message : place->messages) {
            const auto [first, last] = by_message_.equal_range(message);
            const auto found = std::find_if(first, last, [&](const auto& pair) { return pair.second == place; });
            if (found != last) by_message_.erase(found);
        }
        by_key_.erase(place->key.bytes());
        bytes_ -= place->bytes;
        entries_.erase(place);
        ++generation_;
    }

    // For assertions: the indexes match the list, and the sum of the bytes is correct.
    [[nodiscard]] bool is_consistent() const noexcept {
        std::size_t bytes = 0;
        std::size_t messages = 0;
        for (const Entry& entry : entries_) {
            bytes += entry.bytes;
            messages += entry.messages.size();
        }
        return bytes == bytes_ && by_key_.size() == entries_.size() && by_message_.size() == messages &&
               entries_.size() <= limits_.entries && bytes_ <= limits_.bytes;
    }

    // Removes the least recently used entry.
    void shrink(const CacheLimits& limits) noexcept {
        while (!entries_.empty() && (entries_.size() > limits.entries || bytes_ > limits.bytes))
            remove(std::prev(entries_.end()));
    }

    CacheLimits limits_;
    std::list<Entry> entries_;  // most recently used first
    std::unordered_map<std::string_view, Place> by_key_;
    std::unordered_multimap<Oid, Place> by_message_;
    std::size_t bytes_ = 0;
    std::shared_ptr<Value> pinned_;
    uint64 generation_ = 1;
    uint64 lease_ = 0;
    CacheStatistics statistics_{};
};

}  // namespace bastion::pg
