#!/bin/bash
# usage: check.sh LIBRARY INSTALL_SCRIPT
#
# Compares the symbols that the library exports with those that the rules allow and that the install script names. Prints
# what is wrong, one line each, and fails when there is anything.

set -euo pipefail
library=$1 script=$2

exported=$(nm -D --defined-only "$library" | awk '{print $3}' | sort -u)
# bastion_*_main are the entry points of background workers.
functions=$(grep -E '^bastion_' <<<"$exported" | grep -vE '_main$' || true)
named=$(grep -oE "'MODULE_PATHNAME', *'[A-Za-z0-9_]+'" "$script" | sed -E "s/.*'([A-Za-z0-9_]+)'/\1/" | sort -u || true)
wrong=$({
    grep -vxE 'bastion_[a-z0-9_]+|pg_finfo_bastion_[a-z0-9_]+|Pg_magic_func|_PG_init' <<<"$exported" |
        sed 's/$/: must not be exported/' || true
    grep -xvF "$exported" <<<$'Pg_magic_func\n_PG_init' | sed 's/$/: not exported/' || true
    comm -13 <(echo "$functions") <(echo "$named") | sed '/^$/d; s/$/: named by the install script, not exported/'
    comm -23 <(echo "$functions") <(echo "$named") | sed '/^$/d; s/$/: exported, not named by the install script/'
    comm -3 <(echo "$functions") <(grep -oP '^pg_finfo_\K.*' <<<"$exported" || true) |
        sed 's/^\t*//; /^$/d; s/$/: function and PG_FUNCTION_INFO_V1 do not go together/'
})
[ -z "$wrong" ] || { printf '%s\n' "$wrong"; exit 1; }
