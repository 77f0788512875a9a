// Peppers: the keys of HMAC-SHA-256 under which refresh tokens are continued and API keys are kept. Versioned, made by
// bastion_internal.pepper(), sealed in bastion.peppers like signing keys; here they are opened at first need and kept until an
// invalidation message for keys, and wiped then.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion {
class HmacKey;
}

namespace bastion::pg {

// A new random pepper, sealed under a data key.
struct varlena* make_pepper(int32 data_key, int32 version);

// The first reads and opens a pepper when it is not in the cache, raising BA003 when there is none; then it can be used
// in phase B.
void need_pepper(int32 version);
const HmacKey& cached_pepper(int32 version);

}  // namespace bastion::pg
