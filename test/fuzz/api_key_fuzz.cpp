// API keys and refresh tokens: the parsers take any text; of one key there is one text, and what parses is refused after any
// change of one character.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/session/api_key.hpp"
#include "core/session/refresh_token.hpp"

namespace {

const bastion::HmacKey& pepper() {
    static const bastion::HmacKey key =
        std::move(*bastion::HmacKey::create(bastion::HashId::sha256, bastion::Bytes(32, 7)));
    return key;
}

void check_key(std::string_view text, const bastion::ApiKeyText& key) {
    if (text.size() != bastion::api_key_size || !bastion::looks_like_api_key(text)) std::abort();
    if (key.secret.size() != bastion::api_key_secret_digits || !bastion::api_key_mac(pepper(), key)) std::abort();
    const bastion::SecretBytes same_id = bastion::api_key_generate(key.id);
    const std::size_t head = bastion::api_key_prefix.size() + bastion::api_key_id_digits + 1;
    if (same_id.text().substr(0, head) != text.substr(0, head)) std::abort();
    std::string changed(text);
    for (char& c : changed) {
        c ^= 1;
        if (bastion::parse_api_key(changed)) std::abort();
        c ^= 1;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = bastion::as_text({data, size});
    if (const auto key = bastion::parse_api_key(text)) check_key(text, *key);
    const bool is_token = bastion::is_refresh_token(text);
    const auto successor = bastion::refresh_token_successor(pepper(), text);
    if (is_token != successor.ok()) std::abort();
    if (successor && !bastion::is_refresh_token(successor->text())) std::abort();
    return 0;
}
