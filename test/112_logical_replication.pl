# Logical replication as a way in: rows that a publisher sends into our tables,
# and a trigger of a subscriber's table that changes the schema where no session
# does.  The worker that applies them is refused, in every tier, and goes on when
# the cause is gone.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# A publisher that has no dbmaestro, but tables which are called like ours.
my $publisher = dbm_node('publisher', bare => 1, init => { allows_streaming => 'logical' }, conf => "fsync = off\n");
my $connection = $publisher->connstr('postgres') =~ s{'}{''}gr;

$publisher->safe_psql('postgres', <<'SQL');
CREATE SCHEMA dbmaestro;
CREATE TABLE dbmaestro.audit_event (id bigint PRIMARY KEY, kind text);
CREATE TABLE dbmaestro.setting (key text PRIMARY KEY, value text);
INSERT INTO dbmaestro.setting VALUES ('forged', 'copied');
CREATE TABLE busy (id int PRIMARY KEY);
CREATE TABLE quiet (id int PRIMARY KEY);
CREATE PUBLICATION forged FOR TABLE dbmaestro.audit_event, dbmaestro.setting;
CREATE PUBLICATION plain FOR TABLE busy, quiet;
SQL

# Subscribes, and waits for the worker's error; returns it.
sub refused_by
{
    my ($node, $name, $publication, $copy) = @_;
    my $from = -s $node->logfile;

    $node->safe_psql('prod', "CREATE SUBSCRIPTION $name CONNECTION '$connection' PUBLICATION $publication WITH (copy_data = $copy)");
    return sub {
        my ($pattern, $what) = @_;

        ok($node->wait_for_log($pattern, $from), $what);
        $from = -s $node->logfile;
    };
}

sub drop_subscription
{
    my ($node, $name) = @_;

    $node->safe_psql('prod', "ALTER SUBSCRIPTION $name DISABLE");
    $node->poll_query_until('prod', "SELECT count(*) = 0 FROM pg_stat_subscription WHERE subname = '$name' AND pid IS NOT NULL") or die;
    $node->safe_psql('prod', "DROP SUBSCRIPTION $name");
    return;
}

foreach my $tier (qw(events session server))
{
    my $node = dbm_node("subscriber_$tier", tier => $tier, bare => 1, conf => "fsync = off\nwal_retrieve_retry_interval = 100ms\n");
    my $rows = 'SELECT (SELECT count(*) FROM dbmaestro.setting WHERE key = $$forged$$), (SELECT count(*) > 0 FROM dbmaestro.audit_event)';
    my $ids = 'SELECT md5(string_agg(a::text, $$,$$ ORDER BY id)) FROM dbmaestro.audit_event AS a WHERE id <= 2';

    dbm_database($node, 'prod', environment => 'prod', guard => 'observe');
    $node->safe_psql('prod', 'CREATE TABLE busy (id int PRIMARY KEY); CREATE TABLE quiet (id int PRIMARY KEY)');
    my $before = $node->safe_psql('prod', $ids);

    # ---- rows for our tables ----

    my $see = refused_by($node, 'copied', 'forged', 'true');
    $see->(qr/ERROR: .*cannot run INSERT on table "dbmaestro\.setting"/, "$tier: the first copy into our table is refused");
    drop_subscription($node, 'copied');

    foreach my $attack (
        "INSERT INTO dbmaestro.audit_event VALUES (1000000, 'forged')",
        'UPDATE dbmaestro.audit_event SET id = id + 1',
        'DELETE FROM dbmaestro.audit_event WHERE id = 1',
        'TRUNCATE dbmaestro.audit_event')
    {
        my ($verb) = $attack =~ /^(\w+)/;

        $publisher->safe_psql('postgres', "TRUNCATE dbmaestro.audit_event; INSERT INTO dbmaestro.audit_event VALUES (1, 'first')");
        my $sees = refused_by($node, 'forged', 'forged', 'false');
        $publisher->safe_psql('postgres', $attack);
        $sees->(qr/ERROR: .*cannot run $verb on table "dbmaestro\.audit_event"/, "$tier: $verb by replication is refused");
        is($node->safe_psql('prod', $ids), $before, "$tier: $verb: the trail is as it was");
        is($node->safe_psql('prod', $rows), '0|t', "$tier: $verb: nothing was forged");
        like($node->safe_psql('prod', q(SELECT health || ': ' || finding FROM dbm_doctor() WHERE check_name = 'subscription')),
            qr/^warning: subscriptions write to tables of dbmaestro: .*"forged" to dbmaestro\.audit_event/, "$tier: $verb: dbm_doctor warns");
        drop_subscription($node, 'forged');
    }

    # ---- a trigger that changes the schema ----

    $node->safe_psql('prod', <<'SQL');
CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN CREATE TABLE public.by_worker (); RETURN NULL; END$$;
CREATE TRIGGER act AFTER INSERT ON busy FOR EACH ROW EXECUTE FUNCTION act();
ALTER TABLE busy ENABLE ALWAYS TRIGGER act;
SQL
    my $sees = refused_by($node, 'plain', 'plain', 'false');
    $node->safe_psql('prod', q(SELECT dbm_guard('enforce', preload => false)));
    $publisher->safe_psql('postgres', 'TRUNCATE busy, quiet; INSERT INTO busy VALUES (1)');
    $sees->(qr/ERROR: .*CREATE TABLE/, "$tier: a worker that applies rows changes no schema");
    is($node->safe_psql('prod', 'SELECT to_regclass($$by_worker$$) IS NULL AND (SELECT count(*) = 0 FROM busy)'), 't', "$tier: nothing of it is there");
    $node->poll_query_until('prod', "SELECT count(*) > 0 FROM dbmaestro.denied_attempt WHERE action = 'CREATE TABLE' AND object LIKE '%by_worker%'")
      or die 'no record';
    pass("$tier: the refusal is on record");
    is( $node->safe_psql('prod', "SELECT outcome FROM dbm_apply('20260101_000001_act', 'DROP TRIGGER act ON busy; DROP FUNCTION act()')"),
        'applied', "$tier: a change takes the trigger away");
    $publisher->safe_psql('postgres', 'INSERT INTO quiet VALUES (1)');
    ok($node->poll_query_until('prod', 'SELECT (SELECT count(*) FROM busy) = 1 AND (SELECT count(*) FROM quiet) = 1'),
        "$tier: then the worker goes on");
    $node->safe_psql('prod', 'SELECT dbm_guard($$observe$$)');
    drop_subscription($node, 'plain');

    # ---- the other way ----

    foreach my $publication ('ours FOR TABLES IN SCHEMA dbmaestro', 'one FOR TABLE dbmaestro.audit_event')
    {
        like(dbm_refused($node, 'prod', "CREATE PUBLICATION $publication")->{message}, qr/it would harm dbmaestro/, "$tier: no publication $publication");
    }
    $node->stop;
}

$publisher->stop;
done_testing();
