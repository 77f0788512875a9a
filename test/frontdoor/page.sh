#!/bin/bash
# The page of examples/agents in a browser: headless Chromium with its virtual authenticator, two people, and axe-core. Finds the server
# through PGHOST and so on; packages of npm and the screenshots (page/screenshots) go below the folder given as argument. Prints TAP;
# without a browser, node or the registry, one skipped test that says so.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
. "$here/npm.bash"
. "$checkout/tools/lib/example.sh"
command -v chromium >/dev/null || skip_npm "the page of agents" "chromium is not installed"
enter_npm "$1" page "the page of agents"
node=$(node_of_npm) || skip_npm "the page of agents" "it needs Node 22"
cp -R "$checkout/examples/agents/web/." "$here/page.mjs" "$here/frontdoor.mjs" .
mkdir screenshots
port=$(node -e "const s = require('node:net').createServer().listen(0, 'localhost', () => { console.log(s.address().port); s.close(); })")
example_prepare agents
example_web agents "http://localhost:$port"
status=0
PGDATABASE=agents CHROMIUM=$(command -v chromium) ORIGIN="http://localhost:$port" NODE="$node" timeout 300 node page.mjs 2>page.log || status=1
[ "$status" = 0 ] || tail -20 page.log >&2
dropdb agents
exit $status
