#include "pg/session/credential.hpp"

#include "pg/session/api_key_read.hpp"
#include "pg/session/api_key_use.hpp"
#include "pg/session/client_address.hpp"
#include "pg/session/session_read.hpp"

namespace bastion::pg {
namespace {

const ApiKey* key_of(const Identity& identity) {
    const ApiKey* cached = find_api_key(identity.api_key.value);
    return cached != nullptr ? cached : load_api_key(identity.api_key.value);
}

bool comes_from_its_networks(const ApiKey& key) {
    if (key.networks.empty()) return true;
    IpAddress address;
    if (!client_address(address)) return false;
    return std::any_of(key.networks.begin(), key.networks.end(),
                       [&](const IpNetwork& network) { return contains(network, address); });
}

const ApiKeySecret* secret_of(const ApiKey& key, const char* kid) noexcept {
    pg_uuid_t id;
    if (!parse_uuid_text(kid, id)) return nullptr;
    for (const ApiKeySecret& secret : key.secrets)
        if (same_uuid(secret.id, id)) return &secret;
    return nullptr;
}

// Under impersonation the session or key is that of the actor.
bool belongs_to(const ApiKey& key, const Identity& identity) noexcept {
    return same_uuid(key.user, identity.actor.present ? identity.actor.value : identity.user);
}

const char* check_api_key(Identity& identity, const char* kid) {
    const ApiKey* key = key_of(identity);
    if (key == nullptr) return "api_key_unknown";
    if (!key->usable || !belongs_to(*key, identity)) return "api_key_revoked";
    identity.expires_at = std::min(identity.expires_at, key->expires_at);
    if (kid != nullptr && *kid != '\0') {
        const ApiKeySecret* secret = secret_of(*key, kid);
        if (secret == nullptr) return "api_key_secret_revoked";
        identity.expires_at = std::min(identity.expires_at, secret->expires_at);
    }
    if (identity.expires_at <= GetCurrentTimestamp()) return "api_key_expired";
    if (!comes_from_its_networks(*key)) return "api_key_from_another_network";
    note_api_key_use(*key);
    return nullptr;
}

// The rights that rights_of() returned last, narrowed to those of the API key of the identity.
const Rights* narrow_to_credential(const Rights* rights, const Identity& identity) {
    if (!identity.api_key.present) return rights;
    const ApiKey* key = key_of(identity);
    static const ApiKey gone{};  // dropped while the rights were read; holds in no tenant
    if (key == nullptr) key = &gone;
    return narrow_rights(rights, key->scopes, key->tenant, key->unit, key->scoped);
}

}  // namespace

const char* check_credential(Identity& identity, const char* kid) {
    if (identity.api_key.present) {
        if (const char* refusal = check_api_key(identity, kid)) return refusal;
    }
    return check_session(identity);
}

const Rights* rights_of_identity(Identity& identity, const char* tenant, const char* unit) {
    char tenant_text[uuid_text_size];
    char unit_text[uuid_text_size];
    const RightsRequest request = rights_request(identity, tenant, unit, tenant_text, unit_text);
    const Rights* rights = narrow_to_credential(rights_of(request), identity);
    if (rights->refusal != nullptr) return rights;
    identity.tenant = rights->tenant;
    identity.unit = rights->unit;
    identity.tenant_number = rights->tenant_number;
    return withhold_unproved(rights, identity);
}

}  // namespace bastion::pg
