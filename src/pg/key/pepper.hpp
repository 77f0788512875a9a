// Peppers: the keys of HMAC-SHA-256 that derive successors of refresh tokens and the stored hashes of API keys. Versioned,
// created by bastion_internal.pepper(), sealed in bastion.peppers like signing keys; here they are opened lazily and cached
// (backend_cache.hpp).
#pragma once

#include "pg/base/pg.hpp"

namespace bastion {
class HmacKey;
}

namespace bastion::pg {

// A new random pepper, sealed under a data key.
struct varlena* make_pepper(int32 data_key, int32 version);

// The pepper, opened when it is not cached; raises BA003 when there is none. Pinned until the next call, or the end of the
// transaction.
const HmacKey& need_pepper(int32 version);

}  // namespace bastion::pg
