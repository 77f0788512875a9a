#include "core/identity/password_text.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace bastion {
namespace {

constexpr auto nfc = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
// No canonical decomposition is longer, with the folding of case or without.
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

struct Normalised {
    SecretBytes bytes;
    std::size_t characters = 0;
};

// Empty for text that is not UTF-8.
std::optional<Normalised> normalise(std::string_view text, utf8proc_option_t options, utf8proc_custom_func map,
                                    void* state) {
    const std::size_t most = text.size() * longest_decomposition;
    SecretBytes memory(most * sizeof(utf8proc_int32_t), SecretPlace::heap);
    auto* code_points = reinterpret_cast<utf8proc_int32_t*>(memory.data());
    const utf8proc_ssize_t decomposed = utf8proc_decompose_custom(
        reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()), code_points,
        static_cast<utf8proc_ssize_t>(most), options, map, state);
    if (decomposed < 0 || static_cast<std::size_t>(decomposed) > most) return {};
    const utf8proc_ssize_t composed = utf8proc_normalize_utf32(code_points, decomposed, options);
    if (composed < 0) return {};
    SecretBytes encoded(static_cast<std::size_t>(composed) * longest_encoding, SecretPlace::heap);
    const std::size_t size = encode(code_points, static_cast<std::size_t>(composed), encoded.data());
    return Normalised{SecretBytes(encoded.span().first(size), SecretPlace::heap), static_cast<std::size_t>(composed)};
}

}  // namespace

PreparedPassword prepare_password(std::string_view password) {
    PreparedPassword out;
    auto normalised = normalise(password, nfc, map_space, &out.has_controls);
    if (!normalised) return {};
    out.bytes = std::move(normalised->bytes);
    out.is_utf8 = true;
    out.characters = normalised->characters;
    return out;
}

SecretBytes fold_password(std::string_view text) {
    constexpr auto folded = static_cast<utf8proc_option_t>(nfc | UTF8PROC_CASEFOLD);
    if (auto normalised = normalise(text, folded, nullptr, nullptr)) return std::move(normalised->bytes);
    SecretBytes bytes(as_bytes(text), SecretPlace::heap);
    for (std::size_t i = 0; i < bytes.size(); ++i)
        if (bytes.data()[i] >= 'A' && bytes.data()[i] <= 'Z') bytes.data()[i] += 'a' - 'A';
    return bytes;
}

std::size_t count_characters(std::string_view utf8) noexcept {
    const auto is_first = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; };
    return static_cast<std::size_t>(std::ranges::count_if(utf8, is_first));
}

}  // namespace bastion
