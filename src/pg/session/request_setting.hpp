// The settings that a front door such as PostgREST makes of the HTTP request of a transaction: request.headers and others. A value counts only
// in the transaction that set it: on a pooled connection, one that an earlier client set with SET is of another request. All code reads
// them here. The settings machinery owns the values.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

inline constexpr const char* request_headers = "request.headers";
inline constexpr const char* request_cookies = "request.cookies";
inline constexpr const char* request_path = "request.path";
inline constexpr const char* request_method = "request.method";

// The value that this transaction has set, or with bastion.allow_session_token the session; empty for none.
const char* request_setting(const char* name);

// Empties for the rest of the transaction the settings that an earlier one left, so that no other code takes them for those of the request.
void drop_left_requests();

}  // namespace bastion::pg
