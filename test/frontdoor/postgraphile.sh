#!/bin/bash
# PostGraphile 5 over HTTP and WebSocket, with the preset and the SQL of docs/INTEGRATIONS.md. Finds the server through PGHOST and so on;
# packages of npm go below the folder given as argument. Prints TAP; without node or the registry, one skipped test that says so.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/npm.bash"
enter_npm "$1" postgraphile "PostGraphile"
page=$here/../../docs/INTEGRATIONS.md
node=$(node_of_npm) || skip_npm "PostGraphile" "it needs Node 22"
cp "$here/postgraphile.mjs" "$here/frontdoor.mjs" .
page_block "$page" 'js postgraphile' >preset.mjs
psql -qX -v ON_ERROR_STOP=1 -f "$here/people.sql" >/dev/null
page_block "$page" 'sql postgraphile' | PGOPTIONS='-c client_min_messages=warning' psql -qX -v ON_ERROR_STOP=1 -f - -o /dev/null -c "SELECT bastion.protect('documents', tenant_fk => true)" -c 'GRANT USAGE ON SCHEMA api TO bastion_frontdoor_app' -c 'ALTER ROLE bastion_frontdoor_app RESET default_transaction_isolation'
status=0
DATABASE_URL="postgres://bastion_frontdoor_app@/$PGDATABASE?host=$PGHOST" GRAPHILE_ENV=production timeout 120 $node postgraphile.mjs 2>server.log || status=1
psql -qX -c 'SET client_min_messages = warning' -c 'DROP TABLE documents' -c 'DROP SCHEMA api CASCADE'
exit $status
