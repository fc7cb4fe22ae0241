# A change in steps where something else goes on: no standby confirms, a dump or a
# base backup is taken, the disk is full.
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
use Time::HiRes 'time';

my $node = dbm_node('steps', bare => 1, init => { allows_streaming => 1 },
    conf => "fsync = off\nautovacuum = off\nrestart_after_crash = on\ncheckpoint_timeout = 30s\n");
my $faults = DbmGates->new($node);
my $change = $faults->{change};
my $apply = $faults->apply;

# ---- a synchronous standby that is gone ----

{
    my $database = $faults->fresh_database;
    my $session = DbmSession->new($node, $database);
    my $await = sub {
        $node->poll_query_until($database,
            "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'");
    };

    lose_standby($node);
    $session->ask("SELECT outcome FROM dbm_apply('20260101_000002_waits', 'CREATE TABLE waits ()')");
    $await->();
    is($node->safe_psql($database, "SELECT count(*) FROM dbmaestro.change WHERE change LIKE '%waits'"), 0, 'no standby: nobody sees the change yet');
    is(dbm_refused($node, $database, "SELECT dbm_apply('20260101_000003_other', 'SELECT 1')")->{sqlstate}, 'MA030', 'no standby: nobody else deploys');
    my $began = time;
    is(dbm_refused($node, $database, 'CREATE TABLE refused ()')->{sqlstate}, 'MA001', 'no standby: the guard refuses');
    cmp_ok(time - $began, '<', 10, 'no standby: after denied_wait at the latest');
    $node->safe_psql($database, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'");
    is($session->answer, 'applied', 'no standby: a cancel ends the wait, not the change');
    like($session->{err}, qr/canceling wait for synchronous replication/, 'no standby: the server says what that means');
    is($node->safe_psql($database, "SELECT state FROM dbmaestro.change WHERE change LIKE '%waits'"), 'applied', 'no standby: it is applied');

    $session->ask($apply);
    $await->();
    like($faults->status_of($database), qr/^(?:running\|running at step 1 of 7|\|\|)/, 'no standby, in steps: it waits with its intent');
    find_standby($node);
    like($session->answer, qr/^applied\|/, 'no standby, in steps: without it goes on');
    $session->close;
    $node->poll_query_until($database, 'SELECT records_waiting = 0 FROM dbm_status()');
    is($node->safe_psql($database, "SELECT count(*) FROM dbmaestro.denied_attempt WHERE kind = 'denied' AND statement LIKE '%refused%'"), 1, 'no standby: the refusal is on record, once');
}

# Somebody is ended at one of the worker's two last commits, which is done here and waits for the standby.
foreach my $case ([ 1, 'worker terminated' ], [ 2, 'worker terminated' ], [ 1, 'caller cancelled' ], [ 2, 'caller cancelled' ],
    [ 1, 'caller terminated' ], [ 2, 'caller terminated' ])
{
    my ($commit, $victim) = @$case;
    my $what = "no standby, $victim at commit $commit";
    my $database = $faults->fresh_database;
    my $session = DbmSession->new($node, $database);
    my $blocker = DbmSession->new($node, $database);
    my $waits = sub {
        return $node->safe_psql('template1', "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'dbmaestro step'");
    };
    my $gone = sub { return $node->safe_psql('template1', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dbmaestro step'") eq '0'; };
    my $build = "CALL dbm_apply_in_steps('$change', 'CREATE INDEX CONCURRENTLY counted_step ON counted (step)')";
    my $states = "SELECT (SELECT state FROM dbmaestro.change), (SELECT string_agg(outcome, ', ' ORDER BY id) FROM dbmaestro.run),"
      . q( (SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('counted_step')));
    my ($backend, $worker);

    $blocker->query('BEGIN; INSERT INTO counted VALUES (0)');
    $session->ask($build);
    ($backend, $worker) = $faults->await_step($database, 1, 'Lock:virtualxid');
    lose_standby($node);
    $blocker->query('ROLLBACK');
    wait_until('the first of them', sub { $waits->() ne '' });
    if ($commit == 2)
    {
        $node->safe_psql('template1', "SELECT pg_cancel_backend($worker)");
        wait_until('the second', sub {
                return $node->safe_psql($database, q(SELECT indisready FROM pg_index WHERE indexrelid = to_regclass('counted_step'))) eq 't'
                  && $waits->() ne '';
            });
    }
    $node->safe_psql('template1', 'SELECT ' . ($victim =~ /cancelled/ ? 'pg_cancel_backend' : 'pg_terminate_backend')
          . '(' . ($victim =~ /worker/ ? $worker : $backend) . ')');
    wait_until('end of the worker', $gone);
    find_standby($node);
    $session->answer;
    $_->close foreach $session, $blocker;
    my $state = $node->safe_psql($database, $states);
    like($state, qr/^(?:applied\|applied\|t|partial\|running\|[tf]|\|failed\|)$/, "$what: change, run and catalog agree") or diag($session->{err});
    like($session->{err}, $state =~ /^\|failed/ ? qr/HINT:  Nothing of it is left|57014/ : $state =~ /^partial/ ? qr/FATAL/ : qr/^(?!.*ERROR)/s, "$what: what is said of it, too");
    note "$what: $state";
    like($node->safe_psql($database, $build), qr/applied\|/, "$what: applied again");
    like($node->safe_psql($database, $states), qr/^applied\|(?:failed, )?applied\|t$/, "$what: applied, and the index is valid");
}

# ---- deployment during pg_dump and during a base backup ----

{
    my $database = $faults->fresh_database;
    my $first = DbmSession->new($node, $database);
    my $session = DbmSession->new($node, $database);
    my $before = $faults->root_of($database);
    my $file = $node->basedir . '/during.sql';
    my $dump;
    my $copy;

    $first->query('BEGIN; LOCK TABLE gate7');
    $dump = IPC::Run::start([ 'pg_dump', '-f', $file, $node->connstr($database) ], '<', \undef, '>', \my $out, '2>', \my $err);
    $faults->await_lock_wait($database, 'gate7');
    $session->ask($apply);
    # the snapshot of the dump is what the build waits for
    $faults->await_step($database, 2, 'Lock:virtualxid');
    $first->query('COMMIT');
    $dump->finish;
    is($err, '', 'during pg_dump: it dumps');
    like($session->answer, qr/^applied\|/, 'during pg_dump: the change is applied when the dump is done') or diag($session->{err});
    $node->safe_psql('template1', 'CREATE DATABASE restored TEMPLATE template0');
    $node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-d', $node->connstr('restored') ], 'during pg_dump: it can be restored');
    is($node->safe_psql('restored', 'SELECT (SELECT count(*) FROM dbmaestro.change), (SELECT count(*) FROM dbmaestro.run_step), to_regclass($$orders$$) IS NULL'), '0|0|t', 'during pg_dump: neither the change nor its record is in it');
    is($faults->root_of('restored'), $before, 'during pg_dump: the schema is that of before');
    $faults->check_resumed($database, 'during pg_dump');
    $_->close foreach $first, $session;

    $database = $faults->fresh_database;
    my ($running, $blocker) = $faults->stop_at($database, 4);
    $node->backup('during');
    $blocker->close;
    like($running->answer, qr/^applied\|/, 'during a base backup: the change is applied');
    $running->close;
    $copy = PostgreSQL::Test::Cluster->new('copy');
    $copy->init_from_backup($node, 'during');
    $copy->start;
    $faults->{node} = $copy;
    like($faults->status_of($database), qr/^interrupted\|interrupted at step 4 of 7, statement 7 at line 5\|/, 'restored base backup: it was interrupted');
    $faults->check_resumed($database, 'restored base backup');
    $copy->stop;
    $faults->{node} = $node;
    $faults->check_resumed($database, 'during a base backup');
}

# ---- disk full ----

SKIP:
{
    my $small = $ENV{DBM_SMALL_DISK};
    skip 'no small disk to fill (only root can mount one)', 1 unless $small;
    my $database = $faults->fresh_database;
    my $filler = "$small/steps_filler";
    my $in_small = $apply =~ s/1, 3000/1, 50000/r =~ s/orders \(word\)/orders (word) TABLESPACE small/r;
    my $error;

    mkdir "$small/steps" or die "mkdir: $!";
    $node->safe_psql($database, "CREATE TABLESPACE small LOCATION '$small/steps'");
    system("dd if=/dev/zero of=$filler bs=64k 2>/dev/null");
    $error = dbm_refused($node, $database, $in_small);
    is($error->{sqlstate}, '53100', 'disk full: the error of the server');
    like($error->{text}, qr/change "$change", statement 3 at line 3/, 'disk full: with its place');
    like($faults->status_of($database), qr/^partial\|partial at step 2 of 7, statement 3 at line 3\|/, 'disk full: status');
    unlink $filler;
    $faults->check_resumed($database, 'disk full');
    $node->safe_psql($database, 'DROP TABLESPACE small');
    rmdir "$small/steps";
}

$node->stop;
done_testing();
