#!/bin/bash
# Tokens both ways with the npm package jose. Finds the server through PGHOST and so on; the package is installed into the
# folder given as argument, outside the checkout. Prints TAP; without node or the registry, one skipped test that says so.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) folder=$1

skip() {
    echo "!!! NOT TESTED with jose: $1" >&2
    echo "ok 1 - tokens of jose # SKIP $1"
    echo 1..1
    exit 0
}

command -v node >/dev/null && command -v npm >/dev/null || skip "node or npm is not installed"
mkdir -p "$folder"
cd "$folder"
timeout 120 npm install --no-audit --no-fund jose@6 >npm.log 2>&1 || skip "the npm registry cannot be reached"
node "$here/jose.mjs" "$folder/node_modules/jose/dist/webapi/index.js"
