// Pieces of shared memory, each with a lock, for modules that share state between processes when the library is preloaded.
// PostgreSQL's hooks ask each piece for its size and hand over its memory; both live as long as the server.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

struct SharedPiece {
    const char* name;
    const char* tranche;  // of the lock
    Size (*size)();
    // In every process that attaches; in the first one, `fresh` memory has no content yet. No other process attaches meanwhile.
    void (*attach)(void* memory, LWLock* lock, bool fresh);
    SharedPiece* next = nullptr;
};

// From _PG_init: whether the postmaster is preloading libraries, and will give this piece its memory. The piece is a static.
bool request_shared_piece(SharedPiece& piece);

}  // namespace bastion::pg
