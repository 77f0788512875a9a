// Keys in PEM: any text gives a key or a clear error, and a key that is read has the form that JSON Web Keys have.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/base/json.hpp"
#include "core/jose/jwk.hpp"
#include "core/jose/pem.hpp"

namespace {

void check_error(const bastion::Error& error) {
    const bool known = error.code == bastion::ErrorCode::invalid_argument ||
                       error.code == bastion::ErrorCode::unsupported ||
                       error.code == bastion::ErrorCode::limit_exceeded;
    if (!known || error.message.empty()) std::abort();
}

// The text as a JSON string: a key as PEM.
std::string as_json(std::string_view text) {
    std::string out;
    bastion::json_append_string(out, text);
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = bastion::as_text({data, size});
    (void)bastion::is_der_public_key({data, size});
    const auto parsed = bastion::parse_pem(text);
    if (!parsed) check_error(parsed.error());
    const auto key = bastion::parse_jwk(as_json(text));
    if (!key) {
        check_error(key.error());
        return 0;
    }
    if (!parsed || key->kty != parsed->kty) std::abort();
    const auto half = bastion::jwk_public(*key);
    if (!half || !bastion::parse_jwk(*half) || !bastion::jwk_thumbprint(*key)) std::abort();
    return 0;
}
