#!/bin/bash
# The recipes of docs/INTEGRATIONS.md and README.md for Node, each with its library. Finds the server through PGHOST and so on; packages
# of npm go below the folder given as argument. Prints TAP; without node or the registry, one skipped test that says so.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/npm.bash"
enter_npm "$1" clients "the recipes for Node"
page=$here/../../docs/INTEGRATIONS.md
cp "$here"/*.mjs .
{ page_block "$here/../../README.md" js; echo 'export { pool };'; } >readme.mjs
for name in retry pg postgres knex drizzle typeorm prisma; do
    page_block "$page" "js $name" >"$name.mjs"
done
# Prisma generates the client for a model, for which its command needs no program, but asks its own host for one.
mkdir prisma
page_block "$page" prisma >prisma/schema.prisma
PRISMA_SCHEMA_ENGINE_BINARY=/bin/true CHECKPOINT_DISABLE=1 node ../node_modules/prisma/build/index.js generate >prisma.log 2>&1 || cat prisma.log >&2
status=0
for name in pg postgres knex drizzle typeorm prisma; do
    psql -qX -v ON_ERROR_STOP=1 -f "$here/people.sql" >/dev/null
    timeout 120 node "${name}_recipe.mjs" || status=1
done
psql -qX -c 'DROP TABLE documents'
exit $status
