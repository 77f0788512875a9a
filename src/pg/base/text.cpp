#include "pg/base/text.hpp"

#include "core/base/json.hpp"
#include "core/base/secret_bytes.hpp"

namespace bastion::pg {
namespace {

bool server_is_utf8() noexcept {
    const int encoding = GetDatabaseEncoding();
    return encoding == PG_UTF8 || encoding == PG_SQL_ASCII;
}

struct varlena* varlena_of(std::string_view bytes) {
    auto* value = static_cast<struct varlena*>(palloc(VARHDRSZ + bytes.size()));
    SET_VARSIZE(value, VARHDRSZ + bytes.size());
    std::copy(bytes.begin(), bytes.end(), VARDATA(value));
    return value;
}

// Bytes of another encoding; null if it lacks a character. The error of the server's own functions would name it.
const char* converted(std::string_view bytes, int from, int to) {
    const Oid conversion = FindDefaultConversionProc(from, to);
    const std::size_t room = bytes.size() * MAX_CONVERSION_GROWTH + 1;
    if (!OidIsValid(conversion) || !AllocSizeIsValid(room + VARHDRSZ)) return nullptr;
    auto* source = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
    auto* out = static_cast<unsigned char*>(palloc(room));
    const int taken = pg_do_encoding_conversion_buf(conversion, from, to, source, static_cast<int>(bytes.size()), out,
                                                    static_cast<int>(room), true);
    if (taken == static_cast<int>(bytes.size())) return reinterpret_cast<char*>(out);
    wipe_memory(out, room);
    return nullptr;
}

[[noreturn]] void not_convertible() {
    ereport(ERROR, (errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
                    errmsg("text has a character that the encoding %s lacks", GetDatabaseEncodingName()),
                    errhidestmt(true), errhidecontext(true)));
    pg_unreachable();
}

// Text of core in the encoding of the database; false if that lacks a character. EUC_JP has one character for two of UTF-8:
// the text must come back, or two subjects of an issuer would be one user.
bool to_server(std::string_view utf8, std::string_view& out) {
    out = utf8;
    if (server_is_utf8() || utf8.empty()) return true;
    const char* bytes = converted(utf8, PG_UTF8, GetDatabaseEncoding());
    const char* back = bytes != nullptr ? converted(bytes, GetDatabaseEncoding(), PG_UTF8) : nullptr;
    const bool same = back != nullptr && back == utf8;
    if (back != nullptr) wipe_memory(const_cast<char*>(back), std::strlen(back));
    if (same) out = bytes;
    return same;
}

[[noreturn]] void not_text(struct varlena* value) {
    wipe(value);
    ereport(ERROR, (errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE), errmsg("value is not text in this database"),
                    errhint("bastion.open_bytea() opens any value.")));
    pg_unreachable();
}

}  // namespace

char* ServerText::c_str() const { return pnstrdup(data_, size_); }

Utf8 utf8_or_null(ServerText text) {
    if (server_is_utf8() || text.bytes().empty()) return Utf8(text.bytes());
    const char* utf8 = converted(text.bytes(), GetDatabaseEncoding(), PG_UTF8);
    return utf8 != nullptr ? Utf8(utf8) : Utf8();
}

Utf8 utf8_of(ServerText text) {
    const Utf8 utf8 = utf8_or_null(text);
    if (utf8.is_null() && !text.bytes().empty()) not_convertible();
    return utf8;
}

Result<void> store(Utf8& out, std::string_view utf8) {
    char* copy = nullptr;
    if (Result<void> stored = store_as_is(copy, utf8); !stored) return stored;
    out = Utf8({copy, utf8.size()});
    return {};
}

bool text_datum_if_possible(Utf8 text, Datum& out) {
    std::string_view bytes;
    if (!to_server(text, bytes)) return false;
    out = PointerGetDatum(varlena_of(bytes));
    return true;
}

Datum text_datum(Utf8 text) {
    Datum value{};
    if (!text_datum_if_possible(text, value)) not_convertible();
    return value;
}

Datum text_datum(ServerText text) { return PointerGetDatum(varlena_of(text.bytes())); }

std::span<std::string_view> text_elements(Datum array) {
    Datum* elements = nullptr;
    int count = 0;
    deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elements, nullptr, &count);
    auto* out = static_cast<std::string_view*>(palloc(sizeof(std::string_view) * (count + 1)));
    for (int i = 0; i < count; ++i) out[i] = server_text(DatumGetTextPP(elements[i])).bytes();
    return {out, static_cast<std::size_t>(count)};
}

Utf8 jsonb_text(const Jsonb* value) {
    const char* text = JsonbToCString(nullptr, const_cast<JsonbContainer*>(&value->root), VARSIZE(value));
    return utf8_of(ServerText(text));
}

Datum jsonb_datum(Utf8 json) {
    char* text = pnstrdup(json.bytes().data(), json.bytes().size());
    // In other encodings the server knows no escaped characters, or names the one that it lacks.
    if (GetDatabaseEncoding() != PG_UTF8) text[json_decode_escapes({text, json.bytes().size()})] = '\0';
    std::string_view bytes;
    if (!to_server(text, bytes)) not_convertible();
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(bytes.data()));
}

struct varlena* text_of_plaintext(struct varlena* plaintext) {
    const std::string_view bytes = as_text(view(plaintext));
    if (!pg_verify_mbstr(server_is_utf8() ? GetDatabaseEncoding() : PG_UTF8, bytes.data(),
                         static_cast<int>(bytes.size()), true))
        not_text(plaintext);
    if (server_is_utf8() || bytes.empty()) return plaintext;
    const char* text = converted(bytes, PG_UTF8, GetDatabaseEncoding());
    if (text == nullptr) not_text(plaintext);
    struct varlena* out = varlena_of(text);
    wipe_memory(const_cast<char*>(text), std::strlen(text));
    wipe(plaintext);
    return out;
}

void wipe(struct varlena* value) noexcept { wipe_memory(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)); }

}  // namespace bastion::pg
