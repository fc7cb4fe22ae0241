# The network between the command line and the server is cut while a change is
# under way: in a pipeline, and in a concurrent build.  Both sides hear of it, or
# one of them, or nobody.  The command ends with exit code 10 and says what it
# knows; the server knows the rest, and the next deployment goes on.
use strict;
use warnings FATAL => 'all';

# With a network of our own a cut is one: nothing arrives, and nobody is told.
# Before the modules redirect what we print.
BEGIN
{
    my @own = qw(unshare --map-current-user --keep-caps --net);

    exec 'env', 'DBM_OWN_NETWORK=yes', @own, $^X, $0
      if !$ENV{DBM_OWN_NETWORK} && system("@own ip link set lo up >/dev/null 2>&1") == 0;
    system('ip link set lo up') if $ENV{DBM_OWN_NETWORK};
}

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmFaults;
use DbmRepository;
use DbmSession;
use DbmTest;
use DbmWire;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'time';

my $node = dbm_node('cut', bare => 1,
    conf => "fsync = off\nautovacuum = off\nlisten_addresses = '127.0.0.1'\n");

# ---- a deployment that waits in its second change ----

my %SECOND = (pipeline => 'CREATE TABLE two (); LOCK TABLE gate;', build => 'CREATE INDEX CONCURRENTLY one_id ON one (id);');

# kind: pipeline or build; notices: does the server look whether its client is there?
sub begin
{
    my ($database, $kind, %parameter) = @_;
    my %case = (database => $database, kind => $kind);

    dbm_database($node, $database, environment => 'dev');
    $node->safe_psql($database, 'CREATE TABLE gate (); CREATE TABLE other ()');
    $node->safe_psql($database, "SELECT dbm_configure('lock_timeout', '600s')");
    $node->safe_psql('template1', "ALTER DATABASE $database SET client_connection_check_interval = '50ms'") if $parameter{notices};
    $case{proxy} = DbmWire->proxy($node, tcp => 1);
    $case{direct} = DbmRepository->new($node, dev => { database => $database });
    $case{cut} = DbmRepository->new($node, dev => { conninfo => $parameter{conninfo} // $case{proxy}->conninfo($database) });
    foreach my $repository (@case{qw(direct cut)})
    {
        $repository->write(
            'migrations/20260101_000000_one.sql' => "CREATE TABLE one (id int);\n",
            'migrations/20260102_000000_two.sql' => "$SECOND{$kind}\n",
            'migrations/20260103_000000_three.sql' => "CREATE TABLE three ();\n");
        $repository->commit('Three');
    }
    $case{blocker} = DbmSession->new($node, $database);
    $case{blocker}->query($kind eq 'pipeline' ? 'BEGIN; LOCK TABLE gate' : 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM other');
    $case{client} = $case{cut}->start('deploy', 'dev');
    wait_until("$database: it waits", sub {
            $case{backend} = $node->safe_psql($database, $kind eq 'pipeline'
                ? "SELECT pid FROM pg_locks WHERE relation = 'gate'::regclass AND NOT granted"
                : "SELECT backend_pid FROM dbmaestro.run_step JOIN pg_stat_activity ON pid = worker_pid WHERE wait_event = 'virtualxid'");
            return $case{backend} ne '';
        });
    return \%case;
}

sub release { (delete $_[0]{blocker})->close; return; }

sub await_backend
{
    my ($case) = @_;

    wait_until("$case->{database}: end of the backend", sub { !is_alive($case->{backend}) });
    wait_until("$case->{database}: end of the worker", sub {
            return $node->safe_psql('template1', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dbmaestro step' AND datname = '$case->{database}'") eq '0';
        });
    return;
}

# What the command says when it has ended.
sub check_client
{
    my ($case, $what) = @_;
    my ($out, $err) = @{ $case->{client} }{qw(stdout stderr)};

    is($case->{cut}->finish($case->{client}), 10, "$what: exit code 10");
    like($case->{client}{stderr}, qr/error: the connection to "dev" was lost during deployment 1\n.*detail: [01] of 3 changes (?:is|are) applied\..*hint: Run "dbmaestro status dev"/s,
        "$what: what stands, as far as it knows");
    like($case->{client}{stdout}, qr/one +\| (?:applied|unclear).*two +\| unclear.*three +\| (?:unclear|not reached)/s, "$what: change by change");
    return;
}

# What the server knows: these changes are applied, and that one is interrupted in part.
sub check_server
{
    my ($case, $what, $applied, $unfinished) = @_;

    like($node->safe_psql($case->{database}, "SELECT string_agg(split_part(change, '_', 3), ' ' ORDER BY change) FROM dbmaestro.change WHERE state = 'applied'"),
        qr/^$applied$/, "$what: what is applied");
    my $status = $case->{direct}->json('status')->[0];
    is($status->{unfinished_at} // '', $unfinished, "$what: status");
    $case->{direct}->check([ 'deploy', 'dev' ], 0, undef, "$what: deployed again");
    is( $node->safe_psql($case->{database}, <<'SQL'),
SELECT string_agg(split_part(change, '_', 3), ' ' ORDER BY change), bool_and(state = 'applied'),
       (SELECT count(*) FROM dbmaestro.run WHERE outcome = 'applied'), (SELECT count(*) FROM pg_index WHERE NOT indisvalid),
       (SELECT lock_pid IS NULL AND partial = 0 FROM dbm_status())
  FROM dbmaestro.change
SQL
        'one two three|t|3|0|t', "$what: all of it, once");
    return;
}

# ---- reset ----

foreach my $notices (0, 1)
{
    foreach my $kind (qw(pipeline build))
    {
        my $what = "reset in a $kind" . ($notices ? ', which the server notices' : '');
        my $case = begin("reset_${kind}_$notices", $kind, notices => $notices);

        $case->{proxy}->reset;
        check_client($case, $what);
        if ($notices)
        {
            await_backend($case);
            release($case);
            check_server($case, $what, 'one', $kind eq 'build' ? 'interrupted at step 1 of 1, statement 1 at line 1' : '');
        }
        else
        {
            # it hears of it when it has something to say or to read
            release($case);
            await_backend($case);
            check_server($case, $what, $kind eq 'build' ? 'one two' : 'one two(?: three)?', '');
        }
    }
}

# ---- silence ----

# Nobody is told; the one who waits at the command ends it, and a request to cancel gets nowhere, either.
{
    my %cases = (
        pipeline => begin('silent_pipeline', 'pipeline'),
        build => begin('silent_build', 'build'),
        unheard => begin('silent_unheard', 'build'));
    my $began;

    $_->{proxy}->silence foreach @cases{qw(pipeline build)};
    # the answer to the second change comes, the third one does not arrive
    $cases{unheard}{proxy}->silence('server');
    release($cases{unheard});
    wait_until('the second change', sub {
            return $node->safe_psql('silent_unheard', "SELECT count(*) FROM dbmaestro.change WHERE change LIKE '%two' AND state = 'applied'") eq '1';
        });
    $began = time;
    foreach my $case (values %cases)
    {
        $case->{client}{harness}->signal('INT');
    }
    foreach my $name (sort keys %cases)
    {
        is($cases{$name}{cut}->finish($cases{$name}{client}), 10, "silence, $name: exit code 10");
        like($cases{$name}{client}{stderr}, qr/Could not send cancel request.*the connection to "dev" was lost during deployment 1\n.*hint: Run "dbmaestro status dev"/s, "silence, $name: says so");
    }
    cmp_ok(time - $began, '<', 60, 'silence: within the limit for a request to cancel');
    is($cases{$_}{direct}->json('status')->[0]{lock_pid}, $cases{$_}{backend}, "silence, $_: the server goes on") foreach qw(pipeline build);
    release($cases{$_}) foreach qw(pipeline build);
    # once the connection is broken the build would be ended
    wait_until('the build that nobody hears of', sub {
            return $node->safe_psql('silent_build', "SELECT count(*) FROM dbmaestro.change WHERE change LIKE '%two' AND state = 'applied'") eq '1';
        });
    $_->{proxy}->stop foreach values %cases;
    await_backend($_) foreach values %cases;
    check_server($cases{pipeline}, 'silence, pipeline', 'one two three', '');
    check_server($cases{build}, 'silence, build', 'one two', '');
    check_server($cases{unheard}, 'silence, unheard', 'one two', '');
}

# The answers do not come back; when the connection breaks at last, all is done.
foreach my $kind (qw(pipeline build))
{
    my $case = begin("answers_$kind", $kind);

    $case->{proxy}->silence('client');
    release($case);
    wait_until('the second change', sub {
            return $node->safe_psql($case->{database}, "SELECT count(*) FROM dbmaestro.change WHERE change LIKE '%two' AND state = 'applied'") eq '1';
        });
    $case->{proxy}->reset;
    check_client($case, "no answers from a $kind");
    await_backend($case);
    check_server($case, "no answers from a $kind", $kind eq 'build' ? 'one two' : 'one two three', '');
}

# ---- who looks whether the other one is there ----

{
    my $chosen = "SELECT current_setting('tcp_keepalives_idle') || ' ' || current_setting('tcp_keepalives_interval') || ' '"
      . " || current_setting('tcp_keepalives_count') || ' ' || current_setting('tcp_user_timeout')";
    my $system = DbmSession->new($node, 'answers_build', conninfo => 'host=127.0.0.1 port=' . $node->port . ' dbname=answers_build user=postgres');
    my $before = $system->query($chosen);

    is($system->query("SELECT outcome FROM dbm_apply('20260104_000000_alive', " . dbm_quote("CREATE TABLE alive AS $chosen AS chosen") . ')'), 'applied', 'TCP: applied')
      or diag($system->{err});
    is($system->query('SELECT chosen FROM alive'), '60 15 4 120000', 'TCP: a client that is gone is noticed, in a run, after two minutes');
    is($system->query($chosen), $before, 'TCP: the session has its own again');
    $system->close;
}

# ---- a cable ----

SKIP:
{
    skip 'no network of our own', 9 unless $ENV{DBM_OWN_NETWORK};
    my $conninfo = 'host=127.0.0.1 port=' . $node->port . ' user=postgres sslmode=disable gssencmode=disable'
      . ' keepalives_idle=1 keepalives_interval=1 keepalives_count=3 tcp_user_timeout=4000 dbname=';

    foreach my $kind (qw(pipeline build))
    {
        my $case = begin("cable_$kind", $kind, conninfo => "${conninfo}cable_$kind");

        system('ip link set lo down');
        check_client($case, "cable, $kind");
        is($case->{direct}->json('status')->[0]{lock_pid}, $case->{backend}, "cable, $kind: the server goes on");
        release($case);
        wait_until('the second change', sub {
                return $node->safe_psql($case->{database}, "SELECT count(*) FROM dbmaestro.change WHERE change LIKE '%two' AND state = 'applied'") eq '1';
            });
        system('ip link set lo up');
        await_backend($case);
        check_server($case, "cable, $kind", $kind eq 'build' ? 'one two' : 'one two three', '');
    }
}

$node->stop;
done_testing();
