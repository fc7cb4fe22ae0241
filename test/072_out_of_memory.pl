# Memory that is not to be had at each point of a run, a rollback and a refusal,
# one after the other: an error, no crash, and what is there is what is on
# record.  And a clock that was set meanwhile.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $library = PostgreSQL::Test::Utils::tempdir() . '/faulty_libc.so';
my $include = `pg_config --includedir-server`;

chomp $include;
plan skip_all => 'no compiler or no headers'
  if system("cc -shared -fPIC -D_GNU_SOURCE -I$include -o $library $FindBin::RealBin/lib/faulty_libc.c") != 0;

my $node = dbm_node('memory', bare => 1, conf => "fsync = off\nautovacuum = off\nrestart_after_crash = off\n");

dbm_database($node, 'prod', environment => 'prod');
$node->safe_psql('prod', "CREATE FUNCTION public.fail_malloc(int) RETURNS void LANGUAGE c STRICT AS '$library';"
      . " CREATE FUNCTION public.failures() RETURNS int LANGUAGE c STRICT AS '$library';"
      . " CREATE FUNCTION public.set_clock(int) RETURNS void LANGUAGE c STRICT AS '$library'");
$node->safe_psql('prod', 'SELECT dbm_guard($$enforce$$)');
$node->stop;
{
    local $ENV{LD_PRELOAD} = $library;
    $node->start;
}
is($node->safe_psql('prod', 'SELECT fail_malloc(0)'), '', 'the library is there');

# ---- memory ----

my $watcher = DbmSession->new($node, 'prod');
my $number = 0;

# Has each point of it fail in a fresh session, until there is none left.
# Returns how many there were.
sub fail_everywhere
{
    my ($what, $prepare, $act, $check) = @_;
    my ($points, $silent, $unexpected, $broken, $gone) = (0, 0, 0, 0, 0);

    for (my $point = 1; $silent < 3 && $point < 3000; $point += $point < 30 ? 1 : 61)
    {
        my $session = DbmSession->new($node, 'prod');
        my $name = sprintf '20260101_%06d_m', ++$number;
        my $error;

        $watcher->query($prepare->($name)) if $prepare;
        $session->query("SELECT fail_malloc($point)");
        $session->query($act->($name));
        $error = $session->error;
        # the question may be what fails
        my $failed = $session->query('SELECT failures()');
        $failed = $session->query('SELECT failures()') if $failed eq '';
        $gone++ if $failed eq '';
        $silent = $failed eq '0' ? $silent + 1 : 0;
        $points++ if $failed ne '0';
        # OpenSSL, hash tables, regular expressions and check hooks of settings have words of their own for it
        if ($error && "$error->{sqlstate} $error->{message}" !~
            /^(?:53200|MA001|XX000 could not compute SHA-256: |XX000 failed to initialize hash table |2201B .*out of memory|22023 invalid value for parameter)/)
        {
            $unexpected++;
            diag("$what, point $point: $error->{text}");
        }
        my $fault = $check->($name, $error);
        if ($fault)
        {
            $broken++;
            diag("$what, point $point: $fault; " . ($error ? $error->{text} : 'no error'));
        }
        $session->close;
    }
    cmp_ok($points, '>', 10, "$what: points at which memory was asked for");
    is($unexpected, 0, "$what: the errors say so");
    is($broken, 0, "$what: what is there is what is on record");
    is($gone, 0, "$what: no session was lost");
    is($watcher->query('SELECT 1'), '1', "$what: nor the server");
    note "$what: $points points";
    return;
}

my $standing = sub {
    my ($name) = @_;

    return $watcher->query("SELECT coalesce((SELECT state FROM dbmaestro.change WHERE change = '$name'), '') || ' ' || (to_regclass('t$number') IS NOT NULL)"
          . " || ' ' || (SELECT count(*) FROM dbmaestro.run WHERE change = '$name' AND outcome IN ('applied', 'rolled back'))");
};
my $apply = sub {
    my ($name) = @_;

    return "SELECT outcome FROM dbm_apply('$name', 'CREATE TABLE t$number (id serial PRIMARY KEY, word text); CREATE INDEX ON t$number (word); INSERT INTO t$number (word) SELECT repeat(''x'', 100) FROM generate_series(1, 10);', rollback => 'DROP TABLE t$number')";
};

fail_everywhere('apply', undef, $apply, sub {
        my ($name, $error) = @_;
        my $is = $standing->($name);

        return $is eq ($error ? ' false 0' : 'applied true 1') ? '' : $is;
    });
fail_everywhere('rollback', $apply, sub { return "SELECT outcome FROM dbm_rollback('$_[0]')"; }, sub {
        my ($name, $error) = @_;
        my $is = $standing->($name);

        return $is eq ($error ? 'applied true 1' : 'rolled back false 2') ? '' : $is;
    });
fail_everywhere('refusal', undef, sub { return "CREATE TABLE t$number ()"; }, sub {
        my ($name, $error) = @_;
        my $is = $standing->($name);

        return $is eq ' false 0' && $error ? '' : $is;
    });
is($watcher->query('SELECT dbm_schema_hash() = dbmaestro._dbm_schema_hash_full()'), 't', 'the quick root is the full one');
is($watcher->query("SELECT string_agg(finding, '; ') FROM dbm_doctor() WHERE health = 'error'"), '', 'dbm_doctor finds no error');

# ---- the clock ----

{
    my $session = DbmSession->new($node, 'prod');
    my @order;

    foreach my $hours (0, -1, 8760, 0)
    {
        my $name = sprintf '20260102_%06d_c', ++$number;

        $session->query('SELECT set_clock(' . $hours * 3600 . ')');
        $session->query("SET TimeZone = '" . ($hours < 0 ? 'Pacific/Kiritimati' : 'America/Adak') . "'");
        is($session->query("SELECT outcome FROM dbm_apply('$name', 'CREATE TABLE t$number ()', rollback => 'DROP TABLE t$number')"), 'applied', "clock, $hours hours: applied");
        like($session->query("SELECT extract(epoch FROM duration) BETWEEN 0 AND 60, finished_at - started_at BETWEEN '0' AND '1 min' FROM dbmaestro.change_history WHERE change = '$name'"),
            qr/^t\|t$/, "clock, $hours hours: it took as long as it took");
        push @order, $name;
    }
    is($session->query("SELECT string_agg(change, ' ' ORDER BY run) FROM dbmaestro.change_history WHERE change LIKE '20260102%'"), "@order", 'clock: the history is in the order of the runs');
    is($session->query("SELECT last_change FROM dbm_status()"), $order[-1], 'clock: so is what came last');
    is($session->query("SELECT count(*) FROM dbmaestro.audit_event AS a JOIN dbmaestro.audit_event AS b ON b.id = a.id + 1 WHERE a.change LIKE '20260102%' AND b.at < a.at") > 0 ? 'seen' : 'not seen', 'seen', 'clock: the trail keeps the times as they were told')
      or diag('the clock was not set back');
    $session->query('SELECT set_clock(31536000)');
    is($session->query("CALL dbm_apply_in_steps('20260103_000000_s', 'CREATE INDEX CONCURRENTLY ON t$number ((1))')") =~ /^applied/ ? 'applied' : $session->{err}, 'applied', 'clock: a step whose caller lives in another year')
      or diag($session->{err});
    $session->close;
}

$watcher->close;
$node->stop;
done_testing();
