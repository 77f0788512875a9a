#include "values.hpp"

namespace functions {
namespace {

using List = std::vector<std::string>;

// Everything that is not hostile is schema-qualified, because the caller's search_path is hostile.
const List& texts() {
    static const List all{
        "E''",
        "E' '",
        "pg_catalog.repeat(E'x', 1048576)",
        "pg_catalog.repeat(E'\\u00e9', 300)",
        "pg_catalog.repeat(E'9', 400)",
        "pg_catalog.repeat(E'(a*)*', 200)",
        "pg_catalog.repeat(E'a.', 100000)",
        R"(E'\x01\x02\x1f\x7f')",
        R"(E'a\nb\tc\rd\x0b')",
        R"(E'\u202e\u200b\ufeff')",
        R"(E'\ufffe\uffff\U0010ffff')",
        R"(E'e\u0301 \u212b')",
        R"(E'\\')",
        R"(E'\\x00')",
        R"(E'\\''; DROP TABLE fz.docs; --')",
        R"(E'''')",
        R"(E'"quoted" %s %n %I %L $1 {} [] ?')",
        "E'%'",
        "E'*'",
        "E'.'",
        "E'a..b'",
        "E'-1'",
        "E'1e400'",
        "E'NaN'",
        "E'NULL'",
        "E'{}'",
        R"(E'{"a": ')",
        "E'a0000000-0000-4000-8000-00000000000'",
        "E'A0000000-0000-4000-8000-000000000002'",
        "E'{a0000000-0000-4000-8000-000000000002}'",
        "E'eyJhbGciOiJub25lIn0.e30.'",
        "E'a.b.c'",
        "E'bst_live_'",
        "E'bsr_AAAA'",
        "E'2026-01-01'",
        "E'bastion'",
        "E'pg_temp'",
    };
    return all;
}

const List& documents() {
    static const List all{
        "E'{}'",
        "E'[]'",
        "E'null'",
        "E'0'",
        "E'\"text\"'",
        R"(E'{"a": 1, "a": {"b": 2, "b": 3}}')",
        R"(E'{"": "", "exp": 1e400, "iat": -1e400, "nbf": 0.1}')",
        R"(E'{"sub": null, "aud": [1, null, {}], "iss": {}}')",
        R"(E'{"kty": "oct", "k": ""}')",
        R"(E'{"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "x"}')",
        R"(E'{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}')",
        R"(E'{"kty": "OKP", "crv": "Ed25519", "x": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}')",
        R"(E'{"keys": [{}, null, 1, {"kty": "oct"}]}')",
        R"(E'"\\ud83d\\ude00 \\u0001"')",
        "pg_catalog.concat(pg_catalog.repeat(E'[', 6000), pg_catalog.repeat(E']', 6000))",
        "pg_catalog.concat(pg_catalog.repeat(E'{\"a\":', 900), E'1', pg_catalog.repeat(E'}', 900))",
        "pg_catalog.concat(E'\"', pg_catalog.repeat(E'x', 1048576), E'\"')",
        "pg_catalog.concat(E'[', pg_catalog.repeat(E'1,', 50000), E'1]')",
        "pg_catalog.concat(E'{\"a\": ', pg_catalog.repeat(E'9', 5000), E'}')",
    };
    return all;
}

const List& arrays() {
    static const List all{
        "E'{}'",
        "E'{NULL}'",
        "E'{a,NULL,a}'",
        "E'{{a,b},{c,d}}'",
        "E'{{{{{{a}}}}}}'",
        "E'[5:6]={a,b}'",
        "E'[-1:0]={a,b}'",
        R"(E'{"",".","*"}')",
        "pg_catalog.concat(E'{', pg_catalog.repeat(E'a,', 20000), E'a}')",
        "pg_catalog.concat(E'{', pg_catalog.repeat(E'x', 1048576), E'}')",
        R"(E'{"\\\\","\\"","%s"}')",
    };
    return all;
}

const List& times() {
    static const List all{"E'infinity'",
                          "E'-infinity'",
                          "E'4713-01-01 00:00:00 BC'",
                          "E'294276-12-31 23:59:59.999999 UTC'",
                          "E'epoch'",
                          "E'now'",
                          "E'tomorrow'",
                          "E'yesterday'",
                          "E'2999-01-01 UTC'"};
    return all;
}

const List& intervals() {
    static const List all{"E'0'",
                          "E'-1 second'",
                          "E'1 microsecond'",
                          "E'178000000 years'",
                          "E'-178000000 years'",
                          "E'1 mon -30 days'",
                          "E'2147483647 days'",
                          "E'1 hour'",
                          "E'30 days'",
                          "E'5 minutes'",
                          "E'2147483647 months 2147483647 days'",
                          "E'infinity'"};
    return all;
}

const List& numbers() {
    static const List all{"0", "-1", "1", "2", "5", "2048", "65536", "2147483647", "'-2147483648'"};
    return all;
}

const List& large_numbers() {
    static const List all{"0", "-1", "1", "2", "7", "4294967296", "9223372036854775807", "'-9223372036854775808'"};
    return all;
}

const List& identifiers() {
    static const List all{"E'00000000-0000-0000-0000-000000000000'", "E'ffffffff-ffff-ffff-ffff-ffffffffffff'",
                          "E'a0000000-0000-4000-8000-000000000002'", "E'e0000000-0000-4000-8000-000000000011'",
                          "E'b0000000-0000-4000-8000-000000000011'", "E'c0000000-0000-4000-8000-000000000011'"};
    return all;
}

const List& bytes() {
    static const List all{R"(E'\\x')",
                          R"(E'\\xdeadbeef')",
                          R"(E'\\xff00fe')",
                          R"(E'\\xb701000000000001')",
                          R"(E'\\000a\\377')",
                          "pg_catalog.concat(E'\\\\x', pg_catalog.repeat(E'00', 1048576))",
                          "pg_catalog.concat(E'\\\\xb7010000000000', pg_catalog.repeat(E'04', 60))"};
    return all;
}

// By type; other types take texts.
const List& of_type(const std::string& type) {
    static const std::map<std::string, const List*> all{
        {"jsonb", &documents()},    {"_text", &arrays()}, {"_name", &arrays()},       {"timestamptz", &times()},
        {"interval", &intervals()}, {"int4", &numbers()}, {"int8", &large_numbers()}, {"uuid", &identifiers()},
        {"bytea", &bytes()},        {"sealed", &bytes()},
    };
    const auto found = all.find(type);
    return found == all.end() ? texts() : *found->second;
}

std::string cast(const std::string& expression, const std::string& type) { return "(" + expression + ")::" + type; }

// Without its schema and quotes.
std::string bare(const std::string& type) {
    std::string out = type.substr(type.find('.') + 1);
    std::erase(out, '"');
    return out;
}

}  // namespace

std::string pool_name(const std::string& parameter, const std::string& type) { return parameter + ' ' + bare(type); }

std::string literal(const std::string& text) {
    std::string out = "E'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') out += c;
        out += c;
    }
    return out + "'";
}

std::string argument(const Pools& pools, Focus& focus, const std::string& parameter, const std::string& type,
                     Random& random) {
    const std::string name = bare(type);
    if (name == "internal") return "NULL";
    if (random.percent(4)) return cast("NULL", type);
    if (name == "bool") return random.percent(50) ? "true" : "false";
    const auto pool = pools.find(pool_name(parameter, type));
    if (pool == pools.end() || random.percent(12)) return cast(random.of(of_type(name)), type);
    const auto [known, is_new] = focus.try_emplace(pool->second.subject, random.of(pool->second.values));
    const Value& value = is_new || random.percent(60) ? known->second : random.of(pool->second.values);
    return cast(value.is_expression ? value.text : literal(value.text), type);
}

}  // namespace functions
