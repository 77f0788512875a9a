# The vault: the statements of vault.sql in one session; what it costs to seal a value again; and what the redaction of the server log
# costs where every statement is logged, in sessions with its hook and without.
set -euo pipefail
. lib/clients.sh

psql -X -v ON_ERROR_STOP=1 -f vault.sql

samples=$(mktemp -d)
trap 'rm -rf "$samples"' EXIT

# Processor time of a session, in microseconds: other work on the machine counts less there than in elapsed time.
used="split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float8 / 1000"

echo 'a value sealed again after a rotation: processor time of the session (at most 16.1 us, which is 62,000 a second), beside an UPDATE of'
echo 'as many bytes; and the memory of the session that is not shared, after 100,000 values and after 400,000 (must not grow)'
psql -qX -c "CREATE TABLE written AS SELECT id, value::bytea AS value FROM small" -c "SELECT bastion.sealed_column_add('small', 'value')" >"$samples/log"
for round in $(seq 0 8); do
    [ "$round" != 8 ] || psql -qX -c 'INSERT INTO small SELECT s.id, s.value FROM small s, generate_series(1, 3)' -c 'VACUUM small'
    psql -qX -c "SELECT bastion.data_key_rotate('bench')" -c 'VACUUM small, written' -c CHECKPOINT >"$samples/log"
    psql -qXAt >>"$samples/again" <<SQL
SELECT $used AS had, clock_timestamp() AS began \gset
CALL bastion.rewrap_all(10000);
SELECT ($used - :had) / 100000, extract(epoch FROM clock_timestamp() - :'began') * 10, substring(s FROM 'VmHWM:\s+(\d+) kB')::int - substring(s FROM 'RssShmem:\s+(\d+) kB')::int
FROM pg_read_file('/proc/self/status') s;
SQL
    psql -qXAt >>"$samples/written" <<SQL
SELECT $used AS had \gset
UPDATE written SET value = substr(value, 2) || '\x00';
SELECT ($used - :had) / 100000;
SQL
    [ "$round" != 0 ] || rm "$samples/again" "$samples/written" # warms up
done
again=$(head -7 "$samples/again" | cut -d'|' -f1 | median) elapsed=$(head -7 "$samples/again" | cut -d'|' -f2 | median) written=$(median <"$samples/written")
awk -v a="$again" -v e="$elapsed" -v w="$written" 'BEGIN {
    printf "%.2f us a value on the processor (%d a second), %.2f us elapsed; a plain UPDATE %.2f us, ratio %.2f\n", a, 1e6 / a, e, w, a / w }'
echo "greatest memory in kB, of 100,000 and of 400,000 values: $(sed -n '7p;8p' "$samples/again" | cut -d'|' -f3 | paste -sd' ')"
psql -XAtc "SELECT 'left under older keys: ' || coalesce(sum(sealed_values), 0) FROM bastion.key_usage() WHERE state <> 'active'"

# Sessions of one server that differ in the redaction alone run the same statements in turn. The first quarter of these warms up.
statements=4000
session_cost() { # session_cost OPTIONS: microseconds of the processor a statement
    { head -$((statements / 4)) "$samples/reads" && echo "SELECT $used;" && cat "$samples/reads" && echo "SELECT $used;"; } |
        PGOPTIONS=$1 psql -qXAt | awk 'NR == '$((statements / 4 + 1))' { first = $1 } { last = $1 } END { print (last - first) / '$statements' }'
}
echo 'the redaction of the server log: the statements of pgbench -S with log_statement = all, with the redaction against without (at most 1.01)'
make -C "$BENCH_COPY" test-module >"$samples/log"
pgbench -qis 1 2>"$samples/log"
awk -v n=$statements 'BEGIN { srand(1); for (i = 0; i < n; i++) printf "SELECT abalance FROM pgbench_accounts WHERE aid = %d;\n", 1 + int(rand() * 100000) }' >"$samples/reads"
for round in $(seq 0 30); do
    session_cost '-c log_statement=all' >>"$samples/ours"
    session_cost '-c log_statement=all -c session_preload_libraries=no_redaction_test' >>"$samples/theirs"
    [ "$round" != 0 ] || rm "$samples/ours" "$samples/theirs"
done
ratio=$(paste "$samples/ours" "$samples/theirs" | awk '{ print $1 / $2 }' | median)
least() { sort -n "$1" | head -1; }
awk -v ours="$(median <"$samples/ours")" -v theirs="$(median <"$samples/theirs")" -v ratio="$ratio" -v a="$(least "$samples/ours")" -v b="$(least "$samples/theirs")" 'BEGIN {
    printf "processor time: %.2f us against %.2f us a statement, ratio of the medians %.4f, median of the ratios %.4f\n", ours, theirs, ours / theirs, ratio
    printf "the least of each: %.2f us against %.2f us, ratio %.4f\n", a, b, a / b }'
