// Identity: the user that the current transaction acts as, as a POD, with its text form, in which parallel workers get it
// (grants.cpp). Written by authenticate() and impersonate(), read by every context reader. The text is versioned; its source
// is gated, so a text that does not parse is refused, never repaired.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

struct OptionalUuid {
    bool present;
    pg_uuid_t value;
};

// The users who act for the user: the impersonator, or one for each hop of a delegation, the last of whom acts.
inline constexpr std::size_t max_actors = 8;
struct ActorChain {
    std::size_t count;
    pg_uuid_t ids[max_actors];
};

struct Identity {
    pg_uuid_t user;
    ActorChain actors;  // empty when the user acts in person
    OptionalUuid tenant;
    OptionalUuid unit;
    OptionalUuid session;
    OptionalUuid api_key;
    OptionalUuid delegation;
    int64 tenant_number;
    TimestampTz auth_time;  // when the user last proved who they are; 0 when not known
    TimestampTz phr_time;   // and with a passkey; 0 for never
    // For a session that began without the second factor of its user, because the device is remembered: when that factor
    // was last presented there; 0 for every other.
    TimestampTz remembered_time;
    TimestampTz expires_at;  // DT_NOEND when it does not expire
    char method[16];         // 'jwt', 'api_key', 'impersonation', 'delegation'
    char level[8];           // 'aal0', 'aal1', 'aal2', 'aal3'
};

// What a session proves: no factor, one, two, two with a passkey, or with an attested one.
enum class ProofLevel : std::int8_t { aal0, aal1, aal2, phr, phrh };

inline constexpr std::size_t uuid_text_size = 37;
inline constexpr std::size_t identity_text_size = 768;
// Names the key that verified a token: a kid of the extension, or "@thumbprint issuer subject" with the subject in
// base64url.
inline constexpr std::size_t max_kid_size = 704;

[[nodiscard]] inline bool is_impersonation(const Identity& identity) noexcept {
    return std::strcmp(identity.method, "impersonation") == 0;
}

ProofLevel level_of(const Identity& identity) noexcept;

bool same_uuid(const pg_uuid_t& left, const pg_uuid_t& right) noexcept;
bool same_uuid(const OptionalUuid& left, const OptionalUuid& right) noexcept;
bool same_actors(const ActorChain& left, const ActorChain& right) noexcept;

// The user who acts; absent when that is the user of the identity, or an impersonator without an account.
OptionalUuid last_actor(const Identity& identity) noexcept;

// The one who acts: the user, unless somebody acts for that user.
OptionalUuid actor_of(const Identity& identity) noexcept;

// The user whose session or API key it is: under impersonation the impersonator.
const pg_uuid_t& credential_owner(const Identity& identity) noexcept;

// Same user, actors, tenant, session, API key and delegation: only such an identity may be set again once one is fixed.
bool same_identity(const Identity& left, const Identity& right) noexcept;

void format_uuid_text(const pg_uuid_t& uuid, char (&out)[uuid_text_size]) noexcept;
bool parse_uuid_text(std::string_view text, pg_uuid_t& out) noexcept;

// The text, version 3: "3 user actors tenant number unit session api_key delegation method level auth_time phr_time
// remembered_time expires", '-' for an absent field, and commas between actors.
void format_identity(const Identity& identity, char (&out)[identity_text_size]) noexcept;
bool parse_identity(std::string_view payload, Identity& out) noexcept;

}  // namespace bastion::pg
