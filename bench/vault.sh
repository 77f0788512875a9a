# The vault: the statements of vault.sql in one session; values sealed again a second; and what the redaction of the server log
# costs, on a server that logs every statement, with the library preloaded and without.
set -euo pipefail
. lib/clients.sh
. ../tools/lib/common.sh
. ../tools/lib/cluster.sh

psql -X -v ON_ERROR_STOP=1 -f vault.sql

echo 'values sealed again a second after a rotation (at least 62,000), beside an UPDATE of as many bytes; the memory of the session'
samples=$(mktemp -d)
trap 'rm -rf "$samples"' EXIT
psql -qX -c "CREATE TABLE written AS SELECT id, value::bytea AS value FROM small" -c "SELECT bastion.sealed_column_add('small', 'value')" >"$samples/log"
for round in $(seq 0 7); do
    psql -qX -c "SELECT bastion.data_key_rotate('bench')" -c 'VACUUM small, written' -c CHECKPOINT >"$samples/log"
    psql -qXAt >>"$samples/again" <<'SQL'
SELECT clock_timestamp() AS began \gset
CALL bastion.rewrap_all(10000);
SELECT 100000 / extract(epoch FROM clock_timestamp() - :'began'), substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s+(\d+) kB');
SQL
    psql -qXAt >>"$samples/written" <<'SQL'
SELECT clock_timestamp() AS began \gset
UPDATE written SET value = substr(value, 2) || '\x00';
SELECT 100000 / extract(epoch FROM clock_timestamp() - :'began');
SQL
    [ "$round" != 0 ] || rm "$samples/again" "$samples/written" # warms up
done
again=$(cut -d'|' -f1 "$samples/again" | median) written=$(median <"$samples/written")
awk -v a="$again" -v w="$written" 'BEGIN { printf "%d values a second, %d plain updates, ratio %.2f\n", a, w, w / a }'
echo "greatest memory of the sessions in kB: $(cut -d'|' -f2 "$samples/again" | paste -sd' ')"
psql -XAtc "SELECT 'left under older keys: ' || coalesce(sum(sealed_values), 0) FROM bastion.key_usage() WHERE state <> 'active'"

# Processor time of a session, in microseconds a statement: other work on the machine counts less there than in elapsed time.
statement_cost() {
    { echo "SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::bigint;"
        cat "$samples/reads"
        echo "SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::bigint;"; } |
        PGDATABASE=bench psql -qXAt | awk 'NR == 1 { first = $1 } { last = $1 } END { print (last - first) / 1000 / '"$statements"' }'
}
echo 'the redaction of the server log: pgbench -S with log_statement = all, preloaded against not (at most 1.01)'
pgbench -qis 1 2>"$samples/log"
statements=5000
awk -v n=$statements 'BEGIN { srand(1); for (i = 0; i < n; i++) printf "SELECT abalance FROM pgbench_accounts WHERE aid = %d;\n", 1 + int(rand() * 100000) }' >"$samples/reads"
psql -qX -c "ALTER SYSTEM SET log_statement = 'all'"
for round in $(seq 0 8); do
    for preload in pg_bastion ''; do
        cluster_stop "$BENCH_FOLDER"
        cluster_configure "$BENCH_FOLDER" "$BENCH_DEST" "$BENCH_COPY" "$preload"
        cluster_start "$BENCH_FOLDER"
        psql -qXAtc 'SELECT count(*) FROM pgbench_accounts' >"$samples/log"
        statement_cost >>"$samples/cost-${preload:-none}"
        pgbench -n -S -M simple -t 5000 2>/dev/null | awk '/^tps/ { print $3 }' >>"$samples/tps-${preload:-none}"
    done
    [ "$round" != 0 ] || rm "$samples"/cost-* "$samples"/tps-*
done
for which in cost tps; do
    ours=$(median <"$samples/$which-pg_bastion") theirs=$(median <"$samples/$which-none")
    awk -v what=$which -v ours="$ours" -v theirs="$theirs" 'BEGIN {
        if (what == "cost") printf "processor time of the server: %.2f us against %.2f us a statement, ratio %.4f\n", ours, theirs, ours / theirs
        else printf "pgbench: %d against %d transactions a second, ratio %.4f\n", ours, theirs, theirs / ours }'
done
