#!/bin/bash
# The recipe for psql of docs/INTEGRATIONS.md. Finds the server through PGHOST and so on. Prints TAP.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/npm.bash"
number=0 status=0 folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
page_block "$here/../../docs/INTEGRATIONS.md" 'sql psql' >"$folder/recipe.sql"
psql -qX -v ON_ERROR_STOP=1 -f "$here/people.sql" >/dev/null

is() {
    local result=ok
    number=$((number + 1))
    [ "$1" = "$2" ] || { result='not ok'; status=1; }
    echo "$result $number - psql: $3"
    [ "$result" = ok ] || printf '# %s\n' "got: $1" "expected: $2"
}
login() { psql -qXAt -c "SELECT bastion_api.login('$1@client.example', 'correct horse', tenant => '$2') ->> 'access_token'"; }
# The recipe as the user with a token in a tenant, then statements in the same session.
as_user() { TOKEN=$1 TENANT=$2 psql -qXAt -v VERBOSITY=sqlstate -U bastion_frontdoor_app -f "$folder/recipe.sql" -c "SELECT count(*), bastion.user_id() FROM documents" 2>&1 | sed 's/^psql:[^ ]* //' | tr -s ' ' | paste -sd' '; }
ann=$(login ann ann) bob=$(login bob bob) cyd=$(login cyd ann)
is "$(as_user "$ann" '')" "Plan 0|" "the rows of the tenant, and none after the transaction"
is "$(as_user "$bob" '')" "Roof 0|" "of another user"
is "$(as_user "$cyd" bob)" "Roof 0|" "of a tenant that the user chooses"
is "$(as_user "$ann" bob)" "ERROR: 28000 0|" "a token of a stranger to the tenant is refused"
is "$(as_user "${ann%?????}AAAAA" '')" "ERROR: 28000 0|" "a forged one too"
is "$(as_user '' '')" "0|" "without a token, no row"
sed -i "s/SELECT title/SAVEPOINT a; SELECT 1\/0; ROLLBACK TO a; SELECT title/" "$folder/recipe.sql"
is "$(as_user "$ann" '')" "ERROR: 22012 Plan 0|" "a savepoint keeps the identity"
sed -i "s/SELECT title/SELECT 1\/0; SELECT title/" "$folder/recipe.sql"
is "$(as_user "$ann" '')" "ERROR: 22012 ERROR: 22012 ERROR: 25P02 0|" "a transaction that fails leaves none"
echo "1..$number"
psql -qX -c 'DROP TABLE documents'
exit $status
