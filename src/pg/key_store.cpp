#include "pg/key_store.hpp"

#include "core/jwt.hpp"
#include "core/root_key.hpp"
#include "core/sealed.hpp"
#include "pg/catalog_read.hpp"
#include "pg/guard.hpp"
#include "pg/guc.hpp"
#include "pg/identity.hpp"
#include "pg/pepper.hpp"

namespace bastion::pg {
namespace {

constexpr std::size_t max_data_keys = 1024;
constexpr std::string_view signing_purpose = "signing_key";
constexpr std::string_view access_token_header = R"({"typ":"at+jwt"})";

// The key encryption key and the vault that it is for: a vault whose making was rolled back is followed by another.
struct VaultKey {
    pg_uuid_t vault;
    SecretBytes key;
};

std::optional<RootKey> root_key;
TimestampTz root_key_read_at = 0;  // PgReloadTime of then
std::optional<VaultKey> kek;
std::unordered_map<std::uint32_t, SealingKey> data_keys;
std::string signing_kid;
std::optional<Jwk> signing_key;
uint64 generation = 1;

ByteSpan uuid_span(const pg_uuid_t& uuid) noexcept { return {uuid.data, UUID_LEN}; }

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

Result<const SecretBytes*> need_kek(const pg_uuid_t& vault) {
    if (Result<void> root = need_root_key(); !root) return root.error();
    if (!kek || std::memcmp(kek->vault.data, vault.data, UUID_LEN) != 0) {
        Result<SecretBytes> derived = derive_kek(*root_key, uuid_span(vault));
        if (!derived) return derived.error();
        kek = VaultKey{vault, std::move(*derived)};
    }
    return &kek->key;
}

// A row of bastion.data_keys as PODs.
struct DataKeyRow {
    pg_uuid_t vault;
    const pg_uuid_t* tenant;
    std::string_view purpose;
    std::uint32_t version;
    std::string_view wrapped;
    std::string_view root_id;
};

DataKeyRow read_data_key(int32 id) {
    ColumnValue vault[] = {{"id", 0, true}};
    ColumnValue row[] = {
        {"tenant_id", 0, true}, {"purpose", 0, true}, {"version", 0, true}, {"wrapped", 0, true}, {"root_id", 0, true}};
    if (!read_only_row("vault", vault) ||
        !read_row("data_keys", "data_keys_pkey", "id", F_INT4EQ, Int32GetDatum(id), row))
        ereport(ERROR, (errcode(MAKE_SQLSTATE('B', 'A', '0', '0', '3')), errmsg("sealed value cannot be opened"),
                        errdetail_log("There is no data key %d.", id)));
    DataKeyRow out{};
    out.vault = *DatumGetUUIDP(vault[0].value);
    out.tenant = row[0].is_null ? nullptr : DatumGetUUIDP(row[0].value);
    out.purpose = view(DatumGetTextPP(row[1].value));
    out.version = static_cast<std::uint32_t>(DatumGetInt32(row[2].value));
    out.wrapped = view(DatumGetByteaPP(row[3].value));
    out.root_id = view(DatumGetTextPP(row[4].value));
    return out;
}

DataKeyLabel label_of(const pg_uuid_t* tenant, std::string_view purpose, std::uint32_t version, std::uint32_t id) {
    const std::string_view tenant_bytes = tenant != nullptr ? as_text(uuid_span(*tenant)) : std::string_view();
    return {tenant_bytes, purpose, version, id};
}

Error wrong_root(std::string_view needed) {
    return {ErrorCode::root_key_wrong,
            "root key " + std::string(needed) + " is needed but " + root_key->id + " is loaded", "",
            "Point bastion.root_key at the root key that this database was sealed with."};
}

Result<SealingKey*> unwrap(const DataKeyRow& row, std::uint32_t id) {
    Result<const SecretBytes*> kek_of_vault = need_kek(row.vault);
    if (!kek_of_vault) return kek_of_vault.error();
    if (root_key->id != row.root_id) return wrong_root(row.root_id);
    Result<SecretBytes> dek =
        unwrap_data_key(as_bytes(row.wrapped), **kek_of_vault, label_of(row.tenant, row.purpose, row.version, id));
    if (!dek) return dek.error();
    Result<SealingKey> key = SealingKey::create(*dek);
    if (!key) return key.error();
    if (data_keys.size() >= max_data_keys) data_keys.clear();
    return &data_keys.insert_or_assign(id, std::move(*key)).first->second;
}

struct SigningKeyRow {
    bool found;
    std::string_view kid;
    std::string_view private_sealed;
};

SigningKeyRow read_active_signing_key() {
    ColumnValue row[] = {{"kid", 0, true}, {"private_sealed", 0, true}};
    SigningKeyRow out{};
    out.found =
        read_row("signing_keys", nullptr, "state", F_TEXTEQ, CStringGetTextDatum("active"), row) && !row[1].is_null;
    if (!out.found) return out;
    out.kid = view(DatumGetTextPP(row[0].value));
    out.private_sealed = view(DatumGetByteaPP(row[1].value));
    return out;
}

void need_signing_key() {
    const SigningKeyRow row = read_active_signing_key();
    if (!row.found)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("there is no active signing key"),
                        errhint("SELECT bastion.signing_key_create();")));
    if (signing_key && signing_kid == row.kid) return;
    const std::uint32_t data_key = sealing_key_id(row.private_sealed);
    need_data_key(data_key);
    guarded_or_raise([&]() -> Result<void> {
        Result<SecretBytes> opened =
            data_keys.at(data_key).open(as_bytes(row.private_sealed), sealed_aad("", signing_purpose, row.kid));
        if (!opened) return opened.error();
        Result<Jwk> key = parse_jwk(opened->text());
        if (!key) return key.error();
        signing_key = std::move(*key);
        signing_kid = row.kid;
        return {};
    });
}

template <std::size_t N>
void copy_text(char (&out)[N], std::string_view text) noexcept {
    const std::size_t size = std::min(text.size(), N - 1);
    std::memcpy(out, text.data(), size);
    out[size] = '\0';
}

}  // namespace

void configured_root_key(char (&id)[root_key_id_size]) {
    guarded_or_raise([&]() -> Result<void> {
        if (Result<void> root = need_root_key(); !root) return root.error();
        copy_text(id, root_key->id);
        return {};
    });
}

bool try_root_key(char (&id)[root_key_id_size], char (&reason)[256]) {
    CallFailure failure;
    const bool loaded = guarded(failure, [&]() -> Result<void> {
        if (Result<void> root = need_root_key(); !root) return root.error();
        copy_text(id, root_key->id);
        return {};
    });
    if (!loaded) copy_text(reason, failure.message);
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
        if (Result<void> stored = store(created_path, *resolved); !stored) return stored;
        return store(id, created->id);
    });
    return {created_path, id, path == nullptr};
}

void need_data_key(std::uint32_t id) {
    if (data_keys.find(id) != data_keys.end()) return;
    const DataKeyRow row = read_data_key(static_cast<int32>(id));
    guarded_or_raise([&]() -> Result<void> {
        Result<SealingKey*> key = unwrap(row, id);
        return key ? Result<void>() : key.error();
    });
}

SealingKey& cached_data_key(std::uint32_t id) { return data_keys.at(id); }

std::uint32_t sealing_key_id(std::string_view sealed) {
    std::uint32_t id = 0;
    guarded_or_raise([&]() -> Result<void> {
        Result<SealedHeader> header = parse_sealed_header(as_bytes(sealed));
        if (!header) return header.error();
        id = header->key_id;
        return {};
    });
    return id;
}

struct varlena* make_data_key(const pg_uuid_t& vault, int32 key_id, const pg_uuid_t* tenant, const char* purpose,
                              int32 version) {
    struct varlena* wrapped = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        Result<const SecretBytes*> kek_of_vault = need_kek(vault);
        if (!kek_of_vault) return kek_of_vault.error();
        Result<Bytes> made = wrap_data_key(
            generate_data_key(), **kek_of_vault,
            label_of(tenant, purpose, static_cast<std::uint32_t>(version), static_cast<std::uint32_t>(key_id)));
        if (!made) return made.error();
        return store(wrapped, as_text(*made));
    });
    return wrapped;
}

MadeSigningKey make_signing_key(int32 data_key) {
    const auto id = static_cast<std::uint32_t>(data_key);
    need_data_key(id);
    char* kid = nullptr;
    char* public_jwk = nullptr;
    struct varlena* private_sealed = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        Result<GeneratedJwk> made = jwk_generate_ed25519();
        if (!made) return made.error();
        Result<Bytes> sealed =
            data_keys.at(id).seal(made->private_jwk.span(), id, sealed_aad("", signing_purpose, made->kid));
        if (!sealed) return sealed.error();
        if (Result<void> stored = store(kid, made->kid); !stored) return stored;
        if (Result<void> stored = store(public_jwk, made->public_jwk); !stored) return stored;
        return store(private_sealed, as_text(*sealed));
    });
    return {kid, public_jwk, private_sealed};
}

struct varlena* sign_access_token(std::string_view claims) {
    need_signing_key();
    struct varlena* token = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        Result<std::string> signed_token = jwt_sign(claims, *signing_key, access_token_header);
        if (!signed_token) return signed_token.error();
        return store(token, *signed_token);
    });
    return token;
}

const char* read_verification_key(const char* kid) {
    ColumnValue row[] = {{"public_jwk", 0, true}, {"state", 0, true}};
    if (!read_row("signing_keys", "signing_keys_pkey", "kid", F_TEXTEQ, CStringGetTextDatum(kid), row)) return nullptr;
    if (row[0].is_null || row[1].is_null || view(DatumGetTextPP(row[1].value)) == "retired") return nullptr;
    return jsonb_text(DatumGetJsonbP(row[0].value)).data();
}

void forget_keys() noexcept {
    kek.reset();
    data_keys.clear();
    signing_key.reset();
    forget_peppers();
    ++generation;
}

uint64 keys_generation() noexcept { return generation; }

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
