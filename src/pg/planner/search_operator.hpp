// Functions of operators that no row of another tenant can make raise, warn or notice, beyond those that PostgreSQL itself
// calls LEAKPROOF. A clause of them alone may run before the condition of a policy, so it may be an index condition. The list
// with the reasons: search_operator.cpp, and what a superuser added to bastion.trusted_operators.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// What the arguments of a trusted function must be.
enum class SearchNeed {
    nothing,
    constant,   // one argument a constant of at most 16 levels
    pattern,    // LIKE: a constant pattern of few % without an open escape, and a deterministic collation
    folding,    // as pattern, and a database in UTF8
    collation,  // a deterministic collation, and a database in UTF8
    elements,   // arrays and ranges: the comparison of the element type is trusted itself
    utf8,       // a database in UTF8
};

struct TrustedFunction {
    const char* library;  // null for a function of PostgreSQL itself
    const char* symbol;
    SearchNeed need;
    const char* operators;
    const char* reason;
};

std::span<const TrustedFunction> built_in_trusted_functions() noexcept;
const char* name_of(SearchNeed need) noexcept;

// Whether the function may run on rows of other tenants, with such arguments. LEAKPROOF functions may.
bool may_run_first(Oid function, List* arguments, Oid collation);

// The same for value = ANY (array).
bool may_run_first_with_any(Oid function, Oid collation);

// Whether a call has no effect but its result or error: immutable functions in C, and those that calculate with now().
bool is_quiet_function(Oid function);

// For the advice about an index: whether some call may run first.
bool may_ever_run_first(Oid function);

}  // namespace bastion::pg
