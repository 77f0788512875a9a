#include "pg/vault/sealed_use.hpp"

#include "pg/base/text.hpp"
#include "pg/vault/secret_record.hpp"

namespace bastion::pg {

void require_sealer(const DataKey& key) {
    if (key.sealer) return;
    ereport(ERROR, (errcode(MAKE_SQLSTATE('B', 'A', '0', '0', '3')), errmsg("sealed value cannot be opened"),
                    errdetail_log("The key in its header seals no values.")));
}

struct varlena* sealed_under(DataKey& key, ByteSpan plaintext, std::string_view bound_to) {
    if (plaintext.size() > max_sealed_plaintext)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("value is too long to be sealed")));
    const std::size_t size = plaintext.size() + sealed_overhead;
    auto* out = static_cast<struct varlena*>(palloc(VARHDRSZ + size));
    SET_VARSIZE(out, VARHDRSZ + size);
    guarded_or_raise([&]() -> Result<void> {
        std::string long_text;
        return key.sealer.value().seal_into(plaintext, key.id, key.additional_data(bound_to, long_text),
                                            {reinterpret_cast<std::uint8_t*>(VARDATA(out)), size});
    });
    return out;
}

struct varlena* opened_by(DataKey& key, const struct varlena* sealed, std::string_view bound_to) {
    const ByteSpan bytes = view(sealed);
    const std::size_t size = bytes.size() - sealed_overhead;  // sealing_key_id() has checked the length
    auto* out = static_cast<struct varlena*>(palloc(VARHDRSZ + size));
    SET_VARSIZE(out, VARHDRSZ + size);
    guarded_or_raise([&]() -> Result<void> {
        std::string long_text;
        return key.sealer.value().open_into(bytes, key.additional_data(bound_to, long_text),
                                            {reinterpret_cast<std::uint8_t*>(VARDATA(out)), size});
    });
    return out;
}

void record_opening(const DataKey& key, const NullableDatum& bound_to, struct varlena* plaintext) {
    const Access access{"open",           {},
                        key.tenant,       {Datum{0}, true},
                        {Datum{0}, true}, {text_datum(ServerText(key.purpose.c_str())), false},
                        bound_to};
    PG_TRY();
    { record_access(access, true); }
    PG_CATCH();
    {
        wipe(plaintext);
        PG_RE_THROW();
    }
    PG_END_TRY();
}

}  // namespace bastion::pg
