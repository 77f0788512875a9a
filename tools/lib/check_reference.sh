#!/bin/bash
# usage: check_reference.sh TREE [PAGES]
#
# Prints how docs/REFERENCE.md of a built tree differs from the output of tools/reference, and fails when it does. The folder PAGES
# keeps that output for the next tree with the same sources.

here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
. "$here/cluster.sh"
. "$here/reference.sh"

tree=$(cd "$1" && pwd -P)
mkdir -p "$scratch"
dest=$(mktemp -d "$scratch/pg_bastion-reference.XXXXXX")
trap 'rm -rf "$dest"' EXIT
chmod 755 "$dest"
# The tree may lack the objects that make would want to build again.
install -D -t "$dest$("$PG_CONFIG" --pkglibdir)" "$tree/pg_bastion.so"
install -D -t "$dest$("$PG_CONFIG" --sharedir)/extension" -m 644 "$tree"/pg_bastion.control "$tree"/pg_bastion--*.sql
sources=$(cd "$tree" && find src docs/reference tools/lib/reference.* -type f ! -name '*.o' ! -name '*.d' ! -name '*.gch' -print0 | sort -z | xargs -0 sha256sum | sha256sum)
page=${2:-$dest}/${sources%% *}.md
if [ ! -e "$page" ]; then
    reference_of "$tree" "$dest" >"$dest/REFERENCE.md" || exit 1
    mv "$dest/REFERENCE.md" "$page"
fi
if ! diff -u --label docs/REFERENCE.md --label 'the comments and topics' "$tree/docs/REFERENCE.md" "$page"; then
    say "docs/REFERENCE.md is not up to date; ./tools/reference writes it"
    exit 1
fi
