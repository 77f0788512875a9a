#!/bin/bash
# metrics() under Debian's promtool and Prometheus, and the views bastion.stat_… through the configuration that docs/OPERATIONS.md has for
# postgres_exporter. Finds the server, which preloads the library, through PGHOST and so on. Prints TAP; without the packages, one skipped test
# that says so.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

skip() {
    echo "!!! NOT TESTED with Prometheus: $1 is not installed" >&2
    echo "ok 1 - metrics # SKIP $1 is not installed"
    echo 1..1
    exit 0
}

for program in prometheus promtool prometheus-postgres-exporter; do
    command -v "$program" >/dev/null || skip "$program"
done
/usr/bin/python3 -c 'import psycopg2' 2>/dev/null || skip psycopg2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
/usr/bin/python3 "$here/metrics.py" "$folder"
