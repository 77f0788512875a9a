#!/bin/bash
# Feature flags against flagd's own evaluator, and the provider of clients/ under the SDK of OpenFeature, all packages of npm. Finds the
# server through PGHOST and so on; the packages are installed into the folder given as argument, outside the checkout. Prints TAP;
# without node or the registry, one skipped test that says so.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) folder=$1/flags

skip() {
    echo "!!! NOT TESTED with OpenFeature: $1" >&2
    echo "ok 1 - feature flags of OpenFeature # SKIP $1"
    echo 1..1
    exit 0
}

command -v node >/dev/null && command -v npm >/dev/null || skip "node or npm is not installed"
mkdir -p "$folder"
cd "$folder"
timeout 120 npm install --no-audit --no-fund pg@8 @openfeature/core@1 @openfeature/server-sdk@1 @openfeature/flagd-core@4 >npm.log 2>&1 ||
    skip "the npm registry cannot be reached"
cp "$here/flags.mjs" "$here/flag_rules.mjs" "$here/../../clients/openfeature_provider.mjs" .
node flags.mjs
