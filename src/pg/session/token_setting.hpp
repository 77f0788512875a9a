// bastion.token, bastion.tenant and bastion.unit: what a client presents for its transaction, unverified. A value counts
// only in the top-level transaction that set it, so that nothing reaches the next client of a pooled connection. The
// values are owned by the settings machinery; context.cpp verifies the token at first need.
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

// The presented token in force in this transaction, or null. `stale` tells that one is there but counts no more.
const PresentedValue* presented_token(bool* stale) noexcept;
const PresentedValue* presented_tenant() noexcept;
const PresentedValue* presented_unit() noexcept;

// A literal token would stay in pg_stat_activity, and in the log of an error of the same statement: shows another text
// there.
void hide_statement();

// Whether the library was loaded in parallel mode only, too late to verify the token that is there.
bool token_came_too_late() noexcept;

// Number of the current top-level transaction of this backend; never 0.
uint64 transaction_number() noexcept;

// Called when a top-level transaction ends.
void next_transaction() noexcept;

// Placeholders that clients set before the library was loaded count only if this transaction set them: before the
// settings are defined the placeholders are looked at, afterwards what they became is marked.
struct Placeholders {
    bool token, tenant, unit;
    bool unknown;  // a token that this process was given as a placeholder, set by whatever transaction
};
Placeholders find_placeholders();
void adopt_placeholders(const Placeholders& set_in_this_transaction) noexcept;

// Whether a token that was set before the current transaction counts (bastion.allow_session_token).
bool session_token_counts() noexcept;

}  // namespace bastion::pg
