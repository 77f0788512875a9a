#include "pg/key/root_keys.hpp"

#include "core/base/key_memory.hpp"
#include "core/key/root_key.hpp"
#include "core/key/root_key_command.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/settings.hpp"
#include "pg/key/key_message.hpp"
#include "pg/key/root_commands.hpp"

namespace bastion::pg {
namespace {

char* root_key_setting = nullptr;

// A root key with the key encryption key derived from it, and the vault of that key: after the rollback of its creation,
// a vault is replaced by another.
struct LoadedRoot {
    RootKey root;
    pg_uuid_t vault;
    std::optional<SecretBytes> kek;
};

std::vector<LoadedRoot> roots;  // in the order of the setting
TimestampTz roots_read_at = 0;  // PgReloadTime of then

RootKeyPlaces places() {
    const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
    return {DataDir != nullptr ? DataDir : "/", credentials != nullptr ? credentials : ""};
}

Result<RootKey> load_root(std::string_view source) {
    if (const std::string_view command = root_key_command(source); !command.empty())
        return root_key_of_command(command);
    Result<std::string> path = root_key_path(source, places());
    if (!path) return path.error();
    return load_root_key_file(*path, DataDir);
}

// The first must be loaded. The others are for keys that are still wrapped under them; opening such a key reports a
// missing one.
Result<void> need_roots() {
    forget_root_keys_after_reload();
    if (!roots.empty()) return {};
    if (is_rejected("bastion.root_key"))
        return Error{ErrorCode::root_key_missing, "stored value of parameter \"bastion.root_key\" is invalid"};
    std::vector<LoadedRoot> loaded;
    for (const std::string_view source : root_key_sources(root_key_setting)) {
        Result<RootKey> root = load_root(source);
        if (root)
            loaded.push_back({std::move(*root), {}, {}});
        else if (loaded.empty())
            return root.error();
    }
    roots = std::move(loaded);
    return {};
}

std::string loaded_ids() {
    std::string ids;
    for (const LoadedRoot& loaded : roots) ids.append(ids.empty() ? "" : " and ").append(loaded.root.id);
    return ids;
}

Error wrong_root(std::string_view needed) {
    return {ErrorCode::root_key_wrong,
            "root key " + std::string(needed) + " is needed but " + loaded_ids() + " is loaded", "",
            "Point bastion.root_key at the root key that this database was sealed with."};
}

Result<const SecretBytes*> kek_of(LoadedRoot& loaded, const pg_uuid_t& vault) {
    if (!loaded.kek || std::memcmp(loaded.vault.data, vault.data, UUID_LEN) != 0) {
        Result<SecretBytes> derived = derive_kek(loaded.root, {vault.data, UUID_LEN});
        if (!derived) return derived.error();
        loaded.vault = vault;
        loaded.kek = std::move(*derived);
    }
    return &*loaded.kek;
}

}  // namespace

void forget_root_keys_after_reload() noexcept {
    if (roots_read_at == PgReloadTime) return;
    roots_read_at = PgReloadTime;
    roots.clear();
    drop_caches(keys_invalidation());
}

Result<const SecretBytes*> need_kek(const pg_uuid_t& vault) {
    if (Result<void> read = need_roots(); !read) return read.error();
    return kek_of(roots.front(), vault);
}

Result<const SecretBytes*> need_kek(const pg_uuid_t& vault, std::string_view root_key_id) {
    if (Result<void> read = need_roots(); !read) return read.error();
    for (LoadedRoot& loaded : roots)
        if (loaded.root.id == root_key_id) return kek_of(loaded, vault);
    return wrong_root(root_key_id);
}

RootKeyIds root_key_ids() {
    RootKeyIds out{};
    guarded_or_raise([&]() -> Result<void> {
        if (Result<void> read = need_roots(); !read) return read.error();
        for (const LoadedRoot& loaded : roots) {
            if (out.count == max_root_keys) break;
            copy_clipped(out.ids[out.count++], loaded.root.id);
        }
        return {};
    });
    return out;
}

void configured_root_key(char (&id)[root_key_id_size]) {
    guarded_or_raise([&]() -> Result<void> {
        if (Result<void> read = need_roots(); !read) return read.error();
        copy_clipped(id, roots.front().root.id);
        return {};
    });
}

bool try_root_key(char (&id)[root_key_id_size], char (&reason)[256]) {
    CallFailure failure;
    const bool loaded = guarded(failure, [&]() -> Result<void> {
        if (Result<void> read = need_roots(); !read) return read.error();
        copy_clipped(id, roots.front().root.id);
        return {};
    });
    if (!loaded) copy_clipped(reason, failure.message);
    return loaded;
}

CreatedRootKey create_root_key(const char* path) {
    char* created_path = nullptr;
    char* id = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        const std::string setting = path != nullptr ? std::string("file:") + path : std::string("auto");
        Result<std::string> resolved = root_key_path(setting, places());
        if (!resolved) return resolved.error();
        Result<RootKey> created = create_root_key_file(*resolved, DataDir);
        if (!created) return created.error();
        roots.clear();
        drop_caches(keys_invalidation());
        if (Result<void> stored = store_as_is(created_path, *resolved); !stored) return stored;
        return store_as_is(id, created->id);
    });
    return {created_path, id, path == nullptr};
}

void check_key_memory() {
    if (!process_shared_preload_libraries_in_progress) return;
    if (void* probe = allocate_key_memory(root_key_bytes)) release_key_memory(probe, root_key_bytes);
    const KeyMemory memory = key_memory();
    if (memory.locked < memory.size)
        ereport(LOG,
                (errmsg("could not lock memory for keys"), errdetail("Keys may be written to swap space."),
                 errhint("Raise the limit of locked memory of the server: ulimit -l, or LimitMEMLOCK of systemd.")));
}

namespace {

struct Keks final : CacheListener {
    using CacheListener::CacheListener;
    void drop_all() noexcept override {
        for (LoadedRoot& loaded : roots) loaded.kek.reset();
    }
};

const MessageScope scope("keys", 0, "keys", true);

Keks keks(keys_invalidation());

}  // namespace

namespace {

bool check_root_key(char** value, void**, GucSource) {
    CallFailure failure;
    const bool accepted = guarded(failure, [&]() -> Result<void> {
        const std::vector<std::string_view> sources = root_key_sources(*value != nullptr ? *value : "");
        if (sources.size() > max_root_keys) return Error{ErrorCode::invalid_argument, "too many root keys"};
        // Missing credentials are detected lazily.
        for (const std::string_view source : sources) {
            if (!root_key_command(source).empty()) continue;
            if (Result<std::string> path = root_key_path(source, {places().data_directory, "/"}); !path)
                return path.error();
        }
        return {};
    });
    if (!accepted) {
        GUC_check_errcode(failure.sqlstate);
        GUC_check_errmsg("%s", failure.message);
        if (failure.hint[0] != '\0') GUC_check_errhint("%s", failure.hint);
    }
    return accepted;
}

void assign_root_key(const char* value, void*) {
    update_root_commands(value);
    roots.clear();
    drop_caches(keys_invalidation());
}

const SettingsTable table([] {
    define(StringSetting{"bastion.root_key",
                         "Source of the root key: 'auto', 'file:/path', 'credential:name' or 'command:shell "
                         "command'; older ones after commas.",
                         &root_key_setting, "auto", PGC_SIGHUP, GUC_SUPERUSER_ONLY, check_root_key, assign_root_key});
});

}  // namespace

}  // namespace bastion::pg
