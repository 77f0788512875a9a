# Plays a psql script and prints each statement with its real result. Sourced after common.sh. Paragraphs are separated by
# empty lines. A line that begins with --! is not shown but checked, and a failed check ends the play:
#
#   --! refused SQLSTATE   as the last line of a paragraph: its last error must be that one; shows the SQLSTATE
#   --! EXPRESSION         must be true; :ROW_COUNT is the number of rows of the statement before it
#
# An unexpected error ends the play too. The tags of BEGIN, COMMIT and ROLLBACK are not shown, nor is \echo beside what it
# prints.

play() {
    local file=$1 database=$2
    [ -e "$file" ] || die "$file is not there"
    with_checks "$file" | psql -X -a -P pager=off -P footer=off -v ON_ERROR_STOP=1 -v SHOW_CONTEXT=never -d "$database" 2>&1 |
        sed -u -E '/^\t\t/d; /^\\echo /d; /^(BEGIN|COMMIT|ROLLBACK)$/d; s|^/dev/null/.*: Not a directory$|^ this is not what was promised|'
    return "${PIPESTATUS[1]}"
}

# Turns the checks into psql commands. The lines that it adds begin with two tabs and are not shown.
with_checks() {
    awk '
        function hidden(line) { print "\t\t" line }
        # psql stops at a file that it cannot read, with an error and its exit status 3.
        function demand(expression) {
            hidden("\\unset as_promised")
            hidden("SELECT (" expression ") IS TRUE AS as_promised \\gset")
            hidden("\\if :as_promised")
            hidden("\\else")
            hidden("\\set ON_ERROR_STOP 1")
            hidden("\\include /dev/null/promise")
            hidden("\\endif")
        }
        function paragraph(    i, refusal) {
            for (i = 1; i <= lines; i++) if (line[i] ~ /^--! refused /) refusal = 1
            if (refusal) { hidden("\\set LAST_ERROR_SQLSTATE none"); hidden("\\set ON_ERROR_STOP 0") }
            for (i = 1; i <= lines; i++) {
                if (line[i] ~ /^--! refused /) {
                    hidden("\\echo SQLSTATE: :LAST_ERROR_SQLSTATE")
                    demand(":'\''LAST_ERROR_SQLSTATE'\'' = '\''" substr(line[i], 13) "'\''")
                    hidden("\\set ON_ERROR_STOP 1")
                } else if (line[i] ~ /^--! /) demand(substr(line[i], 5))
                else print line[i]
            }
            if (lines) hidden("\\echo")
            lines = 0
        }
        # The body of a function may have empty lines.
        /^[ \t]*$/ && !quoted { paragraph(); next }
        { line[++lines] = $0; quoted = (quoted + gsub(/\$[a-z]*\$/, "&")) % 2 }
        END { paragraph() }
    ' "$1"
}
