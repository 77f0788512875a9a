#include "pg/session/api_key_verify.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/text.hpp"
#include "pg/base/uuid.hpp"
#include "pg/key/data_keys.hpp"
#include "pg/key/pepper.hpp"
#include "pg/session/api_key_read.hpp"
#include "pg/session/imported_key_read.hpp"

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

// The key as a POD; its secret stays in the text.
struct Presented {
    pg_uuid_t id;
    ApiKeyText text;
};

bool parse(std::string_view text, Presented& out) noexcept {
    const std::optional<ApiKeyText> parsed = parse_api_key(text);
    if (!parsed) return false;
    out.text = *parsed;
    out.id = server_uuid(parsed->id);
    return true;
}

// Whether the MAC of the text under a pepper is the stored one, compared in constant time.
bool has_mac(const Presented& presented, int32 pepper_version, const ApiKeyMac& stored) {
    const HmacKey& pepper = need_pepper(pepper_version);
    bool equal = false;
    guarded_or_raise([&]() -> Result<void> {
        Result<ApiKeyMac> mac = api_key_mac(pepper, presented.text);
        if (!mac) return mac.error();
        equal = constant_time_equal(stored, *mac);
        return {};
    });
    return equal;
}

// The stored secret that the text matches, or null. Every secret is compared, and at least one HMAC
// is made.
const ApiKeySecret* match(const ApiKey* key, const Presented& presented, int32 default_pepper) {
    if (key == nullptr || key->secrets.empty()) {
        (void)has_mac(presented, default_pepper, ApiKeyMac{});
        return nullptr;
    }
    const ApiKeySecret* found = nullptr;
    for (const ApiKeySecret& secret : key->secrets)
        if (has_mac(presented, secret.pepper, secret.mac) && secret.scheme == 0) found = &secret;
    return found;
}

const ApiKeySecret* match_imported(const ApiKey* key, int32 scheme, const ApiKeyMac& mac) {
    const ApiKeySecret* found = nullptr;
    if (key == nullptr) return found;
    for (const ApiKeySecret& secret : key->secrets)
        if (constant_time_equal(secret.mac, mac) && secret.scheme == scheme) found = &secret;
    return found;
}

int32 active_pepper() {
    ColumnValue row[] = {{"version", 0, true}};
    return read_row("peppers", nullptr, "state", F_TEXTEQ, text_datum(ServerText("active")), row)
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

// The value that an imported secret of this text has. In two steps, because each pepper is good until the next is asked for.
ApiKeyMac imported_mac(const ImportScheme& scheme, std::string_view text) {
    const ImportedApiKeyText parts = split_imported_api_key(text, scheme.separator);
    const HmacKey* other_key = scheme.other_pepper == 0 ? nullptr : &need_pepper(scheme.other_pepper);
    OtherHash hash;
    guarded_or_raise([&]() -> Result<void> {
        Result<OtherHash> made = other_hash(other_key, parts.hashed);
        if (!made) return made.error();
        hash = *made;
        return {};
    });
    const HmacKey& pepper = need_pepper(scheme.pepper);
    ApiKeyMac mac;
    guarded_or_raise([&]() -> Result<void> {
        Result<ApiKeyMac> made =
            imported_api_key_mac(pepper, static_cast<std::uint32_t>(scheme.id), parts.lookup, hash);
        if (!made) return made.error();
        mac = *made;
        return {};
    });
    return mac;
}

// Every scheme is tried, whichever the text is of.
const VerifiedToken& verify_imported(std::string_view text) {
    const VerifiedToken* accepted = nullptr;
    for (const ImportScheme& scheme : import_schemes()) {
        const ApiKeyMac mac = imported_mac(scheme, text);
        pg_uuid_t id;
        if (!find_imported_key(mac, id)) continue;
        const ApiKey* key = find_api_key(id);
        const ApiKeySecret* secret = match_imported(key, scheme.id, mac);
        if (secret == nullptr) secret = match_imported(key = load_api_key(id), scheme.id, mac);
        if (secret != nullptr) accepted = &accept(*key, *secret);
    }
    return accepted != nullptr ? *accepted : refuse("neither a token nor an API key");
}

const VerifiedToken& verify_own(std::string_view text) {
    Presented presented;
    if (!parse(text, presented)) return refuse("malformed API key");
    if (const ApiKey* cached = find_api_key(presented.id))
        if (const ApiKeySecret* secret = match(cached, presented, 0)) return accept(*cached, *secret);
    // A wrong secret costs as much as an unknown key, whether the key is cached or not.
    const int32 pepper = active_pepper();
    if (pepper == 0) return refuse("unknown API key");
    const ApiKey* key = load_api_key(presented.id);
    const ApiKeySecret* secret = match(key, presented, pepper);
    if (secret != nullptr) return accept(*key, *secret);
    return refuse(key == nullptr ? "unknown API key" : "wrong secret of an API key");
}

}  // namespace

bool may_be_api_key(std::string_view text) {
    if (looks_like_api_key(text)) return true;
    if (text.empty() || text.size() > longest_imported_api_key || looks_like_jws(text)) return false;
    return !import_schemes().empty();
}

const VerifiedToken& verify_api_key(std::string_view text) {
    return looks_like_api_key(text) ? verify_own(text) : verify_imported(text);
}

}  // namespace bastion::pg
