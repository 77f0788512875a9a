#!/bin/bash
# Rate limits (limits.sql), then quotas: a use over user, unit and tenant, beside a plain UPDATE of one counter row. Processor time of the
# server for each transaction, which other work on the machine does not change; a core does so many of them in a second. The last column
# is what this machine did in a second, in the second half of the time: the first transactions of a connection read what later ones have.
set -e
psql -X -v ON_ERROR_STOP=1 -f limits.sql
psql -qX -v ON_ERROR_STOP=1 -v tenants=50 -f lib/quotas.sql

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
postmaster=$(head -1 "$(psql -qXAt -c 'SHOW data_directory')/postmaster.pid")

# The processor time of connections that have ended, in microseconds.
processor_time() { awk -v tick="$(getconf CLK_TCK)" '{ print int(($16 + $17) * 1000000 / tick) }' "/proc/$postmaster/stat"; }

# CLIENTS OPTION...: runs the script.
run() { pgbench -n -M prepared -D tenants="${tenants:-50}" -c "$1" -j 2 -f "$folder/script" "${@:2}" >"$folder/out" 2>&1 || { cat "$folder/out"; exit 1; }; }

# NAME CLIENTS TRANSACTIONS STATEMENT: the time of so many transactions over that of a tenth of them.
cost() {
    local start middle end short=$(($3 / 10))
    printf '\\set n random(1, :tenants)\n%s;\n' "$4" >"$folder/script"
    start=$(processor_time)
    run "$2" -t "$((short / $2))"
    sleep 1 # until the postmaster has seen the ends
    middle=$(processor_time)
    run "$2" -t "$(($3 / $2))"
    sleep 1
    end=$(processor_time)
    awk -v name="$1" -v used="$((end - middle - middle + start))" -v count="$(($3 - short))" 'BEGIN { printf " %-48s %8.1f us %10d a core\n", name, used / count, count * 1000000 / used }'
}

# NAME CLIENTS SECONDS STATEMENT
rate() {
    printf '\\set n random(1, :tenants)\n%s;\n' "$4" >"$folder/script"
    run "$2" -T "$3" -P 1
    awk -v name="$1" -v from="$(($3 / 2))" '/^progress/ && $2 > from { sum += $4; count++ } END { printf " %-48s %32d now\n", name, sum / count }' "$folder/out"
}

update='UPDATE bench.counters SET used = used + 1 WHERE n = :n'
use='SELECT bench.use_quota(:n)'
echo "of each transaction: processor time, so many in a second of a core, and of this machine"
# The tokens of 50 users come by their index: reading all of them took a twentieth of a use.
export PGOPTIONS='-c client_min_messages=error -c log_min_messages=fatal -c synchronous_commit=off -c enable_seqscan=off'
cost 'a row, many tenants' 4 40000 "$update"
cost 'the context alone, many tenants' 4 40000 'SELECT bench.use_nothing(:n)'
cost 'quota_consume(), many tenants' 4 40000 "$use"
psql -qX -c 'ALTER SYSTEM SET fsync = on' -c 'SELECT pg_reload_conf()' >/dev/null
export PGOPTIONS='-c client_min_messages=error -c log_min_messages=fatal -c enable_seqscan=off' tenants=1
rate 'a row, one tenant, fsync, 64 clients' 64 10 "$update"
export tenants=50
rate 'rows, many tenants' 64 10 "$update"
rate 'quota_consume(), 50 users of one tenant' 64 20 "SELECT bench.use_hot(:n, 'calls')"
rate 'the same in 32 stripes' 64 20 "SELECT bench.use_hot(:n, 'wide')"
psql -qX -c 'ALTER SYSTEM RESET fsync' -c 'SELECT pg_reload_conf()' >/dev/null

# Rows of a table: the least time of an INSERT of 1,000 rows, in turn into a protected table and into one whose rows count.
psql -qX -v ON_ERROR_STOP=1 -f lib/row_quotas.sql
