# A change in steps is interrupted at each boundary there is, by the end of each
# one who can end: what is said afterwards is what stands, and resuming or rolling
# back leads to where an undisturbed run does.  Those who take the server along:
# kill -9 of the backend, of the worker, of the postmaster.
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

my $node = dbm_node('boundaries', tier => 'session', bare => 1, init => { allows_streaming => 1 },
    conf => "fsync = off\nautovacuum = off\nrestart_after_crash = on\nmax_connections = 200\nmax_worker_processes = 60\n");
my $story = DbmBoundaries->new($node);

my %kill = (
    backend => sub { crash($node, map { $_->{backend} } @_); },
    worker => sub { crash($node, map { $_->{worker} } @_); },
    postmaster => sub { crash_postmaster($node, DbmBoundaries::blockers_of(@_)); });

foreach my $victim (qw(backend worker postmaster))
{
    my @holds = $story->hold_all($victim eq 'worker' && sub { $_[0]{position} =~ /^(?:permit|lockers|snapshots)$/ });

    $kill{$victim}->(@holds);
    $story->let_go(@holds);
    DbmBoundaries::await_end(@holds);
    foreach my $hold (@holds)
    {
        $story->check_interrupted($hold, $victim);
        $story->check_resumed($hold, $victim);
        $story->check_rolled_back($hold, $victim);
    }
}

$node->stop;
done_testing();
