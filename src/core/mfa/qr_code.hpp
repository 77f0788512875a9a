// QR codes (ISO/IEC 18004) of short texts, made by libqrencode, as SVG for a page and as text for a terminal. Called by src/pg
// for the secret of an authenticator. The library keeps copies of the text on the heap until a code is made, and wipes none.
#pragma once

#include <string_view>

#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"

namespace bastion {

inline constexpr std::size_t qr_code_most_bytes = 2000;

// One path of dark modules on a white ground that includes the quiet zone of four modules. It has no size of its own, no script and
// no link, and holds nothing of the text but the modules.
[[nodiscard]] Result<SecretBytes> qr_code_svg(std::string_view text);

// How a terminal draws the light modules, which phones expect to be light on its dark ground: half blocks of Unicode, two rows of
// modules to a line, or # and space, one row to a line and two characters to a module.
enum class QrGlyphs { half_blocks, ascii };
[[nodiscard]] Result<SecretBytes> qr_code_text(std::string_view text, QrGlyphs glyphs);

}  // namespace bastion
