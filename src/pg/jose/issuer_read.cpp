#include "pg/jose/issuer_read.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/text.hpp"
#include "pg/cache/backend_cache.hpp"
#include "pg/key/key_message.hpp"

namespace bastion::pg {
namespace {

BackendCache<KnownIssuer, longest_issuer_name> issuers("issuers", keys_invalidation(), {256, 8 * mebibyte});

// A row of bastion.issuers as PODs.
struct IssuerRow {
    bool create_users;
    Utf8 keys;
    Utf8 options;
    Utf8 required;
    Utf8 mapping;
};

// Empty for an unknown or disabled issuer.
std::optional<IssuerRow> read_issuer(Utf8 issuer) {
    ColumnValue row[] = {{"keys", 0, true},    {"options", 0, true}, {"required_claims", 0, true},
                         {"mapping", 0, true}, {"enabled", 0, true}, {"create_users", 0, true}};
    Datum name{};
    if (!text_datum_if_possible(issuer, name) || !read_row("issuers", "issuers_pkey", "issuer", F_TEXTEQ, name, row))
        return {};
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

Result<Loaded<KnownIssuer>> parse_issuer(Utf8 issuer, const IssuerRow& row) {
    Result<IssuerRules> rules = parse_issuer_rules(issuer, row.keys, row.options, row.required, row.mapping);
    if (!rules) return rules.error();
    Loaded<KnownIssuer> made{KnownIssuer{std::move(*rules), row.create_users}};
    // The options and the claims that are required: as long as their texts, in small pieces.
    made.heap = made.value.rules.keys.memory() + heap_bytes(made.value.rules.thumbprints) +
                4 * (row.options.bytes().size() + row.required.bytes().size() + row.mapping.bytes().size());
    return made;
}

}  // namespace

const KnownIssuer* known_issuer(Utf8 issuer) {
    const CacheKey<longest_issuer_name> key(issuer);
    return issuers.get(
        key, [&] { return read_issuer(issuer); }, [&](const IssuerRow& row) { return parse_issuer(issuer, row); });
}

}  // namespace bastion::pg
