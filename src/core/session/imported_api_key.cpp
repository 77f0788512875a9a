#include "core/session/imported_api_key.hpp"

#include <algorithm>

#include "core/base/framing.hpp"
#include "core/base/opaque_token.hpp"

namespace bastion {
namespace {

constexpr std::string_view mac_label = "pg_bastion/imported_api_key/1";

// base64url of `{` and one more byte: e, then one of 16 digits.
bool begins_as_object(std::string_view text) noexcept {
    return text.size() > 1 && text[0] == 'e' && std::string_view("wxyz0123456789-_").find(text[1]) != text.npos;
}

}  // namespace

bool looks_like_jws(std::string_view text) noexcept {
    return begins_as_object(text) && std::count(text.begin(), text.end(), '.') == 2;
}

ImportedApiKeyText split_imported_api_key(std::string_view text, std::string_view separator) noexcept {
    const std::size_t end = separator.empty() ? text.npos : text.find(separator);
    if (end == text.npos) return {{}, text};
    return {text.substr(0, end), text.substr(end + separator.size())};
}

Result<OtherHash> other_hash(const HmacKey* key, std::string_view hashed) {
    if (key == nullptr) return opaque_token_hash(hashed);
    Result<Mac> mac = key->compute(hashed);
    if (!mac) return mac.error();
    OtherHash hash;
    std::copy_n(mac->bytes.begin(), hash.size(), hash.begin());
    return hash;
}

Result<ApiKeyMac> imported_api_key_mac(const HmacKey& pepper, std::uint32_t scheme, std::string_view lookup,
                                       ByteSpan hash) {
    std::string message;
    append_length_prefixed(message, mac_label);
    append_u32(message, scheme);
    append_length_prefixed(message, lookup);
    append_length_prefixed(message, as_text(hash));
    Result<Mac> mac = pepper.compute(message);
    if (!mac) return mac.error();
    ApiKeyMac out;
    std::copy_n(mac->bytes.begin(), out.size(), out.begin());
    return out;
}

}  // namespace bastion
