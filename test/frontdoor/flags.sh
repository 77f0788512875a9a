#!/bin/bash
# Feature flags against flagd's own evaluator, and the provider of clients/ under the SDK of OpenFeature, all packages of npm. Finds the
# server through PGHOST and so on; they go below the folder given as argument. Prints TAP;
# without node or the registry, one skipped test that says so.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/npm.bash"
enter_npm "$1" flags "feature flags of OpenFeature"
cp "$here/flags.mjs" "$here/flag_rules.mjs" "$here/../../clients/openfeature_provider.mjs" .
node flags.mjs
