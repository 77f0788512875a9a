// How pre_request() refuses: an error of which a front door makes the status and headers of its HTTP response, a line of the server log,
// and an event if bastion.request_audit asks for it.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

struct RequestRefusal {
    int status;
    const char* error;    // a code of RFC 6750, or of ours
    const char* message;  // for the client, and the reason phrase of the response
    const char* reason;   // a word for the server log and the event
    int retry_after;      // seconds; 0 for no header
};

[[noreturn]] void refuse_request(const RequestRefusal& refusal);

// Records a request that is admitted, if the setting asks for it. Raises 55000 when it cannot be recorded.
void record_request();

}  // namespace bastion::pg
