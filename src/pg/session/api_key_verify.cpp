#include "pg/session/api_key_verify.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/guard.hpp"
#include "pg/key/data_keys.hpp"
#include "pg/key/pepper.hpp"
#include "pg/session/api_key_read.hpp"

namespace bastion::pg {
namespace {

struct Slot {
    VerifiedToken verified;
    char secret[uuid_text_size];
};

Slot slot;

const VerifiedToken& refuse(const char* log_detail) noexcept {
    slot.verified = {};
    slot.verified.refusal = "token_refused";
    slot.verified.log_detail = log_detail;
    return slot.verified;
}

// The key as a POD; its secret stays where the text is.
struct Presented {
    pg_uuid_t id;
    ApiKeyText text;
};

bool parse(std::string_view text, Presented& out) noexcept {
    const std::optional<ApiKeyText> parsed = parse_api_key(text);
    if (!parsed) return false;
    out.text = *parsed;
    std::memcpy(out.id.data, parsed->id.bytes.data(), UUID_LEN);
    return true;
}

// The secret that the text holds, or null. Every secret is compared, in constant time, and at least one HMAC is made.
const ApiKeySecret* match(const ApiKey* key, const Presented& presented, int32 default_pepper) {
    const ApiKeySecret* found = nullptr;
    const std::size_t count = key != nullptr ? key->secrets.size() : 0;
    for (std::size_t i = 0; i < count; ++i) need_pepper(key->secrets[i].pepper);
    if (count == 0) need_pepper(default_pepper);
    guarded_or_raise([&]() -> Result<void> {
        for (std::size_t i = 0; i < std::max<std::size_t>(count, 1); ++i) {
            const int32 version = count > 0 ? key->secrets[i].pepper : default_pepper;
            Result<ApiKeyMac> mac = api_key_mac(cached_pepper(version), presented.text);
            if (!mac) return mac.error();
            const ApiKeyMac nobodys{};
            const ApiKeyMac& stored = count > 0 ? key->secrets[i].mac : nobodys;
            const bool equal = constant_time_equal(stored, *mac);
            if (equal && count > 0) found = &key->secrets[i];
        }
        return {};
    });
    return found;
}

int32 active_pepper() {
    ColumnValue row[] = {{"version", 0, true}};
    return read_row("peppers", nullptr, "state", F_TEXTEQ, CStringGetTextDatum("active"), row)
               ? DatumGetInt32(row[0].value)
               : 0;
}

const VerifiedToken& accept(const ApiKey& key, const ApiKeySecret& secret) noexcept {
    VerifiedToken& out = slot.verified;
    out = {};
    out.identity.user = key.user;
    out.identity.tenant = {true, key.tenant};
    out.identity.unit = key.unit;
    out.identity.api_key = {true, key.id};
    out.identity.expires_at = std::min(key.expires_at, secret.expires_at);
    strlcpy(out.identity.method, "api_key", sizeof out.identity.method);
    strlcpy(out.identity.level, "aal1", sizeof out.identity.level);
    format_uuid_text(secret.id, slot.secret);
    out.kid = slot.secret;
    out.keys_generation = keys_generation();
    return out;
}

}  // namespace

const VerifiedToken& verify_api_key(std::string_view text) {
    Presented presented;
    if (!parse(text, presented)) return refuse("malformed API key");
    if (const ApiKey* cached = find_api_key(presented.id))
        if (const ApiKeySecret* secret = match(cached, presented, 0)) return accept(*cached, *secret);
    // A wrong secret costs what an unknown key costs, whether the key is cached or not.
    const int32 pepper = active_pepper();
    if (pepper == 0) return refuse("unknown API key");
    const ApiKey* key = load_api_key(presented.id);
    const ApiKeySecret* secret = match(key, presented, pepper);
    if (secret != nullptr) return accept(*key, *secret);
    return refuse(key == nullptr ? "unknown API key" : "wrong secret of an API key");
}

}  // namespace bastion::pg
