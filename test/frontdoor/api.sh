#!/bin/bash
# bastion_api as a front door meets it: every answer against its schema, with python3-jsonschema, and the types of TypeScript that are
# made of the schemas, with npm. Finds the server through PGHOST and so on; packages of npm go into the folder given as argument.
# Prints TAP; what cannot be tested here is a skipped test that says so.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) folder=$1
root=$here/../..
. "$here/npm.bash"

skip() {
    echo "!!! NOT TESTED: $1: $2" >&2
    echo "ok 1 - $1 # SKIP $2"
    echo 1..1
}

status=0
interpreter=
for python in /usr/bin/python3 python3; do
    ! "$python" -c 'import psycopg, jsonschema, cryptography' 2>/dev/null || { interpreter=$python; break; }
done
if [ -n "$interpreter" ]; then
    "$interpreter" "$here/api.py" || status=$?
else
    skip "answers and their schemas" "psycopg, jsonschema or cryptography is not installed"
fi

types=$(mktemp)
trap 'rm -f "$types"' EXIT
psql -qXAt -v ON_ERROR_STOP=1 -c 'SELECT bastion_api.schema()' | perl "$root/tools/lib/api_types.pl" >"$types"
if difference=$(diff "$types" "$root/clients/bastion_api.d.ts"); then
    echo "ok 1 - clients/bastion_api.d.ts is what tools/api-types writes"
else
    echo "not ok 1 - clients/bastion_api.d.ts is what tools/api-types writes"
    echo "$difference" | sed 's/^/# /'
    status=1
fi
echo 1..1

enter_npm "$folder" types "types of TypeScript"
cp "$root/clients/bastion_api.d.ts" "$here/api_client.ts" .
compiler=(node ../node_modules/typescript/bin/tsc --strict --noEmit --target es2020 --module es2020 --moduleResolution bundler)
number=0
check() {
    local result=ok
    number=$((number + 1))
    "${@:2}" >tsc.log 2>&1 || { result='not ok'; status=1; }
    echo "$result $number - $1"
    [ "$result" = ok ] || sed 's/^/# /' tsc.log
}
refuses() { ! "$@"; }
check "a client compiles with the types" "${compiler[@]}" api_client.ts
# each line is a mistake that the types must find
while read -r line; do
    { sed '/^export function planted/,$d' api_client.ts; echo "export function planted(answer: BastionApi['login']) { $line }"; } >api_planted.ts
    check "the types refuse: $line" refuses "${compiler[@]}" api_planted.ts
done <<'MISTAKES'
return answer.access_token;
if (!('error' in answer)) return answer.acces_token;
if ('error' in answer && answer.error === 'invalid_grand') return 1; return 2;
if (!('error' in answer)) return answer.tenant.slug; return '';
MISTAKES
echo "1..$number"
exit $status
