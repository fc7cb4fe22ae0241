# test/bench/locks.sh: what a lock that cannot be had costs beyond the waiting; for test/bench/bench
#
# Somebody holds a table.  One psql session and one "dbmaestro deploy" ask for it in vain, so many
# times one after the other and without a pause; figures are milliseconds for each attempt beyond
# lock_timeout.  psql neither records an attempt nor finds out who was in the way.

lock_wait_ms=10

# lock_repository DIR: with one change that needs the table
lock_repository()
{
    mkdir -p "$1/migrations"
    printf '[project]\n\tname = bench\n[environment "dev"]\n\tconninfo = host=%s port=5432 dbname=locks user=postgres\n' \
        "$work/locks" >"$1/dbmaestro.conf"
    echo 'ALTER TABLE held ADD COLUMN more integer;' >"$1/migrations/20260101_000001_more.sql"
    git -C "$1" init -q -b main
    git -C "$1" add -A
    git -C "$1" -c user.name=Ada -c user.email=ada@example.org commit -q -m More
}

# lock_session COUNT: what psql is to do
lock_session()
{
    echo "SET lock_timeout = $lock_wait_ms;"
    yes 'ALTER TABLE held ADD COLUMN more integer;' | head -n "$1"
}

# lock_figure CONTESTANT STARTED COUNT: milliseconds for each attempt beyond the waiting
lock_figure()
{
    awk -v contestant="$1" -v ns=$(($(date +%s%N) - $2)) -v count="$3" -v wait=$lock_wait_ms \
        'BEGIN { printf "lock_timeout %s %.3f\n", contestant, ns / 1e6 / count - wait }'
}

bench_locks()
{
    local count=${DBM_BENCH_LOCKS:-1000} round started failures
    cluster_start locks "shared_preload_libraries = 'dbmaestro'"
    new_database locks locks
    sql locks locks "SELECT dbm_guard('observe')"
    sql locks locks "CREATE TABLE held (id integer)"
    sql locks locks "SELECT dbm_guard('enforce')"
    new_database locks locks_plain without
    sql locks locks_plain "CREATE TABLE held (id integer)"
    sql locks locks "SELECT dbm_configure('lock_timeout', '${lock_wait_ms}ms')"
    sql locks locks "SELECT dbm_configure('lock_retries', '$((count - 1))')"
    sql locks locks "SELECT dbm_configure('lock_retry_delay', 'off')"
    sql locks locks "SELECT dbm_configure('lock_retry_deadline', 'off')"
    lock_repository "$work/lock_repository"
    lock_session "$count" >"$work/lock_session.sql"
    coproc holder { "$bindir/psql" -X -q -A -t -h "$work/locks" -d locks 2>&1; }
    echo "BEGIN; LOCK TABLE held;" >&"${holder[1]}"
    # the same table of the other database, by a session of its own that the first one starts
    echo "\\! (echo 'BEGIN; LOCK TABLE held; SELECT pg_sleep(100000);' | '$bindir/psql' -X -q -h '$work/locks' -d locks_plain >/dev/null 2>&1 &)" >&"${holder[1]}"
    echo "SELECT 'held';" >&"${holder[1]}"
    read -r -u "${holder[0]}"
    for ((round = 1; round <= rounds; round++)); do
        started=$(date +%s%N)
        "$bindir/psql" -X -q -h "$work/locks" -d locks_plain -f "$work/lock_session.sql" >/dev/null 2>&1
        lock_figure psql "$started" "$count"
        started=$(date +%s%N)
        "$bindir/dbmaestro" -C "$work/lock_repository" deploy dev >/dev/null 2>&1
        lock_figure dbmaestro "$started" "$count"
    done
    failures=$("$bindir/psql" -X -A -t -h "$work/locks" -d locks -c \
        "SELECT count(*) FROM dbmaestro.run WHERE sqlstate = '55P03' AND jsonb_array_length(blockers) = 1")
    [ "$failures" = $((rounds * count)) ] || echo "locks: $failures of $((rounds * count)) attempts are on record" >&2
    echo '\q' >&"${holder[1]}"
    cluster_stop locks
}
