// Which databases have entries of the audit log that may not be sealed yet, when the library is preloaded: a piece of shared memory
// that lives as long as the server. A backend that commits an entry marks its database; the event launcher starts a worker for it
// (seal_worker.cpp) when `bastion.audit_seal_interval` has passed.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// From _PG_init: requests the memory while the postmaster preloads libraries, and registers the end of transactions.
void prepare_seal_schedule();

// The transaction of this number, the current one, has written an entry of the audit log: when it commits or is prepared, its database
// is marked.
void note_audit_entry(uint64 xid) noexcept;

// For the launcher and the workers.

// Also for a database without entries, whose worker does nothing. False when no place is left.
bool mark_unsealed(Oid database);

// Whether a backend found no place: any database may have entries then. Clears the mark.
bool take_seal_overflow();

// Ends what a former launcher began.
void begin_seal_launcher();

struct SealDue {
    int lane;  // -1: none
    Oid database;
    TimestampTz at;
};
// The database that is due first. The interval is from the mark on, and longer after failures.
SealDue next_seal();

// Clears the mark, before the snapshot of the worker: a later commit sets it again.
void begin_seal(int lane);
Oid sealing_database(int lane);
// In the worker, once it has committed.
void finish_seal(int lane);
// In the launcher, when the worker has ended: marks the database again unless it has finished.
void end_seal(int lane);
// The database is gone.
void drop_seal(int lane);

// Seconds; 0: never.
int seal_interval();

}  // namespace bastion::pg
