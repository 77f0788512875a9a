#include "core/base/key_memory.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace bastion {
namespace {

constexpr std::size_t chunk_bytes = 16384;
constexpr std::size_t max_chunks = 4096;
constexpr std::array<std::size_t, 2> place_sizes = {64, key_memory_max_bytes};

struct FreePlace {
    FreePlace* next;
};

struct Chunk {
    void* memory;
    bool locked;
};

std::array<FreePlace*, place_sizes.size()> free_places{};
std::array<Chunk, max_chunks> chunks{};
std::size_t chunk_count = 0;
bool forked = false;

std::size_t class_of(std::size_t size) noexcept { return size <= place_sizes[0] ? 0 : 1; }

// Pages between two guard pages, whose use is a segmentation fault.
void* map_guarded() noexcept {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* const all = ::mmap(nullptr, chunk_bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) return nullptr;
    void* const memory = static_cast<std::uint8_t*>(all) + page;
    if (::mprotect(memory, chunk_bytes, PROT_READ | PROT_WRITE) == 0 &&
        ::madvise(memory, chunk_bytes, MADV_DONTDUMP) == 0)
        return memory;
    ::munmap(all, chunk_bytes + 2 * page);
    return nullptr;
}

bool lock(void* memory) noexcept { return ::mlock(memory, chunk_bytes) == 0; }

// A child process inherits the memory and its exclusion from core dumps, but not the lock.
void note_fork() noexcept {
    forked = true;
    for (std::size_t i = 0; i < chunk_count; ++i) chunks[i].locked = false;
}

void lock_inherited() noexcept {
    forked = false;
    for (std::size_t i = 0; i < chunk_count; ++i) chunks[i].locked = lock(chunks[i].memory);
}

bool add_chunk(std::size_t place_class) noexcept {
    if (chunk_count == 0) ::pthread_atfork(nullptr, nullptr, note_fork);
    void* const memory = chunk_count < max_chunks ? map_guarded() : nullptr;
    if (memory == nullptr) return false;
    chunks[chunk_count++] = {memory, lock(memory)};
    auto* const first = static_cast<std::uint8_t*>(memory);
    for (std::size_t at = chunk_bytes; at >= place_sizes[place_class];) {
        at -= place_sizes[place_class];
        release_key_memory(first + at, place_sizes[place_class]);
    }
    return true;
}

}  // namespace

void* allocate_key_memory(std::size_t size) noexcept {
    if (size > key_memory_max_bytes) return nullptr;
    if (forked) lock_inherited();
    const std::size_t place_class = class_of(size);
    if (free_places[place_class] == nullptr && !add_chunk(place_class)) return nullptr;
    FreePlace* const place = free_places[place_class];
    free_places[place_class] = place->next;
    std::memset(static_cast<void*>(place), 0, size);
    return place;
}

void release_key_memory(void* memory, std::size_t size) noexcept {
    auto* const place = static_cast<FreePlace*>(memory);
    FreePlace*& first = free_places[class_of(size)];
    place->next = first;
    first = place;
}

KeyMemory key_memory() noexcept {
    KeyMemory all;
    for (std::size_t i = 0; i < chunk_count; ++i) {
        all.size += chunk_bytes;
        if (chunks[i].locked) all.locked += chunk_bytes;
    }
    return all;
}

}  // namespace bastion
