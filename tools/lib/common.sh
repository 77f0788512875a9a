# Shared by all tools: paths, missing packages, a copy of the checkout to build in. Sourced by the scripts in tools/,
# never run. The checkout is only read; all output lies below the scratch folder, in a folder whose name comes from the
# checkout's path, so that several checkouts can be used at the same time.

set -euo pipefail
umask 022
export LC_ALL=C.UTF-8

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
scratch=${BASTION_SCRATCH:-/var/tmp}
state=$scratch/pg_bastion-$(printf '%s' "$checkout" | sha256sum | cut -c1-12)

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

usage() {
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
}

# PostgreSQL's major version: the one that the distribution brings, unless PG_CONFIG or BASTION_PG say otherwise.
default_major() {
    local codename=
    [ ! -r /etc/os-release ] || codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    case $codename in
        trixie) echo 17 ;;
        forky | sid) echo 18 ;;
        *) echo 15 ;;
    esac
}
if [ -n "${PG_CONFIG:-}" ]; then
    major=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
else
    major=${BASTION_PG:-$(default_major)}
    PG_CONFIG=/usr/lib/postgresql/$major/bin/pg_config
fi
export PG_CONFIG

# The Debian packages for building and for each kind of test.
core_packages="g++ make libsodium-dev libssl-dev libcrypt-dev nettle-dev libqrencode-dev libutf8proc-dev libsimdjson-dev"
build_packages() {
    echo "$core_packages postgresql-$1 postgresql-server-dev-$1 libkrb5-dev"
}
pgtap_packages() {
    echo "postgresql-$1-pgtap libtap-parser-sourcehandler-pgtap-perl"
}
unit_packages="cmake pkg-config libgtest-dev libbenchmark-dev zbar-tools librsvg2-bin"
fuzz_packages="cmake clang"
lint_packages="clang-format"
tap_packages() { echo "libipc-run-perl"; [ -n "${BASTION_CHROOT:-}" ] || echo "pgbouncer pgpool2 postgresql-$1-hypopg python3-cryptography golang-go golang-golang-x-mod-dev"; }
frontdoor_packages="chromium zbar-tools default-jdk-headless golang-go golang-github-jackc-pgx-v4-dev libhikaricp-java libpostgresql-jdbc-java nginx-light python3-cryptography python3-psycopg python3-psycopg-pool python3-psycopg2 python3-sqlalchemy python3-alembic python3-asyncpg python3-django python3-jsonschema prometheus prometheus-postgres-exporter"

# Prints those of the named Debian packages that are not installed.
missing_packages() {
    local package
    command -v dpkg-query >/dev/null || return 0
    for package in "$@"; do
        case $(dpkg-query -W -f '${db:Status-Status} ' "$package" 2>/dev/null) in
            installed\ ) ;;
            *) printf '%s ' "$package" ;;
        esac
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_be_root() {
    [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }
}

# Prints in one line the missing packages and how to install them, and exits.
require_packages() {
    local missing
    missing=$(missing_packages "$@")
    [ -z "$missing" ] || die "missing packages; as root: apt-get install --no-install-recommends $missing"
}

# Installs what is missing, with root or sudo.
install_packages() {
    local missing log
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    can_be_root || require_packages "$@"
    say "installing $missing"
    mkdir -p "$scratch"
    log=$(mktemp "$scratch/pg_bastion-apt.XXXXXX")
    # postgresql-common would otherwise create and start a cluster of its own.
    as_root mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
        echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
    # Two runs at the same time would find apt locked by each other.
    exec 8>"${TMPDIR:-/tmp}/pg_bastion-apt.lock"
    flock 8
    # shellcheck disable=SC2086 # a list of names
    if ! { as_root apt-get update && as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
        tail -15 "$log" >&2
        rm -f "$log"
        die "cannot install $missing"
    fi
    exec 8>&-
    rm -f "$log"
}

# Holds a folder's lock until the process ends, on descriptor 9, which servers must not inherit. Another process may
# have removed the folder while this one waited.
lock_folder() {
    local inode
    while true; do
        mkdir -p "$1"
        inode=$(stat -c %i "$1") || continue
        exec 9<"$1" || continue
        flock 9
        [ "$inode" != "$(stat -c %i "$1" 2>/dev/null)" ] || return 0
    done
}

# Brings a copy of the checkout up to date: only changed files are written, and are then new to make, even when they were
# edited while an older copy was being compiled. Checksums of the previous copy identify changed files.
copy_checkout() {
    local copy=$1 sums=$1.sums status=0
    [ -d "$copy" ] || rm -f "$sums"
    mkdir -p "$copy"
    touch "$sums"
    (cd "$checkout" && find . \( -name .git -o -path ./build -o -path ./results -o -path ./output_iso \
        -o -path './tmp_check*' -o -path ./log \) -prune -o -type f ! -name '*.o' ! -name '*.so' ! -name '*.bc' ! -name '*.gch' \
        ! -name '*.d' ! -path './pg_bastion--*.sql' -print0 | sort -z | xargs -0 sha256sum 2>/dev/null || true) >"$sums.new"
    # A library keeps the code of a deleted file.
    awk 'FILENAME == ARGV[1] { kept[substr($0, 67)]; next } !(substr($0, 67) in kept) { print substr($0, 67) }' \
        "$sums.new" "$sums" | (cd "$copy" && tr '\n' '\0' | xargs -0r rm -f pg_bastion.so)
    awk 'FILENAME == ARGV[1] { same[$0]; next } !($0 in same) { print substr($0, 67) }' "$sums" "$sums.new" |
        tar -C "$checkout" -T - -cf - | tar -C "$copy" --no-same-owner --touch -xf - || status=$?
    [ "$status" -le 1 ] || die "cannot copy $checkout to $copy"
    mv "$sums.new" "$sums"
}

# Builds a copy of the checkout and installs it below a folder of its own: build_and_install COPY DEST [make options]
build_and_install() {
    local copy=$1 dest=$2 log=$1.log
    shift 2
    if ! { make -C "$copy" -j"$(nproc)" "$@" && rm -rf "$dest" && make -C "$copy" install DESTDIR="$dest" "$@"; } >"$log" 2>&1; then
        { grep -E -A6 'error:|not listed|undefined reference' "$log" || tail -20 "$log"; } | head -60 >&2
        die "the build failed"
    fi
}
