#!/bin/bash
# Rate limits (limits.sql), then quotas: a use over user, unit and tenant, beside a plain UPDATE of one counter row. Processor time of the
# server for each transaction, which other work on the machine does not change; a core does so many of them in a second.
# With fsync, transactions are few, and a good part of that time is the start of their connections: there the last column counts.
set -e
psql -X -v ON_ERROR_STOP=1 -f limits.sql
psql -qX -v ON_ERROR_STOP=1 -v tenants=50 -f lib/quotas.sql

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
postmaster=$(head -1 "$(psql -qXAt -c 'SHOW data_directory')/postmaster.pid")

# The processor time of connections that have ended, in microseconds.
processor_time() { awk -v tick="$(getconf CLK_TCK)" '{ print int(($16 + $17) * 1000000 / tick) }' "/proc/$postmaster/stat"; }

# NAME CLIENTS TRANSACTIONS STATEMENT
measure() {
    local before after
    printf '\\set n random(1, :tenants)\n%s;\n' "$4" >"$folder/script"
    before=$(processor_time)
    pgbench -n -M prepared -D tenants="${tenants:-50}" -c "$2" -j 2 -t "$(($3 / $2))" -f "$folder/script" >"$folder/out" 2>&1 || { cat "$folder/out"; exit 1; }
    sleep 1 # until the postmaster has seen the ends
    after=$(processor_time)
    awk -v name="$1" -v used="$((after - before))" -v count="$3" '/^tps/ { printf " %-48s %8.1f us %10d a core %10d now\n", name, used / count, count * 1000000 / used, $3 }' "$folder/out"
}

update='UPDATE bench.counters SET used = used + 1 WHERE n = :n'
use='SELECT bench.use_quota(:n)'
echo "of each transaction: processor time, so many in a second of a core, and in this second of this machine"
export PGOPTIONS='-c client_min_messages=error -c log_min_messages=fatal -c synchronous_commit=off'
measure 'a row, many tenants' 4 20000 "$update"
measure 'the context alone, many tenants' 4 20000 'SELECT bench.use_nothing(:n)'
measure 'quota_consume(), many tenants' 4 20000 "$use"
psql -qX -c 'ALTER SYSTEM SET fsync = on' -c 'SELECT pg_reload_conf()' >/dev/null
export PGOPTIONS='-c client_min_messages=error -c log_min_messages=fatal' tenants=1
measure 'a row, one tenant, fsync' 16 8000 "$update"
measure 'quota_consume(), one tenant, fsync' 16 8000 "$use"
export tenants=50
measure 'rows, many tenants, fsync' 64 16000 "$update"
measure 'quota_consume(), users of one tenant, fsync' 64 4000 "SELECT bench.use_hot(:n, 'calls')"
measure 'the same in 32 stripes' 64 16000 "SELECT bench.use_hot(:n, 'wide')"
psql -qX -c 'ALTER SYSTEM RESET fsync' -c 'SELECT pg_reload_conf()' >/dev/null

# Rows of a table: the least time of an INSERT of 1,000 rows, in turn into a protected table and into one whose rows count.
psql -qX -v ON_ERROR_STOP=1 -f lib/row_quotas.sql
