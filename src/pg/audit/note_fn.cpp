// SQL functions of checkpoints of the audit log: the key that signs them, and what witnesses sign. Called by SQL functions of the
// extension, which read and write the rows.
#include "core/audit/note.hpp"
#include "core/key/sealed.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/record.hpp"
#include "pg/base/text.hpp"
#include "pg/key/data_keys.hpp"

namespace bastion::pg {
namespace {

constexpr std::string_view key_purpose = "audit";

Error wrong_public_key() { return invalid_argument("a public key has 32 bytes"); }

// Phase B.
Result<NoteKey> key_of(std::string_view name, NoteKeyType type, ByteSpan public_key) {
    NoteKey out{std::string(name), type, {}};
    if (public_key.size() != out.key.size()) return wrong_public_key();
    if (!is_note_key_name(name)) return invalid_argument("invalid name of a key");
    std::copy(public_key.begin(), public_key.end(), out.key.begin());
    return out;
}

// The seed and public key of this id in bastion.audit_keys.
std::string bound_to(int32 id) { return sealed_aad("", key_purpose, std::to_string(id)); }

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_audit_key_make);
Datum bastion_audit_key_make(PG_FUNCTION_ARGS) {
    TupleDesc const descriptor = record_type(fcinfo);
    const auto data_key_id = static_cast<std::uint32_t>(PG_GETARG_INT32(0));
    DataKey& data_key = need_data_key(data_key_id);
    struct varlena* public_key = nullptr;
    struct varlena* sealed = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        const Ed25519Pair pair = make_ed25519_pair();
        Result<Bytes> made =
            data_key.sealer.value().seal(pair.secret.span(), data_key_id, bound_to(PG_GETARG_INT32(1)));
        if (!made) return made.error();
        if (Result<void> stored = store(sealed, *made); !stored) return stored;
        return store(public_key, pair.public_key);
    });
    Datum values[] = {PointerGetDatum(public_key), PointerGetDatum(sealed)};
    bool nulls[] = {false, false};
    return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

PG_FUNCTION_INFO_V1(bastion_audit_note_sign);
Datum bastion_audit_note_sign(PG_FUNCTION_ARGS) {
    const Utf8 note = utf8_of(PG_GETARG_TEXT_PP(0));
    const Utf8 name = utf8_of(PG_GETARG_TEXT_PP(1));
    const int32 id = PG_GETARG_INT32(2);
    const ByteSpan public_key = view(PG_GETARG_BYTEA_PP(3));
    const ByteSpan sealed = view(PG_GETARG_BYTEA_PP(4));
    DataKey& data_key = need_data_key(sealing_key_id(sealed));
    Utf8 line;
    guarded_or_raise([&]() -> Result<void> {
        const Result<NoteKey> key = key_of(name, NoteKeyType::ed25519, public_key);
        if (!key) return key.error();
        if (!data_key.sealer) return Error{ErrorCode::sealed_invalid, "sealed value cannot be opened"};
        const Result<SecretBytes> secret = data_key.sealer->open(sealed, bound_to(id));
        if (!secret) return secret.error();
        const Result<std::string> made = sign_note(note, *key, secret->span());
        if (!made) return made.error();
        return store(line, *made);
    });
    return text_datum(line);
}

PG_FUNCTION_INFO_V1(bastion_audit_verifier_key);
Datum bastion_audit_verifier_key(PG_FUNCTION_ARGS) {
    const Utf8 name = utf8_of(PG_GETARG_TEXT_PP(0));
    const ByteSpan public_key = view(PG_GETARG_BYTEA_PP(1));
    Utf8 out;
    guarded_or_raise([&]() -> Result<void> {
        const Result<NoteKey> key = key_of(name, NoteKeyType::ed25519, public_key);
        if (!key) return key.error();
        return store(out, verifier_key_text(*key));
    });
    return text_datum(out);
}

PG_FUNCTION_INFO_V1(bastion_audit_witness_key);
Datum bastion_audit_witness_key(PG_FUNCTION_ARGS) {
    TupleDesc const descriptor = record_type(fcinfo);
    const Utf8 written = utf8_of(PG_GETARG_TEXT_PP(0));
    Utf8 name;
    struct varlena* public_key = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        const Result<NoteKey> key = parse_verifier_key(written);
        if (!key) return key.error();
        if (key->type != NoteKeyType::cosignature_v1)
            return invalid_argument("the key is not that of a witness",
                                    "A witness has a key of type 0x04 (cosignature/v1).");
        if (Result<void> stored = store(name, key->name); !stored) return stored;
        return store(public_key, key->key);
    });
    Datum values[] = {text_datum(name), PointerGetDatum(public_key)};
    bool nulls[] = {false, false};
    return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

// The parts of a signed checkpoint; signature lines alone have neither text nor size.
PG_FUNCTION_INFO_V1(bastion_audit_checkpoint_parts);
Datum bastion_audit_checkpoint_parts(PG_FUNCTION_ARGS) {
    TupleDesc const descriptor = record_type(fcinfo);
    const Utf8 given = utf8_of(PG_GETARG_TEXT_PP(0));
    Utf8 body;
    Utf8 lines;
    int64 size = 0;
    bool is_alone = false;
    guarded_or_raise([&]() -> Result<void> {
        const std::string_view whole = given;
        const auto alone = parse_signatures(whole);
        is_alone = alone.ok();
        if (is_alone) return store(lines, whole);
        if (alone.error().code == ErrorCode::limit_exceeded) return alone.error();
        const Result<Note> note = parse_note(whole);
        if (!note) return note.error();
        const Result<Checkpoint> checkpoint = parse_checkpoint(note->text);
        if (!checkpoint) return checkpoint.error();
        size = static_cast<int64>(checkpoint->size);
        if (Result<void> stored = store(body, note->text); !stored) return stored;
        return store(lines, whole.substr(note->text.size() + 1));
    });
    Datum values[] = {is_alone ? Datum{0} : text_datum(body), Int64GetDatum(size), text_datum(lines)};
    bool nulls[] = {is_alone, is_alone, false};
    return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

PG_FUNCTION_INFO_V1(bastion_audit_cosignature);
Datum bastion_audit_cosignature(PG_FUNCTION_ARGS) {
    TupleDesc const descriptor = record_type(fcinfo);
    const Utf8 lines = utf8_of(PG_GETARG_TEXT_PP(0));
    const Utf8 checkpoint = utf8_of(PG_GETARG_TEXT_PP(1));
    const Utf8 name = utf8_of(PG_GETARG_TEXT_PP(2));
    const ByteSpan public_key = view(PG_GETARG_BYTEA_PP(3));
    Utf8 line;
    int64 seconds = 0;
    guarded_or_raise([&]() -> Result<void> {
        const Result<NoteKey> witness = key_of(name, NoteKeyType::cosignature_v1, public_key);
        if (!witness) return witness.error();
        const Result<std::vector<NoteSignature>> signatures = parse_signatures(lines);
        if (!signatures) return signatures.error();
        for (const NoteSignature& signature : *signatures) {
            const std::optional<std::int64_t> at = cosigned_at(signature, checkpoint, *witness);
            if (!at) continue;
            seconds = *at;
            return store(line, std::string(signature.line) + '\n');
        }
        return {};
    });
    Datum values[] = {line.is_null() ? Datum{0} : text_datum(line), Int64GetDatum(seconds)};
    bool nulls[] = {line.is_null(), line.is_null()};
    return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

}  // extern "C"

}  // namespace bastion::pg
