#include "pg/door/request_refusal.hpp"

#include "pg/base/internal_call.hpp"
#include "pg/base/text.hpp"
#include "pg/door/door_setting.hpp"

extern "C" {
#include "utils/json.h"
}

namespace bastion::pg {
namespace {

constexpr InternalFunction request_record{"request_record", 3, {INT4OID, TEXTOID, BOOLOID}};

void record(const NullableDatum& status, const NullableDatum& reason, bool kept) {
    const NullableDatum arguments[] = {status, reason, argument(BoolGetDatum(kept))};
    (void)call_internal(request_record, arguments);
}

// SQLSTATE PTnnn.
int pt_code(int status) noexcept {
    return MAKE_SQLSTATE('P', 'T', '0' + status / 100, '0' + status / 10 % 10, '0' + status % 10);
}

const char* json_string(const char* text) {
    StringInfoData out;
    initStringInfo(&out);
    escape_json(&out, text);
    return out.data;
}

// RFC 6750 section 3.
const char* challenge_of(const RequestRefusal& refusal) {
    if (refusal.status != 401 && std::string_view(refusal.error) != "insufficient_scope") return "";
    return psprintf(", \"WWW-Authenticate\": %s", json_string(psprintf("Bearer error=\"%s\"", refusal.error)));
}

// What PostgREST's RAISE sqlstate 'PGRST' takes as DETAIL; the same for others that read it.
const char* response_of(const RequestRefusal& refusal) {
    const char* retry = refusal.retry_after > 0 ? psprintf(", \"Retry-After\": \"%d\"", refusal.retry_after) : "";
    return psprintf("{\"status\": %d, \"headers\": {\"Cache-Control\": \"no-store\"%s%s}}", refusal.status,
                    challenge_of(refusal), retry);
}

const char* body_of(const RequestRefusal& refusal) {
    return psprintf("{\"code\": %s, \"message\": %s, \"details\": null, \"hint\": null}", json_string(refusal.error),
                    json_string(refusal.message));
}

}  // namespace

void refuse_request(const RequestRefusal& refusal) {
    record(argument(Int32GetDatum(refusal.status)), argument(text_datum(ServerText(refusal.reason))),
           request_audit() != RequestAudit::off);
    const bool with_headers = request_errors() == RequestErrors::pgrst;
    // The statement may hold the token.
    ereport(ERROR, (errcode(with_headers ? MAKE_SQLSTATE('P', 'G', 'R', 'S', 'T') : pt_code(refusal.status)),
                    errmsg_internal("%s", with_headers ? body_of(refusal) : refusal.message),
                    errdetail_internal("%s", response_of(refusal)), errdetail_log("Reason: %s.", refusal.reason),
                    errhidestmt(true)));
    pg_unreachable();
}

void record_request() {
    if (request_audit() == RequestAudit::all) record(null_argument(), null_argument(), true);
}

}  // namespace bastion::pg
