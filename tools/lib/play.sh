# Plays a psql script and prints each statement with its real result. Sourced after common.sh. An error ends the play,
# except in a paragraph that begins with a comment `-- refused…`: there one is expected, and its absence ends the play.
# Paragraphs are separated by empty lines.

play() {
    local file=$1 database=$2
    [ -e "$file" ] || die "$file is not there"
    expect_refusals "$file" | psql -X -a -P pager=off -v ON_ERROR_STOP=1 -d "$database" 2>&1 | sed -u '/^\t\t\\/d; /^\/dev\/null\/refused/d'
    return "${PIPESTATUS[1]}"
}

# Puts what watches for a refusal around each paragraph that promises one. The lines
# that it adds begin with two tabs and are not shown.
expect_refusals() {
    awk '
        function hidden(line) { print "\t\t" line }
        function settle() {
            if (!refused) return
            refused = 0
            hidden("\\if :ERROR")
            hidden("\\else")
            hidden("\\warn this should have been refused")
            hidden("\\set ON_ERROR_STOP 1")
            hidden("\\include /dev/null/refused")
            hidden("\\endif")
            hidden("\\set ON_ERROR_STOP 1")
        }
        /^[ \t]*$/ { settle(); hidden("\\echo") }
        /^-- refused/ { refused = 1; hidden("\\set ON_ERROR_STOP 0") }
        { print }
        END { settle() }
    ' "$1"
}
