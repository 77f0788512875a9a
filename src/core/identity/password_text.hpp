// The text of a password before it is hashed: the OpaqueString profile of RFC 8265 section 4.2. Keyboards and systems write
// the same password in different code points: "ü" as one, or as "u" and a combining diaeresis.
#pragma once

#include <string_view>

#include "core/base/secret_bytes.hpp"

namespace bastion {

struct PreparedPassword {
    // In NFC, with U+0020 for every other space (general category Zs). Empty when the text is not UTF-8.
    SecretBytes bytes;
    bool is_utf8 = false;
    // Code points of the result.
    std::size_t characters = 0;
    // Holds control characters (Cc), which the profile forbids.
    bool has_controls = false;
};

// For at most max_password_bytes; the result may be up to three times as long. Characters that the library's version of Unicode
// does not know stay as they are, so that a later version does not change what was hashed.
[[nodiscard]] PreparedPassword prepare_password(std::string_view password);

// The same text for each way to write its letters in upper and lower case (Unicode's full case folding, in NFC). Of text that is
// not UTF-8 only the ASCII letters are folded.
[[nodiscard]] SecretBytes fold_password(std::string_view text);

[[nodiscard]] std::size_t count_characters(std::string_view utf8) noexcept;

}  // namespace bastion
