# What a server may be: gone, restarted, read-only, too old, without the
# extension or with another version of it, silent; and connections that are
# cut, or commands that are interrupted, at the worst moment.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmRepository;
use DbmTest;
use DbmWire;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = dbm_node('main', bare => 1, conf => "fsync = off\n", init => { allows_streaming => 1 });

# A repository of three changes with names of their own in a database of its own; the second may be slow.
sub new_repository
{
    my ($name, %parameter) = @_;

    dbm_database($node, $name) if $node->safe_psql('template1', "SELECT count(*) = 0 FROM pg_database WHERE datname = '$name'") eq 't';
    my $repository = DbmRepository->new($node, dev => { database => $name, %parameter });
    set_scripts($repository, 'SELECT 1');
    return $repository;
}

sub set_scripts
{
    my ($repository, $statement) = @_;

    $repository->write(
        'migrations/20260101_000000_one.sql' => "CREATE TABLE one (id int);\n",
        'migrations/20260102_000000_two.sql' => "CREATE TABLE two (id int);\n$statement;\n",
        'migrations/20260103_000000_three.sql' => "CREATE TABLE three (id int);\n");
    $repository->commit($statement);
    return;
}

# The tables that are there, and the state of the newest deployment.
sub standing
{
    my ($database) = @_;

    return $node->safe_psql($database, "SELECT (SELECT string_agg(relname, ' ' ORDER BY oid) FROM pg_class"
          . " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'), (SELECT state"
          . " FROM dbmaestro.deployment_history ORDER BY deployment DESC LIMIT 1)");
}

sub start_and_sleep
{
    my ($repository, $database, @arguments) = @_;

    set_scripts($repository, 'SELECT pg_sleep(1000)');
    my $started = $repository->start('deploy', 'dev', @arguments);
    $node->poll_query_until('template1', "SELECT count(*) = 1 FROM pg_stat_activity"
          . " WHERE wait_event = 'PgSleep' AND datname = '$database'")
      or die "the deployment never came to sleep: $started->{stderr}";
    return $started;
}

sub goes_on
{
    my ($repository, $database, $name, $already) = @_;

    set_scripts($repository, 'SELECT 1');
    my ($stdout) = $repository->check([ 'deploy', 'dev' ], 0, undef, "$name: running it again goes on");
    is(scalar(() = $stdout =~ /\| applied/g), 3 - $already, "$name: with what is missing");
    is(standing($database), 'one two three|succeeded', "$name: in the end all is there");
    return;
}

# --- what is not a server for us -----------------------------------------------------

foreach my $case (
    [ 'too old', { version => '14.9' }, 1, qr/error: environment "dev": the server is PostgreSQL 14\.9\n.*hint: dbmaestro needs PostgreSQL 15/ ],
    [ 'without the extension', { version => '15.0' }, 1,
        qr/error: environment "dev": extension dbmaestro is not installed in database "shop"\n.*hint: Run as superuser: dbmaestro init dev/ ],
    [ 'with an older extension', { version => '18.0', row => [ 'public', '0.0.1' ] }, 1,
        qr/error: environment "dev": extension dbmaestro is version 0\.0\.1 there, and this is dbmaestro [0-9.]+\n.*hint: .*ALTER EXTENSION dbmaestro UPDATE/ ],
    [ 'silent', { silent => 1 }, 12, qr/error: environment "dev": .*timeout expired/ ])
{
    my ($name, $parameter, $expected, $pattern) = @$case;
    my $fake = DbmWire->server(%$parameter);
    my $repository = new_repository('shop', conninfo => $fake->conninfo('shop', 'connect_timeout=2'));

    $repository->check([ $_, 'dev' ], $expected, $pattern, "$name: $_") foreach qw(plan deploy);
    my ($code, $stdout) = $repository->run('status');
    is($code, $expected, "$name: status: exit code $expected");
    like($stdout, qr/^ *dev\b.*\| (?:the server is|extension dbmaestro is|connection to ".*" failed: timeout)/m, "$name: status says so");
    $fake->stop;
    $repository->check([ 'deploy', 'dev' ], 12, qr/error: environment "dev": connection to server at "127.0.0.1".*refused/, "$name: and gone");
}

# all are asked at the same time
{
    my $fake = DbmWire->server(silent => 1);
    my @silent = map { ("silent$_" => { conninfo => $fake->conninfo('shop', 'connect_timeout=4') }) } 1 .. 4;
    my $repository = DbmRepository->new($node, @silent, dev => 'shop');
    my $start = time;

    $repository->write('migrations/20260101_000000_one.sql' => 'SELECT 1');
    $repository->commit('One');
    my $rows = $repository->json('status');
    cmp_ok(time - $start, '<', 14, 'four servers that say nothing: status waits for all of them at once');
    is_deeply([ map { $_->{problem} // '' } @$rows ], [ ('connection to "127.0.0.1" failed: timeout expired') x 4, '' ], 'and tells who it was');
    my $service = $fake->conninfo('shop', 'connect_timeout=2') =~ s/host=\S+ port=\S+//r
      . ' host=127.0.0.1,' . $node->host . " port=$fake->{port}," . $node->port;
    is($repository->json('status', 'dev', '--set', "environment.dev.conninfo=$service")->[0]{problem}, undef,
        'of two servers the other is asked');
}

# the extension is of another version than the library
{
    my $repository = new_repository('other');

    $repository->check([ 'deploy', 'dev', '--to', '20260101_000000_one' ], 0, undef, 'before');
    $node->safe_psql('other', "SELECT dbm_guard('off')");
    $node->safe_psql('other', "UPDATE pg_extension SET extversion = '99.9' WHERE extname = 'dbmaestro'");
    my ($stdout, $stderr) = $repository->check([ 'deploy', 'dev' ], 1,
        qr/^ERROR:  dbmaestro library and installed extension differ in version$/m, 'another version of the library: deploy');
    like($stderr, qr/^DETAIL:  The library is [0-9.]+, the extension in this database 99\.9\..*^HINT:  .*ALTER EXTENSION dbmaestro UPDATE/ms,
        'another version of the library: which, and what to do');
    is($node->safe_psql('other', "SELECT to_regclass('two') IS NULL"), 't', 'another version of the library: nothing is applied');
}

# --- read-only ---------------------------------------------------------------------

{
    my $repository = new_repository('readonly', conninfo => $node->connstr('readonly') . " options='-c default_transaction_read_only=on'");
    my $writer = new_repository('readonly');

    is($repository->json('status')->[0]{pending}, 3, 'read-only: status');
    my ($stdout) = $repository->check([ 'plan', 'dev' ], 0, undef, 'read-only: plan');
    is(scalar(() = $stdout =~ /\| pending/g), 3, 'read-only: plan shows what is pending');
    $repository->check([ 'deploy', 'dev' ], 1, qr/^ERROR:  cannot execute .* in a read-only transaction$/m, 'read-only: deploy');
    is(standing('readonly'), '|', 'read-only: nothing has happened');
    $writer->check([ 'deploy', 'dev', '--to', '20260101_000000_one' ], 0, undef, 'and now with writing');

    my $standby = PostgreSQL::Test::Cluster->new('standby');
    $node->backup('base');
    $standby->init_from_backup($node, 'base', has_streaming => 1);
    $standby->start;
    my $follower = new_repository('readonly', conninfo => $standby->connstr('readonly'));
    is($follower->json('status')->[0]{applied}, 1, 'standby: status');
    ($stdout) = $follower->check([ 'plan', 'dev' ], 0, undef, 'standby: plan');
    is(scalar(() = $stdout =~ /\| pending/g), 2, 'standby: plan shows what is pending');
    $follower->check([ 'deploy', 'dev' ], 1, qr/^ERROR:  cannot execute .* (?:in a read-only transaction|during recovery)$/m, 'standby: deploy');
    $writer->check([ 'deploy', 'dev' ], 0, undef, 'the primary');
    $node->wait_for_catchup($standby);
    $follower->check([ 'deploy', 'dev' ], 0, qr/nothing to do/, 'standby: with nothing to do there is nothing to refuse');
    $standby->stop;
}

# --- restarted -----------------------------------------------------------------------

{
    my $repository = new_repository('restarted');

    $repository->check([ 'deploy', 'dev', '--to', '20260101_000000_one' ], 0, undef, 'before a restart');
    $node->stop;
    $repository->check([ $_, 'dev' ], 12, qr/error: environment "dev": connection to server .* failed: /, "server gone: $_") foreach qw(plan deploy);
    my ($code, $stdout) = $repository->run('status');
    is($code, 12, 'server gone: status: exit code 12');
    like($stdout, qr/connection to server .* failed/, 'server gone: status says so');
    $node->start;
    goes_on($repository, 'restarted', 'between two commands', 1);
}
foreach my $mode (qw(fast immediate))
{
    my $repository = new_repository("restart_$mode");
    my $started = start_and_sleep($repository, "restart_$mode");

    $node->stop($mode);
    is($repository->finish($started), 10, "$mode restart in mid-deployment: exit code 10");
    like($started->{stderr}, qr/^(?:FATAL:  terminating connection due to administrator command|WARNING:  terminating connection due to immediate shutdown command|server closed the connection unexpectedly)/m,
        "$mode restart: the server's word");
    like($started->{stderr}, qr/error: the connection to "dev" was lost during deployment \d+\n.*detail: 1 of 3 changes are applied\. .*hint: Run "dbmaestro status dev"/s,
        "$mode restart: what stands");
    like($started->{stdout}, qr/one +\| applied.*two +\| (?:failed|unclear).*three +\| (?:unclear|not reached)/s, "$mode restart: change by change");
    $node->start;
    is(standing("restart_$mode"), 'one|interrupted', "$mode restart: and so it is");
    is($repository->json('status')->[0]{interrupted}, 1, "$mode restart: status tells it");
    goes_on($repository, "restart_$mode", "$mode restart", 1);
}

# --- cut ------------------------------------------------------------------------------

{
    my $proxy = DbmWire->proxy($node, cut => 'CREATE TABLE two');
    my $direct = new_repository('cut');
    my $repository = new_repository('cut', conninfo => $proxy->conninfo('cut'));
    my ($stdout, $stderr) = $repository->check([ 'deploy', 'dev' ], 10,
        qr/error: the connection to "dev" was lost during deployment \d+\n.*detail: [01] of 3 changes are applied\. /, 'cut before a change');

    like($stdout, qr/two +\| (?:failed|unclear|not reached)/, 'cut before a change: it is not said to be there');
    $node->poll_query_until('cut', "SELECT state = 'interrupted' FROM dbmaestro.deployment_history ORDER BY deployment DESC LIMIT 1");
    is(standing('cut'), 'one|interrupted', 'cut before a change: what came before it stands');
    goes_on($direct, 'cut', 'cut before a change', 1);
}
{
    my $proxy = DbmWire->proxy($node, mute => 'CREATE TABLE one');
    my $direct = new_repository('mute');
    my $repository = new_repository('mute', conninfo => $proxy->conninfo('mute'));
    my $started = $repository->start('deploy', 'dev');

    $node->poll_query_until('mute', "SELECT to_regclass('three') IS NOT NULL") or die 'the changes never arrived';
    $proxy->stop;
    is($repository->finish($started), 10, 'cut before the answers: exit code 10');
    like($started->{stderr}, qr/detail: 0 of 3 changes are applied\.  Whether "20260101_000000_one" is, the server knows/,
        'cut before the answers: nothing is claimed');
    like($started->{stdout}, qr/one +\| unclear.*two +\| unclear.*three +\| unclear/s, 'cut before the answers: change by change');
    is($direct->json('status')->[0]{applied}, 3, 'cut before the answers: the server knows');
    $direct->check([ 'deploy', 'dev' ], 0, qr/nothing to do/, 'cut before the answers: nothing is done twice');
}
{
    my $repository = new_repository('terminated');
    my $started = start_and_sleep($repository, 'terminated', '--single-transaction');

    $node->safe_psql('terminated', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
    is($repository->finish($started), 10, 'terminated, all or nothing: exit code 10');
    like($started->{stderr}, qr/^FATAL:  terminating connection.*error: the connection to "dev" was lost.*detail: 0 of 3 changes are applied/ms,
        'terminated, all or nothing: nothing');
    is(standing('terminated'), '|interrupted', 'terminated, all or nothing: and so it is');
    goes_on($repository, 'terminated', 'terminated, all or nothing', 0);
}

# --- interrupted --------------------------------------------------------------------------

{
    my $repository = new_repository('cancelled');
    my $started = start_and_sleep($repository, 'cancelled');

    $started->{harness}->signal('INT');
    is($repository->finish($started), 10, 'Ctrl-C: exit code 10');
    like($started->{stderr}, qr/^ERROR:  canceling statement due to user request$/m, 'Ctrl-C: the server has cancelled');
    like($started->{stderr}, qr/error: deployment \d+ to "dev" was cancelled at change "20260102_000000_two"\n.*detail: 1 of 3 changes are applied\.\n.*hint: Run "dbmaestro deploy dev" again: it goes on with "20260102_000000_two"/,
        'Ctrl-C: what stands, and how to go on');
    is($node->safe_psql('cancelled', "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), 0, 'Ctrl-C: nothing goes on behind our back');
    is(standing('cancelled'), 'one|cancelled', 'Ctrl-C: and so it is');
    goes_on($repository, 'cancelled', 'Ctrl-C', 1);
}
{
    my $note = PostgreSQL::Test::Utils::tempdir_short() . '/connected';
    my $fake = DbmWire->server(silent => 1, note => $note);
    my $repository = new_repository('shop', conninfo => $fake->conninfo('shop'));
    my $until = time + $PostgreSQL::Test::Utils::timeout_default;

    foreach my $command ([ 'deploy', 'dev' ], ['status'])
    {
        my $started = $repository->start(@$command);

        usleep(10_000) until -e $note || time > $until;
        $started->{harness}->signal('INT');
        is($repository->finish($started), 10, "Ctrl-C while connecting: @$command: exit code 10");
        is($started->{stderr}, "\ndbmaestro: error: interrupted\n", "Ctrl-C while connecting: @$command: says so");
        unlink $note;
    }
}

$node->stop;
done_testing();
