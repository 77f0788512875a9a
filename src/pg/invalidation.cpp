#include "pg/invalidation.hpp"

#include "pg/key_store.hpp"
#include "pg/rights.hpp"

namespace bastion::pg {
namespace {

constexpr Oid synthetic_bit = 0x80000000u;

uint64 received = 0;

// FNV-1a over a tag and the id.
Oid synthetic_oid(char tag, const unsigned char* bytes, std::size_t size) noexcept {
    uint32 hash = (2166136261u ^ static_cast<unsigned char>(tag)) * 16777619u;
    for (std::size_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 16777619u;
    return synthetic_bit | hash;
}

void receive(Datum, Oid relation) noexcept {
    if (relation != InvalidOid && (relation & synthetic_bit) == 0) return;
    ++received;
    const bool everything = relation == InvalidOid;
    if (everything || relation == all_rights_invalidation())
        mark_all_rights_stale();
    else
        mark_rights_stale(relation);
    if (everything || relation == keys_invalidation()) forget_keys();
}

void on_message(Datum argument, Oid relation) { receive(argument, relation); }

}  // namespace

Oid user_invalidation(const pg_uuid_t& user) noexcept { return synthetic_oid('u', user.data, UUID_LEN); }
Oid all_rights_invalidation() noexcept { return synthetic_oid('r', nullptr, 0); }
Oid keys_invalidation() noexcept { return synthetic_oid('k', nullptr, 0); }

// There is no such relation: a fabricated pg_class tuple carries the id, which is all that the message takes from it.
void send_invalidation(Oid synthetic) {
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

void register_invalidation() { CacheRegisterRelcacheCallback(on_message, Datum{0}); }

}  // namespace bastion::pg
