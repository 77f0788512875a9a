// A deliberate read past the end of a heap block, and a phase B inside another: they prove that sanitizers and assertions would
// report a real one. Built and loaded by the tests alone.
#include "pg/base/guard.hpp"

extern "C" {
PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(bastion_test_overflow);

Datum bastion_test_overflow(PG_FUNCTION_ARGS) {
    const auto size = static_cast<std::size_t>(PG_GETARG_INT32(0));
    const std::unique_ptr<volatile char[]> block(new char[size]());
    PG_RETURN_INT32(block[size]);
}

PG_FUNCTION_INFO_V1(bastion_test_nested_phase);

Datum bastion_test_nested_phase(PG_FUNCTION_ARGS) {
    bastion::pg::guarded_or_raise([]() -> bastion::Result<void> {
        bastion::pg::guarded_or_raise([]() -> bastion::Result<void> { return {}; });
        return {};
    });
    PG_RETURN_VOID();
}
}
