# The examples: examples/NAME with schema.sql, seed.sql, tour.sql and test/*.pg. Sourced after common.sh and cluster.sh, and
# used with a running cluster.

example_names() { (cd "$checkout/examples" && printf '%s\n' */schema.sql) | sed 's|/.*||'; }

# example_packages MAJOR NAME...: the packages that examples need beside the server, if available for this version.
example_packages() {
    local version=$1
    shift
    # Debian brings pgvector from PostgreSQL 16 on; without it, marketing compares arrays.
    [[ " $* " != *" marketing "* ]] || [ "$version" -lt 16 ] || echo "postgresql-$version-pgvector"
}

# example_prepare NAME: a database of that name with the extension, a root key, the example's tables and rows.
example_prepare() {
    local folder=$checkout/examples/$1 file
    createdb "$1"
    psql -qX -v ON_ERROR_STOP=1 -d "$1" -c 'CREATE EXTENSION pg_bastion'
    # One root key serves every database of the server.
    [ -e "$(psql -qXAt -d "$1" -c 'SHOW data_directory').bastion-root-key" ] || psql -qXAt -d "$1" -c 'SELECT bastion.init()' >/dev/null
    for file in schema seed; do
        (cd "$folder" && PGOPTIONS='-c client_min_messages=warning' psql -qX -v ON_ERROR_STOP=1 -d "$1" -f "$file.sql" >/dev/null)
    done
}

# example_tour NAME: plays the tour, and fails when a result is not the expected one.
example_tour() {
    cd "$checkout/examples/$1" && play tour.sql "$1"
}

# example_web NAME ORIGIN: what the page of an example needs in its database, for a server at this origin.
example_web() {
    local origin=$2
    (cd "$checkout/examples/$1/web" && PGOPTIONS='-c client_min_messages=warning' psql -qX -v ON_ERROR_STOP=1 -d "$1" -f api.sql >/dev/null)
    psql -qXAt -v ON_ERROR_STOP=1 -v origin="$origin" -d "$1" >/dev/null <<<"SELECT bastion.relying_party_set('localhost', 'Agents', ARRAY[:'origin'])"
}

# example_serve NAME PORT: serves the page of an example until the process is stopped, and prints its mail. Needs common.sh.
example_serve() {
    local name=$1 origin=http://localhost:$2 node sender
    . "$checkout/test/frontdoor/npm.bash"
    example_prepare "$name"
    example_web "$name" "$origin"
    enter_npm "$state/npm" "$name" "the page of $name"
    node=$(node_of_npm) || die "the page needs Node 22"
    cp -R "$checkout/examples/$name/web/." .
    say "the people of the seed log in, too: alice with 'alice of acme', and so on; Ctrl-C ends it"
    while sleep 2; do example_mail "$name" "$origin"; done &
    sender=$!
    DATABASE_URL="postgres://${name}_app@/$name?host=$PGHOST" ORIGIN=$origin GRAPHILE_ENV=production "$node" server.mjs || true
    kill "$sender"
}

# example_mail NAME ORIGIN: takes the mail of the outbox, and prints it in a line each, an invitation with its link.
example_mail() {
    psql -qXAt -d "$1" -v origin="$2" <<'SQL'
SELECT format('mail to %s: %s', m.address, replace(m.kind, '_', ' '))
       || CASE WHEN m.kind = 'invitation' AND m.token IS NOT NULL THEN format(E'\n  %s/#invitation=%s', :'origin', m.token) ELSE '' END
FROM bastion.outbox_claim('example', 100) m, bastion.outbox_done(m.id, 'example') done;
SQL
}
