// Values of columns as the text that entries of the log hold: the same text under any settings of the session. Types of the server that
// settings cannot influence are printed here; the output function of any other type runs as the current user under pinned settings.
#pragma once

#include "pg/audit/audit_write.hpp"

namespace bastion::pg {

// The settings that output functions need are pinned from the first value that needs them until end_printing(): once for a row. After an
// error PostgreSQL resets them.
struct PrintedValues {
    int settings_level;  // 0: not pinned
};
void end_printing(PrintedValues& values);

// Of a value that is not NULL, in the current memory context. The type is no domain.
EntryValue printed_value(PrintedValues& values, Oid type, Datum value);

}  // namespace bastion::pg
