# The layers of tools/test. Each is a function layer_NAME that writes the output of its tests to the file named by its argument,
# shows failures, and counts. $copy is the built copy of the checkout, $dest the folder of its installation, $work the folder
# for logs and clusters. A missing folder of tests counts nothing.

layer_packages() {
    local layer
    for layer in "$@"; do
        case $layer in
            unit) echo "$unit_packages" ;;
            lint) echo "$lint_packages" ;;
            pgtap) pgtap_packages "$major" ;;
            examples) pgtap_packages "$major"; example_packages "$major" $(example_names) ;;
            tap) tap_packages "$major"; pgtap_packages "$major" ;;
            frontdoor) echo "$frontdoor_packages" ;;
            model | fuzz-functions) echo libpq-dev ;;
            sqlsmith) echo sqlsmith ;;
            fuzz-replay) echo "$unit_packages $fuzz_packages" ;;
            mutate) echo "$unit_packages"; tap_packages "$major"; pgtap_packages "$major" ;;
        esac
    done
}

count() { echo "$1 $2 $3" >"$counts"; }

# count_tap STATUS LOG: counts lines of TAP. A file that ended before its tests were over counts as a failure, and so does a harness that
# failed without one.
count_tap() {
    local status=$1 log=$2 p f s
    p=$(grep -cE '^ok +[0-9]+' "$log" || true)
    s=$(grep -cE '^(ok +[0-9]+.*|1\.\.0 *)# *SKIP' -i "$log" || true)
    f=$(grep -E '^not ok\b' "$log" | grep -cvE '# *TODO' || true)
    f=$((f + $(grep -c '^  Parse errors: ' "$log" || true)))
    p=$((p - $(grep -cE '^ok +[0-9]+.*# *SKIP' -i "$log" || true)))
    [ "$status" = 0 ] || [ "$f" -gt 0 ] || f=1
    [ "$f" = 0 ] || show_tap_failures "$log"
    count "$p" "$f" "$s"
}

# The failed tests and their diagnostics, which are the lines up to the next test, and the files that ended too soon.
show_tap_failures() {
    if grep -qE '^not ok\b|^  Parse errors: ' "$1"; then
        awk '/^not ok/ { shown = 1 } /^ok/ { shown = 0 } shown && ++n <= 120' "$1"
        grep -B2 '^  Parse errors: ' "$1" || true
    else
        tail -20 "$1"
    fi
}

# count_regress STATUS LOG DIFFS: pg_regress prints TAP from 16 on.
count_regress() {
    local status=$1 log=$2 diffs=$3 p f
    p=$(grep -cE '^ok +[0-9]+|^test .* \.\.\. ok' "$log" || true)
    f=$(grep -cE '^not ok +[0-9]+|^test .* \.\.\. FAILED' "$log" || true)
    [ "$status" = 0 ] || [ "$f" -gt 0 ] || f=1
    if [ "$f" -gt 0 ]; then
        if [ -s "$diffs" ]; then
            head -150 "$diffs"
            say "   all differences: $diffs"
        else
            tail -20 "$log"
        fi
    fi
    count "$p" "$f" 0
}

# A failed test needs only line numbers; full debugging information takes a third of the time to compile.
debug_info=-g1

# The build of all layers, once.
built() {
    [ -e "$work/built" ] || build_and_install "$copy" "$dest" COPT="$debug_info"
    touch "$work/built"
}

# A fresh cluster for the layer, which the next one replaces: fresh_cluster [PRELOAD]
fresh_cluster() {
    end_clusters
    cluster_create "$work/cluster" "$dest" "$copy"
    cluster_configure "$work/cluster" "$dest" "$copy" "${1:-}"
    cluster_start "$work/cluster"
    cluster_environment "$work/cluster"
}

end_clusters() {
    [ -d "$work/cluster" ] || return 0
    cluster_stop "$work/cluster" immediate
    rm -rf "$work/cluster"
}

# A database with the extension and a root key.
create_database() {
    createdb "$@" || return 1
    psql -qX -v ON_ERROR_STOP=1 -d "$1" -c 'CREATE EXTENSION pg_bastion' \
        -c "DO \$\$ BEGIN IF pg_catalog.to_regproc('bastion.init') IS NOT NULL THEN PERFORM bastion.init(); END IF; END \$\$"
}

layer_unit() {
    local log=$1 status=0 p f s target
    [ -e "$copy/CMakeLists.txt" ] || { count 0 0 0; return; }
    { cmake -S "$copy" -B "$state/unit" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O1 $debug_info" && cmake --build "$state/unit" -j"$(nproc)"; } >"$log" 2>&1 ||
        { grep -E -A6 'error|Error' "$log" | head -60; count 0 1 0; return; }
    rm -f "$work/unit.xml"
    # The published vectors lie beside the checkout, not beside the copy.
    BASTION_SOURCE=$copy BASTION_VECTORS=${BASTION_VECTORS:-$checkout/../shared/vectors} \
        "$state/unit/unit_tests" --gtest_output="xml:$work/unit.xml" >>"$log" 2>&1 || status=$?
    f=$(gtest_count failures) s=$(($(gtest_count disabled) + $(gtest_count skipped)))
    p=$(($(gtest_count tests) - f - s))
    [ "$status" = 0 ] || [ "$f" -gt 0 ] || f=1
    [ "$f" = 0 ] || { grep -E -A8 'Failure$' "$log"; grep -E '^\[  (FAILED|SKIPPED)' "$log"; } | head -120
    for target in $(fuzz_targets "$state/unit"); do
        if "$target" "$(fuzz_corpus "$target" "$copy")" >>"$log" 2>&1; then
            p=$((p + 1))
        else
            f=$((f + 1))
            say "   the corpus of $(basename "$target") failed: $(tail -3 "$log")"
        fi
    done
    count "$p" "$f" "$s"
}

# The sum of an attribute over the test suites of gtest's report.
gtest_count() {
    grep '<testsuite ' "$work/unit.xml" 2>/dev/null | grep -oE " $1=\"[0-9]+\"" | tr -dc '0-9\n' | awk '{ sum += $1 } END { print sum + 0 }'
}

layer_lint() {
    local log=$1 status=0
    built
    "$copy/tools/lib/lint.sh" "$copy" >"$log" 2>&1 || status=$?
    count_tap "$status" "$log"
}

# REGRESS_ONLY names files, which then run after setup and in UTF8 alone.
layer_regress() {
    local log=$1 status=0 encoding only=()
    built
    [ -d "$copy/sql" ] || { count 0 0 0; return; }
    make -C "$copy" test-module >"$log" 2>&1 || { tail -20 "$log"; count 0 1 0; return; }
    fresh_cluster
    rm -f "$copy/regression.diffs"
    [ -z "${REGRESS_ONLY:-}" ] || only=(REGRESS="setup $REGRESS_ONLY")
    make -C "$copy" installcheck ISOLATION= "${only[@]}" >>"$log" 2>&1 || status=$?
    if [ "$status" = 0 ] && [ "${#only[@]}" = 0 ] && repeats; then
        { in_encoding LATIN1 && in_encoding SQL_ASCII && with_other_settings && with_hostile_path; } >>"$log" 2>&1 || status=$?
    fi
    count_regress "$status" "$log" "$copy/regression.diffs"
}

# Encodings and settings mean the same in every version: that of a chroot runs each file once, which saves minutes.
repeats() { [ -z "${BASTION_CHROOT:-}" ] || [ -n "${BASTION_LONG:-}" ]; }

# The files about identity, tokens, passwords and the vault in a database of another encoding: the same answers.
encoding_files="setup identity anonymous account_recovery hooks id_tokens import_users login_factors issuer jwt password sessions delegation second_factors api_keys import_api_keys import_secrets application_keys secrets secret_versions sealed"
in_encoding() {
    make -C "$copy" installcheck ISOLATION= REGRESS="$encoding_files" REGRESS_OPTS="--load-extension=pg_bastion --encoding=$1 --no-locale"
}

own_plans_off='-c bastion.plan_estimates=off -c bastion.search_paths=off'
regress_database=contrib_regression_pg_bastion

# The files of sql/ with PostgreSQL's own plans and settings that change what a literal, a name or a comparison means, then with a
# hostile search_path: the same answers, the first time but for the quotes around names. test/settings/exceptions.tsv has the exceptions.
with_other_settings() {
    local options=$own_plans_off unquoted=$work/unquoted file names folders
    names=$(files_of_run settings) || return 1
    options+=' -c standard_conforming_strings=off -c escape_string_warning=off -c quote_all_identifiers=on'
    options+=' -c array_nulls=off -c transform_null_equals=on -c xmloption=document'
    rm -rf "$unquoted" && mkdir -p "$unquoted/expected" && ln -s "$copy/sql" "$unquoted/sql" || return 1
    for file in "$copy"/expected/*.out; do
        "$copy/tools/lib/unquoted.sh" cat "$file" >"$unquoted/expected/$(basename "$file")"
    done
    # pg_regress looks for its files first where it writes, and from 16 on where it is told.
    folders="--outputdir=$unquoted"
    [ "$major" -lt 16 ] || folders+=" --expecteddir=$unquoted"
    if ! PGOPTIONS=$options make -C "$copy" installcheck ISOLATION= REGRESS="$names" \
        REGRESS_OPTS="--load-extension=pg_bastion --encoding=UTF8 --no-locale --dbname=$regress_database $folders --launcher=$copy/tools/lib/unquoted.sh"; then
        cp "$unquoted/regression.diffs" "$copy"
        return 1
    fi
}

with_hostile_path() {
    local names
    names=$(files_of_run hostile) || return 1
    dropdb "$regress_database" && create_database "$regress_database" -T template0 -E UTF8 --locale=C &&
        psql -qX -v ON_ERROR_STOP=1 -d "$regress_database" -f "$copy/test/settings/hostile_path.sql" &&
        make -C "$copy" installcheck ISOLATION= REGRESS="$names" REGRESS_OPTS="--use-existing --dbname=$regress_database"
}

files_of_run() { (cd "$copy" && perl tools/lib/regress_files.pl "$1"); }

# A chroot interleaves sessions over keys alone: their locks, prepared transactions and snapshots are the server's. The first calls init().
# ISOLATION_ONLY names files.
chroot_isolation="secret_race data_key_period key_lock rewrap_runs rewrap_writer seal_first seal_order"
chroot_tap=vault_rotation

layer_isolation() {
    local log=$1 status=0 only=${ISOLATION_ONLY:-${BASTION_CHROOT:+$chroot_isolation}}
    built
    [ -d "$copy/test/isolation/specs" ] || { count 0 0 0; return; }
    fresh_cluster
    create_database setup >/dev/null
    rm -f "$copy/output_iso/regression.diffs"
    make -C "$copy" installcheck REGRESS= ${only:+ISOLATION="$only"} >"$log" 2>&1 || status=$?
    count_regress "$status" "$log" "$copy/output_iso/regression.diffs"
}

layer_pgtap() {
    local log=$1 status=0
    built
    compgen -G "$copy/test/pgtap/*.pg" >/dev/null || { count 0 0 0; return; }
    fresh_cluster
    create_database pgtap >/dev/null
    psql -qX -d pgtap -c 'CREATE EXTENSION pgtap'
    BASTION_SOURCE=$copy pg_prove --verbose -d pgtap "$copy"/test/pgtap/*.pg >"$log" 2>&1 || status=$?
    count_tap "$status" "$log"
}

# Each example in a database of its own: its tables and rows, its tests, and then its tour.
layer_examples() {
    local log=$1 status=0 number=0 name
    built
    fresh_cluster pg_bastion
    : >"$log"
    for name in $(example_names); do
        example_step "$name: tables and rows" example_prepare "$name"
        psql -qX -d "$name" -c 'CREATE EXTENSION pgtap' >>"$log" 2>&1
        pg_prove --verbose -d "$name" "$checkout/examples/$name/test"/*.pg >>"$log" 2>&1 || status=$?
        example_step "$name: the tour" example_tour "$name"
    done
    count_tap "$status" "$log"
}

# Runs a command as one test. Its output follows the line of its result.
example_step() {
    local title=$1 result=ok begin=$SECONDS
    shift
    number=$((number + 1))
    # Not followed by ||, which would switch -e off inside.
    set +e
    (set -e; "$@") >"$work/step.log" 2>&1
    [ $? = 0 ] || result='not ok'
    set -e
    { echo "$result $number - $title, $((SECONDS - begin)) s"; sed 's/^/# /' "$work/step.log"; } >>"$log"
}

# Each file runs as the server's user in a folder of its own, and finds the extension through TEMP_CONFIG. TAP_ONLY names files.
layer_tap() {
    local log=$1 status=0 names
    local files=("$copy"/test/tap/t/*.pl)
    built
    [ -e "${files[0]}" ] || { count 0 0 0; return; }
    read -ra names <<<"${TAP_ONLY:-${BASTION_CHROOT:+$chroot_tap}}"
    [ "${#names[@]}" = 0 ] || { files=("${names[@]/#/$copy/test/tap/t/}"); files=("${files[@]/%/.pl}"); }
    make -C "$copy" test-module >"$log" 2>&1 || { tail -20 "$log"; count 0 1 0; return; }
    prepare_tap "${files[@]}"
    # The largest first: a long one that begins last is waited for.
    ls -S "${files[@]}" | xargs -P"$(nproc)" -I{} bash -c 'run_tap_file {}' || status=$?
    cat "$work"/tap/*/log >>"$log"
    count_tap "$status" "$log"
}

# What run_tap_file needs for these files.
prepare_tap() {
    local file
    folder=$work/tap
    pgxs=$(dirname "$("$PG_CONFIG" --pgxs)")/../..
    rm -rf "$folder"
    mkdir -p "$folder"
    { echo "fsync = off"; path_settings "$dest" "$copy"; } >"$folder/temp.conf"
    for file in "$@"; do
        mkdir "$folder/$(basename "$file" .pl)"
    done
    [ "$(id -u)" != 0 ] || chown -R "$(server_user)" "$folder"
    bindir=$(bindir)
    export -f as_server server_user run_tap_file
    export folder pgxs copy bindir
}

run_tap_file() {
    local own=$folder/$(basename "$1" .pl)
    SERVER_ENV="PATH=$bindir:/usr/bin:/bin HOME=$own TESTDIR=$own TESTDATADIR=$own/tmp_check TESTLOGDIR=$own/tmp_check/log
        PG_REGRESS=$pgxs/src/test/regress/pg_regress TEMP_CONFIG=$folder/temp.conf PG_TEST_TIMEOUT_DEFAULT=120
        BASTION_SOURCE=$copy TMPDIR=/tmp ${BASTION_SEED:+BASTION_SEED=$BASTION_SEED} ${BASTION_LONG:+BASTION_LONG=1} ${RACES_ONLY:+RACES_ONLY=$RACES_ONLY}" \
        as_server prove --verbose -I "$pgxs/src/test/perl" -I "$copy/test/tap/lib" "$1" >"$own/log" 2>&1
}

# Each script prints TAP, and reports what it cannot test without npm. FRONTDOOR_ONLY names scripts.
# run_front_doors FOLDER [PRELOAD]: adds to the log and the status of its layer.
run_front_doors() {
    local script
    fresh_cluster "${2:-}"
    create_database frontdoor >/dev/null
    for script in "$1"/*.sh; do
        [[ " ${FRONTDOOR_ONLY:-$(basename "$script" .sh)} " == *" $(basename "$script" .sh) "* ]] || continue
        PGDATABASE=frontdoor bash "$script" "$state/npm" >>"$log" 2>&1 || status=$?
    done
}

layer_frontdoor() {
    local log=$1 status=0 script
    built
    compgen -G "$copy/test/frontdoor/*.sh" >/dev/null || { count 0 0 0; return; }
    : >"$log"
    run_front_doors "$copy/test/frontdoor"
    run_front_doors "$copy/test/frontdoor/preloaded" pg_bastion
    grep '^!!!' "$log" || true
    count_tap "$status" "$log"
}

layer_fuzz_replay() {
    local log=$1 target name p=0 f=0
    grep -qs BASTION_FUZZ "$copy/CMakeLists.txt" || { count 0 0 0; return; }
    fuzz_build "$copy" "$state/fuzz" >"$log" 2>&1 || { grep -E -A6 'error' "$log" | head -40; count 0 1 0; return; }
    for target in $(fuzz_targets "$state/fuzz"); do
        name=$(basename "$target")
        if fuzz_replay "$target" "$copy" >>"$log" 2>&1; then
            p=$((p + 1))
        else
            f=$((f + 1))
            say "   $name failed:"
            tail -15 "$log"
        fi
    done
    count "$p" "$f" 0
}

# Calls with a fixed seed, and with a new one in a server that preloads the library; then holes that must be found. FUZZ_CALLS
# is the number of calls.
layer_fuzz_functions() {
    local log=$1 p=0 f=0
    local calls=${FUZZ_CALLS:-5000} seed=$((RANDOM * 32768 + RANDOM))
    built
    [ -d "$copy/test/functions" ] || { count 0 0 0; return; }
    make -C "$copy/test/functions" -j"$(nproc)" OUT="$state/functions" >"$log" 2>&1 || { grep -A6 error "$log" | head -60; count 0 1 0; return; }
    local fuzzer=("$state/functions/function_fuzz" --folder "$copy/test/functions" --log "$work/cluster/log")
    fresh_cluster
    run_tester function_fuzz "--seed 1 --calls $((calls / 2))" "${fuzzer[@]}"
    run_tester function_fuzz "--seed 1 --calls 12000 --plant-hole all --no-shrink" "${fuzzer[@]}"
    fresh_cluster pg_bastion
    run_tester function_fuzz "--seed $seed --calls $((calls / 2))" "${fuzzer[@]}"
    count "$p" "$f" 0
}

layer_sqlsmith() {
    local log=$1 status=0
    built
    fresh_cluster pg_bastion
    create_database sqlsmith >/dev/null
    bash "$copy/test/sqlsmith/sqlsmith.sh" "$work/sqlsmith" >"$log" 2>&1 || status=$?
    count_tap "$status" "$log"
}

# run_tester NAME OPTIONS COMMAND...: runs a tester with the options, a text, behind its command; adds to the p and f of its layer.
run_tester() {
    local run="$1 $2" options=$2
    shift 2
    # shellcheck disable=SC2086 # a list of options
    if "$@" --jobs "$(nproc)" $options >"$work/tester.run" 2>&1; then
        p=$((p + 1))
        say "   $run: passed"
    else
        f=$((f + 1))
        say "   $run:"
        cut -c1-1000 "$work/tester.run"
    fi
    cat "$work/tester.run" >>"$log"
}

# A fixed seed and a new one, half of the operations each, and of those of the new one half with PostgreSQL's own plans; then holes that
# must be found. MODEL_OPS is the number of operations.
layer_model() {
    local log=$1 p=0 f=0 hole run
    local ops=${MODEL_OPS:-200000} seed=$((RANDOM * 32768 + RANDOM))
    local runs=("--seed 1 --ops $((ops / 2))" "--seed $seed --ops $((ops / 4))"
        "--seed 1 --ops 20000 --plant-hole policy" "--seed 1 --ops 20000 --plant-hole check"
        "--seed 2 --ops 20000 --plant-hole acl"
        "--seed 1 --ops 20000 --plant-hole closure --no-shrink" "--seed 1 --ops 20000 --plant-hole ancestors --no-shrink")
    local passing=("--seed $seed --steps $((ops / 20))")
    for hole in time overlap level key place gains denies lift invitation; do
        passing+=("--seed 1 --steps 30000 --plant-hole $hole --no-shrink")
    done
    built
    [ -d "$copy/test/model" ] || { count 0 0 0; return; }
    make -C "$copy/test/model" -j"$(nproc)" OUT="$state/model" >"$log" 2>&1 || { grep -A6 error "$log" | head -60; count 0 1 0; return; }
    fresh_cluster
    for run in "${runs[@]}"; do
        run_tester model_test "$run" "$state/model/model_test" --setup "$copy/test/model/setup.sql"
    done
    PGOPTIONS=$own_plans_off run_tester "model_test with PostgreSQL's own plans" "--seed $seed --ops $((ops / 4))" "$state/model/model_test" \
        --setup "$copy/test/model/setup.sql"
    for run in "${passing[@]}"; do
        run_tester passing_test "$run" "$state/model/passing_test" --setup "$copy/test/model/passing/passing_setup.sql"
    done
    count "$p" "$f" 0
}

# The databases of test/rights/matrix.pl, beside each other. RIGHTS_ONLY, a regular expression, picks runs by
# "function × caller × owner × state"; the closing lines tell the counts.
layer_rights() {
    local log=$1 status=0 world worlds=(ddl mig super ours)
    built
    [ -d "$copy/test/rights" ] || { count 0 0 0; return; }
    : >"$log"
    fresh_cluster pg_bastion
    psql -qX -v ON_ERROR_STOP=1 -d postgres -f "$copy/test/rights/roles.sql"
    export copy work RIGHTS_ONLY=${RIGHTS_ONLY:-}
    printf '%s\n' "${worlds[@]}" | xargs -P"$(nproc)" -I{} sh -c \
        'perl "$copy/test/rights/matrix.pl" {} --only "$RIGHTS_ONLY" >"$work/rights.{}" 2>&1' || status=$?
    for world in "${worlds[@]}"; do
        cat "$work/rights.$world" >>"$log"
        say "   $world: $(tail -1 "$work/rights.$world")"
    done
    count_tap "$status" "$log"
}

layer_demo() {
    local log=$1
    built
    if BASTION_BUILT=$copy:$dest "$checkout/tools/demo" >"$log" 2>&1; then
        count 1 0 0
    else
        tail -30 "$log"
        count 0 1 0
    fi
}

# pg_regress in a server with the sanitizers, and with the assertions of the extension compiled in. Reports go to the server's log.
layer_asan() {
    local log=$1 status=0 asan=$state/asan p f s
    compgen -G "$copy/sql/*.sql" >/dev/null || { count 0 0 0; return; }
    copy_checkout "$asan/build"
    local options="-fsanitize=address,undefined -fno-omit-frame-pointer -O1 $debug_info -DUSE_ASSERT_CHECKING -DBASTION_EAGER_INVALIDATION"
    build_and_install "$asan/build" "$asan/dest" COPT="$options"
    make -C "$asan/build" test-module COPT="$options" >"$log" 2>&1
    # The server's own start-up calls a library before the sanitizer is ready, unless something allocates earlier still.
    gcc -shared -fPIC -Wl,-z,initfirst -o "$asan/early.so" -xc - <<'EARLY'
#include <stdlib.h>
static void *volatile block;
__attribute__((constructor)) static void allocate(void) { block = malloc(1); free(block); }
EARLY
    end_clusters
    SERVER_ENV="LD_PRELOAD=$(readlink -f "$(gcc -print-file-name=libasan.so)"):$asan/early.so
        ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1"
    cluster_create "$work/cluster" "$asan/dest" "$asan/build"
    cluster_start "$work/cluster"
    cluster_environment "$work/cluster"
    make -C "$asan/build" installcheck ISOLATION= >>"$log" 2>&1 || status=$?
    count_regress "$status" "$log" "$asan/build/regression.diffs"
    read -r p f s <"$counts"
    if stress_caches "$asan/build/test/stress" >>"$log" 2>&1; then
        p=$((p + 1))
    else
        f=$((f + 1))
        grep -E '^pgbench: error|ERROR' "$log" | tail -20
    fi
    # Not as the condition itself: head ends before grep when there is much, and the pipe then fails.
    grep -E -A20 'Sanitizer|runtime error|^TRAP' "$work/cluster/log" | head -60 >"$work/asan.reports" || true
    if [ -s "$work/asan.reports" ]; then
        cat "$work/asan.reports"
        f=$((f + 1))
    else
        p=$((p + 1))
    fi
    # Proves that faults are reported. The server recovers after each.
    plant_misbehaviour overflow 'heap-buffer-overflow' 'integer' 8
    plant_misbehaviour nested_phase 'TRAP.*in_phase_b' '' ''
    count "$p" "$f" "$s"
}

# stress_caches FOLDER: what reads the caches, in four sessions beside one that changes the rows behind them. Messages arrive at each
# call in which the server may accept them. First those of the catalogues too, in one session.
stress_caches() {
    cluster_stop "$work/cluster"
    SERVER_ENV+=" BASTION_EAGER_INVALIDATION=catalogues" cluster_start "$work/cluster"
    psql -qX -d postgres -c 'CREATE DATABASE stress' && psql -qX -d stress -f "$1/setup.sql" -f "$1/catalogues.sql" &&
        pgbench -n -t 1 -f "$1/seal.pgbench" -f "$1/tokens.pgbench" -f "$1/changes.pgbench" stress || return
    cluster_stop "$work/cluster"
    SERVER_ENV+=" BASTION_EAGER_INVALIDATION=1" cluster_start "$work/cluster"
    pgbench -n -c 5 -T 20 -f "$1/seal.pgbench" -f "$1/tokens.pgbench" -f "$1/changes.pgbench" stress
}

# plant_misbehaviour NAME REPORT TYPES ARGUMENTS: calls a function of the test module, which must be reported; adds to p and f.
plant_misbehaviour() {
    # A report before may have taken the server down, which then recovers.
    timeout 60 bash -c 'until pg_isready -q; do sleep 0.1; done' || true
    psql -qX -d postgres -c "CREATE FUNCTION $1($3) RETURNS integer LANGUAGE c AS 'overflow_test', 'bastion_test_$1'" \
        -c "SELECT $1($4)" >>"$log" 2>&1 || true
    if grep -q "$2" "$work/cluster/log"; then
        p=$((p + 1))
    else
        f=$((f + 1))
        say "   a planted $1 was not reported"
    fi
}

# A tenth of the planted faults. The other layers show that the tests pass without them. The sources of the copy are those of the
# checkout again afterwards.
layer_mutate() {
    local log=$1 status=0 long=${BASTION_LONG:-} seed=${BASTION_SEED:-$(date +%Y%m%d)} all_pass=1 faults logs=$work/mutate faults_of=$copy/test/mutants
    local names=()
    [ -d "$faults_of" ] || { count 0 0 0; return; }
    mkdir -p "$logs"
    faults=$(chosen_faults)
    end_clusters
    prepare "$(for fault in $faults; do test_of "$fault"; done | cut -d' ' -f1 | sort -u | paste -sd' ')"
    run_faults >"$log" || status=$?
    count_tap "$status" "$log"
}
