// Events of any length in a fixed piece of memory that several processes share: blocks of equal size, those of one event
// chained, the others in a free list. It holds indexes and no pointers, so each process may map it at another address,
// and it takes no lock: the caller does. pg/event/event_queue.cpp puts one behind its lanes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bastion {

class EventStore {
public:
    static constexpr std::uint32_t none = UINT32_MAX;

    // The memory that so many blocks need.
    [[nodiscard]] static std::size_t size_for(std::uint32_t blocks);
    // How many blocks an event of that length takes.
    [[nodiscard]] static std::uint32_t blocks_for(std::size_t length);

    // Makes an empty store in `memory`, which is aligned for any type and size_for(blocks) long; lives as long as that.
    static EventStore* create(void* memory, std::uint32_t blocks);

    [[nodiscard]] std::uint32_t free_count() const { return free_count_; }

    // Stores an event, for which blocks_for() blocks must be free, and returns it. `share` and `time` are numbers for the caller.
    [[nodiscard]] std::uint32_t put(char kind, std::string_view payload, std::uint8_t share = 0, std::int64_t time = 0);
    // Frees its blocks and returns how many they were.
    std::uint32_t remove(std::uint32_t event);

    [[nodiscard]] char kind(std::uint32_t event) const { return blocks()[event].kind; }
    [[nodiscard]] std::uint8_t share(std::uint32_t event) const { return blocks()[event].share; }
    [[nodiscard]] std::int64_t time(std::uint32_t event) const { return blocks()[event].time; }
    [[nodiscard]] std::size_t length(std::uint32_t event) const { return blocks()[event].length; }
    // Copies length() bytes.
    void copy_payload(std::uint32_t event, char* out) const;

    // Events may be chained: the one after, none at first.
    [[nodiscard]] std::uint32_t next(std::uint32_t event) const { return blocks()[event].next_event; }
    void set_next(std::uint32_t event, std::uint32_t next) { blocks()[event].next_event = next; }

private:
    static constexpr std::size_t piece = 232;

    struct Block {
        std::uint32_t next;  // of the same event, or of the free list
        // Only in the first block of an event.
        std::uint32_t next_event;
        std::uint32_t length;
        std::int64_t time;
        char kind;
        std::uint8_t share;
        char bytes[piece];
    };

    [[nodiscard]] Block* blocks() { return reinterpret_cast<Block*>(this + 1); }
    [[nodiscard]] const Block* blocks() const { return reinterpret_cast<const Block*>(this + 1); }

    std::uint32_t free_ = none;
    std::uint32_t free_count_ = 0;
};

}  // namespace bastion
