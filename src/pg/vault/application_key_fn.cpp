// SQL functions under the managed keys of applications: they open a key version, use it, and return what may leave. Called
// by SQL functions of the extension, which check permissions and read the row; each is given tenant, place (id and version),
// algorithm and sealed value of a key version. The backend caches opened keys.
#include <initializer_list>

#include "core/jose/jwk.hpp"
#include "core/vault/application_key.hpp"
#include "core/vault/key_transport.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/record.hpp"
#include "pg/base/text.hpp"
#include "pg/cache/backend_cache.hpp"
#include "pg/event/secret_use.hpp"
#include "pg/key/data_keys.hpp"
#include "pg/key/key_message.hpp"

namespace bastion::pg {
namespace {

constexpr std::string_view sealing_purpose = "bastion.keys";
constexpr std::string_view wrapping_purpose = "bastion.wrapped_key";
constexpr std::size_t name_size = 128 + sealed_head_bytes;
constexpr int most_random_bytes = 1024 * 1024;

// An RSA key with its contexts: an estimate.
constexpr std::size_t opened_bytes = 8192;

// By everything that opens a version. Nonce and commitment in the head of the value tell apart what a rolled back and a later
// transaction sealed for one place. The row of a version sends a message when it is deleted or sealed again.
BackendCache<ApplicationKey, name_size> opened_keys("application_keys", keys_invalidation(), {256, 4 * mebibyte});

// A version of a key, from the first four arguments.
struct KeyVersion {
    OptionalUuid tenant;  // absent: the installation
    std::string_view place;
    Utf8 algorithm;
    ByteSpan value;
};

bool any_null(FunctionCallInfo fcinfo, std::initializer_list<int> arguments) {
    return std::any_of(arguments.begin(), arguments.end(), [&](int argument) { return PG_ARGISNULL(argument); });
}

OptionalUuid tenant_argument(FunctionCallInfo fcinfo) {
    return PG_ARGISNULL(0) ? OptionalUuid{} : OptionalUuid{true, *PG_GETARG_UUID_P(0)};
}

KeyVersion version_arguments(FunctionCallInfo fcinfo) {
    return {tenant_argument(fcinfo), server_text(PG_GETARG_TEXT_PP(1)).bytes(), utf8_of(PG_GETARG_TEXT_PP(2)),
            view(PG_GETARG_BYTEA_PP(3))};
}

Result<Loaded<ApplicationKey>> open_version(const KeyVersion& version, DataKey& data_key) {
    if (!data_key.sealer || data_key.purpose != sealing_purpose)
        return Error{ErrorCode::sealed_invalid, "sealed value cannot be opened", "", "",
                     "Its data key is not one for keys of applications."};
    std::string long_text;
    Result<SecretBytes> material =
        data_key.sealer->open(version.value, data_key.additional_data(version.place, long_text));
    if (!material) return material.error();
    Result<ApplicationKey> key = open_application_key(version.algorithm, material->span());
    if (!key) return key.error();
    Loaded<ApplicationKey> made{std::move(*key)};
    made.heap = opened_bytes;
    return made;
}

// The value is long enough.
CacheKey<name_size> cache_name(const KeyVersion& version) {
    const std::string_view separator("", 1);
    CacheKey<name_size> name(version.place);
    name.add(separator).add(version.algorithm.bytes()).add(separator);
    if (version.tenant.present) name.add(version.tenant.value);
    return name.add(as_text(version.value.first(sealed_head_bytes)));
}

// Valid until the next call.
ApplicationKey& need_key(const KeyVersion& version) {
    const std::uint32_t id = sealing_key_id(version.value);  // checks the length
    const CacheKey<name_size> name = cache_name(version);
    return *opened_keys.get(
        name, [&] { return std::optional<DataKey*>(&need_data_key_of(version.tenant, id)); },
        [&](DataKey* data_key) { return open_version(version, *data_key); });
}

Datum record(FunctionCallInfo fcinfo, Datum first, bool first_is_null, Datum second) {
    TupleDesc const descriptor = record_type(fcinfo);
    Datum values[2] = {first, second};
    bool nulls[2] = {first_is_null, false};
    return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

// What `make` returns in phase B, sealed for the tenant: the public half as jsonb, and the sealed value.
template <class Make>
Datum made_key(FunctionCallInfo fcinfo, const OptionalUuid& tenant, std::string_view place, Make make) {
    DataKey& data_key = need_active_key(tenant, sealing_purpose, false);
    Utf8 public_jwk;
    struct varlena* sealed = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        Result<MadeKey> made = make();
        if (!made) return made.error();
        std::string long_text;
        Result<Bytes> value = data_key.sealer.value().seal(made->material.span(), data_key.id,
                                                           data_key.additional_data(place, long_text));
        if (!value) return value.error();
        if (Result<void> stored = store(public_jwk, made->public_jwk); !stored) return stored;
        return store(sealed, *value);
    });
    const bool symmetric = public_jwk.bytes().empty();
    return record(fcinfo, symmetric ? Datum{} : jsonb_datum(public_jwk), symmetric, PointerGetDatum(sealed));
}

// The additional data of a data key that leaves wrapped.
std::string wrapping_label(const KeyVersion& version, Utf8 bound_to) {
    return sealed_aad(version.place, wrapping_purpose, bound_to);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_key_actions);
Datum bastion_key_actions(PG_FUNCTION_ARGS) {
    const KeyAlgorithm* algorithm = find_key_algorithm(server_text(PG_GETARG_TEXT_PP(0)).bytes());
    if (algorithm == nullptr) PG_RETURN_NULL();
    Datum elements[2];
    int count = 0;
    for (const std::string_view action : key_actions(algorithm->use))
        elements[count++] = text_datum(ServerText(action));
    PG_RETURN_ARRAYTYPE_P(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

PG_FUNCTION_INFO_V1(bastion_application_key_make);
Datum bastion_application_key_make(PG_FUNCTION_ARGS) {
    if (any_null(fcinfo, {1, 2})) PG_RETURN_NULL();
    const std::string_view place = server_text(PG_GETARG_TEXT_PP(1)).bytes();
    const Utf8 algorithm = utf8_of(PG_GETARG_TEXT_PP(2));
    const int bits = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3);
    if (!PG_ARGISNULL(3) && bits == 0)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("bits must be a multiple of 8 from 2048 to 4096")));
    return made_key(fcinfo, tenant_argument(fcinfo), place, [&] { return make_application_key(algorithm, bits); });
}

PG_FUNCTION_INFO_V1(bastion_application_key_sign);
Datum bastion_application_key_sign(PG_FUNCTION_ARGS) {
    if (any_null(fcinfo, {1, 2, 3, 4, 5})) PG_RETURN_NULL();
    const KeyVersion version = version_arguments(fcinfo);
    const auto number = static_cast<std::uint32_t>(PG_GETARG_INT32(4));
    const ByteSpan data = view(PG_GETARG_BYTEA_PP(5));
    const ApplicationKey& key = need_key(version);
    Utf8 text;
    guarded_or_raise([&]() -> Result<void> {
        Result<std::string> signature = key_sign(key, number, as_text(data));
        if (!signature) return signature.error();
        return store(text, *signature);
    });
    return text_datum(text);
}

PG_FUNCTION_INFO_V1(bastion_application_key_verify);
Datum bastion_application_key_verify(PG_FUNCTION_ARGS) {
    if (any_null(fcinfo, {1, 2, 3, 4, 5})) PG_RETURN_NULL();
    const KeyVersion version = version_arguments(fcinfo);
    const ByteSpan data = view(PG_GETARG_BYTEA_PP(4));
    const Utf8 signature = utf8_of(PG_GETARG_TEXT_PP(5));
    const ApplicationKey& key = need_key(version);
    bool verifies = false;
    guarded_or_raise([&]() -> Result<void> {
        Result<bool> valid = key_verify(key, as_text(data), signature);
        if (!valid) return valid.error();
        verifies = *valid;
        return {};
    });
    PG_RETURN_BOOL(verifies);
}

PG_FUNCTION_INFO_V1(bastion_wrapped_key_make);
Datum bastion_wrapped_key_make(PG_FUNCTION_ARGS) {
    note_secret_use("wrapped_key_create");
    if (any_null(fcinfo, {1, 2, 3, 4, 6})) PG_RETURN_NULL();
    const KeyVersion version = version_arguments(fcinfo);
    const auto number = static_cast<std::uint32_t>(PG_GETARG_INT32(4));
    const Utf8 bound_to = utf8_argument(fcinfo, 5);
    const int size = PG_GETARG_INT32(6);
    if (size < 16 || size > 64)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("bytes must be from 16 to 64")));
    ApplicationKey& key = need_key(version);
    struct varlena* plaintext = nullptr;
    Utf8 wrapped;
    guarded_or_raise([&]() -> Result<void> {
        Result<WrappedKey> made =
            make_wrapped_key(key, number, wrapping_label(version, bound_to), static_cast<std::size_t>(size));
        if (!made) return made.error();
        if (Result<void> stored = store(wrapped, made->wrapped); !stored) return stored;
        return store(plaintext, made->plaintext.span());
    });
    return record(fcinfo, PointerGetDatum(plaintext), false, text_datum(wrapped));
}

PG_FUNCTION_INFO_V1(bastion_wrapped_key_unwrap);
Datum bastion_wrapped_key_unwrap(PG_FUNCTION_ARGS) {
    note_secret_use("wrapped_key_open");
    if (any_null(fcinfo, {1, 2, 3, 5})) PG_RETURN_NULL();
    const KeyVersion version = version_arguments(fcinfo);
    const Utf8 bound_to = utf8_argument(fcinfo, 4);
    const Utf8 wrapped = utf8_of(PG_GETARG_TEXT_PP(5));
    ApplicationKey& key = need_key(version);
    struct varlena* plaintext = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        Result<SecretBytes> opened = open_wrapped_key(key, wrapping_label(version, bound_to), wrapped);
        if (!opened) return opened.error();
        return store(plaintext, opened->span());
    });
    PG_RETURN_BYTEA_P(plaintext);
}

PG_FUNCTION_INFO_V1(bastion_application_key_export);
Datum bastion_application_key_export(PG_FUNCTION_ARGS) {
    if (any_null(fcinfo, {1, 2, 3, 4})) PG_RETURN_NULL();
    const KeyVersion version = version_arguments(fcinfo);
    const Utf8 recipient = utf8_of(PG_GETARG_TEXT_PP(4));
    const ApplicationKey& key = need_key(version);
    struct varlena* wrapped = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        Result<Bytes> bytes = export_application_key(key, recipient);
        if (!bytes) return bytes.error();
        return store(wrapped, *bytes);
    });
    PG_RETURN_BYTEA_P(wrapped);
}

PG_FUNCTION_INFO_V1(bastion_application_key_import);
Datum bastion_application_key_import(PG_FUNCTION_ARGS) {
    if (any_null(fcinfo, {1, 2, 3, 4, 5, 6})) PG_RETURN_NULL();
    const KeyVersion version = version_arguments(fcinfo);
    const ByteSpan wrapped = view(PG_GETARG_BYTEA_PP(4));
    const Utf8 algorithm = utf8_of(PG_GETARG_TEXT_PP(5));
    const std::string_view place = server_text(PG_GETARG_TEXT_PP(6)).bytes();
    const ApplicationKey& transport = need_key(version);
    return made_key(fcinfo, version.tenant, place,
                    [&] { return import_application_key(transport, wrapped, algorithm); });
}

PG_FUNCTION_INFO_V1(bastion_public_key_pem);
Datum bastion_public_key_pem(PG_FUNCTION_ARGS) {
    const Utf8 json = jsonb_text(PG_GETARG_JSONB_P(0));
    Utf8 pem;
    guarded_or_raise([&]() -> Result<void> {
        Result<bastion::Jwk> key = parse_jwk(json);
        if (!key) return key.error();
        Result<std::string> text = public_key_pem(*key);
        if (!text) return text.error();
        return store(pem, *text);
    });
    return text_datum(pem);
}

PG_FUNCTION_INFO_V1(bastion_random_bytes);
Datum bastion_random_bytes(PG_FUNCTION_ARGS) {
    const int size = PG_GETARG_INT32(0);
    if (size < 0 || size > most_random_bytes)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("bytes must be from 0 to %d", most_random_bytes)));
    const auto length = VARHDRSZ + static_cast<std::size_t>(size);
    auto* out = static_cast<struct varlena*>(palloc(length));
    SET_VARSIZE(out, length);
    random_bytes({reinterpret_cast<std::uint8_t*>(VARDATA(out)), static_cast<std::size_t>(size)});
    PG_RETURN_BYTEA_P(out);
}

}  // extern "C"

}  // namespace bastion::pg
