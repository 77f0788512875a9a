// The last use of an API key: written at most every bastion.last_used_interval, at the end of a transaction that may write
// and sees commits of other transactions (READ COMMITTED), never in a READ ONLY transaction or on a standby, and without
// waiting.
#pragma once

#include "pg/session/api_key_read.hpp"

namespace bastion::pg {

void note_api_key_use(const ApiKey& key) noexcept;

// Registers the writer. Called once, from _PG_init.
void watch_api_key_use();

}  // namespace bastion::pg
