# kill -9 at random moments while a change is applied in steps, most of them in a
# concurrent build.  What falls between the boundaries of 270 and 271 is here.
#
# DBM_FAULT_LOOPS / 5 rounds; DBM_SEED repeats their moments, as far as the
# machine allows.
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
use Time::HiRes qw(time usleep);

my $seed = $ENV{DBM_SEED} || time & 0x7fffffff;
my $node = dbm_node('steps', bare => 1, init => { allows_streaming => 1 },
    conf => "fsync = off\nautovacuum = off\nrestart_after_crash = on\ncheckpoint_timeout = 30s\n");
my $faults = DbmGates->new($node);
my $apply = $faults->apply;

srand $seed;
note "DBM_SEED=$seed";

# how long it takes from the first word of the client on
my $usual = do {
    my $session = DbmSession->new($node, $faults->fresh_database);
    my $began;

    $session->query('SELECT 1');
    $began = time;
    $session->query($apply);
    time - $began;
};
# builds that take a while
my $longer = $apply =~ s/1, 3000/1, 50000/r;
my $rounds = int(dbm_fault_loops() / 10) || 1;
my %stood;

foreach my $round (1 .. 2 * $rounds)
{
    my $victim = (qw(client backend worker terminated postmaster))[ rand 5 ];
    my $build = $round % 2 && (2, 4)[ rand 2 ];
    my $delay = $build ? rand 0.05 : rand(1.2) * $usual;
    my $what = sprintf 'random kill %d, %s after %.0f ms%s', $round, $victim, $delay * 1000, $build ? " in step $build" : '';
    my $database = $faults->fresh_database;
    my $session = DbmSession->new($node, $database, connstr => "options='-c client_connection_check_interval=10ms'");
    my $backend = $session->query('SELECT pg_backend_pid()');
    my $watcher = DbmSession->new($node, $database);
    my $worker;

    $watcher->query('SELECT 1');
    $session->ask($build ? $longer : $apply);
    wait_until("step $build", sub {
            return $watcher->query("SELECT count(*) FROM dbmaestro.run_step WHERE ordinal = $build AND state NOT IN ('planned', 'intended')") eq '1';
        }) if $build;
    usleep($delay * 1_000_000);
    $worker = $watcher->query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'dbmaestro step'") || undef
      if $victim eq 'worker';
    $watcher->close;
    $faults->end($victim, $session, $backend, $worker);
    $session->close;
    wait_until('end of the worker',
        sub { $node->safe_psql('template1', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dbmaestro step'") eq '0' });
    my $status = $faults->status_of($database);
    $stood{ $status =~ /at (step \d)/ ? $1 : $status =~ /all \d steps/ ? 'all steps' : 'begin or end' }++;
    like($status, qr/^(?:\|\||interrupted\|interrupted at step [1-7] of 7, |interrupted\|interrupted, all 7 steps are done)/, "$what: status") or diag("DBM_SEED=$seed");
    $faults->check_resumed($database, $what, call => $build ? $longer : $apply);
}
note join ', ', map { "$_: $stood{$_}" } sort keys %stood;

$node->stop;
done_testing();
