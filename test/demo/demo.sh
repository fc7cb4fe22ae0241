#!/usr/bin/env bash
# test/demo/demo.sh [stop]: the story of the README, played on a throwaway cluster
#
# Everything shown is run as it stands.  KEEP=1 leaves the cluster up and says
# how to look around; "stop" ends such a cluster.

set -u
cd "$(dirname "$0")/../.." || exit 1
. test/lib/throwaway.sh
state=$PWD/.build/demo
migrations=$PWD/test/demo/migrations

# stop_kept: ends the cluster that KEEP=1 left, if there is one
stop_kept()
{
    local kept
    [ -e "$state" ] || return 1
    kept=$(cat "$state")
    rm -f "$state"
    [ -e "$kept/demo/data/PG_VERSION" ] || return 1
    throwaway_begin
    rm -rf "$work"
    work=$kept
    throwaway_end
}

chapter()
{
    printf '\n== %s\n\n' "$*"
}

tell()
{
    printf '%s\n' "$@"
}

quietly()
{
    "$bindir/psql" -X -q -v ON_ERROR_STOP=1 -h "$work/demo" -U postgres -d "$1" >/dev/null || die "the demo stumbled"
}

# type_sql ROLE DATABASE SQL [yes|no]: what somebody types into psql, and what comes back
type_sql()
{
    local role=$1 database=$2 sql=$3 expected=${4:-yes}
    printf '%s@%s=> %s;\n' "$role" "$database" "$sql"
    if "$bindir/psql" -X -q -P null=- -P footer=off -v ON_ERROR_STOP=1 -h "$work/demo" -U "$role" -d "$database" \
        -c "$sql" 2>&1; then
        [ "$expected" = yes ] || die "this should have been refused"
    else
        [ "$expected" = no ] || die "this should have gone through"
        echo
    fi
}

# manifest: what the repository holds, as JSON; psql's backquotes drop the last newline of a file
manifest()
{
    local name list=""
    for name in "${names[@]}"; do
        list+="${list:+, }{\"change\": \"$name\", \"hash\": \"$(printf %s "$(cat "$name.sql")" | sha256sum | cut -d' ' -f1)\"}"
    done
    echo "[$list]"
}

# plan DATABASE: the repository against the ledger
plan()
{
    printf "ci@%s=> SELECT state, count(*) FROM dbm_plan('[{\"change\": \"%s\", \"hash\": ...}, ...]') GROUP BY state\n" \
        "$1" "${names[0]}"
    "$bindir/psql" -X -q -P footer=off -h "$work/demo" -U ci -d "$1" -v manifest="$(manifest)" <<'SQL' || die "the plan failed"
SELECT state, count(*) FROM dbm_plan(:'manifest') GROUP BY state;
SQL
}

# act ROLE DATABASE SQL: the same for a function that returns nothing worth showing
act()
{
    type_sql "$@" >"$work/acted" || exit 1
    head -n 1 "$work/acted"
}

# deploy DATABASE: what a deployment script does, with nothing but psql
deploy()
{
    local database=$1 name
    {
        echo "\\set ON_ERROR_STOP on"
        echo "SELECT dbm_deployment_start('$(manifest)', '{\"commit\": \"$commit\", \"author\": \"ann@example.com\"}') AS deployment \\gset"
        for name in "${names[@]}"; do
            cat <<-APPLY
				\\set script \`cat $name.sql\`
				\\set rollback \`cat $name.rollback.sql\`
				SELECT change, outcome, statements, duration
				  FROM dbm_apply('$name', :'script', :'rollback', deployment => :deployment);
			APPLY
        done
        echo "SELECT dbm_deployment_finish(:deployment, 'succeeded') \\g /dev/null"
    } >"$work/deploy.sql"
    "$bindir/psql" -X -q -A -t -F '  ' -h "$work/demo" -U ci -d "$database" -f "$work/deploy.sql" 2>&1 ||
        die "the deployment failed"
}

set_up()
{
    local database
    cluster_start demo "shared_preload_libraries = 'dbmaestro'"
    quietly postgres <<'SQL'
CREATE ROLE shop_owner LOGIN;
CREATE ROLE ci LOGIN;
CREATE ROLE ann LOGIN;
CREATE ROLE auditor LOGIN;
SQL
    for database in dev test stage prod; do
        echo "CREATE DATABASE $database OWNER shop_owner;" | quietly postgres
    done
}

play_setting_up()
{
    local database follows=""
    chapter "1. A DBA sets up four databases of a shop"
    tell "Each is an environment that knows whom it follows.  Scripts run as the role that owns the" \
        "tables, so the account that deploys, ci, needs no right on the schema at all." ""
    type_sql postgres prod "CREATE EXTENSION dbmaestro"
    act postgres prod "SELECT dbm_init('prod', follows => 'stage', run_as => 'shop_owner')"
    act postgres prod "SELECT dbm_grant('deploy', 'ci')"
    act postgres prod "SELECT dbm_grant('rollback', 'ann')"
    act postgres prod "SELECT dbm_grant('audit', 'auditor')"
    act postgres prod "SELECT dbm_guard('enforce')"
    tell "" "The same for dev, test and stage; dev and test only observe what comes past a recorded change."
    for database in dev test stage; do
        quietly $database <<SQL
CREATE EXTENSION dbmaestro;
SELECT dbm_init('$database', follows => $([ -n "$follows" ] && echo "'$follows'" || echo NULL), run_as => 'shop_owner');
SELECT dbm_grant('deploy', 'ci'); SELECT dbm_grant('rollback', 'ann'); SELECT dbm_grant('audit', 'auditor');
SQL
        follows=$database
    done
    echo "SELECT dbm_guard('enforce');" | quietly stage
}

play_deploying()
{
    local database
    chapter "2. Twelve changes go through dev, test, stage and prod"
    tell "A change is a script with a name and, beside it, the script that takes it back.  A deployment" \
        "calls dbm_apply() for each; here for dev, as role ci:" ""
    deploy dev
    tell "" "Then test and stage; and before prod, a look at what is pending there:" ""
    for database in test stage; do
        echo "$database: $(deploy $database | grep -c '  applied  ') changes applied"
    done
    tell ""
    plan prod
    echo "prod: $(deploy prod | grep -c '  applied  ') changes applied"
    tell "" "Once more into prod, as every deployment job does some day:" ""
    echo "prod: $(deploy prod | grep -c '  already applied  ') changes were applied already, nothing was run"
}

play_refusing()
{
    chapter "3. At 02:10 somebody with the owner's password is in a hurry"
    type_sql shop_owner prod "ALTER TABLE orders ADD COLUMN discount integer" no
    tell "The transaction is gone, the record of it is not.  An auditor sees:" ""
    type_sql auditor prod "SELECT authenticated_role, action, object, statement FROM dbmaestro.denied_attempt"
    tell "In dev the same statement goes through, and is on record too:" ""
    type_sql shop_owner dev "ALTER TABLE orders ADD COLUMN discount integer"
    type_sql auditor dev "SELECT kind, authenticated_role, action, object FROM dbmaestro.audit_event WHERE kind = 'observed'"
}

play_failing()
{
    chapter "4. A change that fails leaves nothing behind but its record"
    printf '%s\n' "-- Description: A limit that existing rows break" "ALTER TABLE products ADD COLUMN weight integer;" \
        "ALTER TABLE products" "    ADD CONSTRAINT heavy CHECK (price_cents > 1000);" >"$work/fails.sql"
    printf 'ci@prod=> SELECT * FROM dbm_apply(%s, :%s)\n' "'20260316_090000_products_weight'" "'script'"
    "$bindir/psql" -X -q -h "$work/demo" -U ci -d prod -v script="$(cat "$work/fails.sql")" 2>&1 <<'SQL'
SELECT * FROM dbm_apply('20260316_090000_products_weight', :'script');
SQL
    echo
    type_sql auditor prod "SELECT change, outcome, failed_line AS line, sqlstate FROM dbmaestro.change_history WHERE outcome = 'failed'"
}

play_rolling_back()
{
    chapter "5. The last change is taken back"
    tell "It commits only because the schema is then, object by object, the one that was there before." ""
    type_sql ann prod "SELECT change, outcome, statements FROM dbm_rollback('${names[-1]}', 'the carrier takes e-mail after all')"
    type_sql auditor prod "SELECT r.direction, left(encode(b.root, 'hex'), 16) AS schema_before, left(encode(a.root, 'hex'), 16) AS schema_after
                  FROM dbmaestro.run AS r
                  JOIN dbmaestro.snapshot AS b ON b.id = r.snapshot_before
                  JOIN dbmaestro.snapshot AS a ON a.id = r.snapshot_after
                 WHERE r.change = '${names[-1]}' ORDER BY r.id"
}

play_looking_back()
{
    chapter "6. What happened to this schema"
    type_sql auditor prod "SELECT run, change, direction, outcome, statements, executed_by, run_as
                  FROM dbmaestro.change_history ORDER BY run"
    type_sql auditor prod "SELECT statement, action, kind, identity FROM dbmaestro.run_object
                WHERE run = (SELECT run FROM dbmaestro.change_history WHERE change ~ 'vouchers')"
    type_sql postgres prod "SELECT environment, follows, guard, tier, identity, applied, last_change FROM dbm_status()"
    tell "And what is weak about it:" ""
    type_sql postgres prod "SELECT * FROM dbm_doctor() WHERE health <> 'ok'"
}

play_what_follows()
{
    chapter "What follows"
    tell "Not built yet, and so not shown: approvals and the other gates between the environments," \
        "deployment windows, receipts from stage to prod, lint and rehearsal, drift reports, break-glass," \
        "concurrent index builds as resumable steps, and the command line that deploys from Git."
}

if [ "${1:-}" = stop ]; then
    stop_kept && echo "The demo's cluster is stopped and removed." || echo "No demo cluster is running."
    exit 0
fi

stop_kept
throwaway_begin
commit=$(git -c safe.directory='*' rev-parse --short HEAD 2>/dev/null || echo 0000000)
set_up
cd "$migrations" || exit 1
names=()
for file in *.sql; do
    [[ $file = *.rollback.sql ]] || names+=("${file%.sql}")
done
play_setting_up
play_deploying
play_refusing
play_failing
play_rolling_back
play_looking_back
play_what_follows
chapter "Look around"
if [ -n "${KEEP:-}" ]; then
    throwaway_keep
    mkdir -p "$(dirname "$state")" && echo "$work" >"$state"
    [ "$(id -u)" != 0 ] || chmod 755 "$work"
    tell "The cluster stays up.  As superuser:" "" "    $bindir/psql -h $work/demo -U postgres prod" "" \
        "Other roles: shop_owner, ci, ann, auditor.  Other databases: dev, test, stage.  End it with: make demo-stop"
else
    tell "make demo KEEP=1 leaves this cluster up and prints the psql line; make demo-stop ends it."
fi
