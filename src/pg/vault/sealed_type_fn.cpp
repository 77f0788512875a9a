// The type bastion.sealed: an envelope (core/key/sealed.hpp) that only bastion.open_* turns into plaintext. Its text form
// is that of bytea in hexadecimal. Other input is refused, and never shown, because it may be an unsealed plaintext.
#include "core/base/encoding.hpp"
#include "core/key/sealed.hpp"
#include "pg/base/guard.hpp"
#include "pg/key/data_keys.hpp"

namespace bastion::pg {
namespace {

bool is_envelope(ByteSpan bytes) noexcept {
    CallFailure failure;
    return guarded(failure, [&]() -> Result<void> {
        Result<SealedHeader> header = parse_sealed_header(bytes);
        return header ? Result<void>() : header.error();
    });
}

[[noreturn]] void refuse(int sqlstate) {
    ereport(ERROR, (errcode(sqlstate), errmsg("invalid input for type bastion.sealed"), errhidestmt(true),
                    errhint("bastion.seal() makes such values.")));
    pg_unreachable();
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_sealed_in);
Datum bastion_sealed_in(PG_FUNCTION_ARGS) {
    const std::string_view text(PG_GETARG_CSTRING(0));
    struct varlena* value = nullptr;
    CallFailure failure;
    const bool decoded = text.starts_with("\\x") && guarded(failure, [&]() -> Result<void> {
                             Result<Bytes> bytes = hex_decode(text.substr(2));
                             if (!bytes) return bytes.error();
                             return store(value, *bytes);
                         });
    if (!decoded || !is_envelope(view(value))) refuse(ERRCODE_INVALID_TEXT_REPRESENTATION);
    PG_RETURN_POINTER(value);
}

PG_FUNCTION_INFO_V1(bastion_sealed_out);
Datum bastion_sealed_out(PG_FUNCTION_ARGS) {
    const ByteSpan bytes = view(PG_GETARG_VARLENA_PP(0));
    auto* text = static_cast<char*>(palloc_extended(2 * bytes.size() + 3, MCXT_ALLOC_HUGE));
    text[0] = '\\';
    text[1] = 'x';
    text[2 + ::hex_encode(reinterpret_cast<const char*>(bytes.data()), bytes.size(), text + 2)] = '\0';
    PG_RETURN_CSTRING(text);
}

PG_FUNCTION_INFO_V1(bastion_sealed_recv);
Datum bastion_sealed_recv(PG_FUNCTION_ARGS) {
    auto* message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
    const int size = message->len - message->cursor;
    auto* value = static_cast<struct varlena*>(palloc(VARHDRSZ + size));
    SET_VARSIZE(value, VARHDRSZ + size);
    pq_copymsgbytes(message, VARDATA(value), size);
    if (!is_envelope(view(value))) refuse(ERRCODE_INVALID_BINARY_REPRESENTATION);
    PG_RETURN_POINTER(value);
}

PG_FUNCTION_INFO_V1(bastion_sealed_send);
Datum bastion_sealed_send(PG_FUNCTION_ARGS) { PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0)); }

PG_FUNCTION_INFO_V1(bastion_sealed_from_bytea);
Datum bastion_sealed_from_bytea(PG_FUNCTION_ARGS) {
    struct varlena* value = PG_GETARG_VARLENA_P(0);
    if (!is_envelope(view(value))) refuse(MAKE_SQLSTATE('B', 'A', '0', '0', '3'));
    PG_RETURN_POINTER(value);
}

PG_FUNCTION_INFO_V1(bastion_is_sealed);
Datum bastion_is_sealed(PG_FUNCTION_ARGS) { PG_RETURN_BOOL(is_envelope(view(PG_GETARG_VARLENA_PP(0)))); }

PG_FUNCTION_INFO_V1(bastion_sealed_key);
Datum bastion_sealed_key(PG_FUNCTION_ARGS) {
    PG_RETURN_INT32(static_cast<int32>(sealing_key_id(view(PG_GETARG_VARLENA_PP(0)))));
}

PG_FUNCTION_INFO_V1(bastion_key_committed);
Datum bastion_key_committed(PG_FUNCTION_ARGS) {
    const ByteSpan head = view(PG_GETARG_BYTEA_PP(1));
    DataKey* key = find_data_key(static_cast<std::uint32_t>(PG_GETARG_INT32(0)));
    if (key == nullptr) PG_RETURN_NULL();
    bool committed = false;
    guarded_or_raise([&]() -> Result<void> {
        if (!key->sealer) return {};
        const Result<bool> made = key->sealer->made(head);
        if (!made) return made.error();
        committed = *made;
        return {};
    });
    PG_RETURN_BOOL(committed);
}

// The bytes of sealed values compare as those of bytea.

PG_FUNCTION_INFO_V1(bastion_sealed_lt);
Datum bastion_sealed_lt(PG_FUNCTION_ARGS) { return bytealt(fcinfo); }

PG_FUNCTION_INFO_V1(bastion_sealed_le);
Datum bastion_sealed_le(PG_FUNCTION_ARGS) { return byteale(fcinfo); }

PG_FUNCTION_INFO_V1(bastion_sealed_eq);
Datum bastion_sealed_eq(PG_FUNCTION_ARGS) { return byteaeq(fcinfo); }

PG_FUNCTION_INFO_V1(bastion_sealed_ge);
Datum bastion_sealed_ge(PG_FUNCTION_ARGS) { return byteage(fcinfo); }

PG_FUNCTION_INFO_V1(bastion_sealed_gt);
Datum bastion_sealed_gt(PG_FUNCTION_ARGS) { return byteagt(fcinfo); }

PG_FUNCTION_INFO_V1(bastion_sealed_ne);
Datum bastion_sealed_ne(PG_FUNCTION_ARGS) { return byteane(fcinfo); }

PG_FUNCTION_INFO_V1(bastion_sealed_cmp);
Datum bastion_sealed_cmp(PG_FUNCTION_ARGS) { return byteacmp(fcinfo); }

PG_FUNCTION_INFO_V1(bastion_sealed_hash);
Datum bastion_sealed_hash(PG_FUNCTION_ARGS) { return hashvarlena(fcinfo); }

PG_FUNCTION_INFO_V1(bastion_sealed_hash_extended);
Datum bastion_sealed_hash_extended(PG_FUNCTION_ARGS) { return hashvarlenaextended(fcinfo); }

}  // extern "C"

}  // namespace bastion::pg
