#include "pg/base/value_text.hpp"

#include "core/base/secret_bytes.hpp"
#include "pg/base/guard.hpp"

namespace bastion::pg {
namespace {

bool server_is_utf8() noexcept {
    const int encoding = GetDatabaseEncoding();
    return encoding == PG_UTF8 || encoding == PG_SQL_ASCII;
}

[[noreturn]] void not_text(struct varlena* value) {
    wipe(value);
    ereport(ERROR, (errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE), errmsg("value is not text in this database"),
                    errhint("bastion.open_bytea() opens any value.")));
    pg_unreachable();
}

struct varlena* converted(struct varlena* utf8) {
    const std::string_view bytes = view(utf8);
    const Oid conversion = FindDefaultConversionProc(PG_UTF8, GetDatabaseEncoding());
    const std::size_t room = bytes.size() * MAX_CONVERSION_GROWTH + 1;
    if (!OidIsValid(conversion) || !AllocSizeIsValid(room + VARHDRSZ)) not_text(utf8);
    auto* out = static_cast<struct varlena*>(palloc(VARHDRSZ + room));
    auto* target = reinterpret_cast<unsigned char*>(VARDATA(out));
    const int taken = pg_do_encoding_conversion_buf(
        conversion, PG_UTF8, GetDatabaseEncoding(), reinterpret_cast<unsigned char*>(VARDATA_ANY(utf8)),
        static_cast<int>(bytes.size()), target, static_cast<int>(room), true);
    SET_VARSIZE(out, VARHDRSZ + std::strlen(reinterpret_cast<char*>(target)));
    if (taken != static_cast<int>(bytes.size())) {
        wipe(out);
        not_text(utf8);
    }
    wipe(utf8);
    return out;
}

}  // namespace

std::string_view utf8_of(const struct varlena* text) {
    const std::string_view bytes = view(text);
    if (server_is_utf8()) return bytes;
    const char* utf8 = pg_server_to_any(bytes.data(), static_cast<int>(bytes.size()), PG_UTF8);
    return utf8 == bytes.data() ? bytes : std::string_view(utf8);
}

struct varlena* text_of_utf8(struct varlena* utf8) {
    const std::string_view bytes = view(utf8);
    if (!pg_verify_mbstr(server_is_utf8() ? GetDatabaseEncoding() : PG_UTF8, bytes.data(),
                         static_cast<int>(bytes.size()), true))
        not_text(utf8);
    return server_is_utf8() || bytes.empty() ? utf8 : converted(utf8);
}

void wipe(struct varlena* value) noexcept { wipe_memory(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)); }

}  // namespace bastion::pg
