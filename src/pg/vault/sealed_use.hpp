// Seals and opens values under a data key that the caller has looked up, and records openings. A key stays valid until the next
// request for one (data_keys.hpp).
#pragma once

#include "pg/base/guard.hpp"
#include "pg/key/data_keys.hpp"

namespace bastion::pg {

// Raises BA003 for a key that seals no values.
void require_sealer(const DataKey& key);

struct varlena* sealed_under(DataKey& key, ByteSpan plaintext, std::string_view bound_to);

// The plaintext of a value, whose length sealing_key_id() has checked. Raises BA003 for one that does not open.
struct varlena* opened_by(DataKey& key, const struct varlena* sealed, std::string_view bound_to);

// Records an opening before its plaintext leaves, which is wiped when it cannot be recorded. The key may leave the cache meanwhile.
void record_opening(const DataKey& key, const NullableDatum& bound_to, struct varlena* plaintext);

}  // namespace bastion::pg
