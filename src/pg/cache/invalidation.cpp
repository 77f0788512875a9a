#include "pg/cache/invalidation.hpp"

#include "pg/base/guard.hpp"
#include "pg/base/identity.hpp"

namespace bastion::pg {
namespace {

// The last sixteenth of the ids: a server whose counter of oids has gone around that far has made four billion objects.
constexpr Oid synthetic_bits = 0xF0000000u;

uint64 received = 0;
CacheListener* listeners = nullptr;
const MessageScope* scopes = nullptr;

// FNV-1a.
uint32 hash_more(uint32 hash, std::string_view text) noexcept {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return hash;
}

// A real relation may have such an id too: its changes then drop what has the same message, which is loaded again.
void on_message(Datum, Oid relation) {
    if (relation == InvalidOid || (relation & synthetic_bits) == synthetic_bits) drop_here(relation);
}

void on_transaction_event(XactEvent event, void*) {
    if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE) return;
    for (CacheListener* listener = listeners; listener != nullptr; listener = listener->next) listener->unpin();
}

}  // namespace

CacheListener::CacheListener(Oid everything, const char* name) noexcept
    : everything(everything), name(name), next(listeners) {
    listeners = this;
}

const CacheListener* first_cache() noexcept { return listeners; }

void drop_here(Oid message) noexcept {
    // Phase B may hold references into a cache.
    Assert(!in_phase_b);
    ++received;
    for (CacheListener* listener = listeners; listener != nullptr; listener = listener->next)
        if (message == InvalidOid || message == listener->everything)
            listener->drop_all();
        else
            listener->drop_one(message);
}

void drop_caches(Oid everything) noexcept {
    for (CacheListener* listener = listeners; listener != nullptr; listener = listener->next)
        if (listener->everything == everything) listener->drop_all();
}

Oid invalidation_of(std::string_view scope, std::string_view key) noexcept {
    return synthetic_bits | hash_more(hash_more(hash_more(2166136261u, scope), " "), key);
}

Oid invalidation_of(std::string_view scope, const pg_uuid_t& id) noexcept {
    char text[uuid_text_size];
    format_uuid_text(id, text);
    return invalidation_of(scope, {text, uuid_text_size - 1});
}

MessageScope::MessageScope(const char* name, int columns, const char* all, bool urgent) noexcept
    : name(name),
      columns(columns),
      all(invalidation_of(all)),
      urgent(urgent),
      number(scopes != nullptr ? scopes->number + 1 : 0),
      next(scopes) {
    scopes = this;
}

const MessageScope* first_scope() noexcept { return scopes; }

// No such relation exists: a fabricated pg_class tuple carries the id, and the message takes only that from it.
void send_invalidation(Oid synthetic) {
    Assert((synthetic & synthetic_bits) == synthetic_bits);
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

// The signal with which PostgreSQL itself makes a backend that fell behind accept its messages: an idle one does at once, a busy
// one after its statement. The signal reaches registered processes alone, so one that has just ended does no harm.
void wake_backends() {
    for (uint32 i = 0; i < ProcGlobal->allProcCount; ++i) {
        const PGPROC& process = ProcGlobal->allProcs[i];
        if (&process == MyProc || process.pid == 0 || process.databaseId != MyDatabaseId) continue;
        (void)SendProcSignal(process.pid, PROCSIG_CATCHUP_INTERRUPT, -1);
    }
}

uint64 invalidation_count() noexcept { return received; }

#ifdef BASTION_EAGER_INVALIDATION
namespace {

// Writes over what was freed in the memory of PostgreSQL's own caches, so that who still reads it fails.
void reuse_freed_memory() {
    constexpr std::size_t largest = 8192;
    std::array<void*, 16> blocks;
    for (std::size_t size = 16; size <= largest; size *= 2) {
        for (void*& block : blocks) block = std::memset(MemoryContextAlloc(CacheMemoryContext, size), 0x7f, size);
        for (void* block : blocks) pfree(block);
    }
}

}  // namespace

// In a server that says so; tests of what the caches keep run in the same build. With "catalogues", all relations of PostgreSQL's own
// cache are made anew too.
void arrive_everywhere() noexcept {
    static const char* const wanted = std::getenv("BASTION_EAGER_INVALIDATION");
    if (wanted == nullptr) return;
    drop_here(InvalidOid);
    if (!IsTransactionState() || std::strcmp(wanted, "catalogues") != 0) return;
    InvalidateSystemCaches();
    reuse_freed_memory();
}
#endif

void register_invalidation() {
    CacheRegisterRelcacheCallback(on_message, Datum{0});
    RegisterXactCallback(on_transaction_event, nullptr);
}

}  // namespace bastion::pg
