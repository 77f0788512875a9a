#include "core/audit/era.hpp"

#include <sodium.h>

#include <array>

#include "core/base/framing.hpp"
#include "core/base/secret_bytes.hpp"

namespace bastion {

std::int64_t audit_era(const EraPlace& place) {
    std::string input = "pg_bastion era";
    append_u32(input, static_cast<std::uint32_t>(place.system_identifier >> 32));
    append_u32(input, static_cast<std::uint32_t>(place.system_identifier));
    append_u32(input, place.timeline);
    append_u32(input, place.database);
    std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest;
    crypto_hash_sha256(digest.data(), as_bytes(input).data(), input.size());
    std::uint64_t era = 0;
    for (std::size_t i = 0; i < sizeof era; ++i) era = era << 8 | digest[i];
    return static_cast<std::int64_t>(era >> 1 | 1);
}

}  // namespace bastion
