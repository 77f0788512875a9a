#include "pg/session/credential.hpp"

#include "pg/session/api_key_read.hpp"
#include "pg/session/api_key_use.hpp"
#include "pg/session/client_address.hpp"
#include "pg/session/delegation_read.hpp"
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

const char* check_api_key(Identity& identity, const char* kid) {
    const ApiKey* key = key_of(identity);
    if (key == nullptr) return "api_key_unknown";
    if (!key->usable || !same_uuid(key->user, credential_owner(identity))) return "api_key_revoked";
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

template <class Credential>
const Rights* narrow_to(const Rights* rights, const Credential* credential, const Credential& gone) {
    if (credential == nullptr) credential = &gone;
    return narrow_rights(rights, credential->scopes, credential->tenant, credential->unit, credential->scoped);
}

// The rights that rights_of() returned last, narrowed to those of the API key or delegation of the identity.
const Rights* narrow_to_credential(const Rights* rights, const Identity& identity) {
    // Dropped while the rights were read; they hold in no tenant.
    static const ApiKey no_key{};
    static const Delegation no_delegation{};
    if (identity.delegation.present) return narrow_to(rights, delegation_of(identity.delegation.value), no_delegation);
    return identity.api_key.present ? narrow_to(rights, key_of(identity), no_key) : rights;
}

}  // namespace

const char* check_credential(Identity& identity, const char* kid) {
    if (identity.api_key.present) {
        if (const char* refusal = check_api_key(identity, kid)) return refusal;
    }
    if (identity.delegation.present) {
        if (const char* refusal = check_delegation(identity)) return refusal;
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
