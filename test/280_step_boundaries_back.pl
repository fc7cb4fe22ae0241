# As 270_step_boundaries, of the way back, in which an index is dropped
# CONCURRENTLY, and of the cleanup after a build that failed: whoever dies at
# whatever boundary, what is said stands, and it is gone on with to its end.
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

my $node = dbm_node('back', tier => 'session', bare => 1, init => { allows_streaming => 1 },
    conf => "fsync = off\nautovacuum = off\nrestart_after_crash = on\nmax_connections = 250\nmax_worker_processes = 60\n");

my %kill = (
    backend => sub { crash($node, map { $_->{backend} } @_); },
    worker => sub { crash($node, map { $_->{worker} } @_); },
    terminated => sub {
        $node->safe_psql('template1', "SELECT pg_terminate_backend($_->{backend})") foreach @_;
        DbmBoundaries::await_end(grep { ($_->{committing} // 0) != $_->{backend} && !$_->{worker} } @_);
    },
    postmaster => sub { crash_postmaster($node, DbmBoundaries::blockers_of(@_)); });

foreach my $name (qw(rollback cleanup))
{
    my $story = DbmBoundaries->new($node, story => $name, database => $name);

    foreach my $victim (qw(backend worker terminated), $name eq 'rollback' ? 'postmaster' : ())
    {
        my @holds = $story->hold_all($victim eq 'worker' && sub { $_[0]{position} =~ /permit|_lockers|_dead/ });

        $kill{$victim}->(@holds);
        $story->let_go(@holds);
        DbmBoundaries::await_end(@holds);
        foreach my $hold (@holds)
        {
            $story->check_interrupted($hold, "$name, $victim");
            $story->check_resumed($hold, "$name, $victim");
            $story->check_rolled_back($hold, "$name, $victim");
        }
    }
}

$node->stop;
done_testing();
