// Recovery codes, for a user who lost the other factors: 80 random bits as four groups of four characters of base32, such as
// ABCD-2345-EFGH-6723. Called by src/pg, which stores an HMAC of each under a pepper: 80 random bits need no slow hash. Nothing
// here keeps state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/encoding.hpp"
#include "core/base/hmac.hpp"
#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"

namespace bastion {

inline constexpr std::size_t recovery_code_bytes = 10;
inline constexpr std::size_t recovery_codes_per_user = 10;

// A new code with its hyphens.
[[nodiscard]] SecretBytes recovery_code_generate();

using RecoveryCodeMac = std::array<std::uint8_t, 32>;

// HMAC-SHA-256(pepper, "pg_bastion/recovery_code/1" || 0 || user || the bytes of the code): the stored value. None for a text that
// is no code; either case is one, and hyphens and spaces do not count.
[[nodiscard]] Result<std::optional<RecoveryCodeMac>> recovery_code_mac(const HmacKey& pepper, const Uuid& user,
                                                                       std::string_view text);

}  // namespace bastion
