// One-time tokens, which leave the database by mail: `bst_ot_<id>_<MAC>`, the id in hexadecimal and
// the MAC in base64url, and codes of six digits for people who type. Both are
// derived from the row of the token under a pepper, so that nothing at rest holds them: the sender of mail gets them when it
// claims a message, and what a person presents is compared with what the row gives. Called by src/pg. Nothing here keeps state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/encoding.hpp"
#include "core/base/hmac.hpp"
#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"

namespace bastion {

inline constexpr std::string_view one_time_prefix = "bst_ot_";
inline constexpr std::size_t one_time_code_digits = 6;

// What a token is bound to. A change of any of these makes another token.
struct OneTimeSubject {
    Uuid id;
    std::string_view purpose;
    std::optional<Uuid> user;
    std::string_view address;
    std::int32_t generation;
    std::int64_t expires_at;  // microseconds, as the database counts them
};

// The id in a text of the form of a token; only lower-case hexadecimal is.
[[nodiscard]] std::optional<Uuid> one_time_id(std::string_view text);

// HMAC-SHA-256(pepper, parts), each part with its length: the label "one-time/1", then the members of the subject.
[[nodiscard]] Result<SecretBytes> one_time_token(const HmacKey& pepper, const OneTimeSubject& subject);

// The first eight bytes of the same HMAC under the label "one-time-code/1", modulo 10^6: the digits differ in likelihood by less
// than 10^-13.
[[nodiscard]] Result<SecretBytes> one_time_code(const HmacKey& pepper, const OneTimeSubject& subject);

}  // namespace bastion
