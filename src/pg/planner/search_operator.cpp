#include "pg/planner/search_operator.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/text.hpp"
#include "pg/cache/backend_cache.hpp"
#include "pg/planner/planning.hpp"

extern "C" {
#include "catalog/pg_language.h"
#include "nodes/nodeFuncs.h"
#include "tsearch/ts_type.h"
#include "utils/typcache.h"
}

namespace bastion::pg {
namespace {

constexpr int most_levels = 16;

// From reading the source of PostgreSQL 15 to 18 and of the libraries. Only a superuser can make a function of a language whose
// body is a symbol of a library, so library and symbol cannot be forged; names can.
constexpr TrustedFunction trusted[] = {
    {nullptr, "ts_match_vq", SearchNeed::constant, "tsvector @@ tsquery", "reads both; its depth is that of the query"},
    {nullptr, "ts_match_qv", SearchNeed::constant, "tsquery @@ tsvector", "reads both; its depth is that of the query"},
    {nullptr, "jsonb_contains", SearchNeed::constant, "jsonb @> jsonb", "its depth is that of the constant"},
    {nullptr, "jsonb_contained", SearchNeed::constant, "jsonb <@ jsonb", "its depth is that of the constant"},
    {nullptr, "jsonb_exists", SearchNeed::nothing, "jsonb ? text", "raises nothing"},
    {nullptr, "jsonb_exists_any", SearchNeed::nothing, "jsonb ?| text[]", "raises nothing"},
    {nullptr, "jsonb_exists_all", SearchNeed::nothing, "jsonb ?& text[]", "raises nothing"},
    {nullptr, "jsonb_object_field", SearchNeed::nothing, "jsonb -> text", "NULL for what is no object"},
    {nullptr, "jsonb_object_field_text", SearchNeed::nothing, "jsonb ->> text", "NULL for what is no object"},
    {nullptr, "arrayoverlap", SearchNeed::elements, "anyarray && anyarray", "its errors depend on the types"},
    {nullptr, "arraycontains", SearchNeed::elements, "anyarray @> anyarray", "its errors depend on the types"},
    {nullptr, "arraycontained", SearchNeed::elements, "anyarray <@ anyarray", "its errors depend on the types"},
    {nullptr, "range_overlaps", SearchNeed::elements, "anyrange && anyrange", "its errors depend on the types"},
    {nullptr, "range_contains", SearchNeed::elements, "anyrange @> anyrange", "its errors depend on the types"},
    {nullptr, "range_contained_by", SearchNeed::elements, "anyrange <@ anyrange", "its errors depend on the types"},
    {nullptr, "range_contains_elem", SearchNeed::elements, "anyrange @> anyelement", "its errors depend on the types"},
    {nullptr, "elem_contained_by_range", SearchNeed::elements, "anyelement <@ anyrange",
     "its errors depend on the types"},
    {nullptr, "textlike", SearchNeed::pattern, "text ~~ text (LIKE)",
     "raises for patterns with an open escape at the end, or many %"},
    {nullptr, "textnlike", SearchNeed::pattern, "text !~~ text (NOT LIKE)",
     "raises for patterns with an open escape at the end, or many %"},
    {nullptr, "texticlike", SearchNeed::folding, "text ~~* text (ILIKE)",
     "as LIKE; text in UTF8 is valid for its locale"},
    {nullptr, "texticnlike", SearchNeed::folding, "text !~~* text (NOT ILIKE)",
     "as LIKE; text in UTF8 is valid for its locale"},
    {nullptr, "lower", SearchNeed::collation, "lower(text)", "text in UTF8 is valid for its locale"},
    {nullptr, "upper", SearchNeed::collation, "upper(text)", "text in UTF8 is valid for its locale"},
    {nullptr, "enum_eq", SearchNeed::nothing, "anyenum = anyenum", "compares ids"},
    {nullptr, "enum_ne", SearchNeed::nothing, "anyenum <> anyenum", "compares ids"},
    {nullptr, "numeric_eq", SearchNeed::nothing, "numeric = numeric", "raises nothing"},
    {nullptr, "numeric_ne", SearchNeed::nothing, "numeric <> numeric", "raises nothing"},
    {nullptr, "numeric_lt", SearchNeed::nothing, "numeric < numeric", "raises nothing"},
    {nullptr, "numeric_le", SearchNeed::nothing, "numeric <= numeric", "raises nothing"},
    {nullptr, "numeric_gt", SearchNeed::nothing, "numeric > numeric", "raises nothing"},
    {nullptr, "numeric_ge", SearchNeed::nothing, "numeric >= numeric", "raises nothing"},
    {nullptr, "numeric_cmp", SearchNeed::nothing, "in indexes of numeric", "raises nothing"},
    {nullptr, "network_sub", SearchNeed::nothing, "inet << inet", "compares bits"},
    {nullptr, "network_subeq", SearchNeed::nothing, "inet <<= inet", "compares bits"},
    {nullptr, "network_sup", SearchNeed::nothing, "inet >> inet", "compares bits"},
    {nullptr, "network_supeq", SearchNeed::nothing, "inet >>= inet", "compares bits"},
    {nullptr, "network_overlap", SearchNeed::nothing, "inet && inet", "compares bits"},
    {nullptr, "on_pb", SearchNeed::nothing, "point <@ box", "compares coordinates"},
    {nullptr, "box_contain_pt", SearchNeed::nothing, "box @> point", "compares coordinates"},
    {"$libdir/citext", "citext_eq", SearchNeed::utf8, "citext = citext", "text in UTF8 is valid for its locale"},
    {"$libdir/citext", "citext_ne", SearchNeed::utf8, "citext <> citext", "text in UTF8 is valid for its locale"},
    {"$libdir/hstore", "hstore_contains", SearchNeed::nothing, "hstore @> hstore", "raises nothing"},
    {"$libdir/hstore", "hstore_contained", SearchNeed::nothing, "hstore <@ hstore", "raises nothing"},
    {"$libdir/hstore", "hstore_exists", SearchNeed::nothing, "hstore ? text", "raises nothing"},
    {"$libdir/hstore", "hstore_exists_any", SearchNeed::nothing, "hstore ?| text[]", "raises nothing"},
    {"$libdir/hstore", "hstore_exists_all", SearchNeed::nothing, "hstore ?& text[]", "raises nothing"},
    {"$libdir/ltree", "ltree_isparent", SearchNeed::nothing, "ltree @> ltree", "compares labels"},
    {"$libdir/ltree", "ltree_risparent", SearchNeed::nothing, "ltree <@ ltree", "compares labels"},
    {"$libdir/cube", "cube_contains", SearchNeed::nothing, "cube @> cube", "compares coordinates"},
    {"$libdir/cube", "cube_contained", SearchNeed::nothing, "cube <@ cube", "compares coordinates"},
    {"$libdir/cube", "cube_overlap", SearchNeed::nothing, "cube && cube", "compares coordinates"},
};

constexpr const char* quiet_distances[] = {"int4range_subdiff", "int8range_subdiff", "daterange_subdiff",
                                           "tsrange_subdiff", "tstzrange_subdiff"};

constexpr const char* clock_functions[] = {
    "now",
    "timestamptz_pl_interval",
    "timestamptz_mi_interval",
    "timestamptz_timestamp",
    "timestamp_timestamptz",
    "timestamptz_date",
    "date_timestamptz",
    "timestamptz_trunc",
};

// Library and symbol of a function, in the server's memory; false for other languages.
struct Body {
    const char* library;  // null for a function of PostgreSQL itself
    const char* symbol;
};

const char* text_of(Datum value) { return server_text(DatumGetTextPP(value)).c_str(); }

bool read_body(Oid function, Body& out) {
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple)) return false;
    const Oid language = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prolang;
    bool no_symbol = false;
    bool no_library = false;
    const Datum symbol = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &no_symbol);
    const Datum library = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_probin, &no_library);
    const bool is_internal = language == INTERNALlanguageId && !no_symbol;
    const bool is_c = language == ClanguageId && !no_symbol && !no_library;
    if (is_internal || is_c) out = {is_c ? text_of(library) : nullptr, text_of(symbol)};
    ReleaseSysCache(tuple);
    return is_internal || is_c;
}

bool same(const char* left, const char* right) noexcept {
    return left == right || (left != nullptr && right != nullptr && std::strcmp(left, right) == 0);
}

const TrustedFunction* find_built_in(const Body& body) noexcept {
    for (const TrustedFunction& function : trusted)
        if (same(function.library, body.library) && same(function.symbol, body.symbol)) return &function;
    return nullptr;
}

template <std::size_t Count>
bool is_one_of(const Body& body, const char* const (&symbols)[Count]) noexcept {
    return body.library == nullptr &&
           std::any_of(symbols, symbols + Count, [&](const char* symbol) { return same(symbol, body.symbol); });
}

// What a superuser added, as "library symbol".
struct AddedFunctions {
    std::vector<std::string> bodies;
};

const MessageScope scopes[] = {{"trusted_operators", 0, "trusted_operators"}};

BackendCache<AddedFunctions, 1> added("trusted_operators", invalidation_of("trusted_operators"), {1, mebibyte});

struct AddedRows {
    List* bodies;
};

std::optional<AddedRows> read_added() {
    AddedRows out{NIL};
    if (!OidIsValid(extension_relation_or_none("trusted_operators"))) return {};
    ColumnValue row[] = {{"library", 0, true}, {"symbol", 0, true}};
    read_all_rows(
        "trusted_operators", row,
        [](std::span<const ColumnValue> columns, void* state) {
            auto* rows = static_cast<AddedRows*>(state);
            rows->bodies =
                lappend(rows->bodies, psprintf("%s %s", text_of(columns[0].value), text_of(columns[1].value)));
        },
        &out);
    return out;
}

bool was_added(const Body& body) {
    const char* wanted = psprintf("%s %s", body.library != nullptr ? body.library : "", body.symbol);
    const AddedFunctions* functions =
        added.get(CacheKey<1>(), read_added, [](const AddedRows& rows) -> Result<Loaded<AddedFunctions>> {
            Loaded<AddedFunctions> out;
            ListCell* cell = nullptr;
            foreach (cell, rows.bodies) out.value.bodies.emplace_back(static_cast<const char*>(lfirst(cell)));
            out.heap = heap_bytes(out.value.bodies);
            return out;
        });
    if (functions == nullptr) return false;
    return std::any_of(functions->bodies.begin(), functions->bodies.end(),
                       [&](const std::string& body_of_added) { return body_of_added == wanted; });
}

// The need of a function that may run first, or nothing.
std::optional<SearchNeed> look_up_need(Oid function) {
    if (get_func_leakproof(function)) return SearchNeed::nothing;
    Body body{};
    if (!read_body(function, body)) return {};
    if (const TrustedFunction* known = find_built_in(body)) return known->need;
    return was_added(body) ? std::optional<SearchNeed>(SearchNeed::nothing) : std::nullopt;
}

struct KnownNeed {
    Oid function;
    std::optional<SearchNeed> need;
};

// Looked up once in a run of the planner: partitions ask for the same functions again.
std::optional<SearchNeed> need_of(Oid function) {
    if (planning == nullptr) return look_up_need(function);
    ListCell* cell = nullptr;
    foreach (cell, planning->functions) {
        const auto* known = static_cast<KnownNeed*>(lfirst(cell));
        if (known->function == function) return known->need;
    }
    const std::optional<SearchNeed> need = look_up_need(function);
    keep_in_run(planning->functions, KnownNeed{function, need});
    return need;
}

bool is_deterministic(Oid collation) { return OidIsValid(collation) && get_collation_isdeterministic(collation); }

bool is_utf8() noexcept { return GetDatabaseEncoding() == PG_UTF8; }

const Const* constant_of(Node* node) noexcept {
    if (!IsA(node, Const)) return nullptr;
    const auto* constant = reinterpret_cast<const Const*>(node);
    return constant->constisnull ? nullptr : constant;
}

// LIKE raises when the text goes on where the pattern ends with its escape character. It calls itself at each %, so that a pattern
// of many % runs out of stack at the texts that match most of it.
bool is_quiet_pattern(List* arguments) {
    if (list_length(arguments) != 2) return false;
    const Const* pattern = constant_of(static_cast<Node*>(lsecond(arguments)));
    if (pattern == nullptr) return false;
    const text* value = DatumGetTextPP(pattern->constvalue);
    const char* bytes = VARDATA_ANY(value);
    const int size = static_cast<int>(VARSIZE_ANY_EXHDR(value));
    int levels = 0;
    for (int i = 0; i < size; ++i) {
        if (bytes[i] == '%' && ++levels > most_levels) return false;
        if (bytes[i] == '\\' && ++i == size) return false;
    }
    return true;
}

int levels_of(const Jsonb* document) {
    JsonbIterator* iterator = JsonbIteratorInit(const_cast<JsonbContainer*>(&document->root));
    JsonbValue value;
    int level = 0;
    int most = 0;
    for (JsonbIteratorToken token = JsonbIteratorNext(&iterator, &value, false); token != WJB_DONE;
         token = JsonbIteratorNext(&iterator, &value, false)) {
        if (token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT) most = std::max(most, ++level);
        if (token == WJB_END_ARRAY || token == WJB_END_OBJECT) --level;
    }
    return most;
}

int levels_of(const TSQueryData* query, const QueryItem* item) {
    check_stack_depth();
    if (item->type == QI_VAL) return 1;
    const int right = levels_of(query, item + 1);
    const int left = item->qoperator.oper == OP_NOT ? 0 : levels_of(query, item + item->qoperator.left);
    return 1 + std::max(left, right);
}

bool is_shallow(const Const* constant) {
    if (constant->consttype == JSONBOID) return levels_of(DatumGetJsonbP(constant->constvalue)) <= most_levels;
    if (constant->consttype != TSQUERYOID) return false;
    TSQuery query = DatumGetTSQuery(constant->constvalue);
    return query->size == 0 || levels_of(query, GETQUERY(query)) <= most_levels;
}

bool has_shallow_constant(List* arguments) {
    ListCell* cell = nullptr;
    foreach (cell, arguments) {
        const Const* constant = constant_of(static_cast<Node*>(lfirst(cell)));
        if (constant != nullptr && is_shallow(constant)) return true;
    }
    return false;
}

bool compares_safely(Oid function, Oid type, Oid collation) {
    if (!OidIsValid(function)) return false;
    const std::optional<SearchNeed> need = need_of(function);
    if (!need || *need != SearchNeed::nothing) return false;
    return !type_is_collatable(type) || is_deterministic(collation);
}

// The distance of bounds, which estimates of the planner ask for. The owner of a type can choose any function, and that of
// numeric raises for numbers that a double cannot hold.
bool measures_safely(Oid function) {
    if (!OidIsValid(function)) return true;
    Body body{};
    return read_body(function, body) && is_one_of(body, quiet_distances);
}

enum class Elements { none, safe, unsafe };

Elements elements_of(Oid type, Oid collation) {
    if (const Oid element = get_element_type(type); OidIsValid(element)) {
        const TypeCacheEntry* known = lookup_type_cache(element, TYPECACHE_EQ_OPR_FINFO);
        return compares_safely(known->eq_opr_finfo.fn_oid, element, collation) ? Elements::safe : Elements::unsafe;
    }
    if (!type_is_range(type)) return Elements::none;
    const TypeCacheEntry* known = lookup_type_cache(type, TYPECACHE_RANGE_INFO);
    return measures_safely(known->rng_subdiff_finfo.fn_oid) &&
                   compares_safely(known->rng_cmp_proc_finfo.fn_oid, known->rngelemtype->type_id, known->rng_collation)
               ? Elements::safe
               : Elements::unsafe;
}

// An element of a range can be an array itself.
bool elements_compare_safely(List* arguments, Oid collation) {
    bool found = false;
    ListCell* cell = nullptr;
    foreach (cell, arguments) {
        const Elements elements = elements_of(getBaseType(exprType(static_cast<Node*>(lfirst(cell)))), collation);
        if (elements == Elements::unsafe) return false;
        found = found || elements == Elements::safe;
    }
    return found;
}

bool is_met(SearchNeed need, List* arguments, Oid collation) {
    switch (need) {
        case SearchNeed::nothing: return true;
        case SearchNeed::constant: return has_shallow_constant(arguments);
        case SearchNeed::pattern: return is_deterministic(collation) && is_quiet_pattern(arguments);
        case SearchNeed::folding: return is_utf8() && is_deterministic(collation) && is_quiet_pattern(arguments);
        case SearchNeed::collation: return is_utf8() && is_deterministic(collation);
        case SearchNeed::elements: return elements_compare_safely(arguments, collation);
        case SearchNeed::utf8: return is_utf8();
    }
    return false;
}

}  // namespace

std::span<const TrustedFunction> built_in_trusted_functions() noexcept { return trusted; }

const char* name_of(SearchNeed need) noexcept {
    switch (need) {
        case SearchNeed::nothing: return nullptr;
        case SearchNeed::constant: return "one side a constant of at most 16 levels";
        case SearchNeed::pattern:
            return "a constant pattern of at most 16 % that ends without an open escape, and a deterministic collation";
        case SearchNeed::folding: return "as LIKE, and a database in UTF8";
        case SearchNeed::collation: return "a deterministic collation, and a database in UTF8";
        case SearchNeed::elements: return "the comparison of the elements is in this list or LEAKPROOF";
        case SearchNeed::utf8: return "a database in UTF8";
    }
    return nullptr;
}

bool may_run_first(Oid function, List* arguments, Oid collation) {
    const std::optional<SearchNeed> need = need_of(function);
    return need && is_met(*need, arguments, collation);
}

bool may_run_first_with_any(Oid function, Oid collation) {
    const std::optional<SearchNeed> need = need_of(function);
    return need && is_met(*need, NIL, collation);
}

bool is_quiet_function(Oid function) {
    if (get_func_leakproof(function)) return true;
    Body body{};
    return read_body(function, body) &&
           (func_volatile(function) == PROVOLATILE_IMMUTABLE || is_one_of(body, clock_functions));
}

bool may_ever_run_first(Oid function) { return need_of(function).has_value(); }

}  // namespace bastion::pg
