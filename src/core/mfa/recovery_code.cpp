#include "core/mfa/recovery_code.hpp"

#include <algorithm>

namespace bastion {
namespace {

constexpr std::string_view mac_label("pg_bastion/recovery_code/1\0", 27);
constexpr std::size_t code_characters = 16;
constexpr std::size_t group_characters = 4;

// The characters that count; empty when there are not as many as a code has.
SecretBytes characters_of(std::string_view text) {
    SecretBytes out(code_characters);
    std::size_t size = 0;
    for (const char c : text) {
        if (c == '-' || c == ' ') continue;
        if (size == code_characters) return {};
        out.data()[size++] = static_cast<std::uint8_t>(c);
    }
    return size == code_characters ? std::move(out) : SecretBytes();
}

}  // namespace

SecretBytes recovery_code_generate() {
    SecretBytes random(recovery_code_bytes);
    random_bytes({random.data(), random.size()});
    const SecretBytes plain = base32_encode_secret(random.span());
    SecretBytes code(code_characters + code_characters / group_characters - 1);
    std::uint8_t* out = code.data();
    for (std::size_t i = 0; i < code_characters; ++i) {
        if (i > 0 && i % group_characters == 0) *out++ = '-';
        *out++ = plain.data()[i];
    }
    return code;
}

Result<std::optional<RecoveryCodeMac>> recovery_code_mac(const HmacKey& pepper, const Uuid& user,
                                                         std::string_view text) {
    const SecretBytes characters = characters_of(text);
    const Result<SecretBytes> code = base32_decode_secret(characters.text());
    if (!code || code->size() != recovery_code_bytes) return std::optional<RecoveryCodeMac>();
    SecretBytes message(mac_label.size() + user.bytes.size() + recovery_code_bytes);
    std::uint8_t* at = std::copy(mac_label.begin(), mac_label.end(), message.data());
    at = std::copy(user.bytes.begin(), user.bytes.end(), at);
    std::copy(code->span().begin(), code->span().end(), at);
    const Result<Mac> mac = pepper.compute(message.text());
    if (!mac) return mac.error();
    RecoveryCodeMac stored;
    std::copy_n(mac->bytes.begin(), stored.size(), stored.begin());
    return std::optional<RecoveryCodeMac>(stored);
}

}  // namespace bastion
