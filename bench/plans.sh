# How policies plan, against the literal condition of the owner: queries and searches by tenants of four sizes, prepared statements,
# partitions, and the lists, dashboards and searches of the examples. PLANS_ONLY names parts: queries planning prepared
# partitions examples.
set -euo pipefail

wanted() { [[ " ${PLANS_ONLY:-queries planning prepared partitions examples} " = *" $1 "* ]]; }
run() { psql -X -v ON_ERROR_STOP=1 "$@"; }

run -f lib/compare.sql -f lib/plans.sql
for part in tables queries planning prepared partitions; do
    [ "$part" != tables ] && ! wanted "$part" || run -f lib/plans_session.sql -f "plans/$part.sql"
done
wanted examples || exit 0
measured=$PGDATABASE
export PGDATABASE=postgres
dropdb -f "$measured" # its roles are made again
for example in ../examples/*/; do
    name=$(basename "$example")
    echo "example $name"
    PGDATABASE=postgres dropdb --if-exists -f bench_example
    createdb bench_example
    export PGDATABASE=bench_example
    run -q -c 'CREATE EXTENSION pg_bastion' -c 'SELECT bastion.init()' -f "$example/schema.sql" -f "$example/seed.sql" >/dev/null
    run -q -v "example=$name" -f lib/compare.sql -f lib/plans.sql -f "plans/example_$name.sql" -f plans/example.sql
done
