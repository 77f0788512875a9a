#include "pg/cache/invalidation.hpp"

#include "pg/base/guard.hpp"
#include "pg/base/identity.hpp"

namespace bastion::pg {
namespace {

constexpr Oid synthetic_bit = 0x80000000u;

uint64 received = 0;
CacheListener* listeners = nullptr;

// FNV-1a.
uint32 hash_more(uint32 hash, std::string_view text) noexcept {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return hash;
}

void receive(Datum, Oid relation) noexcept {
    if (relation != InvalidOid && (relation & synthetic_bit) == 0) return;
    // Phase B may hold references into a cache.
    Assert(!in_phase_b);
    ++received;
    for (CacheListener* listener = listeners; listener != nullptr; listener = listener->next)
        if (relation == InvalidOid || relation == listener->everything)
            listener->drop_all();
        else
            listener->drop_one(relation);
}

void on_message(Datum argument, Oid relation) { receive(argument, relation); }

void on_transaction_event(XactEvent event, void*) {
    if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE) return;
    for (CacheListener* listener = listeners; listener != nullptr; listener = listener->next) listener->unpin();
}

}  // namespace

CacheListener::CacheListener(Oid everything) noexcept : everything(everything), next(listeners) { listeners = this; }

void drop_caches(Oid everything) noexcept {
    for (CacheListener* listener = listeners; listener != nullptr; listener = listener->next)
        if (listener->everything == everything) listener->drop_all();
}

Oid invalidation_of(std::string_view scope, std::string_view key) noexcept {
    return synthetic_bit | hash_more(hash_more(hash_more(2166136261u, scope), " "), key);
}

namespace {

Oid of_id(std::string_view scope, const pg_uuid_t& id) noexcept {
    char text[uuid_text_size];
    format_uuid_text(id, text);
    return invalidation_of(scope, {text, uuid_text_size - 1});
}

}  // namespace

Oid user_invalidation(const pg_uuid_t& user) noexcept { return of_id("user", user); }
Oid all_rights_invalidation() noexcept { return invalidation_of("all", ""); }
Oid session_invalidation(const pg_uuid_t& session) noexcept { return of_id("session", session); }
Oid all_sessions_invalidation() noexcept { return invalidation_of("sessions", ""); }
Oid api_key_invalidation(const pg_uuid_t& key) noexcept { return of_id("api_key", key); }
Oid all_api_keys_invalidation() noexcept { return invalidation_of("api_keys", ""); }
Oid keys_invalidation() noexcept { return invalidation_of("keys", ""); }

// No such relation exists: a fabricated pg_class tuple carries the id, and the message takes only that from it.
void send_invalidation(Oid synthetic) {
    Assert((synthetic & synthetic_bit) != 0);
    const std::size_t header = MAXALIGN(SizeofHeapTupleHeader);
    auto* tuple = static_cast<HeapTuple>(palloc0(HEAPTUPLESIZE + header + sizeof(FormData_pg_class)));
    tuple->t_data = reinterpret_cast<HeapTupleHeader>(reinterpret_cast<char*>(tuple) + HEAPTUPLESIZE);
    tuple->t_len = static_cast<uint32>(header + sizeof(FormData_pg_class));
    tuple->t_data->t_hoff = static_cast<uint8>(header);
    auto* form = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    form->oid = synthetic;
    form->relisshared = false;
    CacheInvalidateRelcacheByTuple(tuple);
    pfree(tuple);
}

uint64 invalidation_count() noexcept { return received; }

void register_invalidation() {
    CacheRegisterRelcacheCallback(on_message, Datum{0});
    RegisterXactCallback(on_transaction_event, nullptr);
}

}  // namespace bastion::pg
