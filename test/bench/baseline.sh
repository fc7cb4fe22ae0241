# shellcheck shell=bash disable=SC2154
# test/bench/baseline.sh: a baseline of a large schema against what its parts cost without us (sourced by bench)
#
# pg_dump -s alone, then pg_dump -s and psql into an empty database, which is the least that a
# proof takes.  The schema: tables with key, index, check, sequence, comment, every tenth with a view.

tables=${DBM_BENCH_TABLES:-10000}
baseline_rounds=${DBM_BENCH_BASELINE_ROUNDS:-1}
# seconds that each of the three may take: one that takes longer has failed
baseline_limit=${DBM_BENCH_BASELINE_LIMIT:-600}

make_tables()
{
    sql baseline "$1" "DO \$\$
BEGIN
    FOR n IN 1 .. $tables LOOP
        EXECUTE format('CREATE TABLE entity_%s (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent_id bigint,'
            ' name text NOT NULL, amount numeric(12, 2) DEFAULT 0 CHECK (amount >= 0), created_at timestamptz DEFAULT now())', n);
        EXECUTE format('CREATE INDEX entity_%s_name_idx ON entity_%s (lower(name))', n, n);
        EXECUTE format('COMMENT ON TABLE entity_%s IS %L', n, 'Synthetic entity');
        IF n % 10 = 0 THEN
            EXECUTE format('CREATE VIEW recent_%s AS SELECT id, name FROM entity_%s WHERE created_at > now() - interval ''7 days''', n, n);
        END IF;
        IF n % 200 = 0 THEN
            COMMIT;
        END IF;
    END LOOP;
END \$\$"
}

dump_alone()
{
    timeout "$baseline_limit" "$bindir/pg_dump" -s -h "$work/baseline" -f "$work/schema.sql" "$1"
}

dump_and_restore()
{
    dump_alone "$1" && timeout "$baseline_limit" "$bindir/psql" -X -q -1 -h "$work/baseline" -d "$2" -f "$work/schema.sql"
}

take_baseline()
{
    timeout "$baseline_limit" "$bindir/dbmaestro" -C "$1" baseline prod --yes
}

bench_baseline()
{
    local round project
    cluster_start baseline "max_locks_per_transaction = 2048" "shared_buffers = 256MB"
    for ((round = 1; round <= baseline_rounds; round++)); do
        project=$work/baseline_$round
        new_database baseline "large_$round" without
        new_database baseline "restored_$round" without
        make_tables "large_$round"
        timed "baseline_$tables" pg_dump 1 dump_alone "large_$round" || return 1
        timed "baseline_$tables" and_restore 1 dump_and_restore "large_$round" "restored_$round" || return 1
        sql baseline "large_$round" "CREATE EXTENSION dbmaestro"
        sql baseline "large_$round" "SELECT dbm_init('prod')"
        mkdir -p "$project"
        git -C "$project" init -q
        git -C "$project" config user.name Bench
        git -C "$project" config user.email bench@example.org
        printf '[environment "prod"]\n\tconninfo = host=%s dbname=large_%s\n' "$work/baseline" "$round" >"$project/dbmaestro.conf"
        timed "baseline_$tables" dbmaestro 1 take_baseline "$project" || return 1
    done
    cluster_stop baseline
}
