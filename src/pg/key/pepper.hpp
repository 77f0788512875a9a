// Peppers: the keys of HMAC-SHA-256 that derive successors of refresh tokens and the stored hashes of API keys, and those with which
// other systems hashed the API keys that were imported. Versioned, created by bastion_internal.pepper(), sealed in bastion.peppers like signing keys; here they are opened lazily and cached
// (backend_cache.hpp).
#pragma once

#include "core/base/secret_bytes.hpp"
#include "pg/base/pg.hpp"

namespace bastion {
class HmacKey;
}

namespace bastion::pg {

// A new pepper, sealed under a data key: the given bytes, or random ones when there are none.
struct varlena* make_pepper(int32 data_key, int32 version, ByteSpan given);

// The pepper, opened when it is not cached. Pinned until the next call, or the end of the transaction. Without one, the first
// is null and the second raises BA003.
const HmacKey* find_pepper(int32 version);
const HmacKey& need_pepper(int32 version);

}  // namespace bastion::pg
