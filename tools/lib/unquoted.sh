#!/bin/bash
# usage: unquoted.sh COMMAND...
#
# Runs a command, and prints what it prints without double quotes and the width of columns, which they change. For the layer regress.
set -o pipefail
"$@" 2>&1 | tr -d '"' | tr -s ' -'
