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
