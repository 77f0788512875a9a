#include "core/mfa/qr_code.hpp"

#include <qrencode.h>

#include <array>
#include <memory>
#include <string>

#include "core/base/libcrypto.hpp"

namespace bastion {
namespace {

constexpr int quiet_zone = 4;  // ISO/IEC 18004 §6.3.8

using Input = std::unique_ptr<QRinput, LibcryptoFree<QRinput_free>>;
using Code = std::unique_ptr<QRcode, LibcryptoFree<QRcode_free>>;

Result<Code> encode(std::string_view text) {
    if (text.empty() || text.size() > qr_code_most_bytes)
        return invalid_argument("a QR code takes a text of 1 to 2000 bytes");
    const Input input(QRinput_new2(0, QR_ECLEVEL_M));
    if (!input || QRinput_append(input.get(), QR_MODE_8, static_cast<int>(text.size()), as_bytes(text).data()) != 0)
        return Error{ErrorCode::internal, "could not make a QR code"};
    Code code(QRcode_encodeInput(input.get()));
    if (!code) return Error{ErrorCode::internal, "could not make a QR code"};
    return code;
}

bool is_dark(const QRcode& code, int x, int y) {
    if (x < 0 || y < 0 || x >= code.width || y >= code.width) return false;
    return (code.data[y * code.width + x] & 1) != 0;
}

// A growing text that is wiped.
class SecretText {
public:
    ~SecretText() { wipe_memory(text_.data(), text_.capacity()); }
    explicit SecretText(std::size_t most) { text_.reserve(most); }
    SecretText(const SecretText&) = delete;
    SecretText& operator=(const SecretText&) = delete;

    void append(std::string_view part) { text_ += part; }
    [[nodiscard]] SecretBytes bytes() const { return SecretBytes(as_bytes(text_), SecretPlace::heap); }

private:
    std::string text_;
};

// A run of dark modules is a box one module high.
void append_row(SecretText& out, const QRcode& code, int y) {
    for (int x = 0; x < code.width; ++x) {
        if (!is_dark(code, x, y)) continue;
        int end = x;
        while (is_dark(code, end, y)) ++end;
        const std::string width = std::to_string(end - x);
        out.append("M" + std::to_string(x + quiet_zone) + " " + std::to_string(y + quiet_zone) + "h" + width + "v1h-" +
                   width + "z");
        x = end;
    }
}

}  // namespace

Result<SecretBytes> qr_code_svg(std::string_view text) {
    const Result<Code> code = encode(text);
    if (!code) return code.error();
    const QRcode& modules = **code;
    const std::string size = std::to_string(modules.width + 2 * quiet_zone);
    // A box takes at most 26 characters, and is followed by a light module.
    SecretText out(400 + static_cast<std::size_t>(modules.width * (modules.width + 1)) * 13);
    out.append("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + size + " " + size +
               "\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h" + size + "v" + size +
               "H0z\"/><path d=\"");
    for (int y = 0; y < modules.width; ++y) append_row(out, modules, y);
    out.append("\"/></svg>");
    return out.bytes();
}

Result<SecretBytes> qr_code_text(std::string_view text, QrGlyphs glyphs) {
    // By the light modules of the upper and the lower row.
    constexpr std::array<std::string_view, 4> half_blocks{" ", "\u2580", "\u2584", "\u2588"};
    constexpr std::array<std::string_view, 2> ascii{"  ", "##"};
    const Result<Code> code = encode(text);
    if (!code) return code.error();
    const QRcode& modules = **code;
    const int end = modules.width + quiet_zone;
    const auto side = static_cast<std::size_t>(modules.width + 2 * quiet_zone);
    SecretText out(side * (side + 1) * 3);
    const auto is_light = [&](int x, int y) { return is_dark(modules, x, y) ? 0U : 1U; };
    const int rows_in_line = glyphs == QrGlyphs::ascii ? 1 : 2;
    for (int y = -quiet_zone; y < end; y += rows_in_line) {
        if (y > -quiet_zone) out.append("\n");
        for (int x = -quiet_zone; x < end; ++x)
            out.append(glyphs == QrGlyphs::ascii ? ascii[is_light(x, y)]
                                                 : half_blocks[is_light(x, y) + 2 * is_light(x, y + 1)]);
    }
    return out.bytes();
}

}  // namespace bastion
