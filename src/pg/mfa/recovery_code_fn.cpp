// SQL functions of recovery codes; SQL functions of the extension call them and write the rows.
#include "core/mfa/recovery_code.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/text.hpp"
#include "pg/base/uuid.hpp"
#include "pg/key/pepper.hpp"

namespace bastion::pg {

extern "C" {

PG_FUNCTION_INFO_V1(bastion_recovery_code_make);
Datum bastion_recovery_code_make(PG_FUNCTION_ARGS) {
    Utf8 code;
    guarded_or_raise([&]() -> Result<void> { return store(code, recovery_code_generate().text()); });
    return text_datum(code);
}

PG_FUNCTION_INFO_V1(bastion_recovery_code_mac);
Datum bastion_recovery_code_mac(PG_FUNCTION_ARGS) {
    const Utf8 code = utf8_of(PG_GETARG_TEXT_PP(0));
    const pg_uuid_t* user = PG_GETARG_UUID_P(1);
    const HmacKey& pepper = need_pepper(PG_GETARG_INT32(2));
    struct varlena* stored = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        const Result<std::optional<RecoveryCodeMac>> mac = recovery_code_mac(pepper, core_uuid(*user), code);
        if (!mac) return mac.error();
        return *mac ? store(stored, **mac) : Result<void>();
    });
    if (stored == nullptr) PG_RETURN_NULL();
    PG_RETURN_BYTEA_P(stored);
}

}  // extern "C"

}  // namespace bastion::pg
