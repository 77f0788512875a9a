#include "core/outbox/one_time_token.hpp"

#include <sodium.h>

#include <algorithm>
#include <string>

#include "core/base/framing.hpp"

namespace bastion {
namespace {

constexpr std::string_view token_label = "one-time/1";
constexpr std::string_view code_label = "one-time-code/1";
constexpr std::size_t mac_bytes = 32;
constexpr std::size_t id_digits = 2 * sizeof(Uuid::bytes);
constexpr std::size_t token_size = one_time_prefix.size() + id_digits + 1 + base64url_length(mac_bytes);

void append_number(std::string& out, std::uint64_t value) {
    std::string number;
    append_u32(number, static_cast<std::uint32_t>(value >> 32));
    append_u32(number, static_cast<std::uint32_t>(value));
    append_length_prefixed(out, number);
}

Result<Mac> mac_of(const HmacKey& pepper, std::string_view label, const OneTimeSubject& subject) {
    std::string message;
    append_length_prefixed(message, label);
    append_length_prefixed(message, as_text(subject.id.bytes));
    append_length_prefixed(message, subject.purpose);
    append_length_prefixed(message, subject.user ? as_text(subject.user->bytes) : std::string_view());
    append_length_prefixed(message, subject.address);
    append_number(message, static_cast<std::uint64_t>(subject.generation));
    append_number(message, static_cast<std::uint64_t>(subject.expires_at));
    return pepper.compute(message);
}

}  // namespace

std::optional<Uuid> one_time_id(std::string_view text) {
    if (text.size() != token_size || text.substr(0, one_time_prefix.size()) != one_time_prefix ||
        text[one_time_prefix.size() + id_digits] != '_')
        return std::nullopt;
    const std::string_view digits = text.substr(one_time_prefix.size(), id_digits);
    const Result<Bytes> decoded = hex_decode(digits);
    Uuid id;
    if (!decoded || decoded->size() != id.bytes.size() || hex_encode(*decoded) != digits) return std::nullopt;
    std::copy(decoded->begin(), decoded->end(), id.bytes.begin());
    return id;
}

Result<SecretBytes> one_time_token(const HmacKey& pepper, const OneTimeSubject& subject) {
    Result<Mac> mac = mac_of(pepper, token_label, subject);
    if (!mac) return mac.error();
    const SecretBytes encoded = base64url_encode_secret({mac->bytes.data(), mac_bytes});
    sodium_memzero(mac->bytes.data(), mac->bytes.size());
    const std::string id = hex_encode(subject.id.bytes);
    SecretBytes token(token_size);
    std::uint8_t* end = std::copy(one_time_prefix.begin(), one_time_prefix.end(), token.data());
    end = std::copy(id.begin(), id.end(), end);
    *end++ = '_';
    std::copy(encoded.span().begin(), encoded.span().end(), end);
    return token;
}

Result<SecretBytes> one_time_code(const HmacKey& pepper, const OneTimeSubject& subject) {
    Result<Mac> mac = mac_of(pepper, code_label, subject);
    if (!mac) return mac.error();
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i) value = value << 8 | mac->bytes[i];
    sodium_memzero(mac->bytes.data(), mac->bytes.size());
    SecretBytes code(one_time_code_digits);
    for (std::size_t i = one_time_code_digits; i-- > 0; value /= 10)
        code.data()[i] = static_cast<std::uint8_t>('0' + value % 10);
    return code;
}

}  // namespace bastion
