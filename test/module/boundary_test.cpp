// Functions that misbehave on purpose behind the error boundary. Built and loaded by the tests alone.
#include "core/base/secret_bytes.hpp"
#include "pg/base/text.hpp"

extern "C" {
PG_MODULE_MAGIC;
}

namespace {

// Counts live objects, so that a test detects a destructor that did not run.
int live = 0;

struct Counted {
    Counted() { ++live; }
    ~Counted() { --live; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    std::string weight = std::string(4096, 'x');
};

bastion::Result<void> misbehave(std::string_view how) {
    const Counted first;
    const Counted second;
    if (how == "bad_alloc") throw std::bad_alloc();
    if (how == "huge") (void)std::vector<char>(std::numeric_limits<std::ptrdiff_t>::max());
    if (how == "exception") throw std::runtime_error("a bug");
    if (how == "int") throw 42;
    if (how == "error") {
        // Characters of two bytes, so that the limit falls inside one.
        std::string detail;
        while (detail.size() < 2000) detail += "\xC3\xBC";
        return bastion::Error{bastion::ErrorCode::invalid_argument, std::string(1000, 'm'), detail, "a hint",
                              "for the log alone"};
    }
    if (how == "store") {
        struct varlena* out = nullptr;
        return bastion::pg::store(out, bastion::Bytes(1024, 'y'));
    }
    return {};
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_test_misbehave);
Datum bastion_test_misbehave(PG_FUNCTION_ARGS) {
    const std::string_view how = bastion::pg::server_text(PG_GETARG_TEXT_PP(0)).bytes();
    bastion::pg::guarded_or_raise([&] { return misbehave(how); });
    PG_RETURN_INT32(live);
}

PG_FUNCTION_INFO_V1(bastion_test_live_objects);
Datum bastion_test_live_objects(PG_FUNCTION_ARGS) { PG_RETURN_INT32(live); }

}  // extern "C"
