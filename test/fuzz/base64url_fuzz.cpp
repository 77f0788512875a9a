// base64url: the fast decoder and libsodium agree on every text, and what they take is the canonical text of its bytes.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/base/encoding.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = bastion::as_text({data, size});
    std::string fast;
    const bool taken = bastion::base64url_decode_append(text, fast);
    const auto slow = bastion::base64url_decode(text);
    const auto secret = bastion::base64url_decode_secret(text);
    if (taken != slow.ok() || taken != secret.ok()) std::abort();
    if (taken && (fast != bastion::as_text(*slow) || fast != secret->text())) std::abort();
    if (taken && bastion::base64url_encode(*slow) != text) std::abort();
    std::string back;
    if (!bastion::base64url_decode_append(bastion::base64url_encode({data, size}), back) || back != text) std::abort();
    if (const auto standard = bastion::base64_decode(text); standard && bastion::base64_encode(*standard) != text)
        std::abort();
    if (const auto bytes = bastion::hex_decode(text); bytes && bytes->size() * 2 != size) std::abort();
    if (const auto uuid = bastion::parse_uuid(text);
        uuid && !(*bastion::parse_uuid(bastion::format_uuid(*uuid)) == *uuid))
        std::abort();
    return 0;
}
