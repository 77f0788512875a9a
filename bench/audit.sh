#!/bin/bash
# The log of changes: what an audited table costs beside one that is not, and beside the trigger of supa_audit (lib/audit.sql). Statements
# of one row from 8 clients, as an application with an identity, fsync off and on; one INSERT of a million rows; and the storage of an entry.
# Rounds run in turn. Of the clients medians count; of the million rows the least processor time of the session, which other work on the
# machine changes least. Before them, a million entries are sealed, exported and verified, by the clock; and inclusion proofs are made.
# AUDIT_ONLY=seal, AUDIT_ONLY=bulk or AUDIT_ONLY=clients runs one part.
set -e
psql -qX -v ON_ERROR_STOP=1 -f lib/audit.sql
. lib/clients.sh
rounds=${AUDIT_ROUNDS:-5} seconds=${AUDIT_SECONDS:-3} rows=${AUDIT_ROWS:-1000000}
token=$(psql -qXAt -c "SELECT bastion_api.signup('audit@bench.example', 'correct horse battery', 'Audit') ->> 'access_token'")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
tables='plain audited json'

# fill TABLE ROWS: by the application, in one statement. Prints the milliseconds of processor time that the session used.
fill() {
    psql -qXAt -v ON_ERROR_STOP=1 <<SQL
SET ROLE bench_audit;
BEGIN;
SELECT set_config('bastion.token', '$token', true) \gset _
SELECT bench.processor_time() AS begun \gset
INSERT INTO bench.$1 (customer_id, title, body, amount) SELECT 1 + i % 1000, 'order ' || i, repeat(md5(i::text), 3), i FROM generate_series(1, $2) i;
SELECT round(((bench.processor_time() - :begun) / 1000000)::numeric);
COMMIT;
SQL
}

empty() {
    psql -qX -v ON_ERROR_STOP=1 <<'SQL'
TRUNCATE bench.plain, bench.audited, bench.json, bench.versions;
ALTER TABLE bastion.audit_rows_default DISABLE TRIGGER audit_rows_append_only;
TRUNCATE bastion.audit_rows_default;
ALTER TABLE bastion.audit_rows_default ENABLE ALWAYS TRIGGER audit_rows_append_only;
CHECKPOINT;
SQL
}

# Transactions in a second of 8 clients, each of which runs a statement of one row.
clients() {
    { echo '\set id random(1, 100000)' && echo 'BEGIN;' && echo "SELECT set_config('bastion.token', :token, true);" && echo "$1;" && echo 'COMMIT;'; } >"$folder/script"
    PGOPTIONS='-c role=bench_audit' pgbench -n -M prepared -c 8 -j 2 -T "$seconds" -D token="$token" -f "$folder/script" 2>"$folder/errors" |
        awk '/^tps/ { print $3 }' | grep . || { cat "$folder/errors" >&2; exit 1; }
}

statement() {
    case $1 in
        INSERT) echo "INSERT INTO bench.$2 (customer_id, title, body, amount) VALUES (1 + :id % 1000, 'an order', repeat('body ', 20), :id)" ;;
        UPDATE) echo "UPDATE bench.$2 SET state = 'paid', amount = amount + 1 WHERE id = :id" ;;
        DELETE) echo "DELETE FROM bench.$2 WHERE id = (SELECT nextval('bench.gone'))" ;;
    esac
}

compare() {
    local kind table
    for kind in INSERT UPDATE DELETE; do
        empty
        for table in $tables; do
            psql -qX -c "ALTER TABLE bench.$table ALTER id RESTART"
            fill "$table" "$([ "$kind" = DELETE ] && echo 400000 || echo 100000)" >/dev/null
            : >"$folder/$table"
        done
        psql -qX -c 'ALTER SEQUENCE bench.gone RESTART' -c 'VACUUM ANALYZE bench.plain, bench.audited, bench.json'
        for _ in $(seq "$rounds"); do
            for table in $tables; do clients "$(statement "$kind" "$table")" >>"$folder/$table"; done
        done
        awk -v what="$kind, 8 clients, fsync $1" -v plain="$(median <"$folder/plain")" -v audited="$(median <"$folder/audited")" -v json="$(median <"$folder/json")" \
            'BEGIN { printf "%-30s %6d/s without, %6d/s audited, ratio %.2f (at least 0.75); to_jsonb in PL/pgSQL %.2f\n", what, plain, audited, audited / plain, json / plain }'
    done
}

least() { sort -n "$folder/$1" | head -1; }

bulk() {
    local table
    for table in $tables; do : >"$folder/$table"; done
    for _ in $(seq 3); do
        empty
        for table in $tables; do fill "$table" "$rows" >>"$folder/$table"; done
    done
    awk -v what="$1" -v rows="$rows" -v plain="$(least plain)" -v audited="$(least audited)" -v json="$(least json)" \
        'BEGIN { printf "INSERT of %d rows, %s: %d ms without, %d ms audited, ratio %.2f (at most 1.6); to_jsonb in PL/pgSQL %.2f\n", rows, what, plain, audited, audited / plain, json / plain }'
    psql -qXAt -v rows="$rows" <<'SQL'
SELECT format('storage of a row of %s bytes: an entry %s bytes, with its indexes %s; to_jsonb %s, with its indexes %s', pg_relation_size('bench.audited') / :rows,
    pg_table_size('bastion.audit_rows_default') / :rows, pg_total_relation_size('bastion.audit_rows_default') / :rows,
    pg_table_size('bench.versions') / :rows, pg_total_relation_size('bench.versions') / :rows);
SQL
}

# Seconds that a command took.
clock() {
    local begun
    begun=$(date +%s%N)
    "$@" >"$folder/out" 2>&1 || { cat "$folder/out" >&2; exit 1; }
    awk -v ns="$(($(date +%s%N) - begun))" 'BEGIN { printf "%.2f", ns / 1e9 }'
}

# The worker would seal beside us.
sealing() {
    local sealed
    psql -qX -c 'ALTER SYSTEM SET bastion.audit_seal_interval = 0' -c 'SELECT pg_reload_conf()' >/dev/null
    fill audited "$rows" >/dev/null
    psql -qX -c 'CHECKPOINT'
    sealed=$(clock psql -qX -v ON_ERROR_STOP=1 -c 'SELECT bastion.audit_seal()')
    echo "sealing $rows entries: $sealed s (under 2)"
    echo "export of them: $(clock ../tools/audit-export "$folder/export") s"
    echo "their verification: $(clock ../tools/audit-verify "$folder/export" --key "$(psql -qXAt -c 'SELECT bastion.audit_verifier_key()')") s (under 60)"
    { echo "\\set index random(1, $rows)" && echo 'SELECT bastion.audit_inclusion_proof(:index);'; } >"$folder/script"
    pgbench -n -M prepared -t 2000 -f "$folder/script" 2>/dev/null | awk '/^latency average/ { printf "inclusion proof, with its signed checkpoint: %.2f ms (under 1)\n", $4 }'
    psql -qX -c 'ALTER SYSTEM RESET bastion.audit_seal_interval' -c 'SELECT pg_reload_conf()' >/dev/null
}

psql -qX -v ON_ERROR_STOP=1 -v token="$token" <<'SQL'
BEGIN;
SELECT set_config('bastion.token', :'token', true) \gset _
SET LOCAL ROLE bench_audit;
INSERT INTO bench.customers (name) SELECT 'customer ' || i FROM generate_series(1, 1000) i;
COMMIT;
SQL
[ "${AUDIT_ONLY:-seal}" != seal ] || sealing
[ "${AUDIT_ONLY:-bulk}" != bulk ] || bulk 'two indexes'
# As most tables of an application: a reference to another table, with an index.
for table in $tables; do
    psql -qX -v ON_ERROR_STOP=1 -c "TRUNCATE bench.$table" -c "CREATE INDEX ON bench.$table (tenant_id, customer_id)" \
        -c "ALTER TABLE bench.$table ADD FOREIGN KEY (tenant_id, customer_id) REFERENCES bench.customers (tenant_id, id)"
done
[ "${AUDIT_ONLY:-bulk}" != bulk ] || bulk 'three indexes and a reference'
[ "${AUDIT_ONLY:-clients}" = clients ] || exit 0
compare off
psql -qX -c 'ALTER SYSTEM SET fsync = on' -c 'SELECT pg_reload_conf()' >/dev/null
compare on
psql -qX -c 'ALTER SYSTEM RESET fsync' -c 'SELECT pg_reload_conf()' >/dev/null
