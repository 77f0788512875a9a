#!/bin/bash
# Passkeys in a browser: headless Chromium with its virtual authenticator, on a page that the test serves. Finds the server through
# PGHOST and so on; packages of npm go below the folder given as argument. Prints TAP; without a browser, one skipped test that says so.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/npm.bash"
command -v chromium >/dev/null || skip_npm "passkeys in a browser" "chromium is not installed"
enter_npm "$1" passkeys "passkeys in a browser"
cp "$here/passkeys.mjs" "$here/frontdoor.mjs" .
page_block "$here/../../docs/PASSKEYS.md" 'js passkeys' >page.mjs
psql -qX -v ON_ERROR_STOP=1 -f "$here/people.sql" >/dev/null
status=0
CHROMIUM=$(command -v chromium) node passkeys.mjs || status=1
psql -qX -c 'DROP TABLE documents'
exit $status
