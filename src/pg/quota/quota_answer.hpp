// What the limits that concern a use say to it: whether one refuses, and the answer of the SQL functions as JSON, in which meters, scopes and
// periods are words.
#pragma once

#include "pg/quota/quota_lines.hpp"

namespace bastion::pg {

// Phase A. The limits without room for what is wanted: the first one is the answer, null for none.
const QuotaLine* refusing(std::span<const QuotaLine> lines);

[[nodiscard]] bool any_crosses(std::span<const QuotaLine> lines);

// Phase A. The answer of quota_consume_many(), with the soft limits that were crossed.
Datum answer_of(std::span<const QuotaLine> lines, const QuotaWanted& wanted, const QuotaLine* refused);

// Phase A. The answer of quota_consume() to a use of a meter that crosses no soft limit.
Datum answer_of(std::span<const QuotaLine> lines, std::string_view meter, const QuotaLine* refused);

// Raises BA006, with the answer of quota_consume() as DETAIL.
[[noreturn]] void raise_exceeded(const QuotaLine& refused);

}  // namespace bastion::pg
