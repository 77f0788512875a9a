#include "pg/jose/issuer_verify.hpp"

#include "core/base/encoding.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/base/clock.hpp"
#include "pg/base/owner_spi.hpp"

namespace bastion::pg {
namespace {

Statement identity_statement = {"SELECT bastion_internal.identity_create($1::jsonb)", 1, {TEXTOID}, nullptr};

// bastion_internal.identity_create(): makes the user of an issuer's subject, from JSON text in UTF-8.
void identity_create(const char* json) {
    char* text = pg_any_to_server(json, static_cast<int>(std::strlen(json)), PG_UTF8);
    Datum values[1] = {CStringGetTextDatum(text)};
    run_writing(identity_statement, values, nullptr, read_nothing, nullptr);
}

// Phase B: the steps that need no table.
Result<void> verify(Slot& slot, std::string_view claimed_issuer, const IssuerRules& rules) {
    std::string issuer(claimed_issuer);
    Result<IssuerToken> verified = verify_issuer_token(std::move(*slot.unverified), rules, unix_now());
    if (!verified) return verified.error();
    const std::string key =
        "@" + verified->thumbprint + " " + issuer + " " + base64url_encode(as_bytes(verified->subject));
    if (key.size() >= sizeof slot.key) return refuse_token("the name of the issuer or subject is too long");
    std::memcpy(slot.key, key.c_str(), key.size() + 1);
    slot.valid_from = verified->valid_from;
    slot.valid_until = verified->valid_until;
    slot.claims = std::move(verified->jwt.payload_json);
    slot.first_sight = {std::move(issuer),         std::move(verified->subject), std::move(verified->email),
                        std::move(verified->name), std::move(verified->tenant),  std::move(verified->role)};
    return {};
}

// The user of an issuer's subject.
bool find_user(const char* issuer, const char* subject, pg_uuid_t& user) {
    ColumnValue row[] = {{"user_id", 0, true}};
    const KeyCondition keys[] = {{"issuer", F_TEXTEQ, CStringGetTextDatum(issuer), false},
                                 {"subject", F_TEXTEQ, CStringGetTextDatum(subject), false}};
    if (!read_row("user_identities", "user_identities_pkey", keys, row) || row[0].is_null) return false;
    user = *DatumGetUUIDP(row[0].value);
    return true;
}

// The parts of "@thumbprint issuer subject".
struct KeyReference {
    std::string_view thumbprint;
    char issuer[longest_issuer_name + 1];
    char subject[longest_issuer_name + 1];
};

bool copy_name(char (&out)[longest_issuer_name + 1], std::string_view name) noexcept {
    if (name.size() > longest_issuer_name) return false;
    std::memcpy(out, name.data(), name.size());
    out[name.size()] = '\0';
    return true;
}

// Phase B.
bool parse_reference(std::string_view text, KeyReference& out) {
    const std::size_t first = text.find(' ');
    const std::size_t second = text.find(' ', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) return false;
    std::string subject;
    out.thumbprint = text.substr(1, first - 1);
    return base64url_decode_append(text.substr(second + 1), subject) && copy_name(out.subject, subject) &&
           copy_name(out.issuer, text.substr(first + 1, second - first - 1));
}

// By id or slug; absent when the token names none.
bool find_tenant(const std::string& named, OptionalUuid& tenant) {
    tenant.present = !named.empty();
    if (!tenant.present || parse_uuid_text(named, tenant.value)) return true;
    ColumnValue row[] = {{"id", 0, true}};
    if (!read_row("tenants", "tenants_slug_key", "slug", F_TEXTEQ, CStringGetTextDatum(named.c_str()), row))
        return false;
    tenant.value = *DatumGetUUIDP(row[0].value);
    return true;
}

bool has_nul(const FirstSight& token) noexcept {
    return token.subject.find('\0') != std::string::npos || token.tenant.find('\0') != std::string::npos;
}

void identify(Slot& slot, bool create_users) {
    Identity identity{};
    if (has_nul(slot.first_sight)) return refuse(slot, "a claim holds what text cannot");
    if (!find_tenant(slot.first_sight.tenant, identity.tenant)) return refuse(slot, "the token's tenant is not known");
    if (!find_user(slot.first_sight.issuer.c_str(), slot.first_sight.subject.c_str(), identity.user)) {
        refuse(slot, "the token's subject is not known");
        slot.verified.first_sight = create_users;
        return;
    }
    identity.expires_at = timestamp_of(slot.valid_until);
    strlcpy(identity.method, "jwt", sizeof identity.method);
    strlcpy(identity.level, "aal1", sizeof identity.level);
    const uint64 generation = slot.verified.keys_generation;
    slot.verified = {nullptr, nullptr, identity, slot.claims.c_str(), slot.key, generation, false};
}

// The arguments of bastion_internal.identity_create().
std::string json_of(const FirstSight& token) {
    const std::pair<std::string_view, const std::string*> members[] = {
        {"issuer", &token.issuer}, {"subject", &token.subject}, {"email", &token.email},
        {"name", &token.name},     {"tenant", &token.tenant},   {"role", &token.role}};
    std::string out;
    for (const auto& [name, value] : members) {
        if (value->empty()) continue;
        out += out.empty() ? '{' : ',';
        json_append_string(out, name);
        out += ':';
        json_append_string(out, *value);
    }
    return out + "}";
}

}  // namespace

void verify_token_of_issuer(Slot& slot, std::string_view issuer) {
    const KnownIssuer* known = known_issuer(issuer);
    if (known == nullptr) return refuse(slot, "unknown or disabled issuer");
    const bool create_users = known->create_users;
    if (accepted(slot, [&]() { return verify(slot, issuer, known->rules); })) identify(slot, create_users);
}

bool issuer_key_is_good(const char* reference, const pg_uuid_t& user) {
    KeyReference parts{};
    bool is_reference = false;
    guarded_or_raise([&]() -> Result<void> {
        is_reference = parse_reference(reference, parts);
        return {};
    });
    const KnownIssuer* known = is_reference ? known_issuer(parts.issuer) : nullptr;
    if (known == nullptr) return false;
    const bool is_key = std::any_of(known->thumbprints.begin(), known->thumbprints.end(),
                                    [&](const std::string& one) { return !one.empty() && one == parts.thumbprint; });
    pg_uuid_t subject;
    return is_key && find_user(parts.issuer, parts.subject, subject) && same_uuid(subject, user);
}

void create_user_at_first_sight(const FirstSight& token) {
    if (XactReadOnly)
        ereport(ERROR,
                (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
                 errmsg("the user of this token is not known yet and cannot be made in a read-only transaction"),
                 errhint("Call bastion.authenticate() once in a transaction that may write."), errhidestmt(true)));
    char* json = nullptr;
    guarded_or_raise([&]() { return store(json, json_of(token)); });
    identity_create(json);
}

}  // namespace bastion::pg
