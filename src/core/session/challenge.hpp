// Challenges: what a client brings back for the next step of a login, with the prefix `bst_ch_`. A challenge holds what the
// first step proved, under a MAC, so that no table stores it and a stranger fills none. Called by src/pg. Nothing here keeps
// state; that a challenge is used once is the work of the caller, who stores its hash.
//
// The bytes behind the prefix, in base64url: version 1, pepper (4), expiry in Unix seconds (4), nonce (16), length of the
// purpose (4), purpose, body, MAC of the state (16), MAC of everything before it (32). Numbers are big-endian.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/hmac.hpp"
#include "core/base/result.hpp"

namespace bastion {

inline constexpr std::string_view challenge_prefix = "bst_ch_";
inline constexpr std::size_t max_challenge_chars = 4096;

// A view: of the text of the caller of make, or of the bytes that read_challenge() decoded.
struct ChallengeTerms {
    std::uint32_t pepper = 0;
    std::uint32_t expires_at = 0;
    std::string_view purpose;
    std::string_view body;
};

// The challenge, with a random nonce. Its holder learns purpose and body, and nothing of the state, on which it depends: with
// another state it is not good any more.
[[nodiscard]] Result<std::string> challenge_make(const HmacKey& pepper, const ChallengeTerms& terms,
                                                 std::string_view state);

// A challenge whose MAC is not checked yet.
class UnverifiedChallenge {
public:
    // malformed_text for any other text.
    [[nodiscard]] static Result<UnverifiedChallenge> read(std::string_view text);

    // The pepper that it claims.
    [[nodiscard]] std::uint32_t pepper() const noexcept { return terms_.pepper; }
    // Its terms, if it was made under this pepper and for this purpose and has not expired; else null.
    [[nodiscard]] Result<const ChallengeTerms*> verify(const HmacKey& pepper, std::string_view purpose,
                                                       std::uint64_t now) const;
    // Whether it was made in this state. For a verified one.
    [[nodiscard]] Result<bool> is_of_state(const HmacKey& pepper, std::string_view state) const;

    UnverifiedChallenge(UnverifiedChallenge&&) noexcept = default;
    UnverifiedChallenge& operator=(UnverifiedChallenge&&) noexcept = default;

private:
    UnverifiedChallenge() = default;

    Bytes bytes_;  // the views of terms_ are into it; a move keeps them
    ChallengeTerms terms_;
};

}  // namespace bastion
