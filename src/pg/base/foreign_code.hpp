// What others attached to the extension's own tables: triggers, and foreign keys that act on their tables. In a definer
// function these would run with the rights of the extension, under what the caller's session holds.
#pragma once

namespace bastion::pg {

// Drops what was found out about a table when the table or a function changes.
void watch_foreign_code();

}  // namespace bastion::pg
