#!/bin/bash
# Passkeys in a browser: headless Chromium with its virtual authenticator, on a page that the test serves. Finds the server through
# PGHOST and so on; packages of npm go into the folder given as argument. Prints TAP; without a browser, one skipped test that says so.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) folder=$1/passkeys

skip() {
    echo "!!! NOT TESTED in a browser: $1" >&2
    echo "ok 1 - passkeys in a browser # SKIP $1"
    echo 1..1
    exit 0
}

command -v node >/dev/null && command -v npm >/dev/null || skip "node or npm is not installed"
command -v chromium >/dev/null || skip "chromium is not installed"
mkdir -p "$folder"
cd "$folder"
timeout 120 npm install --no-audit --no-fund pg@8 puppeteer-core@24 >npm.log 2>&1 || skip "the npm registry cannot be reached"
cp "$here/passkeys.mjs" "$here/frontdoor.mjs" .
sed -n '/^```js passkeys$/,/^```$/p' "$here/../../docs/PASSKEYS.md" | sed '1d;$d' >page.mjs
psql -qX -v ON_ERROR_STOP=1 -f "$here/people.sql" >/dev/null
CHROMIUM=$(command -v chromium) exec node passkeys.mjs
