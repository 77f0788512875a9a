// Which new passwords are accepted, as NIST SP 800-63B-4 section 3.1.1.2 asks: long ones that nobody would guess first. There are no
// rules of composition. Called by src/pg/identity/password_policy_fn.cpp for everything that stores a new password; nothing is kept
// between calls, so that a changed list counts at once.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace bastion {

struct PasswordPolicy {
    // In characters of the prepared password (password_text.hpp).
    std::size_t least_length = 15;
    // Address, names and tenants of the account, one in a line.
    std::string_view account;
    // Paths of files; empty for none.
    std::string blocklist;
    std::string breach_filter;
};

// Why a password is refused, in the order of the checks.
enum class PasswordFlaw {
    none,
    unusable,  // password_hash() refuses it: control characters, or over 4096 bytes
    too_short,
    common,      // a common password, or one repeated
    repetitive,  // up to three characters repeated, or a sequence of neighbours
    personal,    // mostly words of the account
    blocked,     // in the operator's list
    breached,    // in the filter of breached passwords
};

// The name in answers of SQL: "too_short".
[[nodiscard]] std::string_view name_of(PasswordFlaw flaw) noexcept;

// The first flaw. io_failure when a file cannot be used: no password is accepted then.
[[nodiscard]] Result<PasswordFlaw> find_password_flaw(std::string_view password, const PasswordPolicy& policy);

// Whether the operator's list can be used, and is below max_blocklist_bytes.
[[nodiscard]] Result<void> check_password_blocklist(const std::string& path);

inline constexpr std::size_t max_blocklist_bytes = 16u << 20;

}  // namespace bastion
