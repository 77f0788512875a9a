#!/bin/bash
# The helpers of README.md and docs/INTEGRATIONS.md for Python, each with its library. Finds the server through PGHOST and so on. Prints
# TAP; without the library, one skipped test that says so.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) status=0

# test_with SCRIPT MODULE...
test_with() {
    local script=$1 python
    shift
    for python in /usr/bin/python3 python3; do
        if "$python" -c "import $(IFS=,; echo "$*")" 2>/dev/null; then
            psql -qX -v ON_ERROR_STOP=1 -f "$here/people.sql" >/dev/null
            timeout 120 "$python" "$here/$script" || status=1
            return
        fi
    done
    echo "!!! NOT TESTED with $script: $* is not installed" >&2
    echo "ok 1 - $script # SKIP $* is not installed"
    echo 1..1
}

test_with psycopg_helper.py psycopg
test_with psycopg_recipe.py psycopg psycopg_pool
test_with sqlalchemy_recipe.py sqlalchemy psycopg2
test_with alembic_recipe.py alembic psycopg2
test_with asyncpg_recipe.py asyncpg
test_with django_recipe.py django psycopg2
psql -qX -c "DROP TABLE IF EXISTS documents"
exit $status
