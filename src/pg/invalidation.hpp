// Coherence of the per-backend caches: triggers on the extension's tables send an invalidation message for a synthetic
// relation id (high bit set), which reaches every backend and, after replay, every standby when the change commits.
// Receiving one counts it and marks what it names as stale; a collision costs one spurious reload.
#pragma once

#include "pg/pg.hpp"

namespace bastion::pg {

// What a message names: a scope, one of the words of bastion.invalidate(), and the text of the ids that it is about.
Oid invalidation_of(std::string_view scope, std::string_view key) noexcept;
Oid user_invalidation(const pg_uuid_t& user) noexcept;
Oid all_rights_invalidation() noexcept;
Oid session_invalidation(const pg_uuid_t& session) noexcept;
Oid all_sessions_invalidation() noexcept;
Oid api_key_invalidation(const pg_uuid_t& key) noexcept;
Oid all_api_keys_invalidation() noexcept;
Oid keys_invalidation() noexcept;

// Sends the message when the current transaction commits.
void send_invalidation(Oid synthetic);

// Messages received by this backend so far.
uint64 invalidation_count() noexcept;

// Registers the receiver. Called once, from _PG_init.
void register_invalidation();

}  // namespace bastion::pg
