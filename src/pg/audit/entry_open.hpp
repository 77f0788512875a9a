// What an entry of the log of changes says, for the caller: sealed values are opened for who may read the entry. An entry can be anybody's
// bytes, and sealed values are in exports, so the right is checked here too: that of the context in the tenant to which the value is bound,
// or that of a role that reads the log without row security.
#pragma once

#include "pg/base/text.hpp"

namespace bastion::pg {

// The JSON of entry_json(), null for what is no entry.
Utf8 readable_entry(ByteSpan bytes);

}  // namespace bastion::pg
