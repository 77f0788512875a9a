// SQL functions over core/password: hashing takes a slot, so that memory-hard work is bounded per server, and a cancel
// takes effect as soon as the hash in progress is done.
#include "core/identity/password.hpp"
#include "core/identity/password_text.hpp"

#include "pg/base/guard.hpp"
#include "pg/base/settings.hpp"
#include "pg/base/text.hpp"
#include "pg/event/secret_use.hpp"
#include "pg/identity/hash_slots.hpp"

namespace bastion::pg {
namespace {

int refusal_duration;  // which login() reads

// Phase B with a slot; a failure is raised after the slot is released. False, and nothing was done, when no slot is free.
template <class Body>
[[nodiscard]] bool hash_if_free(Body&& body) {
    LOCKTAG slot;
    if (!take_hash_slot(slot)) return false;
    CallFailure failure;
    const bool done = guarded(failure, body);
    release_hash_slot(slot);
    CHECK_FOR_INTERRUPTS();
    if (!done) raise(failure);
    return true;
}

// The same, for functions that raise when no slot is free.
template <class Body>
void hash_in_slot(Body&& body) {
    if (!hash_if_free(body))
        ereport(ERROR, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED), errmsg("too many concurrent password hashes"),
                        errdetail("At most %d run at once (bastion.max_concurrent_hashes).", hash_slot_count()),
                        errhint("Try again later.")));
}

Result<void> store_hash(Utf8& out, std::string_view password, const PasswordParams& params) {
    Result<std::string> made = bastion::password_hash(password, params);
    return made ? store(out, *made) : made.error();
}

const SettingsTable table([] {
    define(IntSetting{"bastion.refused_login_duration",
                      "Shortest time of a refused login, for every user, every stored hash and every reason.",
                      &refusal_duration, 500, 0, 60'000, PGC_SUSET, GUC_UNIT_MS});
});

template <class T>
Result<void> assign(T& out, Result<T>&& result) {
    if (!result) return result.error();
    out = *std::move(result);
    return {};
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_password_hash);
Datum bastion_password_hash(PG_FUNCTION_ARGS) {
    note_secret_use("password_hash");
    const Utf8 password = utf8_of(PG_GETARG_TEXT_PP(0));
    const Utf8 algorithm_name = utf8_of(PG_GETARG_TEXT_PP(1));
    const Utf8 options = jsonb_text(PG_GETARG_JSONB_P(2));
    PasswordParams params;
    guarded_or_raise([&]() -> Result<void> {
        const auto algorithm = find_password_algorithm(algorithm_name);
        if (!algorithm) return algorithm.error();
        return assign(params, parse_password_options(**algorithm, options));
    });
    Utf8 hash;
    hash_in_slot([&] { return store_hash(hash, password, params); });
    return text_datum(hash);
}

// For functions that answer: null when no slot is free.
PG_FUNCTION_INFO_V1(bastion_password_hash_if_free);
Datum bastion_password_hash_if_free(PG_FUNCTION_ARGS) {
    note_secret_use("password_hash_if_free");
    const Utf8 password = utf8_of(PG_GETARG_TEXT_PP(0));
    Utf8 hash;
    if (!hash_if_free([&] { return store_hash(hash, password, default_password_params(argon2id)); })) PG_RETURN_NULL();
    return text_datum(hash);
}

PG_FUNCTION_INFO_V1(bastion_password_verify);
Datum bastion_password_verify(PG_FUNCTION_ARGS) {
    note_secret_use("password_verify");
    const Utf8 password = utf8_of(PG_GETARG_TEXT_PP(0));
    const Utf8 hash = utf8_of(PG_GETARG_TEXT_PP(1));
    bool matches = false;
    hash_in_slot([&] { return assign(matches, bastion::password_verify(password, hash)); });
    PG_RETURN_BOOL(matches);
}

PG_FUNCTION_INFO_V1(bastion_password_needs_rehash);
Datum bastion_password_needs_rehash(PG_FUNCTION_ARGS) {
    const Utf8 hash = utf8_of(PG_GETARG_TEXT_PP(0));
    bool needed = true;
    guarded_or_raise([&]() -> Result<void> {
        needed = bastion::password_needs_rehash(hash, bastion::default_password_params(argon2id));
        return {};
    });
    PG_RETURN_BOOL(needed);
}

PG_FUNCTION_INFO_V1(bastion_password_format);
Datum bastion_password_format(PG_FUNCTION_ARGS) {
    const Utf8 hash = utf8_of(PG_GETARG_TEXT_PP(0));
    Utf8 json;
    guarded_or_raise([&]() -> Result<void> {
        return store(json, bastion::password_format_json(hash, bastion::default_password_params(argon2id)));
    });
    if (json.bytes() == "null") PG_RETURN_NULL();
    return jsonb_datum(json);
}

// Without a hash it costs as much as with one, and is 'none'. It is 'busy' when no slot is free, so that this can be recorded: an error
// would roll that back.
PG_FUNCTION_INFO_V1(bastion_password_check);
Datum bastion_password_check(PG_FUNCTION_ARGS) {
    note_secret_use("password_check");
    const std::string_view password = utf8_argument(fcinfo, 0);
    const std::string_view hash = PG_ARGISNULL(0) ? Utf8() : utf8_argument(fcinfo, 1);
    PasswordMatch match = PasswordMatch::none;
    const bool checked = hash_if_free([&] {
        return assign(match, bastion::password_check(password, hash, bastion::default_password_params(argon2id)));
    });
    if (!checked) return text_datum(ServerText("busy"));
    return text_datum(ServerText(match == PasswordMatch::none       ? "none"
                                 : match == PasswordMatch::prepared ? "prepared"
                                                                    : "bytes"));
}

PG_FUNCTION_INFO_V1(bastion_password_length);
Datum bastion_password_length(PG_FUNCTION_ARGS) {
    const std::string_view password = utf8_of(PG_GETARG_TEXT_PP(0));
    const bool in_bytes = PG_GETARG_BOOL(1);
    std::size_t length = 0;
    bool acceptable = password.size() <= max_password_bytes;
    guarded_or_raise([&]() -> Result<void> {
        if (!acceptable) return {};
        const PreparedPassword prepared = prepare_password(password);
        acceptable = !prepared.has_controls && prepared.bytes.size() <= max_password_bytes;
        length = in_bytes           ? std::max(password.size(), prepared.bytes.size())
                 : prepared.is_utf8 ? prepared.characters
                                    : password.size();
        return {};
    });
    if (!acceptable) PG_RETURN_NULL();
    PG_RETURN_INT32(static_cast<int32>(length));
}

}  // extern "C"

}  // namespace bastion::pg
