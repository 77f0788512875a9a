# The faults of tools/mutate. Sourced after common.sh, cluster.sh, fuzz.sh and layers.sh. $copy, $dest, $work and $state are those
# of layers.sh, $logs the folder for the output of each fault's test.

# A test that takes longer hangs, which is noticed. Files of the layer tap run servers of their own, and take longer beside other work.
longest_test=240
longest_tap=900
# A fault may leave a function or an argument unused. Without debugging information, a third of the time is saved.
fault_flags="-g0 -w"

# The patches of the checkout, then those of the copy.
faults_of=$checkout/test/mutants

all_faults() { (cd "$faults_of" && printf '%s\n' */*.patch) | sed 's/\.patch$//'; }
patch_of() { echo "$faults_of/$1.patch"; }
test_of() { sed -n '1,/^---/s/^Test: //p' "$(patch_of "$1")"; }
source_of() { sed -n 's|^+++ b/src/||p; /^+++/q' "$(patch_of "$1")"; }
room_of() { dirname "$(source_of "$1")"; }

# The faults that no test notices, which docs/TESTING.md lists with the reason.
survivors() { sed -nE '/^## Survivors/,$ s/^\| `(.*)` \|.*/\1/p' "$checkout/docs/TESTING.md"; }
survives() { grep -qxF "$1" <<<"$(survivors)"; }

# Those that the command line names; else all, or the tenth that the seed chooses of the quick ones: no survivors, no servers.
chosen_faults() {
    local fault room wanted=" ${names[*]} "
    if [ ${#names[@]} -gt 0 ]; then
        for fault in $(all_faults); do
            room=$(room_of "$fault")
            [[ $wanted != *" $fault "* && $wanted != *" $room "* && $wanted != *" ${fault%%/*} "* ]] || echo "$fault"
        done
    elif [ -n "$long" ]; then
        all_faults
    else
        all_faults | grep -vxF "$(survivors)" | while read -r fault; do [[ $(test_of "$fault") = tap* ]] || echo "$(cksum <<<"$seed $fault" | cut -d' ' -f1) $fault"; done |
            sort -n | awk '{ name[NR] = $2 } END { for (i = 1; i <= (NR + 9) / 10; i++) print name[i] }' | sort
    fi
}

# Those of one source after each other, so that taking one out and planting the next compiles it once.
by_source() {
    local fault
    for fault in $faults; do
        echo "$(source_of "$fault") $fault"
    done | sort | cut -d' ' -f2
}

# What is wrong with the faults as files: tools/mutate --check.
fault_problems() {
    local fault line head test unit_tests
    unit_tests=$(sed -nE 's/^TEST(_[FP])?\((\w+), *(\w+)\).*/\2.\3/p' "$checkout"/test/unit/*/*_test.cpp)
    for fault in $(all_faults); do
        head='' test=''
        while read -r line; do
            case $line in
                'Fault: '?*) head+=Fault ;;
                'Test: '?*) head+=Test test=${line#Test: } ;;
                ---*) break ;;
                *) head+=other ;;
            esac
        done <"$(patch_of "$fault")"
        [ "$head" = FaultTest ] || echo "$fault: the head of the patch must be a line Fault and a line Test"
        patch -d "$checkout" -p1 -sf -F0 --dry-run <"$(patch_of "$fault")" >/dev/null 2>&1 || echo "$fault: the patch does not apply"
        test_exists "$test" || echo "$fault: there is no test $test"
    done
    for fault in $(survivors); do
        [ -e "$(patch_of "$fault")" ] || echo "$fault: docs/TESTING.md lists a fault that does not exist"
    done
}

# The table of docs/TESTING.md.
count_faults() {
    local fault held listed
    listed=$(survivors)
    printf '%s\n' '| room | noticed | faults |' '|---|---|---|'
    for fault in $(all_faults); do
        held=1
        ! grep -qxF "$fault" <<<"$listed" || held=0
        echo "$(room_of "$fault") $held"
    done | sort | awk '{ faults[$1]++; noticed[$1] += $2; held += $2; if (faults[$1] == 1) rooms[++n] = $1 }
        END { for (i = 1; i <= n; i++) printf "| `%s` | %d | %d |\n", rooms[i], noticed[rooms[i]], faults[rooms[i]]
              printf "| all | %d | %d |\n", held, NR }'
}

test_exists() {
    local layer names
    read -r layer names <<<"$1"
    [ -n "$names" ] || return 1
    case $layer in
        unit) unit_test_exists "$names" ;;
        regress) files_exist "$names" sql .sql ;;
        isolation) files_exist "$names" test/isolation/specs .spec ;;
        tap) files_exist "$names" test/tap/t .pl ;;
        pgtap) files_exist "$names" test/pgtap .pg ;;
        *) return 1 ;;
    esac
}

files_exist() {
    local name
    for name in $1; do
        [ -e "$checkout/$2/$name$3" ] || return 1
    done
}

# Whether each pattern of a filter of GoogleTest finds one of $unit_tests.
unit_test_exists() {
    local pattern
    for pattern in ${1//:/ }; do
        pattern=${pattern//./\\.}
        grep -qxE "${pattern//\*/.*}" <<<"$unit_tests" || return 1
    done
}

# Builds without a fault, and makes the clusters that are copied for each test: an empty one for changed SQL, else one with the
# databases of the layers.
prepare() {
    local begin=$SECONDS layer
    [[ " $1 " != *" unit "* ]] || cmake -S "$copy" -B "$state/unit" -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O1 $fault_flags" >"$logs/build" 2>&1
    for layer in $1; do
        build_for "$layer" >>"$logs/build" 2>&1 || { grep -E -A6 'error' "$logs/build" | head -40; die "the build failed"; }
    done
    if [[ " $1 " =~ ' '(regress|isolation|pgtap)' ' ]]; then
        cluster_create "$work/cluster" "$dest" "$copy"
        keep_cluster empty
        cluster_environment "$work/cluster"
        cluster_start "$work/cluster"
        for layer in $1; do
            [[ ! $layer =~ ^(regress|isolation|pgtap)$ ]] || database_of "$layer"
        done >"$logs/databases" 2>&1
        [[ " $1 " != *" regress "* ]] || pg_regress setup >>"$logs/databases" 2>&1 || { tail -20 "$logs/databases"; die "sql/setup.sql failed"; }
        cluster_stop "$work/cluster"
        keep_cluster prepared
    fi
    say "# built in $((SECONDS - begin)) s"
}

# Builds and installs what the tests of a layer need. Installs itself, because a second make takes as long as a small compilation.
build_for() {
    local library scripts
    library=$dest$("$PG_CONFIG" --pkglibdir)
    scripts=$dest$("$PG_CONFIG" --sharedir)/extension
    if [ "$1" = unit ]; then
        cmake --build "$state/unit" -j"$(nproc)" --target unit_tests
    else
        make -C "$copy" -j"$(nproc)" COPT="$fault_flags" all test-module &&
            install -D -t "$library" "$copy/pg_bastion.so" &&
            install -D -m 644 -t "$scripts" "$copy"/pg_bastion--*.sql "$copy/pg_bastion.control"
    fi
}

keep_cluster() {
    rm -rf "${work:?}/$1"
    cp -a "$work/cluster" "$work/$1"
}

# A running copy of a cluster that was kept.
take_cluster() {
    end_clusters
    cp -a "$work/$1" "$work/cluster"
    cluster_start "$work/cluster"
    cluster_environment "$work/cluster"
}

# The database of a layer, with the extension.
database_of() {
    local name=isolation_regression
    case $1 in
        regress) name=contrib_regression_pg_bastion ;;
        pgtap) name=pgtap ;;
    esac
    create_database "$name" -T template0 -E UTF8 --locale=C || return 1
    [ "$1" != pgtap ] || psql -qX -v ON_ERROR_STOP=1 -d "$name" -c 'CREATE EXTENSION pgtap'
}

pg_regress() {
    timeout $longest_test "$(dirname "$("$PG_CONFIG" --pgxs)")/../test/regress/pg_regress" --inputdir="$copy" --outputdir="$work/output" \
        --bindir="$(bindir)" --use-existing --dbname=contrib_regression_pg_bastion "$@"
}

# run_test LAYER NAME...: succeeds when the tests do. The cluster runs already.
run_test() {
    local layer=$1
    shift
    case $layer in
        unit) BASTION_SOURCE=$copy BASTION_VECTORS=${BASTION_VECTORS:-$checkout/../shared/vectors} timeout $longest_test "$state/unit/unit_tests" --gtest_filter="$1" ;;
        regress) pg_regress "$@" ;;
        isolation)
            timeout $longest_test "$(dirname "$("$PG_CONFIG" --pgxs)")/../test/isolation/pg_isolation_regress" --inputdir="$copy/test/isolation" \
                --outputdir="$work/output" --bindir="$(bindir)" --use-existing --dbname=isolation_regression "$@"
            ;;
        pgtap) BASTION_SOURCE=$copy timeout $longest_test pg_prove -d pgtap "${@/#/$copy/test/pgtap/}" ;;
        tap) run_tap "$@" ;;
    esac
}

run_tap() {
    local name status=0
    prepare_tap "${@/#/$copy/test/tap/t/}"
    for name in "$@"; do
        timeout $longest_tap bash -c 'run_tap_file "$1"' run "$copy/test/tap/t/$name.pl" 9<&- || status=$?
        cat "$work/tap/$name/log"
    done
    return $status
}

# Takes the planted fault out, which may be one of a run that was killed.
uproot() {
    [ -e "$state/planted" ] || return 0
    # If it can be planted, the other run had taken it out before it ended.
    patch -d "$copy" -p1 -sf -F0 --dry-run <"$state/planted" >/dev/null 2>&1 || patch -d "$copy" -p1 -sfR -F0 <"$state/planted"
    rm "$state/planted"
}

plant() {
    patch -d "$copy" -p1 -sf -F0 --dry-run <"$(patch_of "$1")" >/dev/null || return 1
    cp "$(patch_of "$1")" "$state/planted"
    patch -d "$copy" -p1 -sf -F0 <"$state/planted"
}

# Runs the test of a fault in the state that it needs; 2 when the changed SQL cannot be installed.
run_test_of() {
    local fault=$1 layer
    local -a words
    read -ra words <<<"$(test_of "$fault")"
    layer=${words[0]}
    case $layer in
        unit | tap) ;;
        *)
            if [[ $fault == sql/* ]]; then
                take_cluster empty
                database_of "$layer" || return 2
                [ "$layer" != regress ] || words=(regress setup "${words[@]:1}")
            else
                take_cluster prepared
            fi
            ;;
    esac
    run_test "${words[@]}" || return 1
}

# Whether the test of a fault passes without it: one that fails anyway notices nothing. Keeps the tests that passed with this
# source.
test_passes() {
    local sum log=$logs/without.${1//\//.}
    sum=$(sha256sum <"$copy.sums")
    [ "$(head -1 "$state/passing" 2>/dev/null)" = "$sum" ] || echo "$sum" >"$state/passing"
    ! grep -qxF "$(test_of "$1")" "$state/passing" || return 0
    build_for "$(test_of "$1" | cut -d' ' -f1)" >"$log" 2>&1 && run_test_of "$1" >"$log" 2>&1 || return 1
    test_of "$1" >>"$state/passing"
}

# judge FAULT: what its test says about it, and 0 when it is noticed.
judge() {
    local fault=$1 log status=0
    log=$logs/${fault//\//.}
    [ -n "${all_pass:-}" ] || test_passes "$fault" || { echo "cannot be noticed by $(test_of "$fault"), which fails without it: $logs"; return 1; }
    plant "$fault" || { echo "does not apply"; return 1; }
    if ! build_for "$(test_of "$fault" | cut -d' ' -f1)" >"$log" 2>&1; then
        echo "does not compile: $log"
        return 1
    fi
    run_test_of "$fault" >"$log" 2>&1 || status=$?
    case $status in
        0) echo "survived $(test_of "$fault")"; return 1 ;;
        2) echo "cannot be installed: $log"; return 1 ;;
        *) echo "noticed by $(test_of "$fault")" ;;
    esac
}

run_faults() {
    local fault result verdict number=0 noticed=0 missed=0 begin=$SECONDS start
    : >"$work/score"
    for fault in $(by_source); do
        start=$SECONDS number=$((number + 1)) verdict=ok
        result=$(judge "$fault") || verdict='not ok'
        uproot
        ! survives "$fault" || result+=" # TODO docs/TESTING.md says why it survives"
        say "$verdict $number - $fault $result ($((SECONDS - start)) s)"
        echo "$(room_of "$fault") $verdict" >>"$work/score"
        [ "$verdict" = ok ] || survives "$fault" || missed=$((missed + 1))
        [ "$verdict" != ok ] || noticed=$((noticed + 1))
    done
    say "1..$number"
    awk '{ all[$1]++; noticed[$1] += $2 == "ok" } END { for (room in all) printf "# %s %d of %d\n", room, noticed[room], all[room] }' "$work/score" | sort
    say "# noticed $noticed of $number in $((SECONDS - begin)) s"
    [ "$missed" = 0 ]
}
