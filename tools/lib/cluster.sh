# Throwaway clusters: initdb and a server as a non-root user, a socket in the cluster's folder and no TCP, the extension
# from a private folder instead of the system's. Sourced after common.sh. A cluster is a folder with data/, log and the
# socket; the folder belongs to the server's user, because the root key is written beside data/.

bindir() { "$PG_CONFIG" --bindir; }

server_user() {
    if [ "$(id -u)" = 0 ]; then echo postgres; else id -un; fi
}

# Runs a command as the server's user, in a clean environment; SERVER_ENV adds assignments to it.
as_server() {
    local command=(env -i PATH=/usr/bin:/bin LC_ALL=C.UTF-8)
    # shellcheck disable=SC2206 # a list of assignments
    command+=(${SERVER_ENV:-} "$@")
    if [ "$(id -u)" = 0 ]; then
        (cd / && runuser -u "$(server_user)" -- "${command[@]}" 9<&-)
    else
        (cd / && "${command[@]}" 9<&-)
    fi
}

# The settings that let a server find the extension below $1 and the test modules in the built copy $2.
path_settings() {
    local dest=$1 copy=$2
    echo "dynamic_library_path = '$dest$("$PG_CONFIG" --pkglibdir):$copy/test/module:\$libdir'"
    if [ "$major" -ge 18 ]; then
        echo "extension_control_path = '$dest$("$PG_CONFIG" --sharedir):\$system'"
    else
        echo "extension_destdir = '$dest'" # a setting of Debian's builds
    fi
    echo "bastion.refused_login_duration = 0" # tests refuse many
    echo "bastion.password_min_length = 8" # whose passwords are short
    echo "bastion.token_leeway = 0" # and wait for the end of tokens
}

# cluster_create FOLDER DEST COPY: BASTION_CONF adds lines to postgresql.conf.
cluster_create() {
    local folder=$1
    mkdir -p "$folder"
    [ "${#folder}" -le 90 ] || die "$folder is too long for a socket's path; set BASTION_SCRATCH to a shorter one"
    [ "$(id -u)" != 0 ] || chown "$(server_user)" "$folder"
    as_server "$(bindir)/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N >"$folder/initdb.log" 2>&1 ||
        { cat "$folder/initdb.log" >&2; die "initdb failed"; }
    cat >>"$folder/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$folder'
fsync = off
log_line_prefix = '%m [%p] %q%u@%d '
include_if_exists = 'tools.conf'
${BASTION_CONF:-}
CONF
    cluster_configure "$@"
}

# cluster_configure FOLDER DEST COPY [PRELOAD]: the settings that may change from one start to the next.
cluster_configure() {
    local folder=$1 dest=$2 copy=$3 preload=${4:-}
    { path_settings "$dest" "$copy"; [ -z "$preload" ] || echo "shared_preload_libraries = '$preload'"; } >"$folder/data/tools.conf"
    [ "$(id -u)" != 0 ] || chown "$(server_user)" "$folder/data/tools.conf"
}

cluster_running() {
    [ -s "$1/data/postmaster.pid" ] && as_server "$(bindir)/pg_ctl" -D "$1/data" status >/dev/null 2>&1
}

cluster_start() {
    as_server "$(bindir)/pg_ctl" -D "$1/data" -l "$1/log" -w -t 60 start >/dev/null ||
        { tail -20 "$1/log" >&2; die "the server did not start"; }
}

cluster_stop() {
    ! cluster_running "$1" || as_server "$(bindir)/pg_ctl" -D "$1/data" -m "${2:-fast}" -w stop >/dev/null
}

# Clients reach the cluster through these, independent of the caller's environment.
cluster_environment() {
    unset PGSERVICE PGHOSTADDR PGOPTIONS PGPASSWORD PGSSLMODE PGDATABASE
    export PGHOST=$1 PGPORT=5432 PGUSER=postgres PATH="$(bindir):$PATH"
}
