// The root keys inside a backend: read lazily from the sources of bastion.root_key, cached in SecretBytes until a reload
// of the configuration or another value of the setting, and wiped then, as is the key encryption key of the vault.
#pragma once

#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"
#include "pg/base/pg.hpp"
#include "pg/key/root_commands.hpp"

namespace bastion::pg {

inline constexpr std::size_t root_key_id_size = 17;

// Wipes the root keys and everything opened with them when the configuration was reloaded since they were read: their files
// may hold other keys now. Called at the start of each top-level statement, so that no backend goes on with a key whose file
// the operator replaced or took away.
void forget_root_keys_after_reload() noexcept;

// The id of the configured root key, which is read lazily; raises BA001 when there is none.
void configured_root_key(char (&id)[root_key_id_size]);

// The same for status(): never raises; false and a reason when there is no usable root key.
bool try_root_key(char (&id)[root_key_id_size], char (&reason)[256]);

// The key encryption key of a vault under the root key that new data keys are wrapped with.
Result<const SecretBytes*> need_kek(const pg_uuid_t& vault);

// The same under the root key with that id: root_key_wrong when another one is loaded.
Result<const SecretBytes*> need_kek(const pg_uuid_t& vault, std::string_view root_key_id);

// The ids of the root keys that are loaded, the one that wraps first; raises BA001 when there is none.
struct RootKeyIds {
    std::size_t count;
    char ids[max_root_keys][root_key_id_size];
};
RootKeyIds root_key_ids();

// Creates the root key file; `path` null means the file of 'auto'. Returns path and id, palloc'd.
struct CreatedRootKey {
    const char* path;
    const char* id;
    bool is_auto;
};
CreatedRootKey create_root_key(const char* path);

// A line in the log when memory for keys cannot be locked. Called once, from _PG_init; without preload, only status() says
// so.
void check_key_memory();

}  // namespace bastion::pg
