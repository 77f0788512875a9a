// Foreign code on the extension's own tables: triggers, and foreign keys whose actions change other tables. In a
// SECURITY DEFINER function it would run with the rights of the extension, in a session that the caller prepared.
#pragma once

namespace bastion::pg {

// Drops the cached result for a table when the table or a function changes.
void watch_foreign_code();

}  // namespace bastion::pg
