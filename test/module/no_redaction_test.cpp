// A library that removes the hook of the server log, so that sessions with it differ in the redaction alone: for bench/vault.sh.
#include "pg/base/pg.hpp"

extern "C" {
PG_MODULE_MAGIC;
void _PG_init(void);
}

extern "C" void _PG_init(void) { emit_log_hook = nullptr; }
