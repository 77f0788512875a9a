// SQL functions over core/password: hashing takes a slot, so that memory-hard work is bounded per server, and a cancel
// takes effect as soon as the hash in progress is done.
#include "core/identity/password.hpp"

#include "pg/base/guard.hpp"
#include "pg/identity/hash_slots.hpp"

namespace bastion::pg {
namespace {

// Phase B with a slot; a failure is raised after the slot is released.
template <class Body>
void hash_in_slot(Body&& body) {
    const LOCKTAG slot = take_hash_slot();
    CallFailure failure;
    const bool done = guarded(failure, body);
    release_hash_slot(slot);
    CHECK_FOR_INTERRUPTS();
    if (!done) raise(failure);
}

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
    const std::string_view password = view(PG_GETARG_TEXT_PP(0));
    const std::string_view algorithm_name = view(PG_GETARG_TEXT_PP(1));
    const std::string_view options = jsonb_text(PG_GETARG_JSONB_P(2));
    PasswordParams params;
    guarded_or_raise([&]() -> Result<void> {
        const auto algorithm = find_password_algorithm(algorithm_name);
        if (!algorithm) return algorithm.error();
        return assign(params, parse_password_options(**algorithm, options));
    });
    struct varlena* hash = nullptr;
    hash_in_slot([&]() -> Result<void> {
        Result<std::string> made = bastion::password_hash(password, params);
        if (!made) return made.error();
        return store(hash, *made);
    });
    PG_RETURN_TEXT_P(hash);
}

PG_FUNCTION_INFO_V1(bastion_password_verify);
Datum bastion_password_verify(PG_FUNCTION_ARGS) {
    const std::string_view password = view(PG_GETARG_TEXT_PP(0));
    const std::string_view hash = view(PG_GETARG_TEXT_PP(1));
    bool matches = false;
    hash_in_slot([&] { return assign(matches, bastion::password_verify(password, hash)); });
    PG_RETURN_BOOL(matches);
}

PG_FUNCTION_INFO_V1(bastion_password_needs_rehash);
Datum bastion_password_needs_rehash(PG_FUNCTION_ARGS) {
    const std::string_view hash = view(PG_GETARG_TEXT_PP(0));
    bool needed = true;
    guarded_or_raise([&]() -> Result<void> {
        needed = bastion::password_needs_rehash(hash, bastion::default_password_params(argon2id));
        return {};
    });
    PG_RETURN_BOOL(needed);
}

// The login path's check: without a hash (an unknown user) it costs as much as with one, and is false.
PG_FUNCTION_INFO_V1(bastion_password_check);
Datum bastion_password_check(PG_FUNCTION_ARGS) {
    const bool known = !PG_ARGISNULL(0) && !PG_ARGISNULL(1);
    const std::string_view password = PG_ARGISNULL(0) ? std::string_view() : view(PG_GETARG_TEXT_PP(0));
    const std::string_view hash = PG_ARGISNULL(1) ? std::string_view() : view(PG_GETARG_TEXT_PP(1));
    bool matches = false;
    hash_in_slot([&] {
        return assign(matches,
                      known ? bastion::password_verify(password, hash)
                            : bastion::password_dummy_verify(password, bastion::default_password_params(argon2id)));
    });
    PG_RETURN_BOOL(matches);
}

}  // extern "C"

}  // namespace bastion::pg
