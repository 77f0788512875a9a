// Whether a text, SQL or a message about SQL, carries a secret: it calls one of the extension's functions that take one,
// sets a setting that holds a token, or holds a token itself. The list is in secret_call.cpp and nowhere else. Called for
// every line of the server log by src/pg/event/log_redaction.cpp, so nothing here allocates, throws or keeps state.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace bastion {

// The function, setting or kind of token that was found; empty when the text has none. The view is of a constant, never of
// the text. `further` names more functions, tables or views, separated by commas, which count in any position.
[[nodiscard]] std::string_view find_secret_call(std::string_view text, std::string_view further) noexcept;

// The prepared statement that an EXECUTE names, and whether it has arguments, which carry values of their own.
struct Executed {
    bool found = false;
    bool has_arguments = false;
};

// The next EXECUTE at or after `from`, which moves on: the name of its statement, folded as SQL folds identifiers, with a NUL
// at its end.
[[nodiscard]] Executed find_executed(std::string_view text, std::size_t& from, std::span<char> name) noexcept;

// Whether one of the statements in a text may run what the transaction has put off: its end, or SET CONSTRAINTS. A semicolon
// inside a value counts as the end of a statement.
[[nodiscard]] bool runs_deferred(std::string_view text) noexcept;

}  // namespace bastion
