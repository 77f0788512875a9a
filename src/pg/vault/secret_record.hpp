// Records accesses to secrets, and openings of sealed values: always a line of the server log, and a row of
// bastion.secret_access_log. Called by the functions in C that open, and by those in SQL that change. Keeps no state.
#pragma once

#include "pg/base/identity.hpp"

namespace bastion::pg {

struct Access {
    const char* action;
    OptionalUuid secret;  // absent for a sealed value
    OptionalUuid tenant;
    NullableDatum name;      // text
    NullableDatum version;   // integer; not for a sealed value
    NullableDatum purpose;   // text
    NullableDatum bound_to;  // text; for a sealed value alone
};

// With who acts. The row of what discloses a value goes through the queue of events, if there is one, because it is disclosed even if
// the transaction rolls back. Otherwise the row belongs to the transaction, and there is none where it cannot write. When
// bastion.secret_log is strict: raises 25006 where no row can be written, 53000 when the queue does not write it in time.
void record_access(const Access& access, bool discloses);

}  // namespace bastion::pg
