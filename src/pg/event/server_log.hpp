// A line of the server log that reaches no client, for accesses and refusals. Called by the SQL functions of this room; keeps no
// state.
#pragma once

namespace bastion::pg {

// Writes it at every log_min_messages.
void log_server_only(const char* message);

}  // namespace bastion::pg
