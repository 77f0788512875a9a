# Writes the reference from the comments in a fresh database and the topics in docs/reference. Sourced after common.sh and cluster.sh.
#
# A topic is a file NN_NAME.sql. It begins with a comment up to the first empty line: the title, what it is, and after "functions:"
# the names of its functions. The rest is its example. 00_people.sql is what every example starts with; those from 90 on have
# lists that reference.sql makes.

# No answer may depend on who calls.
reference_psql() { PGTZ=UTC PGOPTIONS='-c client_min_messages=warning' psql -qX -v ON_ERROR_STOP=1 "$@"; }

# What psql reads before an example and does not show.
example_start() {
    cat <<'SQL'
SELECT min(bastion.token_issue(u.id, t.id)) FILTER (WHERE u.email = 'ann@acme.example') AS ann,
       min(bastion.token_issue(u.id, t.id)) FILTER (WHERE u.email = 'bob@acme.example') AS bob
FROM bastion.users u, bastion.tenants t WHERE t.slug = 'acme' \gset
\set ECHO all
SQL
}

# example_of FILE DATABASE: the statements of an example and what psql answers. A void function answers an empty value, which is
# left out; NULL is shown as such.
example_of() {
    { example_start && sed '1,/^$/d' "$1"; } | reference_psql -d "$2" -P footer=off -P null=NULL |
        perl -0777 -pe 's/^ *\w+ *\n-+\n *\n\n//gm; s/ +$//gm'
}

# reference_topics FOLDER: runs each example in a copy of the database that 00_people.sql makes of an empty one, and keeps the topics
# and the answers in the table topics.
reference_topics() {
    local file name template=fresh answers
    for file in "$1"/*.sql; do
        name=$(basename "$file" .sql)
        createdb -T "$template" "$name" || die "no database for docs/reference/$name.sql"
        answers=$(example_of "$file" "$name") || { tail -3 <<<"$answers" >&2; die "the example in docs/reference/$name.sql fails where these lines end"; }
        reference_psql -d postgres -v name="$name" -v source="$(cat "$file")" -v answers="$answers" <<<"
            INSERT INTO topics VALUES (:'name', :'source', :'answers')" || die "docs/reference/$name.sql cannot be read"
        template=00_people
    done
}

# reference_of TREE DEST: prints the reference of a tree that is installed in DEST; in a server of its own.
reference_of() (
    tree=$1 dest=$2
    folder=$(mktemp -d "$scratch/pg_bastion-reference.XXXXXX")
    chmod 755 "$folder"
    trap 'cluster_stop "$folder" immediate; rm -rf "$folder"' EXIT
    cluster_create "$folder" "$dest" "$tree"
    cluster_start "$folder"
    cluster_environment "$folder"
    reference_psql -d postgres -c 'CREATE EXTENSION pg_bastion' -c 'CREATE DATABASE fresh TEMPLATE postgres' \
        -c 'CREATE TABLE topics (name text PRIMARY KEY, source text, answers text)' || die 'no database with the extension'
    reference_topics "$tree/docs/reference"
    # Of empty lines in a row, one.
    reference_psql -d postgres -f "$tree/tools/lib/reference.sql" >"$folder/page" || exit 1
    cat -s "$folder/page"
)
