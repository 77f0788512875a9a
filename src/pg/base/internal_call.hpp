// Calls of the extension's own SQL functions from C, as fmgr makes them: EXECUTE is not checked, and a SECURITY DEFINER
// function runs as its owner with its own settings. For functions in C that run as the caller and need a step with the
// rights of the extension.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

constexpr int max_internal_arguments = 17;

struct InternalFunction {
    const char* name;
    int count;
    Oid types[max_internal_arguments];
};

// The result of the function for these arguments, as many as it has. `result_info` is that of the caller, if the function
// returns a set that the caller returns too.
NullableDatum call_internal(const InternalFunction& function, std::span<const NullableDatum> arguments,
                            fmNodePtr result_info = nullptr);

// The same under a new snapshot, in which a STABLE function sees the changes of the running statement so far.
NullableDatum call_internal_afresh(const InternalFunction& function, std::span<const NullableDatum> arguments);

// The fields of a composite value, from 1.
NullableDatum field(Datum composite, AttrNumber number);
// The same for a field of type text, as a C string, or null.
char* text_field(Datum composite, AttrNumber number);

inline NullableDatum argument(Datum value) { return {value, false}; }
inline NullableDatum null_argument() { return {Datum{0}, true}; }

}  // namespace bastion::pg
