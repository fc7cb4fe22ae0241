# How often the command line waits for the server: with nothing to do three
# times, and for a deployment as often as for another, however many changes it
# has.  And how much memory it takes for ten thousand changes, or a long trail.
#
# A proxy between both holds what the server says until the client has been
# quiet for a while: whoever waits for an answer gets one, and it is counted.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmRepository;
use DbmTest;
use IO::Select;
use IO::Socket::UNIX;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $quiet = 0.2;
my $node = dbm_node('main', bare => 1, conf => "fsync = off\n");
my $directory = PostgreSQL::Test::Utils::tempdir_short();
my $proxied = "host=$directory port=5432 user=postgres sslmode=disable gssencmode=disable";

# Passes on what both say until one of them hangs up; returns how often the
# client has waited.
sub pass_on
{
    my ($client, $server) = @_;
    my $select = IO::Select->new($client, $server);
    my ($held, $waits) = ('', 0);

    while (1)
    {
        my @ready = $select->can_read($quiet);

        if (!@ready && $held ne '')
        {
            $client->syswrite($held);
            $held = '';
            $waits++;
        }
        foreach my $side (@ready)
        {
            return $waits unless $side->sysread(my $bytes, 65536);
            $held .= $bytes if $side == $server;
            $server->syswrite($bytes) if $side == $client;
        }
    }
}

# Runs a command through the proxy; returns its exit code, how often it has
# waited, and standard error.
sub count_waits
{
    my ($repository, $database, @arguments) = @_;
    my $listener = IO::Socket::UNIX->new(Local => "$directory/.s.PGSQL.5432", Listen => 1) or die "could not listen: $!";
    my $started = $repository->start(@arguments, '--set', "environment.dev.conninfo=$proxied dbname=$database");
    my $client = $listener->accept or die "could not accept: $!";
    my $server = IO::Socket::UNIX->new(Peer => $node->host . '/.s.PGSQL.' . $node->port) or die "could not connect: $!";
    my $waits = pass_on($client, $server);

    close $_ foreach $client, $server, $listener;
    unlink "$directory/.s.PGSQL.5432";
    return ($repository->finish($started), $waits, $started->{stderr});
}

sub new_repository
{
    my ($count) = @_;
    my $repository = DbmRepository->new($node, dev => "changes_$count");

    dbm_database($node, "changes_$count");
    $repository->write(map { (sprintf('migrations/20260101_%06d_step.sql', $_) => "SELECT $_;\n") } 1 .. $count);
    $repository->commit('Steps');
    return $repository;
}

my %waits;
my %plan_waits;

foreach my $count (10, 300)
{
    my $repository = new_repository($count);
    my ($code, $waits, $stderr) = count_waits($repository, "changes_$count", 'plan', 'dev');

    is($code, 0, "a plan of $count changes") or diag($stderr);
    $plan_waits{$count} = $waits;
    ($code, $waits, $stderr) = count_waits($repository, "changes_$count", 'plan', 'dev', '--steps');
    is($code, 0, "and with its steps") or diag($stderr);
    is($waits, $plan_waits{$count}, 'takes no more round trips where no step has parts');
    ($code, $waits, $stderr) = count_waits($repository, "changes_$count", 'deploy', 'dev');
    is($code, 0, "$count changes are deployed") or diag($stderr);
    $waits{$count} = $waits;
    is($node->safe_psql("changes_$count", "SELECT count(*) FROM dbmaestro.run WHERE outcome = 'applied'"),
        $count, 'all of them');
    ($code, $waits, $stderr) = count_waits($repository, "changes_$count", 'deploy', 'dev');
    is($code, 0, "$count changes again");
    like($stderr, qr/^nothing to do/m, 'there is nothing to do');
    cmp_ok($waits, '<=', 3, 'and that takes three round trips: connecting, the extension, the plan');
}
is($waits{300}, $waits{10}, 'many changes take no more round trips than a few');
is($plan_waits{300}, $plan_waits{10}, 'nor does a plan of many');
cmp_ok($plan_waits{10}, '<=', 5, 'which asks for the steps of all of them at once');
cmp_ok($waits{10}, '<=', 6, 'and these are few: with the plan, the start and the pipeline');

# The peak of what the client takes, in kB, looked at until it has ended.
sub watch_memory
{
    my ($repository, @arguments) = @_;
    my $pid = fork() // die "could not fork: $!";
    my $peak = 0;
    my $output = "$directory/output";

    if ($pid == 0)
    {
        open STDOUT, '>', $output or die "could not write $output: $!";
        exec 'dbmaestro', '-C', $repository->path('.'), @arguments or die "could not run dbmaestro: $!";
    }
    while (waitpid($pid, 1) == 0)
    {
        my ($now) = (-r "/proc/$pid/status" ? slurp_file("/proc/$pid/status") : '') =~ /^VmHWM:\s+(\d+)/m;

        $peak = $now if $now && $now > $peak;
        select undef, undef, undef, 0.01;
    }
    is($? >> 8, 0, "dbmaestro @arguments");
    return $peak;
}

SKIP:
{
    skip 'memory is read from /proc, which this system does not have', 1 unless -r '/proc/self/status';
    my $repository = new_repository(10000);
    my $peak = watch_memory($repository, 'deploy', 'dev');

    cmp_ok($peak, '>', 1000, 'the memory was seen');
    cmp_ok($peak, '<=', 32 * 1024, 'ten thousand changes take at most 32 MB');
    note("memory for ten thousand changes: $peak kB");

    # a database that is not bound to an environment yet takes rows, as for a restore
    dbm_database($node, 'trail', environment => undef);
    $node->safe_psql('trail', <<'END');
INSERT INTO dbmaestro.audit_event (id, event_id, at, kind, action, statement, message)
SELECT n, gen_random_uuid(), now(), 'run', E'an "action",\nin two lines', repeat('statement ', 20), 'message' FROM generate_series(1, 200000) AS n
END
    my $trail = DbmRepository->new($node, dev => 'trail');

    foreach my $format (qw(jsonl csv json html markdown))
    {
        my $start = time;

        $peak = watch_memory($trail, 'audit', 'dev', '--limit', 'all', '--format', $format);
        cmp_ok($peak, '>', 1000, "$format: the memory was seen");
        cmp_ok($peak, '<=', 32 * 1024, "$format: a trail of 200,000 events takes at most 32 MB");
        note("memory for 200,000 events as $format: $peak kB, " . (time - $start) . ' s');
    }
    foreach my $format (qw(jsonl csv json html markdown))
    {
        # what comes row by row is what comes at once
        my ($code, $parts) = $trail->run('audit', 'dev', '--limit', '3', '--format', $format);
        my $rows = $format eq 'jsonl' ? [ map { decode_json($_) } split /\n/, $parts ] : $format eq 'json' ? decode_json($parts) : undef;

        is($code, 0, "$format: three events");
        is(join(' ', map { $_->{id} } @$rows), '200000 199999 199998', "$format: are the newest") if $rows;
        is(scalar(() = $parts =~ /$_->[0]/g), $_->[1], "$format: $_->[2]")
          foreach $format eq 'csv'
          ? ([ qr/^id,event_id|^id,at/m, 1, 'one header' ], [ qr/^\d+,/m, 3, 'three rows' ], [ qr/,"an ""action"",\nin two lines",/, 3, 'quoted' ])
          : $format eq 'html' ? ([ qr/<table /, 1, 'one table' ], [ qr{</table>}, 1, 'that ends' ], [ qr/<tr /, 3, 'three rows' ])
          : $format eq 'markdown' ? ([ qr/^\| at \|/m, 1, 'one header' ], [ qr/^\| 20/m, 3, 'three rows' ])
          :                         ();
    }
    is(($trail->run('audit', 'dev', '--kind', 'guard', '--format', 'json'))[1], "[]\n", 'json: nothing is an empty array');
    like(($trail->run('audit', 'dev', '--kind', 'guard', '--format', 'csv'))[1], qr/\Aid,[^\n]*\n\z/, 'csv: nothing is a header');
    is(($trail->run('audit', 'dev', '--kind', 'guard', '--format', 'jsonl'))[1], '', 'jsonl: nothing is nothing');
    # whoever reads no further ends it, on the server too
    my ($code, $stdout, $stderr) = $trail->shell('dbmaestro audit dev --limit all --format jsonl | head -n 1; exit ${PIPESTATUS[0]}');
    is("$code $stderr", '1 ', 'a reader who goes away ends it');
    $node->poll_query_until('trail', "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'dbmaestro'")
      or die 'the server still sends';
    pass('on the server too');
    # an error behind the first rows: what was printed is no whole, and the exit code says so
    my $started = $trail->start('audit', 'dev', '--limit', 'all', '--format', 'json', '--set', 'environment.dev.conninfo=' . $node->connstr('trail') . " options='-c statement_timeout=250'");
    is($trail->finish($started), 10, 'a query that is cut off') or diag(substr $started->{stderr}, 0, 300);
    like($started->{stderr}, qr/^ERROR:  canceling statement due to statement timeout$/m, 'says so');
    unlike($started->{stdout}, qr/\]\n\z/, 'and no reader takes it for the whole');
}

$node->stop;
done_testing();
