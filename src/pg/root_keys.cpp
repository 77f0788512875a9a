#include "pg/root_keys.hpp"

#include "core/root_key.hpp"
#include "pg/guard.hpp"
#include "pg/guc.hpp"
#include "pg/key_store.hpp"

namespace bastion::pg {
namespace {

// The key encryption key and the vault that it is for: a vault whose making was rolled back is followed by another.
struct VaultKey {
    pg_uuid_t vault;
    SecretBytes key;
};

std::optional<RootKey> root_key;
TimestampTz root_key_read_at = 0;  // PgReloadTime of then
std::optional<VaultKey> kek;

// A reload of the configuration reads the file again: it may hold another key now.
void forget_root_key_after_reload() noexcept {
    if (root_key_read_at == PgReloadTime) return;
    root_key_read_at = PgReloadTime;
    root_key.reset();
    forget_keys();
}

Result<void> need_root_key() {
    forget_root_key_after_reload();
    if (root_key) return {};
    Result<std::string> path = root_key_path(settings.root_key, DataDir);
    if (!path) return path.error();
    Result<RootKey> loaded = load_root_key_file(*path, DataDir);
    if (!loaded) return loaded.error();
    root_key = std::move(*loaded);
    return {};
}

Error wrong_root(std::string_view needed) {
    return {ErrorCode::root_key_wrong,
            "root key " + std::string(needed) + " is needed but " + root_key->id + " is loaded", "",
            "Point bastion.root_key at the root key that this database was sealed with."};
}

void copy_clipped(std::span<char> out, std::string_view text) noexcept {
    const std::size_t size = std::min(text.size(), out.size() - 1);
    std::memcpy(out.data(), text.data(), size);
    out[size] = '\0';
}

}  // namespace

Result<const SecretBytes*> need_kek(const pg_uuid_t& vault) {
    if (Result<void> root = need_root_key(); !root) return root.error();
    if (!kek || std::memcmp(kek->vault.data, vault.data, UUID_LEN) != 0) {
        Result<SecretBytes> derived = derive_kek(*root_key, {vault.data, UUID_LEN});
        if (!derived) return derived.error();
        kek = VaultKey{vault, std::move(*derived)};
    }
    return &kek->key;
}

Result<const SecretBytes*> need_kek(const pg_uuid_t& vault, std::string_view root_id) {
    if (Result<void> root = need_root_key(); !root) return root.error();
    if (root_key->id != root_id) return wrong_root(root_id);
    return need_kek(vault);
}

void configured_root_key(char (&id)[root_key_id_size]) {
    guarded_or_raise([&]() -> Result<void> {
        if (Result<void> root = need_root_key(); !root) return root.error();
        copy_clipped(id, root_key->id);
        return {};
    });
}

bool try_root_key(char (&id)[root_key_id_size], char (&reason)[256]) {
    CallFailure failure;
    const bool loaded = guarded(failure, [&]() -> Result<void> {
        if (Result<void> root = need_root_key(); !root) return root.error();
        copy_clipped(id, root_key->id);
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
        Result<std::string> resolved = root_key_path(setting, DataDir);
        if (!resolved) return resolved.error();
        Result<RootKey> created = create_root_key_file(*resolved, DataDir);
        if (!created) return created.error();
        root_key.reset();
        forget_keys();
        if (Result<void> stored = store(created_path, *resolved); !stored) return stored;
        return store(id, created->id);
    });
    return {created_path, id, path == nullptr};
}

void forget_keks() noexcept { kek.reset(); }

bool check_root_key(char** value, void**, GucSource) {
    CallFailure failure;
    const bool accepted = guarded(failure, [&]() -> Result<void> {
        Result<std::string> path = root_key_path(*value != nullptr ? *value : "", DataDir != nullptr ? DataDir : "/");
        return path ? Result<void>() : path.error();
    });
    if (!accepted) {
        GUC_check_errcode(failure.sqlstate);
        GUC_check_errmsg("%s", failure.message);
        if (failure.hint[0] != '\0') GUC_check_errhint("%s", failure.hint);
    }
    return accepted;
}

void assign_root_key(const char*, void*) {
    root_key.reset();
    forget_keys();
}

}  // namespace bastion::pg
