# test/bench/steps.sh: a script of transactions and single statements; for test/bench/bench
#
# psql runs the statements one after the other; dbmaestro runs the same script in steps, each
# single statement by a worker.  The table has as many rows as a build needs to take its time.

step_rows=${DBM_BENCH_STEP_ROWS:-400000}

# step_script: transactional statements around what cannot run in a transaction
step_script()
{
    cat <<'SQL'
ALTER TABLE measured ADD COLUMN more integer;
CREATE INDEX CONCURRENTLY measured_amount ON measured (amount);
ALTER TABLE measured ADD COLUMN most integer;
CREATE INDEX CONCURRENTLY measured_name ON measured (name);
VACUUM measured;
SQL
}

# step_contestant CONTESTANT: seconds for the script in a new database that holds the table
step_contestant()
{
    local started
    fresh_database steps mixed "$([ "$1" = psql ] && echo without)"
    [ "$1" = psql ] || sql steps "$database" "SELECT dbm_guard('observe')"
    sql steps "$database" "CREATE TABLE measured (amount integer, name text)"
    sql steps "$database" "INSERT INTO measured SELECT n, 'name of ' || n % 7919 FROM generate_series(1, $step_rows) AS n"
    [ "$1" = psql ] || sql steps "$database" "SELECT dbm_guard('enforce')"
    sql steps template1 CHECKPOINT
    started=$(date +%s%N)
    "$bindir/psql" -X -q -v ON_ERROR_STOP=1 -h "$work/steps" -d "$database" -f "$work/mixed.$1.sql" >/dev/null ||
        die "steps: $1 failed"
    awk -v contestant="$1" -v ns=$(($(date +%s%N) - started)) 'BEGIN { printf "mixed %s %.3f\n", contestant, ns / 1e9 }'
}

bench_steps()
{
    local round contestant
    cluster_start steps "shared_preload_libraries = 'dbmaestro'"
    step_script >"$work/mixed.psql.sql"
    { echo "CALL dbm_apply_in_steps('mixed', \$mixed\$"; step_script; echo "\$mixed\$);"; } >"$work/mixed.dbmaestro.sql"
    for ((round = 1; round <= rounds; round++)); do
        for contestant in psql dbmaestro; do
            step_contestant "$contestant"
        done
    done
    cluster_stop steps
}
