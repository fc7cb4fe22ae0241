# As 270_step_boundaries, of those who end alone and leave the server as it is:
# the client, by kill -9; the backend, told to end or to cancel; the worker, told
# to end.  Some of them are resumed, others rolled back at once.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmBoundaries;
use DbmFaults;
use DbmTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dbm_node('alone', tier => 'session', bare => 1, init => { allows_streaming => 1 },
    conf => "fsync = off\nautovacuum = off\nmax_connections = 200\nmax_worker_processes = 60\n");
my $story = DbmBoundaries->new($node);
my $has_worker = sub { $_[0]{position} =~ /^(?:permit|lockers|snapshots)$/ };

sub signal
{
    my ($function, @pids) = @_;

    $node->safe_psql('template1', "SELECT $function(pid) FROM unnest('{" . join(',', @pids) . "}'::int[]) AS pid");
    return;
}

# ---- the client ----

{
    my @holds = $story->hold_all;

    $story->check_running($_) foreach @holds;
    kill 'KILL', map { $_->{session}{psql} } @holds;
    # a backend that waits for a standby does not look whether its client is there
    my @committing = grep { ($_->{committing} // 0) == $_->{backend} } @holds;
    my %committing = map { $_->{backend} => 1 } @committing;
    DbmBoundaries::await_end(grep { !$committing{ $_->{backend} } } @holds);
    $story->let_go(@holds);
    DbmBoundaries::await_end(@committing);
    foreach my $hold (@holds)
    {
        $story->check_interrupted($hold, 'client');
        $story->check_resumed($hold, 'client');
        $story->check_rolled_back($hold, 'client');
    }
}

# ---- the backend, told to end ----

{
    my @holds = $story->hold_all;

    signal('pg_terminate_backend', map { $_->{backend} } @holds);
    DbmBoundaries::await_end(@holds);
    $story->let_go(@holds);
    foreach my $hold (@holds)
    {
        like($hold->{session}{err},
            $hold->{commits} && $hold->{committing} == $hold->{backend}
            ? qr/WARNING:  57P01: .*\nDETAIL:  The transaction has already committed locally, but might not have been replicated/
            : qr/FATAL:  57P01: terminating connection/,
            "terminated: $hold->{what}: it is told so");
        $story->check_interrupted($hold, 'terminated');
        $story->check_rolled_back($hold, 'terminated') if $hold->{step} || $hold->{commits};
    }
}

# ---- those that stay to tell: the backend cancelled, the worker told to end ----

# What they say and what is on record, which depends on where they were.
sub check_told
{
    my ($hold, $victim, $error, $status, $evidence) = @_;
    my $what = "$victim: $hold->{what}";
    my $answer = $hold->{session}->answer;
    my $state = $node->safe_psql($hold->{database}, "SELECT outcome FROM dbmaestro.change_history WHERE change = '$hold->{change}'");

    $hold->{session}->close;
    like("$answer$hold->{session}{err}", $error, "$what: what is said");
    like($story->{faults}->status_of($hold->{database}), qr/^$status\|$evidence/, "$what: status") if $status =~ /at step/;
    like($story->{faults}->status_of($hold->{database}), qr/^\|\|$/, "$what: status says that nothing is unfinished") if $status !~ /at step/;
    is($state, $status =~ /^(\w*)/ ? $1 : '', "$what: history");
    $hold->{step} = $hold->{commits} = 0 if $state !~ /partial|interrupted|applied/;
    $story->check_resumed($hold, $victim);
    $story->check_rolled_back($hold, $victim);
    return;
}

my $standby = qr/^applied\|.*WARNING:  01000: canceling wait for synchronous replication due to user request\nDETAIL:  The transaction has already committed locally/s;
my $cancelled = qr/^[^|]*ERROR:  57014: canceling statement due to user request/;

{
    my @holds = $story->hold_all;

    signal('pg_cancel_backend', map { $_->{backend} } @holds);
    $story->let_go(@holds);
    foreach my $hold (@holds)
    {
        my $place = "$hold->{position} $hold->{commits}";
        my ($error, $status, $evidence) = @{
            {
                'open 0' => [ $cancelled, '', '' ],
                (map { ("$_ 0" => [ $cancelled, 'failed', '' ]) } qw(gate1 group_row group_end)),
                (map { ("$_ 1" => [ $standby, 'applied', '' ]) } qw(open group_end intent outcome_end end)),
                'intent 0' => [ $cancelled, 'partial\|partial at step 2 of 3, statement 5 at line 4', 'It was not begun' ],
                'permit 0' => [ $cancelled, 'partial\|partial at step 2 of 3, statement 5 at line 4', 'There is no index' ],
                (map { ("$_ 0" => [ $cancelled, 'partial\|partial at step 2 of 3, statement 5 at line 4', 'Index .* is invalid' ]) } qw(lockers snapshots)),
                # the worker was asked when it could not stop any more
                (map { ("$_ 1" => [ $cancelled, 'partial\|partial at step 3 of 3, statement 6 at line 5', 'Nothing of it is there' ]) } qw(permit snapshots)),
                (map { ("$_ 0" => [ $cancelled, 'interrupted\|interrupted at step 2 of 3, statement 5 at line 4', 'Index .* is valid' ]) } qw(outcome outcome_end)),
                (map { ("$_ 0" => [ $cancelled, 'partial\|partial at step 3 of 3, statement 6 at line 5', 'Its transaction was rolled back' ]) } qw(gate3 last_row end)),
            }->{$place} };

        check_told($hold, 'cancelled', $error, $status, $evidence);
    }
}

{
    my @holds = $story->hold_all($has_worker);

    signal('pg_terminate_backend', map { $_->{worker} } @holds);
    $story->let_go(@holds);
    foreach my $hold (@holds)
    {
        my $ended = qr/^[^|]*ERROR:  57P01: terminating/;
        my ($error, $status, $evidence) = @{
            {
                'permit 0' => [ $ended, 'partial\|partial at step 2 of 3, statement 5 at line 4', 'There is no index' ],
                # in that commit it could not say any more why it ended
                'permit 1' => [ qr/WARNING:  57P01: .*ERROR:  MA036: step 2 .* was interrupted/s, 'partial\|partial at step 2 of 3, statement 5 at line 4', '(?:There is no index|Index .* is invalid)' ],
                'lockers 0' => [ $ended, 'partial\|partial at step 2 of 3, statement 5 at line 4', 'Index .* is invalid' ],
                'snapshots 0' => [ $ended, 'partial\|partial at step 2 of 3, statement 5 at line 4', 'Index .* is invalid' ],
                # its index is valid, so it was done
                'snapshots 1' => [ qr/^applied\|/, 'applied', '' ],
            }->{"$hold->{position} $hold->{commits}"} };

        check_told($hold, 'worker terminated', $error, $status, $evidence);
    }
}

$node->stop;
done_testing();
