#!/bin/bash
# The recipes of docs/INTEGRATIONS.md for Go and Java, with the libraries of Debian. Finds the server through PGHOST and so on; what is
# compiled goes below the folder given as argument. Prints TAP; without the libraries, skipped tests that say so.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) folder=$1/compiled
. "$here/npm.bash" # page_block
page=$here/../../docs/INTEGRATIONS.md
status=0 relay=
trap '[ -z "$relay" ] || kill "$relay"' EXIT

skip() {
    echo "!!! NOT TESTED with $1: $2" >&2
    echo "ok 1 - $1 # SKIP $2"
    echo 1..1
}

set_up() { psql -qX -v ON_ERROR_STOP=1 -f "$here/people.sql" >/dev/null; }

with_go() {
    mkdir -p "$folder/go"
    page_block "$page" 'go pgx' >"$folder/go/recipe.go"
    cp "$here/pgx_recipe.go" "$folder/go/main.go"
    set_up
    (cd "$folder/go" && GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$folder/cache GOFLAGS=-p=2 go build -o pgx_recipe . && timeout 120 ./pgx_recipe)
}

# The driver knows TCP alone, and the server a socket.
with_java() {
    local jars=/usr/share/java/postgresql.jar:/usr/share/java/HikariCP.jar:/usr/share/java/slf4j-api.jar:/usr/share/java/slf4j-nop.jar
    mkdir -p "$folder/java"
    page_block "$page" 'java jdbc' >"$folder/java/AsUser.java"
    set_up
    javac -d "$folder/java" -cp "$jars" "$folder/java/AsUser.java" "$here/JdbcRecipe.java"
    exec 7< <(exec python3 "$here/relay.py" "$PGHOST/.s.PGSQL.5432")
    relay=$!
    read -r port <&7
    timeout 120 java -XX:TieredStopAtLevel=1 -cp "$folder/java:$jars" JdbcRecipe "jdbc:postgresql://127.0.0.1:$port/$PGDATABASE"
}

set_up
eval "$(cd "$here" && python3 -c '
from frontdoor import token, expired, forged
ann = token("ann")
for name, value in {"ANN": ann, "BOB": token("bob"), "CYD": token("cyd", "ann"), "EXPIRED": expired(), "FORGED": forged(ann)}.items():
    print(f"export {name}={value}")')"
if command -v go >/dev/null && [ -d /usr/share/gocode/src/github.com/jackc/pgx/v4 ]; then
    with_go || status=1
else
    skip pgx "go or pgx is not installed"
fi
if command -v javac >/dev/null && [ -e /usr/share/java/postgresql.jar ] && [ -e /usr/share/java/HikariCP.jar ]; then
    with_java || status=1
else
    skip JDBC "the JDK, the driver or HikariCP is not installed"
fi
psql -qX -c 'DROP TABLE documents'
exit $status
