#include "pg/event/secret_use.hpp"

#include "pg/base/pg.hpp"

namespace bastion::pg {
namespace {

// The times tell statements and transactions apart, so nothing must be reset when they end. Parallel workers have those of
// their leader.
struct SecretUse {
    std::string_view function;
    TimestampTz statement;
    TimestampTz transaction;
};

SecretUse last_use;

}  // namespace

void note_secret_use(std::string_view function) noexcept {
    last_use = {function, GetCurrentStatementStartTimestamp(), GetCurrentTransactionStartTimestamp()};
}

std::string_view secret_of_statement() noexcept {
    return last_use.statement == GetCurrentStatementStartTimestamp() ? last_use.function : std::string_view();
}

std::string_view secret_of_transaction() noexcept {
    return last_use.transaction == GetCurrentTransactionStartTimestamp() ? last_use.function : std::string_view();
}

}  // namespace bastion::pg
