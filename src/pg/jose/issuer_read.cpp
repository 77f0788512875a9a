#include "pg/jose/issuer_read.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/guard.hpp"
#include "pg/key/data_keys.hpp"

namespace bastion::pg {
namespace {

constexpr std::size_t most_issuers = 256;

std::unordered_map<std::string, KnownIssuer> known_issuers;
uint64 known_at_generation = 0;

// A row of bastion.issuers as PODs.
struct IssuerRow {
    bool found;
    bool create_users;
    std::string_view keys;
    std::string_view options;
    std::string_view required;
    std::string_view mapping;
};

IssuerRow read_issuer(std::string_view issuer) {
    ColumnValue row[] = {{"keys", 0, true},    {"options", 0, true}, {"required_claims", 0, true},
                         {"mapping", 0, true}, {"enabled", 0, true}, {"create_users", 0, true}};
    IssuerRow out{};
    const Datum name = PointerGetDatum(cstring_to_text_with_len(issuer.data(), static_cast<int>(issuer.size())));
    if (!read_row("issuers", "issuers_pkey", "issuer", F_TEXTEQ, name, row)) return out;
    for (const ColumnValue& column : row)
        if (column.is_null) return out;
    out.found = DatumGetBool(row[4].value);
    out.create_users = DatumGetBool(row[5].value);
    out.keys = jsonb_text(DatumGetJsonbP(row[0].value));
    out.options = jsonb_text(DatumGetJsonbP(row[1].value));
    out.required = jsonb_text(DatumGetJsonbP(row[2].value));
    out.mapping = jsonb_text(DatumGetJsonbP(row[3].value));
    return out;
}

// Phase B.
const KnownIssuer* find_known(std::string_view issuer) {
    if (known_at_generation != keys_generation()) {
        known_issuers.clear();
        known_at_generation = keys_generation();
    }
    const auto found = known_issuers.find(std::string(issuer));
    return found == known_issuers.end() ? nullptr : &found->second;
}

// Phase B.
Result<const KnownIssuer*> keep_issuer(std::string_view issuer, const IssuerRow& row) {
    Result<IssuerRules> rules = parse_issuer_rules(issuer, row.keys, row.options, row.required, row.mapping);
    if (!rules) return rules.error();
    KnownIssuer known{std::move(*rules), row.create_users, {}};
    for (const bastion::Jwk& key : known.rules.keys.keys) {
        Result<std::string> thumbprint = jwk_thumbprint(key);
        known.thumbprints.push_back(thumbprint ? *thumbprint : std::string());
    }
    if (known_issuers.size() >= most_issuers) known_issuers.clear();
    return &known_issuers.insert_or_assign(std::string(issuer), std::move(known)).first->second;
}

}  // namespace

const KnownIssuer* known_issuer(std::string_view issuer) {
    const KnownIssuer* known = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        known = find_known(issuer);
        return {};
    });
    if (known != nullptr) return known;
    const IssuerRow row = read_issuer(issuer);
    if (!row.found) return nullptr;
    guarded_or_raise([&]() -> Result<void> {
        Result<const KnownIssuer*> kept = keep_issuer(issuer, row);
        if (!kept) return kept.error();
        known = *kept;
        return {};
    });
    return known;
}

}  // namespace bastion::pg
