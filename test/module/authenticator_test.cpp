// An authenticator in software, for tests of the SQL functions of passkeys. Built and loaded by the tests alone.
#include "../unit/mfa/software_authenticator.hpp"
#include "pg/base/guard.hpp"

extern "C" {
PG_MODULE_MAGIC;
}

namespace {

// The members of {"creates", "seed", "challenge", "origin", "rp", "flags", "count", "handle"}; each but creates and seed may be missing.
// seed is the id of the passkey too.
bastion::Result<std::string> respond(std::string_view wanted) {
    const auto document = bastion::parse_json(wanted, 1 << 16);
    if (!document) return document.error();
    const bastion::JsonValue root = document->root();
    const auto text = [&](const char* name, std::string missing) {
        const auto member = root.find(name);
        return member && member->string() ? std::string(*member->string()) : missing;
    };
    const auto number = [&](const char* name, std::int64_t missing) {
        const auto member = root.find(name);
        return member ? member->integer().value_or(missing) : missing;
    };
    const std::string seed = text("seed", "");
    const bastion::test::PasskeyKey key(seed);
    bastion::test::Ceremony ceremony(root.find("creates")->boolean().value_or(false), key);
    ceremony.id = ceremony.outer_id = ceremony.raw_id = seed;
    ceremony.sent_challenge = text("challenge", ceremony.sent_challenge);
    ceremony.origin = text("origin", ceremony.origin);
    ceremony.rp = text("rp", ceremony.rp);
    ceremony.flags = static_cast<int>(number("flags", ceremony.flags));
    ceremony.count = static_cast<std::uint32_t>(number("count", ceremony.count));
    const std::string handle = text("handle", "");
    ceremony.handle = handle.empty() ? "" : R"(,"userHandle":")" + handle + '"';
    return ceremony.json();
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_test_authenticator);
Datum bastion_test_authenticator(PG_FUNCTION_ARGS) {
    const std::string_view wanted = bastion::as_text(bastion::pg::view(PG_GETARG_BYTEA_PP(0)));
    struct varlena* response = nullptr;
    bastion::pg::guarded_or_raise([&]() -> bastion::Result<void> {
        const auto made = respond(wanted);
        if (!made) return made.error();
        return bastion::pg::store(response, bastion::as_bytes(*made));
    });
    PG_RETURN_BYTEA_P(response);
}

}  // extern "C"
