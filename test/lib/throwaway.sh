# test/lib/throwaway.sh: private clusters that leave nothing behind (sourced by bash scripts)
#
# throwaway_begin makes a working directory with a short name (a socket's path
# must fit into 107 bytes) and decides who runs the servers: PostgreSQL refuses
# root, so root hands over to an unprivileged user.  Whatever ends the script,
# the clusters under that directory are stopped, by pid, and the directory goes.

PG_CONFIG=${PG_CONFIG:-pg_config}

die()
{
    echo "$(basename "$0"): $*" >&2
    exit 1
}

throwaway_begin()
{
    bindir=$("$PG_CONFIG" --bindir) || die "cannot run $PG_CONFIG"
    pgxs_root=$(dirname "$(dirname "$("$PG_CONFIG" --pgxs)")")/..
    work=$(mktemp -d "${DBM_TMP:-/tmp}/dbm.XXXXXX") || exit 1
    as_user=(env)
    if [ "$(id -u)" = 0 ]; then
        user=nobody
        id postgres >/dev/null 2>&1 && user=postgres
        as_user=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups
            env --chdir=/ "HOME=$work" "USER=$user" "LOGNAME=$user")
        chown "$user" "$work"
    fi
    # settings of the person who runs this must not reach the servers and clients
    local name
    for name in "${!PG@}"; do
        [ "$name" = PG_CONFIG ] || unset "$name"
    done
    export PGUSER=postgres PG_CONFIG LC_ALL=C
    "${as_user[@]}" test -x "$bindir/postgres" || die "user ${user:-$USER} cannot run $bindir/postgres"
    trap throwaway_end EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# throwaway_keep: the working directory and its clusters stay after the script
throwaway_keep()
{
    trap - EXIT
}

throwaway_end()
{
    local pidfile job
    trap - EXIT
    for job in $(jobs -p); do
        kill_tree "$job"
    done
    find "$work" -name postmaster.pid 2>/dev/null | while read -r pidfile; do
        cluster_stop_data "$(dirname "$pidfile")"
    done
    mountpoint -q "$work/small" 2>/dev/null && umount "$work/small"
    rm -rf "$work"
}

# kill_tree PID: a process of ours and all its children
kill_tree()
{
    local child
    for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
        kill_tree "$child"
    done
    kill -TERM "$1" 2>/dev/null
}

# cluster_start NAME [line of configuration ...]: socket directory is $work/NAME
cluster_start()
{
    local home=$work/$1 data=$work/$1/data line
    shift
    "${as_user[@]}" mkdir -p "$home"
    "${as_user[@]}" "$bindir/initdb" --auth=trust --username=postgres --no-sync \
        --encoding=UTF8 --locale=C.UTF-8 --pgdata="$data" >"$home/initdb.log" ||
        die "initdb failed: $(cat "$home/initdb.log")"
    for line in "listen_addresses = ''" "unix_socket_directories = '$home'" "port = 5432" \
        "unix_socket_permissions = 0700" "logging_collector = off" "$@"; do
        printf '%s\n' "$line"
    done | "${as_user[@]}" tee -a "$data/postgresql.conf" >/dev/null
    # DBM_POSTGRES: a program to start in the place of postgres (valgrind)
    "${as_user[@]}" "$bindir/pg_ctl" --silent --wait --timeout=300 --pgdata="$data" --log="$home/log" \
        ${DBM_POSTGRES:+-p "$DBM_POSTGRES"} start >/dev/null ||
        die "cluster did not start: $(tail -n 20 "$home/log")"
}

cluster_stop()
{
    cluster_stop_data "$work/$1/data"
}

cluster_stop_data()
{
    "${as_user[@]}" "$bindir/pg_ctl" --silent --wait --pgdata="$1" --mode=immediate stop >/dev/null 2>&1
}

# tier_conf TIER: the line of configuration that loads the library
tier_conf()
{
    case $1 in
        events) echo "# no library preloaded" ;;
        session) echo "session_preload_libraries = 'dbmaestro'" ;;
        server) echo "shared_preload_libraries = 'dbmaestro'" ;;
        *) die "no such tier: $1" ;;
    esac
}
