// API keys of other systems: the schemes by which those hashed, and the key that a stored hash belongs to. Read by index and cached
// (backend_cache.hpp); api_key_verify.cpp asks for both when a text is neither an API key of the extension nor a token of JSON.
#pragma once

#include "core/session/imported_api_key.hpp"
#include "pg/base/pg.hpp"

namespace bastion::pg {

struct ImportScheme {
    int32 id;
    int32 pepper;        // under which the hashes are stored
    int32 other_pepper;  // the key of the other system; 0 for none
    std::string separator;
};

// Every scheme, of which there are few. Pinned until the next call, or the end of the transaction.
std::span<const ImportScheme> import_schemes();

// The API key with this stored hash; false when there is none, which is not cached.
bool find_imported_key(const ApiKeyMac& mac, pg_uuid_t& key);

}  // namespace bastion::pg
