// Salted digests of a password: {SSHA}, {SSHA256} and {SSHA512} of directory servers (RFC 2307 and its successors), and the
// repeated MD5 of phpass ($P$, and phpBB's $H$). Weak; for passwords that come from elsewhere, until the next login.
#pragma once

#include <string_view>

#include "core/identity/password_format.hpp"

namespace bastion {

extern const PasswordFormat ldap_format;
extern const PasswordFormat phpass_format;

}  // namespace bastion
