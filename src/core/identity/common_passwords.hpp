// The passwords that people choose most: those of @zxcvbn-ts/language-common, whose licence stands in common_passwords.LICENSE
// (tools/common-passwords makes the list). It is a part of the library, so that no file can be missing.
#pragma once

#include <string_view>

namespace bastion {

// For a password in lower case (fold_password()); the whole of it is compared.
[[nodiscard]] bool is_common_password(std::string_view folded) noexcept;

}  // namespace bastion
