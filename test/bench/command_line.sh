# shellcheck shell=bash disable=SC2154
# test/bench/command_line.sh: the command line against psql and against peers (sourced by bench)
#
# Each contestant of a round begins with a database of its own, all take turns.
# Peers need minutes for 1,000 changes: they run in the first DBM_BENCH_PEER_ROUNDS rounds.

peer_rounds=${DBM_BENCH_PEER_ROUNDS:-1}
calls=${DBM_BENCH_CALLS:-20}

# connection DATABASE: for dbmaestro, which has the database in no file
connection()
{
    echo "environment.dev.conninfo=host=$work/client dbname=$1"
}

# contestants: psql and dbmaestro, and the peers that are here
find_peers()
{
    local peer
    peers=
    for peer in sqitch dbmate; do
        if command -v "$peer" >/dev/null && "$peer" --version >/dev/null 2>&1; then
            peers="$peers $peer"
        else
            echo "$peer: skipped, it is not installed" >&2
        fi
    done
}

# make_project COUNT: the scripts, in a Git repository of one commit, as session and for the peers
make_project()
{
    local project=$work/project_$1
    mkdir -p "$project/git/migrations" "$project/sqitch" "$project/dbmate"
    perl test/bench/synthetic.pl "$project/git/migrations" "$1"
    perl test/bench/session.pl psql "$project"/git/migrations/*.sql >"$project/session.sql"
    perl test/bench/peers.pl "$project/git/migrations" "$project/sqitch" "$project/dbmate"
    printf '[project]\n\tname = bench\n' >"$project/git/dbmaestro.conf"
    git -C "$project/git" init -q
    git -C "$project/git" config gc.auto 0
    commit "$project"
    # packed, as a clone is
    git -C "$project/git" gc -q
}

commit()
{
    git -C "$1/git" add -A
    git -C "$1/git" -c user.name=Bench -c user.email=bench@example.org commit -q -m 'Scripts'
}

# run_session DATABASE FILE: psql with all scripts in one session
run_session()
{
    "$bindir/psql" -X -q -h "$work/client" -d "$1" -f "$2"
}

# run_contestant CONTESTANT PROJECT DATABASE: brings all that the project has
run_contestant()
{
    case $1 in
        psql) run_session "$3" "$2/session.sql" ;;
        dbmaestro) "$bindir/dbmaestro" -C "$2/git" deploy dev --set "$(connection "$3")" ;;
        sqitch) (cd "$2/sqitch" && sqitch_env sqitch deploy -t "db:pg:$3") ;;
        dbmate) dbmate --url "postgres:///$3?host=$work/client&user=postgres&sslmode=disable" \
            --migrations-dir "$2/dbmate" --no-dump-schema up ;;
    esac >"$work/bench.log" 2>&1
}

sqitch_env()
{
    env "PGHOST=$work/client" SQITCH_FULLNAME=Bench SQITCH_EMAIL=bench@example.org \
        "PATH=$bindir:$PATH" "HOME=$work" "$@"
}

# timed ROW CONTESTANT COUNT COMMAND...: seconds for one call, as a mean of COUNT
timed()
{
    local row=$1 contestant=$2 count=$3 started ended call
    shift 3
    started=$(date +%s%N)
    for ((call = 1; call <= count; call++)); do
        if ! "$@" >"$work/bench.log" 2>&1; then
            echo "$row: $contestant failed: $(head -n 5 "$work/bench.log")" >&2
            return 1
        fi
    done
    ended=$(date +%s%N)
    awk -v row="$row" -v contestant="$contestant" -v ns=$((ended - started)) -v count="$count" \
        'BEGIN { print row, contestant, ns / count / 1e9 }'
}

# in_round ROUND: who takes part in it
in_round()
{
    echo psql dbmaestro
    [ "$1" -gt "$peer_rounds" ] || echo "$peers"
}

# deploy_all COUNT: an empty database gets all changes; the last ones are kept in $last_NAME
deploy_all()
{
    local round contestant
    for ((round = 1; round <= rounds; round++)); do
        for contestant in $(in_round "$round"); do
            fresh_database client "deploy_$1" "$([ "$contestant" = dbmaestro ] || echo without)"
            sql client template1 CHECKPOINT
            timed "deploy_$1" "$contestant" 1 \
                run_contestant "$contestant" "$work/project_$1" "$database" || return 1
            eval "last_$contestant=$database"
        done
    done
}

# make_ledger DATABASE COUNT: what a person with psql would note of the changes
make_ledger()
{
    sql client "$1" "CREATE TABLE ledger (change text PRIMARY KEY, applied_at timestamptz NOT NULL)"
    sql client "$1" "INSERT INTO ledger SELECT 'change_' || n, now() FROM generate_series(1, $2) AS n"
}

# nothing_to_do COUNT: everything is there
nothing_to_do()
{
    local round contestant last count
    for ((round = 1; round <= rounds; round++)); do
        timed "nothing_$1" psql "$calls" \
            "$bindir/psql" -X -q -h "$work/client" -d "$last_psql" -c 'SELECT 1' || return 1
        for contestant in $(in_round "$round"); do
            last=last_$contestant count=3
            [ "$contestant" != psql ] || continue
            [ "$contestant" != dbmaestro ] || count=$calls
            timed "nothing_$1" "$contestant" "$count" \
                run_contestant "$contestant" "$work/project_$1" "${!last}" || return 1
        done
    done
}

# status_of COUNT: what is applied
status_of()
{
    local round
    for ((round = 1; round <= rounds; round++)); do
        timed "status_$1" psql "$calls" \
            "$bindir/psql" -X -q -h "$work/client" -d "$last_psql" -c 'SELECT * FROM ledger' || return 1
        timed "status_$1" dbmaestro "$calls" \
            "$bindir/dbmaestro" -C "$work/project_$1/git" status --set "$(connection "$last_dbmaestro")" || return 1
        [[ $round -gt $peer_rounds || $peers != *sqitch* ]] ||
            (cd "$work/project_$1/sqitch" && timed "status_$1" sqitch 3 \
                sqitch_env sqitch status "db:pg:$last_sqitch") || return 1
        [[ $round -gt $peer_rounds || $peers != *dbmate* ]] ||
            timed "status_$1" dbmate 3 dbmate --migrations-dir "$work/project_$1/dbmate" --url \
                "postgres:///$last_dbmate?host=$work/client&user=postgres&sslmode=disable" status || return 1
    done
}

# add_change COUNT NUMBER: one more script for everybody
add_change()
{
    local project=$work/project_$1 name
    name=$(printf '20260201_%06d_one_more' "$2")
    printf -- '-- Description: One more\nCREATE TABLE one_more_%d (id bigint PRIMARY KEY);\n' "$2" \
        >"$project/git/migrations/$name.sql"
    {
        printf 'BEGIN;\n'
        cat "$project/git/migrations/$name.sql"
        printf "INSERT INTO ledger VALUES ('%s', now());\nCOMMIT;\n" "$name"
    } >"$project/session.sql"
    perl test/bench/peers.pl "$project/git/migrations" "$project/sqitch" "$project/dbmate"
    commit "$project"
}

# one_more COUNT: on top of all that is there
one_more()
{
    local round contestant last
    for ((round = 1; round <= rounds; round++)); do
        add_change "$1" "$round"
        for contestant in $(in_round "$round"); do
            last=last_$contestant
            timed "one_more_$1" "$contestant" 1 \
                run_contestant "$contestant" "$work/project_$1" "${!last}" || return 1
        done
    done
}

# memory_of COUNT: what the client took at most while it deployed all of them (kB)
memory_of()
{
    local peak='' pid
    fresh_database client "deploy_$1"
    "$bindir/dbmaestro" -C "$work/project_$1/git" deploy dev --set "$(connection "$database")" \
        >"$work/bench.log" 2>&1 &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        peak=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null || echo "$peak")
        [ -z "$peak" ] || memory_kb=$peak
        sleep 0.1
    done
    wait "$pid" || { echo "deploy_$1: failed: $(head -n 5 "$work/bench.log")" >&2; return 1; }
    last_dbmaestro=$database
    last_psql=$database
    echo "client memory for $1 changes: $((memory_kb / 1024)) MB (target: at most 32)" >&2
}

bench_command_line()
{
    local last_psql last_dbmaestro last_sqitch last_dbmate memory_kb=0 peers
    cluster_start client "shared_preload_libraries = 'dbmaestro'" "max_locks_per_transaction = 256"
    find_peers
    make_project 100
    deploy_all 100
    make_project 1000
    deploy_all 1000 || return 1
    make_ledger "$last_psql" 1000
    nothing_to_do 1000
    status_of 1000
    one_more 1000
    peers=
    make_project "${DBM_BENCH_MANY:-10000}"
    memory_of "${DBM_BENCH_MANY:-10000}" && nothing_to_do "${DBM_BENCH_MANY:-10000}"
    cluster_stop client
}
