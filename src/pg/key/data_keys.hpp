// Data encryption keys inside a backend: read from bastion.data_keys lazily, unwrapped, and cached opened with their cipher
// contexts (backend_cache.hpp). They also leave the cache at a reload of the configuration, and at the end of a transaction
// that made one and did not commit. A key is pinned until the next call of the functions below, or the end of the transaction.
#pragma once

#include "core/base/hmac.hpp"
#include "core/base/result.hpp"
#include "core/key/sealed.hpp"
#include "pg/base/identity.hpp"

namespace bastion::pg {

// The purpose of a blind index key is this prefix and the purpose of the values.
inline constexpr std::string_view blind_index_prefix = "bastion.blind_index.";

struct DataKey {
    std::uint32_t id;
    OptionalUuid tenant;  // absent: the installation's own
    std::string purpose;
    std::string bound;                 // the additional data of its values, up to bound_to
    std::optional<SealingKey> sealer;  // one of the two, by purpose
    std::optional<HmacKey> indexer;
    bool recorded;           // whether each opening of its values is recorded
    TimestampTz rotates_at;  // when the next seal asks for the next version; 0 for never

    // The additional data of a value: valid until the next call, and as long as `long_text`, which takes a long one.
    std::string_view additional_data(std::string_view bound_to, std::string& long_text);
};

// The key of that id. Raises BA003 when it does not exist or may not open, BA001 and BA002 without the right root key.
DataKey& need_data_key(std::uint32_t id);

// The key of that id; null when it does not exist or may not open. Raises BA001 and BA002 without the right root key.
DataKey* find_data_key(std::uint32_t id);

// need_data_key() for a key of this tenant; raises BA003 for another's, and unwraps none of those.
DataKey& need_data_key_of(const OptionalUuid& tenant, std::uint32_t id);

// The id of the data key that a value was sealed under; raises BA003 for bytes that are not a sealed value.
std::uint32_t sealing_key_id(ByteSpan sealed);

// The id of the active key of a tenant and purpose, under a fresh snapshot; empty when there is none.
std::optional<std::uint32_t> find_active_data_key(const OptionalUuid& tenant, std::string_view purpose);

// The active key of a tenant and purpose, from the cache or the table; null when there is none.
DataKey* find_active_key(const OptionalUuid& tenant, std::string_view purpose);

// The active key behind the blind index of a purpose; null when there is none.
DataKey* find_active_index_key(const OptionalUuid& tenant, std::string_view purpose);

// Whether the next seal under a key asks for the next version first.
inline bool is_due(const DataKey& key) noexcept {
    return key.rotates_at != 0 && key.rotates_at <= GetCurrentStatementStartTimestamp();
}

// The key that seals, or indexes, values; created by bastion_internal.sealing_key() when there is none. `purpose` is that
// of the values. The transaction holds a key that seals until it ends (key_lock.hpp), and asks for the next version of one
// that is due.
DataKey& need_active_key(const OptionalUuid& tenant, std::string_view purpose, bool for_index);

// bastion_internal.sealing_key(): the id of the active data key of a tenant and purpose, created when there is none.
// Writes.
int32 make_sealing_key(const OptionalUuid& tenant, std::string_view purpose, bool for_index);

// A new random data key, wrapped under the vault's key encryption key.
struct varlena* make_data_key(const pg_uuid_t& vault, int32 key_id, const pg_uuid_t* tenant, const char* purpose,
                              int32 version);

// A wrapped data key, wrapped again under the root key that wraps new ones.
struct varlena* rewrap_data_key(const pg_uuid_t& vault, int32 key_id, const pg_uuid_t* tenant, const char* purpose,
                                int32 version, ByteSpan wrapped, std::string_view root_key_id);

// The reason of a guard (bastion.data_key_guards) over keys of a tenant and purpose, or for a purpose that is NULL of any guard,
// under a fresh snapshot; null when there is none.
NullableDatum find_data_key_guard(const OptionalUuid& tenant, const NullableDatum& purpose);

// Changes whenever a key may have changed: tokens that were verified earlier are verified again.
uint64 keys_generation() noexcept;

// A call site may keep a pointer to the key of the last call while the first returns the value that the second returned
// then.
uint64 data_keys_generation() noexcept;
uint64 data_key_lease() noexcept;

// Registers the callbacks of transactions. Called once, from _PG_init.
void watch_data_keys();

}  // namespace bastion::pg
