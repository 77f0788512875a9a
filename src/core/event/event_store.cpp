#include "core/event/event_store.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace bastion {

std::size_t EventStore::size_for(std::uint32_t blocks) {
    return sizeof(EventStore) + std::size_t{blocks} * sizeof(Block);
}

std::uint32_t EventStore::blocks_for(std::size_t length) {
    return static_cast<std::uint32_t>(std::max<std::size_t>(1, (length + piece - 1) / piece));
}

EventStore* EventStore::create(void* memory, std::uint32_t blocks) {
    auto* store = new (memory) EventStore;
    store->free_count_ = blocks;
    store->free_ = blocks > 0 ? 0 : none;
    for (std::uint32_t i = 0; i < blocks; ++i) store->blocks()[i].next = i + 1 < blocks ? i + 1 : none;
    return store;
}

std::uint32_t EventStore::put(char kind, std::string_view payload, std::uint8_t share, std::int64_t time) {
    const std::uint32_t event = free_;
    std::uint32_t last = none;
    std::size_t offset = 0;
    do {
        last = free_;
        Block& block = blocks()[last];
        const std::size_t size = std::min(piece, payload.size() - offset);
        std::memcpy(block.bytes, payload.data() + offset, size);
        offset += size;
        free_ = block.next;
        --free_count_;
    } while (offset < payload.size());
    blocks()[last].next = none;
    Block& head = blocks()[event];
    head.next_event = none;
    head.length = static_cast<std::uint32_t>(payload.size());
    head.kind = kind;
    head.share = share;
    head.time = time;
    return event;
}

std::uint32_t EventStore::remove(std::uint32_t event) {
    std::uint32_t count = 0;
    std::uint32_t last = none;
    for (std::uint32_t block = event; block != none; block = blocks()[block].next) {
        last = block;
        ++count;
    }
    blocks()[last].next = free_;
    free_ = event;
    free_count_ += count;
    return count;
}

void EventStore::copy_payload(std::uint32_t event, char* out) const {
    const std::size_t length = blocks()[event].length;
    std::uint32_t block = event;
    for (std::size_t offset = 0; offset < length; block = blocks()[block].next) {
        const std::size_t size = std::min(piece, length - offset);
        std::memcpy(out + offset, blocks()[block].bytes, size);
        offset += size;
    }
}

}  // namespace bastion
