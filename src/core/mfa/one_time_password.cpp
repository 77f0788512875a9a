#include "core/mfa/one_time_password.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "core/base/encoding.hpp"

namespace bastion {
namespace {

constexpr std::array<std::uint32_t, 9> powers_of_ten{1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

// RFC 3986 §2.1.
std::string percent_encoded(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<std::uint8_t>(c);
        if (is_unreserved(c))
            out += c;
        else
            out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
    return out;
}

bool is_name(std::string_view text) { return !text.empty() && text.find(':') == std::string_view::npos; }

}  // namespace

Result<OneTimePassword> hotp(const HmacKey& key, std::uint64_t counter, int digits) {
    if (digits < 6 || digits > OneTimePassword::most_digits) return invalid_argument("a code has 6 to 8 digits");
    std::array<char, 8> message;
    for (int i = 7; i >= 0; --i, counter >>= 8)
        message[static_cast<std::size_t>(i)] = static_cast<char>(counter & 0xff);
    const Result<Mac> mac = key.compute({message.data(), message.size()});
    if (!mac) return mac.error();
    // RFC 4226 §5.3: the last four bits say where the 31 bits begin.
    const std::size_t offset = mac->bytes[mac->size - 1] & 15U;
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i) number = number << 8 | mac->bytes[offset + i];
    number = (number & 0x7fffffffU) % powers_of_ten[static_cast<std::size_t>(digits)];
    OneTimePassword code{{}, digits};
    for (int i = digits - 1; i >= 0; --i, number /= 10) code.text[i] = static_cast<char>('0' + number % 10);
    return code;
}

Result<std::optional<std::int64_t>> totp_step_of(ByteSpan secret, std::string_view code, std::int64_t unix_seconds,
                                                 std::int64_t last_step) {
    const Result<HmacKey> key = HmacKey::create(HashId::sha1, secret);
    if (!key) return key.error();
    const std::int64_t now = unix_seconds / totp_step_seconds;
    std::optional<std::int64_t> found;
    for (std::int64_t step = now - 1; step <= now + 1; ++step) {
        const Result<OneTimePassword> expected = hotp(*key, static_cast<std::uint64_t>(step), totp_digits);
        if (!expected) return expected.error();
        const bool same = constant_time_equal(as_bytes(expected->view()), as_bytes(code));
        if (same && step > last_step) found = step;
    }
    return found;
}

Result<SecretBytes> otpauth_uri(std::string_view issuer, std::string_view account, ByteSpan secret) {
    if (!is_name(issuer) || !is_name(account))
        return invalid_argument("issuer and account must not be empty and have no colon");
    const std::string before =
        "otpauth://totp/" + percent_encoded(issuer) + ':' + percent_encoded(account) + "?secret=";
    const std::string after = "&issuer=" + percent_encoded(issuer) + "&algorithm=SHA1&digits=6&period=30";
    const SecretBytes encoded = base32_encode_secret(secret);
    SecretBytes uri(before.size() + encoded.size() + after.size());
    std::uint8_t* at = std::copy(before.begin(), before.end(), uri.data());
    at = std::copy(encoded.span().begin(), encoded.span().end(), at);
    std::copy(after.begin(), after.end(), at);
    return uri;
}

}  // namespace bastion
