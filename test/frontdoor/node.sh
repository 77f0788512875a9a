#!/bin/bash
# The helpers of docs/CLIENTS.md for Node, with the npm packages knex and drizzle-orm. Finds the server through PGHOST and so on;
# the packages are installed into the folder given as argument, outside the checkout. Prints TAP; without node or the registry, one
# skipped test that says so.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) folder=$1/clients

skip() {
    echo "!!! NOT TESTED with Knex and Drizzle: $1" >&2
    echo "ok 1 - the helpers for Node # SKIP $1"
    echo 1..1
    exit 0
}

command -v node >/dev/null && command -v npm >/dev/null || skip "node or npm is not installed"
mkdir -p "$folder"
cd "$folder"
timeout 120 npm install --no-audit --no-fund pg@8 knex@3 drizzle-orm@0.45 >npm.log 2>&1 || skip "the npm registry cannot be reached"
for name in knex drizzle; do
    sed -n "/^\`\`\`js $name\$/,/^\`\`\`\$/p" "$here/../../docs/CLIENTS.md" | sed '1d;$d' >"$name.mjs"
    cp "$here/${name}_recipe.mjs" "$here/frontdoor.mjs" .
    psql -qX -v ON_ERROR_STOP=1 -f "$here/people.sql" >/dev/null
    node "${name}_recipe.mjs" || status=1
done
exit "${status:-0}"
