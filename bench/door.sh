#!/bin/bash
# Requests of a front door through PgBouncer in transaction mode: the statements of PostgREST with a select by key, from 8 clients, beside
# the same with a function that does nothing in the place of pre_request(), and without any. Requests a second, medians of rounds in turn.
set -e
pooler=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v pgbouncer) || { echo 'skipped: PgBouncer is not installed'; exit 0; }
psql -qX -v ON_ERROR_STOP=1 -f lib/door.sql

folder=$(mktemp -d)
process=
trap '[ -z "$process" ] || kill "$process"; rm -rf "$folder"' EXIT
cat >"$folder/pgbouncer.ini" <<INI
[databases]
bench = host=$PGHOST port=$PGPORT dbname=bench user=bench_door
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = $folder
auth_type = any
pool_mode = transaction
default_pool_size = 8
log_connections = 0
log_disconnections = 0
log_stats = 0
INI
owner=$(stat -c %U "$PGHOST")
chown -R "$owner" "$folder"
runuser -u "$owner" -- "$pooler" -q "$folder/pgbouncer.ini" >"$folder/log" 2>&1 &
process=$!
for _ in $(seq 200); do [ ! -S "$folder/.s.PGSQL.6432" ] || break; read -rt 0.05 <> <(:) || true; done

# NAME CALL: a request with this call between its settings and its statement.
script() {
    cat >"$folder/$1" <<SQL
\\set n random(1, 50)
\\set id random(1, 100000)
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
SELECT set_config('search_path', 'public', true), set_config('role', 'bench_anon', true), set_config('request.jwt.claims', '{}', true), set_config('request.method', 'GET', true), set_config('request.path', '/documents', true), set_config('request.headers', h.headers, true), set_config('request.cookies', '{}', true) FROM bench.headers h WHERE h.n = :n;
$2
SELECT d.title FROM bench.documents d WHERE d.id = :id;
COMMIT;
SQL
}
requests() { PGHOST=$folder PGPORT=6432 PGUSER=bench_door pgbench -n -M simple -c 8 -j 1 -T 4 -f "$folder/$1" bench 2>"$folder/errors" | awk '/^tps/ { print $3 }'; }
script with 'SELECT bastion.pre_request();'
script nothing 'SELECT bench.nothing();'
script without ''
for _ in $(seq 7); do
    for name in with nothing without; do requests "$name" >>"$folder/$name.rates"; done
done
median() { sort -n "$folder/$1.rates" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
awk -v with="$(median with)" -v nothing="$(median nothing)" -v without="$(median without)" 'BEGIN {
    print "requests a second of a select by key through PgBouncer, 8 clients"
    printf " %-48s %8d\n %-48s %8d\n %-48s %8d\n", "with pre_request()", with, "with a function that does nothing", nothing, "without", without
    printf " %-48s %7.1f %% fewer, at most 5 %%\n", "pre_request() itself", 100 * (1 - with / nothing) }'
