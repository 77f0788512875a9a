#include "pg/jose/issuer_verify.hpp"

#include "core/base/encoding.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/base/clock.hpp"
#include "pg/base/owner_spi.hpp"
#include "pg/base/text.hpp"

namespace bastion::pg {
namespace {

Statement identity_statement = {"SELECT bastion_internal.identity_create($1::jsonb)", 1, {TEXTOID}, nullptr};

// bastion_internal.identity_create(): makes the user of an issuer's subject, from JSON text.
void identity_create(Utf8 json) {
    Datum values[1] = {text_datum(json)};
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
bool find_user(Utf8 issuer, Utf8 subject, pg_uuid_t& user) {
    Datum names[2];
    if (!text_datum_if_possible(issuer, names[0]) || !text_datum_if_possible(subject, names[1])) return false;
    ColumnValue row[] = {{"user_id", 0, true}};
    const KeyCondition keys[] = {{"issuer", F_TEXTEQ, names[0], false}, {"subject", F_TEXTEQ, names[1], false}};
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
    Datum slug{};
    if (!text_datum_if_possible(Utf8(named), slug) ||
        !read_row("tenants", "tenants_slug_key", "slug", F_TEXTEQ, slug, row))
        return false;
    tenant.value = *DatumGetUUIDP(row[0].value);
    return true;
}

// Whether a value of type text can hold it.
bool fits_text(const std::string& claim) {
    Datum ignored{};
    return claim.find('\0') == std::string::npos && text_datum_if_possible(Utf8(claim), ignored);
}

void identify(Slot& slot, bool create_users) {
    Identity identity{};
    if (!fits_text(slot.first_sight.subject) || !fits_text(slot.first_sight.tenant))
        return refuse(slot, "a claim holds what text cannot");
    if (!find_tenant(slot.first_sight.tenant, identity.tenant)) return refuse(slot, "the token's tenant is not known");
    if (!find_user(Utf8(slot.first_sight.issuer), Utf8(slot.first_sight.subject), identity.user)) {
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

// The arguments of bastion_internal.identity_create(). A name or role that the database cannot hold is left out.
std::string json_of(const FirstSight& token, bool with_name, bool with_role) {
    const std::pair<std::string_view, const std::string*> members[] = {
        {"issuer", &token.issuer}, {"subject", &token.subject}, {"email", &token.email},
        {"name", &token.name},     {"tenant", &token.tenant},   {"role", &token.role}};
    std::string out;
    for (const auto& [name, value] : members) {
        const bool left_out = (value == &token.name && !with_name) || (value == &token.role && !with_role);
        if (value->empty() || left_out) continue;
        out += out.empty() ? '{' : ',';
        json_append_string(out, name);
        out += ':';
        json_append_string(out, *value);
    }
    return out + "}";
}

}  // namespace

void verify_token_of_issuer(Slot& slot, Utf8 issuer) {
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
    const KnownIssuer* known = is_reference ? known_issuer(Utf8(parts.issuer)) : nullptr;
    if (known == nullptr) return false;
    const std::vector<std::string>& thumbprints = known->rules.thumbprints;
    const bool is_key = std::find(thumbprints.begin(), thumbprints.end(), parts.thumbprint) != thumbprints.end();
    pg_uuid_t subject;
    return is_key && find_user(Utf8(parts.issuer), Utf8(parts.subject), subject) && same_uuid(subject, user);
}

void create_user_at_first_sight(const FirstSight& token) {
    if (XactReadOnly)
        ereport(ERROR,
                (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
                 errmsg("the user of this token is not known yet and cannot be made in a read-only transaction"),
                 errhint("Call bastion.authenticate() once in a transaction that may write."), errhidestmt(true)));
    const bool has_name = fits_text(token.name);
    const bool has_role = fits_text(token.role);
    Utf8 json;
    guarded_or_raise([&]() { return store(json, json_of(token, has_name, has_role)); });
    identity_create(json);
}

}  // namespace bastion::pg
