# What a change in steps can come across: a cancel, rows that are not unique, a
# table that is dropped meanwhile, another deployer, a rollback cut short.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmFaults;
use DbmGates;
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dbm_node('steps', bare => 1, init => { allows_streaming => 1 },
    conf => "fsync = off\nautovacuum = off\nrestart_after_crash = on\ncheckpoint_timeout = 30s\n");
my $faults = DbmGates->new($node);
my $change = $faults->{change};
my $apply = $faults->apply;
my $resume = $faults->resume;

# ---- cancelled ----

{
    my $database = $faults->fresh_database;
    my ($session, $blocker, $backend, $worker) = $faults->stop_at($database, 4);

    $node->safe_psql($database, "SELECT pg_cancel_backend($backend)");
    $session->answer;
    like($session->{err}, qr/57014: canceling statement due to user request/, 'cancelled: says so');
    like($session->{err}, qr/change "$change", statement 7 at line 5/, 'cancelled: and where');
    wait_until('end of the worker', sub { !is_alive($worker) });
    like($faults->status_of($database), qr/^partial\|partial at step 4 of 7, statement 7 at line 5\|.*orders_id/, 'cancelled: partial, and what the catalog says');
    is($session->query('SELECT 1'), 1, 'cancelled: the session goes on');
    $_->close foreach $session, $blocker;
    $faults->check_resumed($database, 'cancelled');
}

# ---- a timeout of the session ----

# Each table is a transaction of its own, which takes two seconds; so does psql's.
SKIP:
{
    skip 'there is no transaction_timeout before 17', 1 if $node->pg_version->major < 17;
    my $database = $faults->fresh_database;
    my $session = DbmSession->new($node, $database);

    dbm_apply($node, $database, '20260101_000000_slow', <<'END');
CREATE FUNCTION slowly(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';
CREATE TABLE slow (id integer);
CREATE TABLE slow_too (id integer);
CREATE INDEX ON slow (slowly(id));
CREATE INDEX ON slow_too (slowly(id));
INSERT INTO slow VALUES (1);
INSERT INTO slow_too VALUES (1);
CREATE OR REPLACE FUNCTION slowly(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM pg_sleep(2); RETURN $1; END';
END
    $session->query("SET transaction_timeout = '3s'");
    like($session->query("CALL dbm_apply_in_steps('20260101_000001_slow', 'VACUUM (ANALYZE) slow, slow_too;')"),
        qr/^applied/, 'a timeout of a transaction that only waits') or diag($session->{err});
    $session->close;
}

# ---- what a build can come across ----

{
    my $database = $faults->fresh_database;
    my $duplicates = $apply =~ s/SELECT g, 'word '/SELECT 7, 'word '/r;
    my $error = dbm_refused($node, $database, $duplicates);

    is($error->{sqlstate}, '23505', 'duplicates: the error of the server');
    like($error->{detail}, qr/Key \(id\)=\(7\) is duplicated/, 'duplicates: in its words');
    like($error->{text}, qr/change "$change", statement 7 at line 5/, 'duplicates: with its place');
    like($faults->status_of($database), qr/^partial\|partial at step 4 of 7, statement 7 at line 5\|There is no index public\.orders_id/, 'duplicates: status');
    is($node->safe_psql($database, 'SELECT count(*) FROM pg_index WHERE NOT indisvalid'), '0', 'duplicates: no invalid index stays');
    is(dbm_refused($node, $database, $resume)->{sqlstate}, '23505', 'duplicates: nothing has changed');
    $node->safe_psql($database, q(UPDATE orders SET id = substr(word, 6)::int));
    $faults->check_resumed($database, 'duplicates');
}
{
    my $database = $faults->fresh_database;
    my $other = DbmSession->new($node, $database);
    my $session = DbmSession->new($node, $database);
    my $before = $faults->root_of($database);

    # whoever may drop a table outside of changes
    $node->safe_psql($database, q(SELECT dbm_guard('observe')));
    $other->query('BEGIN; LOCK TABLE gate3');
    $session->ask($apply);
    $faults->await_lock_wait($database, 'gate3');
    my $dropper = DbmSession->new($node, $database);
    $dropper->ask('DROP TABLE orders');
    $faults->await_lock_wait($database, 'orders');
    $other->query('COMMIT');
    $session->answer;
    $dropper->answer;
    like($session->{err}, qr/42P01: relation "orders" does not exist/, 'dropped: the error of the server');
    like($session->{err}, qr/change "$change", statement 7 at line 5/, 'dropped: with its place');
    $_->close foreach $other, $session, $dropper;
    like($faults->status_of($database), qr/^partial\|partial at step 4 of 7, statement 7 at line 5\|/, 'dropped: status');
    is(dbm_refused($node, $database, $resume)->{sqlstate}, '42P01', 'dropped: resuming says the same');
    like($node->safe_psql($database, "SELECT dbm_configure('rollback_proof', 'off');\nCALL dbm_rollback_in_steps('$change')"), qr/rolled back\|/, 'dropped: the way back is open');
    is($faults->root_of($database), $before, 'dropped: and leads to where it came from');
}

# An index that the server is to name, on a partitioned table, and a build that fails in one of its parts.
{
    my $database = $faults->fresh_database;
    my $parts = dbm_quote(<<'SQL');
CREATE TABLE parted (id int, word text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (1) TO (10);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (10) TO (20);
INSERT INTO parted SELECT g % 2 + 10, 'word' FROM generate_series(1, 10) AS g;
CREATE INDEX CONCURRENTLY ON parted (word);
CREATE UNIQUE INDEX CONCURRENTLY parted_key ON parted (id);
SQL
    my $error = dbm_refused($node, $database, "CALL dbm_apply_in_steps('$change', $parts)");

    is($error->{sqlstate}, '23505', 'partitions: one of them has duplicates');
    like($faults->status_of($database), qr/^partial\|partial at step 3 of 3, statement 6 at line 6\|/, 'partitions: status, behind the index without a name');
    is($node->safe_psql($database, q(SELECT count(*) FROM pg_index WHERE indrelid = 'parted_2'::regclass AND NOT indisvalid)), 0, 'partitions: no invalid index stays on them');
    $node->safe_psql($database, 'DELETE FROM parted WHERE ctid <> ALL (SELECT min(ctid) FROM parted GROUP BY id)');
    like($node->safe_psql($database, $resume), qr/^applied\|/, 'partitions: resumed');
    is( $node->safe_psql($database, q(SELECT count(*), bool_and(indisvalid) FROM pg_index WHERE indrelid::regclass::text LIKE 'parted%')), '6|t', 'partitions: all of them are valid');
}

# ---- two deployers ----

{
    my $database = $faults->fresh_database;
    my ($session, $blocker, $backend, $worker) = $faults->stop_at($database, 2);
    my $error = dbm_refused($node, $database, $resume);

    is($error->{sqlstate}, 'MA030', 'two deployers: the second one has to wait');
    like($error->{detail}, qr/process $backend\b/, 'two deployers: and is told for whom');
    $node->safe_psql($database, "SELECT pg_terminate_backend($backend)");
    # at once: the worker may still be there
    my $second = DbmSession->new($node, $database);
    $second->ask($resume);
    $blocker->close;
    like($second->answer, qr/^applied\|/m, 'two deployers: when the first one is gone, the second one goes on') or diag($second->{err});
    $_->close foreach $session, $second;
    $faults->check_resumed($database, 'two deployers');
}

# ---- rolling back ----

{
    my $database = $faults->fresh_database;
    my $way_back = "DROP INDEX CONCURRENTLY orders_id;\nLOCK TABLE gate3; DROP VIEW words; DROP TABLE orders;\n";
    my $before = $faults->root_of($database);

    $node->safe_psql($database, $apply =~ s/\Q$faults->{rollback}\E/$way_back/r);
    foreach my $victim (qw(backend terminated))
    {
        my $blocker = DbmSession->new($node, $database);
        my $session = DbmSession->new($node, $database);

        $blocker->query($victim eq 'backend' ? 'BEGIN; SELECT count(*) FROM orders' : 'BEGIN; LOCK TABLE gate3');
        $session->ask("CALL dbm_rollback_in_steps('$change')");
        my ($backend) = $victim eq 'backend' ? $faults->await_step($database, 1, 'Lock:') : $faults->await_lock_wait($database, 'gate3');
        $faults->end($victim, $session, $backend);
        $_->close foreach $session, $blocker;
        my $step = $victim eq 'backend' ? 1 : 2;
        like($faults->status_of($database), qr/^interrupted\|rollback script, interrupted at step $step of 2, statement $step at line $step\|/, "rollback, $victim killed: status");
    }
    like($node->safe_psql($database, "CALL dbm_rollback_in_steps('$change')"), qr/^rolled back\|/, 'rollback: goes on to its end');
    is($faults->root_of($database), $before, 'rollback: the schema is what it was');
    is($node->safe_psql($database, 'SELECT outcome FROM dbmaestro.change_history ORDER BY run'), "applied\nrolled back", 'rollback: one run');
}

$node->stop;
done_testing();
