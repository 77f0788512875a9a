// The cache of a backend, with values that count themselves: hits, evictions and lifetimes. Built and loaded by the tests
// alone.
#include "pg/cache/backend_cache.hpp"

extern "C" {
PG_MODULE_MAGIC;
}

namespace bastion::pg {
namespace {

int live = 0;

struct Counted {
    explicit Counted(int number) noexcept : number(number) { ++live; }
    Counted(Counted&& other) noexcept : number(other.number) { ++live; }
    ~Counted() { --live; }
    int number;
};

using Cache = BackendCache<Counted, 8>;

const Oid everything = invalidation_of("test", "everything");
Cache cache("test", everything, {3, 10000});

Oid message(int number) { return invalidation_of("test", std::to_string(number)); }

struct What {
    std::size_t heap = 10;
    bool keeps = true;
    bool message_arrives = false;
};

// As a message of another backend, or of an earlier command.
void receive(Oid synthetic) {
    send_invalidation(synthetic);
    CommandEndInvalidationMessages();
}

const Counted* load(int number, const What& what = {}) {
    return cache.load(
        Cache::Key(number),
        [&]() -> std::optional<int> {
            if (what.message_arrives) receive(message(0));
            return number;
        },
        [&](int row) -> bastion::Result<Loaded<Counted>> {
            return Loaded<Counted>{
                Counted(row), {message(row), message(row % 2 == 0 ? 100 : 101)}, what.heap, what.keeps};
        });
}

bool has(int number) { return cache.find(Cache::Key(number)) != nullptr; }

void start() {
    cache.limit({3, 10000});
    cache.drop_all();
    cache.unpin();
}

bool finds_what_it_loaded() {
    const Counted* loaded = load(1);
    return loaded->number == 1 && cache.find(Cache::Key(1)) == loaded && !has(2) && live == 1;
}

bool absent_row_is_not_cached() {
    const auto none = []() { return std::optional<int>(); };
    const auto make = [](int row) -> bastion::Result<Loaded<Counted>> { return Loaded<Counted>{Counted(row)}; };
    return cache.load(Cache::Key(1), none, make) == nullptr && !has(1) && live == 0;
}

bool least_recently_used_leaves() {
    for (const int number : {1, 2, 3}) (void)load(number);
    const bool used = has(1);
    (void)load(4);
    return used && has(1) && !has(2) && has(3) && has(4) && live == 3;
}

bool bytes_are_limited() {
    (void)load(1, {6000});
    (void)load(2, {6000});
    const bool replaced = !has(1) && has(2);
    const Counted* huge = load(3, {10000});
    return replaced && huge->number == 3 && !has(3) && has(2);
}

bool bytes_are_counted() {
    (void)load(1, {6000});
    const CacheStatistics one = cache.statistics();
    (void)load(2);
    const CacheStatistics two = cache.statistics();
    cache.drop_all();
    const CacheStatistics none = cache.statistics();
    return one.entries == 1 && one.bytes > 6000 && two.entries == 2 && two.bytes > one.bytes && none.entries == 0 &&
           none.bytes == 0;
}

bool message_drops_what_it_names() {
    for (const int number : {1, 2, 3}) (void)load(number);
    receive(message(2));
    const bool one = has(1) && !has(2) && has(3);
    receive(message(101));
    return one && !has(1) && !has(3);
}

bool message_for_everything_drops_all() {
    for (const int number : {1, 2, 3}) (void)load(number);
    receive(everything);
    return !has(1) && !has(2) && !has(3);
}

bool changed_meanwhile_is_not_kept() {
    const Counted* loaded = load(1, {10, true, true});
    return loaded->number == 1 && cache.lease() == 0 && !has(1);
}

bool refused_is_not_kept() { return load(1, {10, false})->number == 1 && !has(1); }

bool pin_outlives_the_drop() {
    const Counted* loaded = load(1);
    receive(everything);
    const bool alive = loaded->number == 1 && live == 1;
    cache.unpin();
    return alive && live == 0;
}

bool lease_ends_with_the_value() {
    (void)load(1);
    const uint64 lease = cache.lease();
    const bool good = lease == cache.generation();
    receive(message(1));
    return good && lease != cache.generation();
}

bool limit_of_none_keeps_nothing() {
    (void)load(1);
    cache.limit({0, 0});
    return !has(1) && load(2)->number == 2 && !has(2);
}

bool long_key_is_not_kept() {
    const CacheKey<8> short_key("short");
    const CacheKey<8> key = CacheKey<8>("short").add("and more");
    const auto row = []() { return std::optional<int>(1); };
    const auto make = [](int number) -> bastion::Result<Loaded<Counted>> { return Loaded<Counted>{Counted(number)}; };
    return cache.load(key, row, make)->number == 1 && cache.find(key) == nullptr &&
           cache.load(short_key, row, make) != nullptr && cache.find(short_key) != nullptr &&
           cache.find(key) == nullptr;
}

struct Check {
    const char* name;
    bool (*passes)();
};

constexpr Check checks[] = {{"finds what it loaded", finds_what_it_loaded},
                            {"a row that does not exist is not cached", absent_row_is_not_cached},
                            {"the least recently used value leaves", least_recently_used_leaves},
                            {"the bytes are limited", bytes_are_limited},
                            {"the bytes are counted", bytes_are_counted},
                            {"a message drops the values that it names", message_drops_what_it_names},
                            {"a message for everything drops all", message_for_everything_drops_all},
                            {"what changed meanwhile is not kept", changed_meanwhile_is_not_kept},
                            {"what the loader does not want kept is not", refused_is_not_kept},
                            {"a pin outlives the drop", pin_outlives_the_drop},
                            {"a lease ends with its value", lease_ends_with_the_value},
                            {"a limit of none keeps nothing", limit_of_none_keeps_nothing},
                            {"a key that does not fit is not kept", long_key_is_not_kept}};

}  // namespace

extern "C" {

// One line a check, with its result.
PG_FUNCTION_INFO_V1(bastion_test_backend_cache);
Datum bastion_test_backend_cache(PG_FUNCTION_ARGS) {
    static bool registered = false;
    if (!registered) register_invalidation();
    registered = true;
    StringInfoData text;
    initStringInfo(&text);
    for (const Check& check : checks) {
        start();
        appendStringInfo(&text, "%s%s: %s", text.len > 0 ? "\n" : "", check.name, check.passes() ? "yes" : "no");
    }
    start();
    appendStringInfo(&text, "\nalive: %d", live);
    return DirectFunctionCall1(textin, CStringGetDatum(text.data));
}

// Leaves a dropped value pinned; the number of values that are alive.
PG_FUNCTION_INFO_V1(bastion_test_pin);
Datum bastion_test_pin(PG_FUNCTION_ARGS) {
    (void)load(1);
    receive(everything);
    PG_RETURN_INT32(live);
}

PG_FUNCTION_INFO_V1(bastion_test_alive);
Datum bastion_test_alive(PG_FUNCTION_ARGS) { PG_RETURN_INT32(live); }

}  // extern "C"

}  // namespace bastion::pg
