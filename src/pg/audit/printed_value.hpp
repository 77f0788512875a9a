// Values of columns as the text that entries of the log hold: the same text under any settings of the session. Types of the server that
// settings cannot influence are printed here; the output function of any other type runs as the current user under pinned settings.
#pragma once

#include "pg/audit/audit_write.hpp"

namespace bastion::pg {

// Of a value that is not NULL, in the current memory context.
EntryValue printed_value(Oid type, Datum value);

}  // namespace bastion::pg
