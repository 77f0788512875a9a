#include "pg/jose/issuer_read.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/cache/backend_cache.hpp"

namespace bastion::pg {
namespace {

BackendCache<KnownIssuer, longest_issuer_name> issuers(keys_invalidation(), {256});

// A row of bastion.issuers as PODs.
struct IssuerRow {
    bool create_users;
    std::string_view keys;
    std::string_view options;
    std::string_view required;
    std::string_view mapping;
};

// Empty for an unknown or disabled issuer.
std::optional<IssuerRow> read_issuer(std::string_view issuer) {
    ColumnValue row[] = {{"keys", 0, true},    {"options", 0, true}, {"required_claims", 0, true},
                         {"mapping", 0, true}, {"enabled", 0, true}, {"create_users", 0, true}};
    const Datum name = PointerGetDatum(cstring_to_text_with_len(issuer.data(), static_cast<int>(issuer.size())));
    if (!read_row("issuers", "issuers_pkey", "issuer", F_TEXTEQ, name, row)) return {};
    for (const ColumnValue& column : row)
        if (column.is_null) return {};
    if (!DatumGetBool(row[4].value)) return {};
    IssuerRow out{};
    out.create_users = DatumGetBool(row[5].value);
    out.keys = jsonb_text(DatumGetJsonbP(row[0].value));
    out.options = jsonb_text(DatumGetJsonbP(row[1].value));
    out.required = jsonb_text(DatumGetJsonbP(row[2].value));
    out.mapping = jsonb_text(DatumGetJsonbP(row[3].value));
    return out;
}

Result<Loaded<KnownIssuer>> parse_issuer(std::string_view issuer, const IssuerRow& row) {
    Result<IssuerRules> rules = parse_issuer_rules(issuer, row.keys, row.options, row.required, row.mapping);
    if (!rules) return rules.error();
    KnownIssuer known{std::move(*rules), row.create_users, {}};
    for (const Jwk& key : known.rules.keys.keys) {
        Result<std::string> thumbprint = jwk_thumbprint(key);
        known.thumbprints.push_back(thumbprint ? *thumbprint : std::string());
    }
    return Loaded<KnownIssuer>{std::move(known)};
}

}  // namespace

const KnownIssuer* known_issuer(std::string_view issuer) {
    const CacheKey<longest_issuer_name> key(issuer);
    if (const KnownIssuer* cached = issuers.find(key)) return cached;
    return issuers.load(
        key, [&] { return read_issuer(issuer); }, [&](const IssuerRow& row) { return parse_issuer(issuer, row); });
}

}  // namespace bastion::pg
