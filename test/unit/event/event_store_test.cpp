// Events in a fixed piece of memory: stored events come back, in any order of removal, and no block is lost.
#include "core/event/event_store.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <random>
#include <string>

#include "unit/base/words.hpp"

namespace bastion {
namespace {

using bastion::test::words;

struct Store {
    explicit Store(std::uint32_t blocks)
        : memory(new std::max_align_t[EventStore::size_for(blocks) / sizeof(std::max_align_t) + 1]),
          store(EventStore::create(memory.get(), blocks)) {}
    EventStore* operator->() const { return store; }

    std::unique_ptr<std::max_align_t[]> memory;
    EventStore* store;
};

std::string payload_of(const Store& store, std::uint32_t event) {
    std::string out(store->length(event), '\0');
    store->copy_payload(event, out.data());
    return out;
}

TEST(EventStore, GivesBackWhatWasPut) {
    const Store store(40);
    for (const std::size_t length : {0, 1, 231, 232, 233, 464, 465, 5000}) {
        SCOPED_TRACE(words(length));
        std::string payload(length, 'x');
        for (std::size_t i = 0; i < length; ++i) payload[i] = static_cast<char>('a' + i % 23);
        const std::uint32_t event = store->put('s', payload, 200, 1'700'000'000'000'000);
        EXPECT_EQ(store->kind(event), 's');
        EXPECT_EQ(store->time(event), 1'700'000'000'000'000);
        EXPECT_EQ(store->share(event), 200);
        EXPECT_EQ(store->next(event), EventStore::none);
        EXPECT_EQ(payload_of(store, event), payload);
        EXPECT_EQ(store->free_count(), 40 - EventStore::blocks_for(length));
        EXPECT_EQ(store->remove(event), EventStore::blocks_for(length));
        EXPECT_EQ(store->free_count(), 40U);
    }
}

TEST(EventStore, CountsBlocks) {
    EXPECT_EQ(EventStore::blocks_for(0), 1U);
    EXPECT_EQ(EventStore::blocks_for(232), 1U);
    EXPECT_EQ(EventStore::blocks_for(233), 2U);
}

TEST(EventStore, CanBeFilledToTheLastBlock) {
    const Store store(3);
    const std::uint32_t first = store->put('a', "one");
    const std::uint32_t second = store->put('b', std::string(300, 'y'));
    EXPECT_EQ(store->free_count(), 0U);
    EXPECT_EQ(payload_of(store, first), "one");
    EXPECT_EQ(payload_of(store, second), std::string(300, 'y'));
    store->remove(first);
    const std::uint32_t third = store->put('c', "three");
    EXPECT_EQ(payload_of(store, second), std::string(300, 'y'));
    EXPECT_EQ(payload_of(store, third), "three");
}

TEST(EventStore, KeepsManyApart) {
    const Store store(200);
    std::mt19937 random(7);
    std::deque<std::pair<std::uint32_t, std::string>> held;
    for (int i = 0; i < 20000; ++i) {
        SCOPED_TRACE(words(i));
        const std::string payload(random() % 2000, static_cast<char>('A' + i % 26));
        if (store->free_count() >= EventStore::blocks_for(payload.size())) {
            held.emplace_back(store->put('k', payload), payload);
            if (held.size() > 1) store->set_next(held[held.size() - 2].first, held.back().first);
        }
        if (held.empty() || random() % 3 == 0) continue;
        if (held.size() > 1) {
            ASSERT_EQ(store->next(held[0].first), held[1].first);
        }
        ASSERT_EQ(payload_of(store, held.front().first), held.front().second);
        store->remove(held.front().first);
        held.pop_front();
    }
    for (const auto& [event, payload] : held) {
        SCOPED_TRACE(words(event, payload));
        ASSERT_EQ(payload_of(store, event), payload);
        store->remove(event);
    }
    EXPECT_EQ(store->free_count(), 200U);
}

}  // namespace
}  // namespace bastion
