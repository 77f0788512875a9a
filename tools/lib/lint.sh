#!/bin/bash
# usage: lint.sh BUILT_COPY [CHECK...]
#
# Checks the rules of docs/STYLE.md and docs/ARCHITECTURE.md. Every check is a triple: check_NAME prints the violations that it
# finds in the current folder, advice[NAME] says how to fix them, plant_NAME adds one. Each check runs twice: on the tree, which
# must be clean, and on a copy with the planted violation, which it must report. Prints TAP. BUILT_COPY is a built copy of the
# checkout.

set -uo pipefail
export LC_ALL=C.UTF-8
tree=$(cd "$1" && pwd -P)
shift
work=$(mktemp -d "$(dirname "$tree")/lint.XXXXXX")
trap 'rm -rf "$work"' EXIT

declare -A advice

cxx_files() { find "${@:-src}" \( -name '*.cpp' -o -name '*.hpp' \) 2>/dev/null | sort; }
sql_files() { find src/sql -name '*.sql' 2>/dev/null | sort; }
# The project's own text, without third-party files.
own_files() { find . \( -path ./.git -o -path '*/vectors' -o -path '*/corpus' -o -name node_modules -o -path ./results -o -path ./output_iso \) -prune -o -type f -size -400k \
    ! -name '*.o' ! -name '*.so' ! -name '*.d' ! -path './pg_bastion--*' -print | sort; }

# A file without its comments and with its line numbers: code PATTERN FILE... prints file:line:text as grep does.
code() {
    local options=-nE pattern file
    [ "$1" != -i ] || { options=-niE; shift; }
    pattern=$1
    shift
    for file in "$@"; do
        case $file in
            *.sql) sed 's/--.*//' "$file" ;;
            *) perl -0777 -pe 's{("(?:\\.|[^"\\\n])*")|(//[^\n]*)|(/\*.*?\*/)}{
                defined $1 ? $1 : defined $3 ? "\n" x ($3 =~ tr/\n//) : ""}gse' "$file" ;;
        esac | grep "$options" -- "$pattern" | sed "s|^|$file:|"
    done
}

check_format() {
    # Versions differ in what they do, so one of them is the reference.
    clang-format --version | grep -q 'version 14\.' || { echo "SKIP clang-format 14 is not installed"; return; }
    cxx_files src test bench | xargs -r clang-format --dry-run 2>&1 | grep 'warning:'
}
advice[format]='run make format'
plant_format() { printf 'int  planted( );\n' >src/core/base/planted.hpp; }

# In src/core a source includes its own header first, so compiling it shows that the header needs nothing before it. Those without
# a source, and those of src/pg, whose sources get pg.hpp before, are compiled alone; the second time, the planted one.
check_self_contained_headers() {
    local server header source
    server=$("${PG_CONFIG:-pg_config}" --includedir-server)
    for header in $(cxx_files src/core | grep '\.hpp$'); do
        source=${header%.hpp}.cpp
        [ -e "$source" ] || continue
        [ "$(grep -m1 '^#include' "$source")" = "#include \"${header#src/}\"" ] || echo "$source does not include ${header#src/} first"
    done
    for header in $(cxx_files | grep "${planted:-}.hpp\$"); do
        [ -e "${header%.hpp}.cpp" ] && [[ $header == src/core/* ]] || echo "$header"
    done | sed "s|^src/pg/.*|$server &|; s|^src/core/| &|" |
        xargs -P"$(nproc)" -L1 bash -c '[ $# = 1 ] || { set -- "$2" -isystem "$1"; }; header=$1; shift
            g++ -std=c++20 -fsyntax-only -Isrc -Wall -Wextra "$@" -x c++ "$header" 2>&1 | grep -m1 error:' check
}
advice[self_contained_headers]='include in the header what it uses, and in the source its own header first'
plant_self_contained_headers() { echo 'inline std::string planted() { return {}; }' >src/core/base/planted.hpp; }

check_modules_have_no_cycle() { perl tools/lib/includes.pl --problems; }
advice[modules_have_no_cycle]='move what both modules use into one below them, or let the lower one offer a hook that the upper one registers'
plant_modules_have_no_cycle() { sed -i 's|^#pragma once|&\n#include "core/base/json.hpp"|' src/core/base/json_limits.hpp; }

check_rooms_use_only_what_is_below() { perl tools/lib/includes.pl --problems; }
advice[rooms_use_only_what_is_below]='move the used code into a room below, or register it there; tools/lib/includes.pl has the table of rooms'
plant_rooms_use_only_what_is_below() { printf '#pragma once\n# include <pg/session/credential.hpp>\n' >src/pg/right/planted.hpp; }

check_layers_have_the_same_rooms() { perl tools/lib/includes.pl --problems | grep ' is new;'; }
advice[layers_have_the_same_rooms]='move the files into a room of docs/ARCHITECTURE.md, or add the room there and to tools/lib/includes.pl'
plant_layers_have_the_same_rooms() { mkdir src/sql/planted; }

check_files_are_in_rooms() { perl tools/lib/includes.pl --problems | grep 'is outside the rooms;'; }
advice[files_are_in_rooms]='move the file into a room of docs/ARCHITECTURE.md'
plant_files_are_in_rooms() { echo 'SELECT 1;' >src/sql/planted.sql; }

# The room of src/pg that defines each function in C, against that of the piece of src/sql that declares it.
check_c_functions_have_one_room() {
    join <(grep -roE "PG_FUNCTION_INFO_V1\(\w+" src/pg | sed -E 's|^src/pg/(([a-z]+)/)?[^/]*:.*\((\w+)|\3 \2|; s| $| base|' | sort) \
        <(grep -roE "'MODULE_PATHNAME', '\w+" src/sql | sed -E "s|^src/sql/([a-z]+)/([^:]*):.*'(\w+)|\3 \1 src/sql/\1/\2|" | sort) |
        awk '$2 != $3 { print $4 ": " $1 " is defined in src/pg/" $2 }'
}
advice[c_functions_have_one_room]='move the declaration into a piece of that room, or the source'
plant_c_functions_have_one_room() { echo "CREATE FUNCTION planted() RETURNS uuid LANGUAGE C AS 'MODULE_PATHNAME', 'bastion_user_id';" >>src/sql/vault/secret.sql; }

check_includes_start_from_src() { perl tools/lib/includes.pl --problems | grep 'by a relative path;'; }
advice[includes_start_from_src]='write the path from src, as core/... or pg/...: a relative one hides the room'
plant_includes_start_from_src() { printf '#pragma once\n#include "../session/credential.hpp"\n' >src/pg/right/planted.hpp; }

# Compiles a file that includes PostgreSQL's headers with the core's own rule, which must not find them.
check_core_is_blind() {
    rm -f src/core/base/probe.*
    echo '#include <postgres.h>' >src/core/base/probe.cpp
    ! make src/core/base/probe.o >probe.log 2>&1 || echo "src/core can see postgres.h"
    grep -q 'postgres.h: No such file' probe.log || tail -1 probe.log
    rm -f src/core/base/probe.* probe.log
    ! grep -nsE 'pg_config|includedir|postgresql|src/pg' CMakeLists.txt
}
advice[core_is_blind]='keep -I of the server out of CORE_CPPFLAGS and CMakeLists.txt; move code that needs PostgreSQL to src/pg'
plant_core_is_blind() { sed -i 's/^CORE_CPPFLAGS = .*/CORE_CPPFLAGS = $(CPPFLAGS)/' Makefile; }

check_core_includes_no_glue() { code '#[[:space:]]*include[[:space:]]*["<](\.\./|pg/|postgres|.*/server/)' $(cxx_files src/core); }
advice[core_includes_no_glue]='move code that needs PostgreSQL to src/pg, or pass it in as an argument'
plant_core_includes_no_glue() { echo '#include "pg/pg.hpp"' >src/core/base/planted.hpp; }

check_glue_includes_no_cryptography() { code '#[[:space:]]*include[[:space:]]*["<](openssl/|sodium|nettle|qrencode|utf8proc|crypt|argon2|simdjson)' $(cxx_files src/pg); }
advice[glue_includes_no_cryptography]='call the library in src/core and include that header'
plant_glue_includes_no_cryptography() { echo '#include <openssl/evp.h>' >src/pg/base/planted.hpp; }

check_postgres_h_once() { code '#[[:space:]]*include[[:space:]]*["<](.*/)?postgres\.h' $(cxx_files | grep -vx src/pg/base/pg.hpp); }
advice[postgres_h_once]='include pg/pg.hpp'
plant_postgres_h_once() { echo '#include "postgres.h"' >src/pg/base/planted.hpp; }

check_version_number_once() { code 'PG_(MAJOR)?VERSION(_NUM)?\b' $(cxx_files | grep -vx src/pg/base/compat.hpp); }
advice[version_number_once]='hide the difference between versions behind a function in src/pg/base/compat.hpp'
plant_version_number_once() { printf '#if PG_VERSION_NUM >= 160000\n#endif\n' >src/pg/base/planted.cpp; }

check_request_settings_once() { code '"request\.[a-z]' $(cxx_files src/pg | grep -vx src/pg/session/request_setting.hpp); }
advice[request_settings_once]='read it with request_setting(), which takes no value of an earlier client of the connection'
plant_request_settings_once() { echo 'const char* planted() { return GetConfigOption("request.headers", true, false); }' >src/pg/base/planted.cpp; }

check_spi_once() { code '\bSPI_[a-z]+' $(cxx_files | grep -vx src/pg/base/owner_spi.cpp); }
advice[spi_once]='call the functions of src/pg/base/owner_spi.hpp'
plant_spi_once() { echo 'int planted() { return SPI_connect(); }' >src/pg/base/planted.cpp; }

# What a transaction has written must not be rewritten or dropped by another before it ends.
check_written_tables_stay_locked() { code '\b(table|relation)_close\([^,]*, *(RowExclusive|Exclusive|ShareRowExclusive)Lock' $(cxx_files src/pg); }
advice[written_tables_stay_locked]='table_close(relation, NoLock): the lock ends with the transaction'
plant_written_tables_stay_locked() { echo 'void planted(Relation relation) { table_close(relation, RowExclusiveLock); }' >src/pg/base/planted.cpp; }

check_trigger_lists_are_copied() { code '[>.]trigdesc\b' $(cxx_files src/pg) | grep -v 'CopyTriggerDesc('; }
advice[trigger_lists_are_copied]='walk CopyTriggerDesc(relation->trigdesc): an invalidation frees the list of the relation cache'
plant_trigger_lists_are_copied() { echo 'int planted(Relation relation) { return relation->trigdesc->numtriggers; }' >src/pg/base/planted.cpp; }

# Intervals compare as if a month had 30 days: '12000 months -359970 days' is 30 days there, and 14 years when it is added.
check_durations_have_one_sign() { code -i "\bbetween (interval )?'[0-9]+( (s|seconds?|minutes?|hours?|days?|months?|years?))?' and (interval )?'[0-9]+ [a-z]|[a-z_] *[<>]=? *interval '" $(sql_files) | grep -vF 'clock_timestamp()'; }
advice[durations_have_one_sign]='take bastion_internal.lasts(value, shortest, longest), which refuses months less days'
plant_durations_have_one_sign() { echo "SELECT planted FROM bastion.planted WHERE valid_for BETWEEN '10 s' AND '30 days';" >>src/sql/base/planted.sql; }

# A character that is put in the place of a random one is now and then the same: the changed text would be the right one.
check_tests_change_random_texts_for_certain() { code -i "overlay\([^()]*placing '[^']+' from|\bleft\(:'[a-z_]+', [0-9]+\) *\|\| *'[^']'" $(find sql examples test/tap test/pgtap -name '*.sql' -o -name '*.pg' -o -name '*.pl'); }
advice[tests_change_random_texts_for_certain]='take test.mistyped(text, place), which changes a character into another one'
plant_tests_change_random_texts_for_certain() { echo "SELECT overlay(:'key' PLACING 'zz' FROM 40);" >>sql/api_keys.sql; }

# Every database waits for such a lock, and an error there would end with it held. Functions of the same file that allocate count.
check_nothing_allocated_under_a_lock() {
    local file
    for file in $(cxx_files src/pg); do
        perl -0777 -ne '
            my $allocates = qr/\b(?:palloc\w*|psprintf|pstrdup|ereport|elog|MemoryContextAlloc\w*|MemoryContextStrdup|guarded\w*)\b/;
            my @names = map { my ($name, $body) = /^[A-Za-z][^\n;]*?\b(\w+)\([^()]*\)[a-z ]*\{\n(.*?)^\}/ms; ($body // "") =~ $allocates ? $name : () } split /(?<=^\}\n)/m;
            my $bad = join "|", $allocates, map { qr/\b$_\(/ } @names;
            while (/LWLockAcquire\([^;]*;(.*?)LWLockRelease/gs) {
                my ($body, $line) = ($1, 1 + (substr($_, 0, $-[1]) =~ tr/\n//));
                for (split /\n/, $body) { print "$ARGV:$line:$_\n" if s{//.*}{}r =~ $bad; ++$line }
            }' "$file"
    done
}
advice[nothing_allocated_under_a_lock]='allocate before LWLockAcquire()'
plant_nothing_allocated_under_a_lock() { printf 'char* planted_copy() {\n    return pstrdup("x");\n}\n\nvoid planted() {\n    LWLockAcquire(lock, LW_SHARED);\n    planted_copy();\n    LWLockRelease(lock);\n}\n' >src/pg/base/planted.cpp; }

check_no_ddl_in_cxx() {
    code -i '".*\b((create|alter|drop)[[:space:]]+(or[[:space:]]+replace[[:space:]]+|unique[[:space:]]+)?(table|index|function|procedure|trigger|policy|view|type|sequence|schema|domain)|(grant|revoke)[[:space:]].*[[:space:]](on|to|from)|comment[[:space:]]+on)\b.*"' \
        $(cxx_files)
}
advice[no_ddl_in_cxx]='move the statement to src/sql'
plant_no_ddl_in_cxx() { echo 'const char* planted = "CREATE TABLE bastion.planted ()";' >src/pg/base/planted.cpp; }

check_no_cryptography_in_sql() { code -i '\b(sha(224|256|384|512)|digest|hmac|crypt|gen_salt|gen_random_bytes|(en|de)crypt(_iv)?|pgp_[a-z_]+)\(' $(sql_files); }
advice[no_cryptography_in_sql]='call a function of src/core through one in C'
plant_no_cryptography_in_sql() { echo "SELECT sha256('planted');" >src/sql/base/planted.sql; }

# A header and its source have one basename, and so may a piece of SQL.
check_unique_basenames() {
    cxx_files src test/unit | sed -E 's|\.[ch]pp$||' | sort -u | sed 's|.*/||' | sort -f | uniq -di
    sql_files | sed 's|.*/||' | sort -f | uniq -di
}
advice[unique_basenames]='name one of the files after its own noun'
plant_unique_basenames() { touch src/core/base/planted.cpp test/unit/base/planted.hpp; }

check_version_once() {
    local version
    version=$(sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" pg_bastion.control)
    # Packages of npm have versions of their own.
    own_files | grep -vE '^[.]/(pg_bastion[.]control|CHANGELOG[.]md|.*package-lock[.]json)$' | xargs -r grep -nIE "(^|[^0-9.])${version//./\\.}([^0-9.]|\$)"
}
advice[version_once]='leave the version to pg_bastion.control and CHANGELOG.md'
plant_version_once() { sed -n "s/^default_version *= *'\(.*\)'.*/version \1/p" pg_bastion.control >planted.md; }

check_create_only() { code -i '\bor[[:space:]]+replace\b|\b(create|add)\b.*\bif[[:space:]]+not[[:space:]]+exists\b' $(sql_files); }
advice[create_only]="write CREATE: the extension's script runs once, in an empty schema"
plant_create_only() { echo 'CREATE OR REPLACE VIEW bastion.planted AS SELECT 1;' >src/sql/base/planted.sql; }

# A quoted list is the name of one schema.
check_search_path_unquoted() { code -i "search_path[[:space:]]*(=|[[:space:]]to)[[:space:]]*['\"]" $(sql_files); }
advice[search_path_unquoted]='write SET search_path = pg_catalog, pg_temp, without quotes'
plant_search_path_unquoted() { echo "CREATE FUNCTION planted() RETURNS void LANGUAGE sql SET search_path = 'pg_catalog, pg_temp' AS '';" >src/sql/base/planted.sql; }

check_functions_have_a_search_path() { perl tools/lib/sql_functions.pl paths; }
advice[functions_have_a_search_path]='add the line SET search_path = pg_catalog, pg_temp'
plant_functions_have_a_search_path() { printf 'CREATE FUNCTION bastion.planted() RETURNS void\nLANGUAGE sql\nSET search_path = pg_catalog\nAS $$ SELECT $$;\n' >src/sql/base/planted.sql; }

check_names_have_a_schema() { perl tools/lib/sql_functions.pl names; }
advice[names_have_a_schema]='write the schema before the name'
plant_names_have_a_schema() { echo "CREATE FUNCTION bastion.planted() RETURNS void LANGUAGE sql AS \$\$ SELECT 'x'::sealed, tenant_id() FROM bastion.users JOIN units ON true \$\$;" >src/sql/base/planted.sql; }

# A table, type or function that the caller names would run the caller's code with the rights of the definer.
check_no_dynamic_sql_in_definers() { perl tools/lib/sql_functions.pl definers; }
advice[no_dynamic_sql_in_definers]='drop SECURITY DEFINER or EXECUTE'
plant_no_dynamic_sql_in_definers() { echo "CREATE FUNCTION bastion.planted(t regclass) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS \$\$ BEGIN EXECUTE format('LOCK %s', t); END \$\$;" >src/sql/base/planted.sql; }

# A database may have an encoding without these characters.
check_install_script_is_ascii() { LC_ALL=C grep -nP '[^\x00-\x7F]' src/sql/*.sql src/sql/*/*.sql; }
advice[install_script_is_ascii]='write it in ASCII: CREATE EXTENSION would fail, or garble it, in a database of another encoding'
plant_install_script_is_ascii() { printf -- '-- \342\200\246\n' >src/sql/base/planted.sql; }

check_no_backslashes_in_plain_literals() { perl tools/lib/sql_functions.pl backslashes; }
advice[no_backslashes_in_plain_literals]="write E'...' with doubled backslashes, or [0-9] for the class"
plant_no_backslashes_in_plain_literals() { echo "CREATE FUNCTION bastion.planted(t text) RETURNS boolean LANGUAGE sql AS \$\$ SELECT t ~ E'\\\\d' OR t ~ '\\d' \$\$;" >src/sql/base/planted.sql; }

check_every_piece_is_installed() { make -n "pg_bastion--$(sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" pg_bastion.control).sql" >/dev/null 2>probe.log || cat probe.log; rm -f probe.log; sql_files | grep -v ^src/sql/upgrade/ | sed 's|^src/sql/||; s|\.sql$||' | grep -vxF -e header -f <(sed 's/#.*//; s/\.sql$//' src/sql/ORDER); }
advice[every_piece_is_installed]='add the file to src/sql/ORDER, after what it uses'
plant_every_piece_is_installed() { echo 'SELECT 1;' >src/sql/base/planted.sql; }

check_exported_symbols() { test/symbols/check.sh pg_bastion.so pg_bastion--*.sql; }
advice[exported_symbols]='give a function for SQL both PG_FUNCTION_INFO_V1 and a CREATE FUNCTION in src/sql, and make all else static'
plant_exported_symbols() { echo 'int bastion_planted; int planted;' | gcc -shared -fPIC -xc - -o pg_bastion.so; }

# PG_TRY without its end corrupts the stack.
check_no_return_in_pg_try() {
    local file
    for file in $(cxx_files src/pg); do
        awk -v file="$file" '/PG_TRY *\(/ { inside = 1 } inside && /(^|[^a-zA-Z_])return([^a-zA-Z_]|$)/ { print file ":" FNR ": return inside PG_TRY" }
            /PG_END_TRY *\(/ { inside = 0 }' "$file"
    done
}
advice[no_return_in_pg_try]='return after PG_END_TRY'
plant_no_return_in_pg_try() { printf 'PG_TRY();\n{\n    return;\n}\nPG_END_TRY();\n' >src/pg/base/planted.cpp; }

check_no_allocation_under_a_lock() { perl tools/lib/locked_calls.pl $(cxx_files src/pg); }
advice[no_allocation_under_a_lock]='allocate before LWLockAcquire(), and raise after LWLockRelease()'
plant_no_allocation_under_a_lock() { sed -i 's/    event_store->copy_payload(event, VARDATA(out));/    (void)pstrdup("");\n&/' src/pg/event/event_queue.cpp; }

check_no_reads_beside_locks() { perl tools/lib/locked_reads.pl src/sql/*/*.sql; }
advice[no_reads_beside_locks]='lock in one statement, and read in the next'
plant_no_reads_beside_locks() { sed -i 's/    IF NOT bastion_internal.hold_user(user_id, tenant_id, unit_id) THEN/    IF NOT bastion_internal.hold_user(user_id, tenant_id, unit_id) OR NOT EXISTS (SELECT) THEN/' src/sql/identity/login.sql; }

check_errors_have_sqlstates() { code '\belog\([[:space:]]*(ERROR|FATAL|PANIC)\b' $(cxx_files src/pg); }
advice[errors_have_sqlstates]='write ereport with errcode'
plant_errors_have_sqlstates() { echo 'void planted() { elog(ERROR, "no"); }' >src/pg/base/planted.cpp; }

check_no_using_namespace() { code '\busing[[:space:]]+namespace\b[[:space:]]+([a-z_]+::)*[a-z_]+;' $(cxx_files src test) | grep -v '_literals;' ; }
advice[no_using_namespace]='use the names one by one: using std::string'
plant_no_using_namespace() { echo 'using namespace std;' >src/core/base/planted.hpp; }

check_headers_say_what_they_are() { cxx_files src | grep 'hpp$' | xargs -r awk 'FNR == 1 && !/^\/\/ .../ { print FILENAME ": no paragraph at the top" }'; }
advice[headers_say_what_they_are]='begin the header with a comment: its purpose, its callers, the lifetime of its data'
plant_headers_say_what_they_are() { echo '#pragma once' >src/core/base/planted.hpp; }

check_unit_test_loops_say_their_case() { perl tools/lib/loop_traces.pl $(cxx_files test/unit); }
advice[unit_test_loops_say_their_case]='begin the body of the loop with SCOPED_TRACE(words(...)) of the values that differ; words() is in test/unit/base/words.hpp'
plant_unit_test_loops_say_their_case() { printf 'TEST(Planted, Loop) {\n    for (const int i : {1, 2}) EXPECT_GT(i, 0);\n}\n' >test/unit/base/planted_test.cpp; }

check_nothing_left_to_do() { own_files | grep -vE '^./tools/lib/(lint|layers|mutate).sh$' | xargs -r grep -nIwE 'TODO|FIXME|XXX|HACK'; }
advice[nothing_left_to_do]='do it now, or take the note out'
plant_nothing_left_to_do() { echo '// TODO: planted' >src/core/base/planted.hpp; }

check_words_are_plain() { own_files | grep -vxE './(docs/STYLE.md|tools/lib/lint.sh)' | xargs -r grep -nIiwE 'whoever|what is there|at first need|for nobody|may something'; }
advice[words_are_plain]='name the actor and the thing, as "English" in docs/STYLE.md says'
plant_words_are_plain() { echo '// For whoever reads it.' >src/core/base/planted.hpp; }

check_pages_need_no_preload() { grep -n 'ALTER SYSTEM SET bastion' README.md docs/*.md; }
advice[pages_need_no_preload]='ALTER SYSTEM fails where the library is not loaded: name the line of postgresql.conf'
plant_pages_need_no_preload() { echo "ALTER SYSTEM SET bastion.signup_mode = 'closed';" >>docs/OPERATIONS.md; }

check_sentences_are_short() { perl tools/lib/long_sentences.pl README.md HACKING.md SECURITY.md CHANGELOG.md docs/*.md; }
advice[sentences_are_short]='make two sentences of it, or a list; for docs/REFERENCE.md, in the COMMENT ON in src/sql'
plant_sentences_are_short() { echo 'This is a sentence that goes on and on, and that a reader has to read a second time, because at its end nobody knows how it began.' >>README.md; }

check_reference_is_up_to_date() { tools/lib/check_reference.sh . "$work" 2>&1; }
advice[reference_is_up_to_date]='name each new function in a topic of docs/reference, run tools/reference and commit docs/REFERENCE.md'
plant_reference_is_up_to_date() { echo planted >>docs/REFERENCE.md; }

check_diffs_in_pages_are_real() { perl tools/lib/page_diffs.pl HACKING.md $(grep -l '^```diff' docs/*.md); }
advice[diffs_in_pages_are_real]='copy the line from the file that the diff names, or leave it out with +...'
plant_diffs_in_pages_are_real() { sed -i 's/^+int trusted_hops = 0;/+int trusted_hops = 1;/' HACKING.md; }

# Each kind of faulty claim has a planted one: a claim without evidence, one that waits for an existing feature, one that its
# test does not name.
claims_of_tree() { . tools/lib/systems.sh && claims_problems; }
check_claims_are_shown_or_wait() { claims_of_tree | grep -E 'neither|claims nothing|columns|no id|twice|does not know|nothing waits'; }
advice[claims_are_shown_or_wait]='fix the line of examples/claims.tsv: an id, the claim, and where it is shown or what it waits for'
plant_claims_are_shown_or_wait() { printf 'S1.99\tplanted\t\t\n' >>examples/claims.tsv; }

check_claims_wait_for_what_is_not_there() { claims_of_tree | grep 'which is there'; }
advice[claims_wait_for_what_is_not_there]='show the claim in a test, and name the test instead of the feature that it waited for'
plant_claims_wait_for_what_is_not_there() { printf 'planted\tsrc/sql\tplanted\n' >>examples/features.tsv; printf 'S1.99\tplanted\t\tplanted\n' >>examples/claims.tsv; touch src/sql/base/planted.sql; }

check_claims_have_tests() { claims_of_tree | grep -E 'no test in|no claim'; }
advice[claims_have_tests]='let the test name the claim as examples/claims.tsv does'
plant_claims_have_tests() { sed -i "s/'S1\.3 /'S1.33 /" examples/agents/test/matrix.pg; }

check_systems_is_up_to_date() { (. tools/lib/systems.sh && claims_page) | diff docs/SYSTEMS.md -; }
advice[systems_is_up_to_date]='run tools/systems and commit docs/SYSTEMS.md'
plant_systems_is_up_to_date() { printf 'S5.99\tplanted\tREADME.md\t\n' >>examples/claims.tsv; }

check_shell_syntax() { local file; for file in $(grep -lsIx '#!/bin/bash' tools/*) tools/lib/*.sh .ci/run bench/*.sh test/*/*.sh; do [ ! -f "$file" ] || bash -n "$file" 2>&1; done; }
advice[shell_syntax]='fix the line that bash names'
plant_shell_syntax() { echo 'if planted' >tools/lib/planted.sh; }

check_mutants_apply() { tools/mutate --check; }
advice[mutants_apply]='make the patch again for the changed code, and name a test that exists; docs/TESTING.md describes both'
plant_mutants_apply() { printf 'Fault: planted.\nTest: regress planted\n' >test/mutants/pg/planted.patch; }

# All checks, so that none is forgotten.
checks=$(declare -F | sed -n 's/^declare -f check_//p')
number=0
for check in ${*:-$checks}; do
    number=$((number + 1))
    [ -n "${advice[$check]:-}" ] || { echo "not ok $number - $check: advice[$check] is missing"; continue; }
    rm -rf "$work/tree"
    mkdir "$work/tree"
    tar -C "$tree" --exclude='*.o' --exclude='*.d' --exclude='*.gch' -cf - . | tar -C "$work/tree" -xf -
    # Objects are many and large; nothing here writes to them.
    (cd "$tree" && find . \( -name '*.o' -o -name '*.d' \) -print0 | xargs -0r cp -l --preserve=timestamps --parents -t "$work/tree")
    violations=$(cd "$work/tree" && "check_$check" 2>&1)
    if [[ $violations == SKIP* ]]; then
        echo "ok $number - $check # $violations"
        continue
    elif [ -n "$violations" ]; then
        echo "not ok $number - $check"
        echo "# To fix it: ${advice[$check]:-}."
        sed 's/^/#   /' <<<"$violations" | head -20
    else
        echo "ok $number - $check"
    fi
    number=$((number + 1))
    before=$violations
    if (cd "$work/tree" && "plant_$check" && planted=planted "check_$check") >"$work/found" 2>&1; [ "$(cat "$work/found")" != "$before" ] && [ -s "$work/found" ]; then
        echo "ok $number - $check reports a planted violation"
    else
        echo "not ok $number - $check reports a planted violation"
    fi
done
echo "1..$number"
