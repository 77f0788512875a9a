// bastion.token, bastion.tenant and bastion.unit: the unverified values that a client presents for its transaction. A
// value counts only in the top-level transaction that set it, so that it does not reach the next client of a pooled
// connection. The settings machinery owns the values; context.cpp verifies the token lazily.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// A presented value; `id` differs for every value ever set in this backend, `transaction` is the one that set it.
struct PresentedValue {
    uint64 id;
    uint64 transaction;
    std::size_t size;
    char text[1];  // NUL-terminated; longer than declared
};

// The presented token in force in this transaction, or null. `stale` is set if there is one that no longer counts.
const PresentedValue* presented_token(bool* stale) noexcept;
const PresentedValue* presented_tenant() noexcept;
const PresentedValue* presented_unit() noexcept;

// A literal token would stay in pg_stat_activity, and in the log of an error of the same statement: shows another text
// there.
void hide_statement();

// Whether the library was loaded only in parallel mode, too late to verify the presented token.
bool token_came_too_late() noexcept;

// Number of the current top-level transaction of this backend; never 0.
uint64 transaction_number() noexcept;

// Called when a top-level transaction ends.
void next_transaction() noexcept;

// Placeholders that clients set before the library was loaded count only if this transaction set them: before the
// settings are defined the placeholders are checked, afterwards the resulting settings are marked.
struct Placeholders {
    bool token, tenant, unit;
    bool unknown;  // a token that this process inherited as a placeholder, set by an unknown transaction
};
Placeholders find_placeholders();
void adopt_placeholders(const Placeholders& set_in_this_transaction) noexcept;

// Whether a token that was set before the current transaction counts (bastion.allow_session_token).
bool session_token_counts() noexcept;

}  // namespace bastion::pg
