#!/bin/bash
# Tokens both ways with the npm package jose. Finds the server through PGHOST and so on; packages of npm go
# below the folder given as argument. Prints TAP; without node or the registry, one skipped test that says so.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/npm.bash"
enter_npm "$1" jose "tokens of jose"
node "$here/jose.mjs" "$1/node_modules/jose/dist/webapi/index.js"
