// Keys inside a backend: the root key from its file, the key encryption key derived from it, the data keys it unwraps
// and the signing keys they open. Read at first need, kept in SecretBytes until an invalidation message or a reload of
// the configuration, and wiped then. Rows are read by catalog_read; SQL functions write them.
#pragma once

#include "pg/pg.hpp"

namespace bastion {
class SealingKey;
}

namespace bastion::pg {

inline constexpr std::size_t root_key_id_size = 17;

// The id of the configured root key, reading it at first need; raises BA001 when there is none.
void configured_root_key(char (&id)[root_key_id_size]);

// The same for status(): never raises; false and a reason when there is no usable root key.
bool try_root_key(char (&id)[root_key_id_size], char (&reason)[256]);

// Creates the root key file; `path` null means the place that 'auto' names. Returns path and id, palloc'd.
struct CreatedRootKey {
    const char* path;
    const char* id;
    bool is_auto;
};
CreatedRootKey create_root_key(const char* path);

// A new random data key, wrapped under the vault's key encryption key.
struct varlena* make_data_key(const pg_uuid_t& vault, int32 key_id, const pg_uuid_t* tenant, const char* purpose,
                              int32 version);

// A data key for values of the extension's own: the first reads and unwraps it when it is not in the cache, and then it
// can be used in phase B.
void need_data_key(std::uint32_t id);
SealingKey& cached_data_key(std::uint32_t id);

// The id of the data key that a value was sealed under; raises BA003 for what is no sealed value.
std::uint32_t sealing_key_id(std::string_view sealed);

// A new Ed25519 signing key, its private part sealed under a data key.
struct MadeSigningKey {
    const char* kid;
    const char* public_jwk;
    struct varlena* private_sealed;
};
MadeSigningKey make_signing_key(int32 data_key);

// Signs an access token with the active signing key.
struct varlena* sign_access_token(std::string_view claims);

// The public JWK of a signing key that may still verify, or null.
const char* read_verification_key(const char* kid);

// Wipes what was derived from rows; the next use reads them again.
void forget_keys() noexcept;

// Changes whenever a key may have changed: what was verified before it is verified again.
uint64 keys_generation() noexcept;

bool check_root_key(char** value, void** extra, GucSource source);
void assign_root_key(const char* value, void* extra);

}  // namespace bastion::pg
