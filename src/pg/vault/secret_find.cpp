#include "pg/vault/secret_find.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/owner_spi.hpp"
#include "pg/base/text.hpp"
#include "pg/context/context.hpp"

namespace bastion::pg {
namespace {

constexpr const char* common_resource = "tenant.secrets";
// A folder has at most 200 characters.
constexpr std::size_t longest_folder = 200 * MAX_MULTIBYTE_CHAR_LEN;

// What only SQL knows, or says why not: asked as the owner of the extension, and rarely.
Statement person_statement = {"SELECT bastion_internal.require_person($1, false)", 1, {TEXTOID}, nullptr};
Statement right_statement = {"SELECT bastion_internal.may_in($1, $2)", 2, {TEXTOID, UUIDOID}, nullptr};

void copy_flag(MemoryContext, void* out) { *static_cast<bool*>(out) = DatumGetBool(cell(0, 1).value); }

// As bastion_internal.require_unit(): a slug is never a uuid.
pg_uuid_t require_unit(const pg_uuid_t& tenant, Datum unit) {
    pg_uuid_t id;
    const bool by_id = parse_uuid_text(server_text(unit).bytes(), id);
    const KeyCondition conditions[] = {
        {"tenant_id", F_UUID_EQ, uuid_datum(tenant), false},
        by_id ? KeyCondition{"id", F_UUID_EQ, uuid_datum(id), false} : KeyCondition{"slug", F_TEXTEQ, unit, false}};
    ColumnValue row[] = {{"id", 0, true}};
    if (!read_row_under(GetActiveSnapshot(), "units", by_id ? "units_tenant_id_id_key" : "units_tenant_id_slug_key",
                        conditions, row))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("unit does not exist")));
    return *DatumGetUUIDP(row[0].value);
}

constexpr std::string_view words[] = {"read", "open", "manage"};

const char* word_of(SecretUse use) noexcept { return words[static_cast<int>(use)].data(); }

// The rights in the unit say so where they are cached; what they do not grant, SQL decides.
bool holds_in_unit(const Decision& decision, const char* permission, const pg_uuid_t& unit) {
    char tenant_text[uuid_text_size];
    char unit_text[uuid_text_size];
    format_uuid_text(decision.identity.tenant.value, tenant_text);
    format_uuid_text(unit, unit_text);
    if (!decision.rights->unit_alone &&
        rights_of({decision.identity.user, tenant_text, unit_text})->find(permission) != nullptr)
        return true;
    Datum values[] = {text_datum(ServerText(permission)), uuid_datum(unit)};
    bool out = false;
    run_reading(right_statement, values, nullptr, copy_flag, &out);
    return out;
}

bool holds(const char* resource, const OptionalUuid& unit, SecretUse use) {
    const Decision& decision = require_context();
    const char* permission = psprintf("%s.%s", resource, word_of(use));
    const Permission* held = held_permission(decision, permission);
    if (held == nullptr) return false;
    return unit.present ? holds_in_unit(decision, permission, unit.value) : held->tenant_wide;
}

// An own secret: SQL says why not.
void require_own(SecretUse use) {
    const char* permission = use == SecretUse::manage ? "own.secrets.manage" : "own.secrets.read";
    if (held_permission(require_context(), permission) != nullptr) return;
    Datum values[] = {text_datum(ServerText(permission))};
    run_reading(person_statement, values, nullptr, read_nothing, nullptr);
}

constexpr int column_count = 10;

OptionalUuid uuid_of(const ColumnValue& column) {
    return column.is_null ? OptionalUuid{} : OptionalUuid{true, *DatumGetUUIDP(column.value)};
}

bool read_secret(const char* index, std::span<const KeyCondition> conditions, Secret& out) {
    ColumnValue row[column_count] = {
        {"id", 0, true},      {"tenant_id", 0, true},      {"owner_id", 0, true}, {"unit_id", 0, true},
        {"left_at", 0, true}, {"name", 0, true},           {"active", 0, true},   {"expires_at", 0, true},
        {"version", 0, true}, {"max_version_age", 0, true}};
    if (!read_row_under(GetActiveSnapshot(), "secrets", index, conditions, row, &out.row)) return false;
    out.id = uuid_of(row[0]).value;
    out.place = {uuid_of(row[1]), uuid_of(row[2]), uuid_of(row[3])};
    out.left = !row[4].is_null;
    out.name = row[5].value;
    out.active = DatumGetBool(row[6].value);
    out.expires_at = row[7].is_null ? DT_NOEND : DatumGetTimestampTz(row[7].value);
    out.version = DatumGetInt32(row[8].value);
    out.max_version_age = {row[9].value, row[9].is_null};
    return true;
}

KeyCondition equals(const char* column, const OptionalUuid& uuid) noexcept {
    return {column, F_UUID_EQ, uuid_datum(uuid.value), !uuid.present};
}

[[noreturn]] void no_secret(const char* hint) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("secret does not exist"),
                    hint != nullptr ? errhint("%s", hint) : 0));
    pg_unreachable();
}

}  // namespace

SecretUse secret_use_of(std::string_view word) {
    for (const SecretUse use : {SecretUse::read, SecretUse::open, SecretUse::manage})
        if (word == word_of(use)) return use;
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown use of a secret")));
    pg_unreachable();
}

const char* secret_resource(const NullableDatum& name) {
    if (name.isnull) return common_resource;
    const std::string_view text = server_text(name.value).bytes();
    for (std::size_t slash = text.substr(0, longest_folder).rfind('/'); slash != text.npos && slash > 0;
         slash = text.rfind('/', slash - 1)) {
        const KeyCondition folder{"folder", F_TEXTEQ, text_datum(ServerText(text.substr(0, slash + 1))), false};
        ColumnValue row[] = {{"resource", 0, true}};
        if (read_row_under(GetActiveSnapshot(), "secret_folders", "secret_folders_pkey", {&folder, 1}, row))
            return server_text(row[0].value).c_str();
    }
    return common_resource;
}

bool may_use_secret(const NullableDatum& name, const OptionalUuid& unit, SecretUse use) {
    return holds(secret_resource(name), unit, use);
}

void require_secret_permission(const NullableDatum& name, const OptionalUuid& unit, SecretUse use) {
    const char* resource = secret_resource(name);
    if (holds(resource, unit, use)) return;
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("permission denied: \"%s.%s\" is needed", resource, word_of(use)),
                    unit.present ? errdetail("It must be held in the unit.")
                                 : errdetail("It must be held in the whole tenant.")));
}

SecretPlace find_place(const SecretName& name, SecretUse use) {
    const Identity& identity = require_tenant_context().identity;
    SecretPlace place{identity.tenant, {name.own, identity.user}, {}};
    if (name.own) {
        if (!name.unit.isnull)
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("own secrets belong to no unit")));
        require_own(use);
        return place;
    }
    if (!name.unit.isnull) place.unit = {true, require_unit(place.tenant.value, name.unit.value)};
    require_secret_permission(name.name, place.unit, use);
    return place;
}

bool read_secret(const SecretPlace& place, const NullableDatum& name, Secret& out) {
    if (name.isnull) return false;
    const KeyCondition conditions[] = {equals("tenant_id", place.tenant),
                                       equals("owner_id", place.owner),
                                       equals("unit_id", place.unit),
                                       {"name", F_TEXTEQ, name.value, false},
                                       {"left_at", InvalidOid, Datum{0}, true}};
    return read_secret("secrets_place_key", conditions, out);
}

Secret find_secret(const SecretName& name, SecretUse use) {
    Secret secret;
    if (!read_secret(find_place(name, use), name.name, secret))
        no_secret(name.own ? "With own => false, a name means a secret of the tenant."
                           : "With own => true, a name means a secret of the user.");
    return secret;
}

Secret find_secret(const NullableDatum& id, SecretUse use) {
    const Identity& identity = require_tenant_context().identity;
    const OptionalUuid tenant = identity.tenant;
    const OptionalUuid user{true, identity.user};
    const KeyCondition condition{"id", F_UUID_EQ, id.value, false};
    Secret secret;
    const bool found =
        !id.isnull && read_secret("secrets_pkey", {&condition, 1}, secret) && same_uuid(secret.place.tenant, tenant);
    if (found && same_uuid(secret.place.owner, user) && !secret.left) {
        require_own(use);
        return secret;
    }
    if (found && !secret.place.owner.present && may_use_secret({secret.name, false}, secret.place.unit, use))
        return secret;
    require_secret_permission({Datum{0}, true}, {}, use);
    if (!found || !secret.left || use != SecretUse::manage) no_secret(nullptr);
    return secret;
}

}  // namespace bastion::pg
