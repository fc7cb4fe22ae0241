#!/usr/bin/env bash
# test/demo/demo.sh [stop]: the story of the README, played on a throwaway cluster
#
# Everything shown is run as it stands, in a Git repository made for it.  KEEP=1 leaves the cluster up and says
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

# type_sql ROLE DATABASE SQL [yes|no]: what somebody types into psql, and what comes back
type_sql()
{
    local role=$1 database=$2 sql=$3 expected=${4:-yes}
    printf '%s@%s=> %s;\n' "$role" "$database" "$sql"
    if "$bindir/psql" -X -q -P footer=off -v ON_ERROR_STOP=1 -h "$work/demo" -U "$role" -d "$database" -c "$sql" 2>&1; then
        [ "$expected" = yes ] || die "this should have been refused"
    else
        [ "$expected" = no ] || die "this should have gone through"
    fi
    echo
}

# type_as ROLE EXIT-CODE WORD...: what somebody types into a shell in the repository
type_as()
{
    local role=$1 expected=$2 code=0 word line="" said
    shift 2
    for word in "$@"; do
        case $word in
            *[\ \']*) line+=" \"$word\"" ;;
            *) line+=" $word" ;;
        esac
    done
    printf '%s$%s\n' "$role" "$line"
    said=$(PGUSER=$role PATH="$bindir:$PATH" "$@" 2>&1 </dev/null) || code=$?
    [ -z "$said" ] || printf '%s\n' "$said"
    [ "$code" = "$expected" ] || die "this should have ended with $expected, and not with $code"
    [ "$code" = 0 ] || echo "(exit code $code)"
    echo
}

# promote_as ROLE FROM TO: the same for a promotion of which only the end is of interest
promote_as()
{
    local said
    printf '%s$ dbmaestro promote %s %s | tail -n 3\n' "$@"
    said=$(PGUSER=$1 "$bindir/dbmaestro" promote "$2" "$3" </dev/null) || die "this should have gone through"
    printf '%s\n' "$said" | tail -n 3
    echo
}

# commit MESSAGE: what is there goes into the repository, by Ann
commit()
{
    git add -A
    type_as ann 0 git commit -q -m "$1"
}

set_up()
{
    local name
    cluster_start demo "shared_preload_libraries = 'dbmaestro'"
    for name in shop_owner ci ann auditor; do
        echo "CREATE ROLE $name LOGIN;"
    done | "$bindir/psql" -X -q -h "$work/demo" -U postgres -d postgres || die "could not create roles"
    for name in dev test stage prod; do
        "$bindir/createdb" -h "$work/demo" -U postgres -O shop_owner "$name" || die "could not create databases"
    done
    # connections that the configuration leaves open come from here
    export PGHOST=$work/demo
    # and nothing from the settings of the person who runs this
    export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
    repository=$work/shop
    mkdir "$repository" && cd "$repository" || exit 1
}

play_beginning()
{
    chapter "1. A repository"
    type_as ann 0 git init -q -b main
    git config user.name Ann
    git config user.email ann@example.com
    type_as ann 0 dbmaestro init
    tell "dbmaestro.conf names four environments: dev, test, which follows dev, stage and prod.  Scripts are to run as" \
        "the role that owns the tables, so the account that deploys, ci, needs no right on them:" ""
    for environment in dev test stage prod; do
        git config -f dbmaestro.conf "environment.$environment.run-as" shop_owner
        git config -f dbmaestro.conf "environment.$environment.grant" "deploy:ci, rollback:ann, audit:auditor"
    done
    git config -f dbmaestro.conf --get-regexp '^environment.prod'
    tell ""
    commit "Begin"
    tell "A DBA prepares the databases, and closes those of stage and prod for everything but recorded changes:" ""
    type_as postgres 0 dbmaestro init dev
    for environment in test stage prod; do
        PGUSER=postgres "$bindir/dbmaestro" -q init "$environment" >/dev/null || die "could not prepare $environment"
    done
    tell "(the same for test, stage and prod)" ""
    PGUSER=postgres "$bindir/dbmaestro" -q guard stage enforce >/dev/null || die "could not guard stage"
    type_as postgres 0 dbmaestro guard prod enforce
}

play_writing()
{
    chapter "2. A change"
    cp "$migrations"/*.sql migrations/
    tell "Twelve changes of a shop are in the repository already.  Ann writes the next:" ""
    type_as ann 0 dbmaestro new loyalty_points -m "Points that customers collect" --issue SHOP-34
    newest=$(basename migrations/*_loyalty_points.sql .sql)
    echo "ALTER TABLE customers ADD COLUMN points integer NOT NULL DEFAULT 0;" >>"migrations/$newest.sql"
    echo "ALTER TABLE customers DROP COLUMN points;" >>"migrations/$newest.rollback.sql"
    cat "migrations/$newest.sql"
    tell ""
    type_as ann 0 dbmaestro check --worktree
    commit "Loyalty points"
}

play_deploying()
{
    chapter "3. From dev to prod"
    type_as ci 0 dbmaestro plan dev
    type_as ci 0 dbmaestro deploy dev
    tell "From here on nothing is built again: each environment takes what the one before it has, with the same" \
        "hashes, and refuses the rest." ""
    promote_as ci dev test
    promote_as ci test stage
    type_as ci 0 dbmaestro plan prod --format csv
    promote_as ci stage prod
    tell "Once more, as every deployment job does some day:" ""
    type_as ci 0 dbmaestro promote stage prod
}

play_refusing()
{
    chapter "4. At 02:10 somebody with the owner's password is in a hurry"
    type_sql shop_owner prod "ALTER TABLE orders ADD COLUMN discount integer" no
    tell "The transaction is gone, the record of it is not:" ""
    type_as auditor 0 dbmaestro audit prod --denied
}

play_failing()
{
    chapter "5. A change that fails leaves nothing behind but its record"
    printf '%s\n' "-- Description: A limit that existing rows break" "-- Irreversible: yes" \
        "ALTER TABLE products ADD COLUMN weight integer;" \
        "ALTER TABLE products ADD CONSTRAINT heavy CHECK (price_cents > 1000);" >migrations/29990101_000000_weight.sql
    commit "Weight"
    type_as ci 1 dbmaestro deploy dev
    tell "Ann takes it out of the repository again." ""
    git rm -q migrations/29990101_000000_weight.sql
    commit "Without weight"
}

play_standing()
{
    chapter "6. How things stand, and what happened"
    type_as ci 0 dbmaestro status
    type_as auditor 0 dbmaestro history prod --limit 3
}

play_rolling_back()
{
    chapter "7. The last change is taken back"
    tell "It commits only because the schema is then, object by object, the one that was there before." ""
    type_as ann 0 dbmaestro rollback prod "$newest" --yes --reason "points wait for the new till"
    type_as auditor 0 dbmaestro audit prod --limit 4
    type_as ci 0 dbmaestro status prod
    tell "What is weak about it:" ""
    type_as postgres 0 dbmaestro doctor prod
}

play_what_follows()
{
    chapter "What follows"
    tell "Not built yet, and so not shown: approvals and the other gates between the environments, deployment" \
        "windows, receipts that a stage signs (until then promotions are recorded as unverified), lint and" \
        "rehearsal, drift reports and break-glass."
}

if [ "${1:-}" = stop ]; then
    stop_kept && echo "The demo's cluster is stopped and removed." || echo "No demo cluster is running."
    exit 0
fi

stop_kept
throwaway_begin
set_up
play_beginning
play_writing
play_deploying
play_refusing
play_failing
play_standing
play_rolling_back
play_what_follows
cd / || exit 1
chapter "Look around"
if [ -n "${KEEP:-}" ]; then
    throwaway_keep
    mkdir -p "$(dirname "$state")" && echo "$work" >"$state"
    [ "$(id -u)" != 0 ] || chmod 755 "$work"
    tell "The cluster stays up.  As superuser:" "" \
        "    $bindir/psql -h $work/demo -U postgres prod" \
        "    PGHOST=$work/demo PGUSER=ci $bindir/dbmaestro -C $repository status" "" \
        "Other roles: shop_owner, ci, ann, auditor.  Other databases: dev, test, stage.  End it with: make demo-stop"
else
    tell "make demo KEEP=1 leaves this cluster up and prints the psql line; make demo-stop ends it."
fi
