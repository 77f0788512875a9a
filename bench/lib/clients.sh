# What clients see: pgbench runs two scripts in turn and prints the ratio of their medians. Sourced by the scripts beside.

# write_transaction FILE FIRST BODY: a transaction of FIRST and 100 times BODY.
write_transaction() {
    { echo 'BEGIN;' && echo "$2" && for _ in $(seq 100); do echo "$3"; done && echo 'COMMIT;'; } >"$1"
}

# Microseconds per transaction of one run.
client_latency() {
    PGOPTIONS="-c role=$1 -c max_parallel_workers_per_gather=0" pgbench -n -M prepared -t 100 -f "$2" \
        -D token="$client_token" -D tenant="$client_tenant" 2>/dev/null |
        awk '/^latency average/ { print $4 * 1000 }'
}

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# compare_clients ROUNDS LABEL OUR_ROLE OUR_FIRST OUR_BODY THEIR_ROLE THEIR_FIRST THEIR_BODY
compare_clients() {
    local rounds=$1 label=$2 folder ours theirs
    folder=$(mktemp -d)
    write_transaction "$folder/ours.sql" "$4" "$5"
    write_transaction "$folder/theirs.sql" "$7" "$8"
    for _ in $(seq "$rounds"); do
        client_latency "$3" "$folder/ours.sql" >>"$folder/ours"
        client_latency "$6" "$folder/theirs.sql" >>"$folder/theirs"
    done
    ours=$(median <"$folder/ours") theirs=$(median <"$folder/theirs")
    awk -v label="$label" -v ours="$ours" -v theirs="$theirs" \
        'BEGIN { printf "%s: %.1f us against %.1f us, ratio %.3f\n", label, ours / 102, theirs / 102, ours / theirs }'
    rm -rf "$folder"
}
