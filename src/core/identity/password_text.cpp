#include "core/identity/password_text.hpp"

#include <utf8proc.h>

namespace bastion {
namespace {

constexpr auto nfc = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
// No canonical decomposition is longer.
constexpr std::size_t longest_decomposition = 4;
constexpr std::size_t longest_encoding = 4;

// The additional mapping rule of the profile; notes control characters.
utf8proc_int32_t map_space(utf8proc_int32_t code_point, void* has_controls) {
    const utf8proc_category_t category = utf8proc_category(code_point);
    if (category == UTF8PROC_CATEGORY_CC) *static_cast<bool*>(has_controls) = true;
    return category == UTF8PROC_CATEGORY_ZS ? ' ' : code_point;
}

// The size of what it wrote.
std::size_t encode(const utf8proc_int32_t* code_points, std::size_t count, std::uint8_t* out) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < count; ++i)
        size += static_cast<std::size_t>(utf8proc_encode_char(code_points[i], out + size));
    return size;
}

}  // namespace

PreparedPassword prepare_password(std::string_view password) {
    PreparedPassword out;
    const std::size_t most = password.size() * longest_decomposition;
    SecretBytes memory(most * sizeof(utf8proc_int32_t), SecretPlace::heap);
    auto* code_points = reinterpret_cast<utf8proc_int32_t*>(memory.data());
    const utf8proc_ssize_t decomposed = utf8proc_decompose_custom(
        reinterpret_cast<const utf8proc_uint8_t*>(password.data()), static_cast<utf8proc_ssize_t>(password.size()),
        code_points, static_cast<utf8proc_ssize_t>(most), nfc, map_space, &out.has_controls);
    if (decomposed < 0 || static_cast<std::size_t>(decomposed) > most) return {};
    const utf8proc_ssize_t composed = utf8proc_normalize_utf32(code_points, decomposed, nfc);
    if (composed < 0) return {};
    SecretBytes encoded(static_cast<std::size_t>(composed) * longest_encoding, SecretPlace::heap);
    const std::size_t size = encode(code_points, static_cast<std::size_t>(composed), encoded.data());
    out.bytes = SecretBytes(encoded.span().first(size), SecretPlace::heap);
    out.is_utf8 = true;
    out.characters = static_cast<std::size_t>(composed);
    return out;
}

}  // namespace bastion
