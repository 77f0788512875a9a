// Which statement has used a secret: from then on the server log leaves out what its messages quote, whatever function or view of
// the application the secret came through. Called by the functions of the extension that take or return plaintext, and by
// log_redaction.cpp. Nothing here allocates or raises.
#pragma once

#include <string_view>

namespace bastion::pg {

// The running statement uses a secret; `function` is a constant.
void note_secret_use(std::string_view function) noexcept;

// The function that the running statement, or the transaction, has last called so; empty without one.
[[nodiscard]] std::string_view secret_of_statement() noexcept;
[[nodiscard]] std::string_view secret_of_transaction() noexcept;

}  // namespace bastion::pg
