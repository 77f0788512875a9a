// Follows the tenant of the session, so that cached plans for other classes of size are dropped before the next plan is taken.
// PostgreSQL takes a cached plan before any hook runs, and verifies no token then. So the tenant comes from the context if
// one is established, from the last decision about the same token, or from the token's own word; otherwise the plans of
// all classes go. A wrong guess costs time alone.
#pragma once

namespace bastion::pg {

// Begins to follow. Called once, when the library is loaded; drops the plans that were made before.
void follow_tenant();

}  // namespace bastion::pg
