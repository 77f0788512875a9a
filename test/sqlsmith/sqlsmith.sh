#!/bin/bash
# usage: sqlsmith.sh FOLDER
#
# Random statements of SQLsmith against protected tables: no crash, no internal error, no row of another tenant, with the mechanisms
# of the planner and without them. SQLsmith makes the statements from the same tables without policies, where it learns which succeed.
# A policy that is switched off must be found. Finds the server through PGHOST and so on. SMITH_QUERIES is the number of statements
# of each seed. Prints TAP, and leaves the statements and their errors in FOLDER.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) folder=$1 number=0
queries=${SMITH_QUERIES:-1000}
[ -z "${BASTION_LONG:-}" ] || queries=${SMITH_QUERIES:-10000}
mkdir -p "$folder"
cd "$folder"

# expect NAME COMMAND...: a test that passes when the command succeeds.
expect() {
    local name=$1
    shift
    number=$((number + 1))
    if "$@"; then echo "ok $number - $name"; else echo "not ok $number - $name"; fi
}

database() {
    createdb "$1"
    [ "$2" = off ] || psql -qX -d "$1" -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION pg_bastion'
    psql -qX -d "$1" -v "protected=$2" -f "$here/tables.sql"
}

# A statement in a transaction of its own that is rolled back. A colon before a letter would be a variable of psql.
wrap() {
    printf '\\set VERBOSITY verbose\n\\set token %s\n' "$(cat token)"
    perl -0777 -ne 'for (split /;\s*\n/) { next unless /\S/; s/:(?=\w)/: /g; print "BEGIN; SET LOCAL bastion.token = :\x27token\x27;\n$_;\nROLLBACK;\n" }' "$1"
}

run() { PGOPTIONS=$2 psql -qXAt -U smith -d smith_protected -f "$1.wrapped" >"$3.rows" 2>"$3.errors" || echo "psql ended with $?" >>"$3.errors"; }

grave='ERROR: +(XX|BT)[0-9].*|FATAL.*|PANIC.*|server closed.*|connection to server was lost|psql ended.*'
without_values() { sed -E 's/0x[0-9a-fA-F]+|[0-9]+/N/g'; }
# PostgreSQL's own internal errors, without policies, one a line.
own_errors() { sed 's/^BEGIN; .*/BEGIN;/' "$seed.wrapped" | psql -qXAt -U smith -d smith_plain 2>&1 >/dev/null | grep -oE 'ERROR: +XX[0-9].*' | without_values | sort -u; }

# check NAME: what nothing may show.
check() {
    local found ran
    found=$(grep -oE "$grave" "$1.errors" | without_values | sort -u || true)
    [ -z "$found" ] || found=$(comm -23 <(printf '%s\n' "$found") <(own_errors))
    [ -z "$found" ] || printf '%s\n' "$found" | sed 's/^/# /'
    expect "$1: no internal error, no row of another tenant" test -z "$found"
    ran=$(($(grep -c '^BEGIN' "$seed.wrapped") - $(grep -cE 'ERROR: +[0-9A-Z]{5}' "$1.errors" || true)))
    expect "$1: statements ran" test $((ran * 5)) -ge "$queries"
    expect "$1: and returned rows" test "$(wc -l <"$1.rows")" -ge "$queries"
}

psql -qX -d postgres -v ON_ERROR_STOP=1 -c 'CREATE ROLE smith LOGIN' -c 'CREATE ROLE smith_owner' -c "ALTER ROLE smith SET statement_timeout = '1s'"
database smith_plain off
database smith_protected on >token
seeds="1 ${BASTION_SEED:-2}"
[ -z "${BASTION_LONG:-}" ] || seeds="1 ${BASTION_SEED:-$((RANDOM + 3))}"
for seed in $seeds; do
    sqlsmith --target="dbname=smith_plain user=smith" --exclude-catalog --max-queries="$queries" --seed="$seed" --dump-all-queries >"$seed.sql" 2>"$seed.log"
    wrap "$seed.sql" >"$seed.wrapped"
    run "$seed" '' "$seed"
    check "$seed"
    run "$seed" '-c bastion.plan_estimates=off -c bastion.search_paths=off' "$seed.off"
    check "$seed.off"
done

psql -qX -d smith_protected -v ON_ERROR_STOP=1 -c 'ALTER TABLE smith.tasks DISABLE ROW LEVEL SECURITY'
run 1 '' hole
expect "a policy that is switched off is found" grep -qE 'ERROR: +BT001' hole.errors
echo "1..$number"
