#!/bin/bash
# pre_request() as PostgREST calls it, behind nginx: the configuration of docs/POSTGREST.md, with a driver that speaks PostgREST's
# statements. Finds the server through PGHOST and so on. Prints TAP; without nginx or psycopg, one skipped test that says so.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ -x /usr/sbin/nginx ] && /usr/bin/python3 -c 'import psycopg' 2>/dev/null; then
    status=0
    /usr/bin/python3 "$here/postgrest.py" || status=1
    psql -qX -c 'DROP TABLE IF EXISTS documents' # which others make in another way
    exit $status
fi
echo "!!! NOT TESTED with postgrest.py: nginx or psycopg is not installed" >&2
echo "ok 1 - postgrest.py # SKIP nginx or psycopg is not installed"
echo 1..1
