# The permit for one statement, in time, in one backend: whoever has another one
# is refused, and that is on record.
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

# ---- permits ----

# How many refusals of a permit with this detail are in the trail.
sub refusals
{
    my ($database, $detail) = @_;

    return $node->safe_psql($database, 'SELECT count(*) FROM dbmaestro.denied_attempt WHERE sqlstate = ' . "'MA035' AND detail LIKE " . dbm_quote("$detail%"));
}

{
    my $database = $faults->fresh_database;
    my $error;

    $node->safe_psql($database, q(SELECT dbm_configure('permit_expiry', '1ms')));
    $error = dbm_refused($node, $database, $apply);
    is($error->{sqlstate}, 'MA035', 'expired permit: refused');
    like($error->{detail}, qr/^It has expired at 20/, 'expired permit: says so');
    like($error->{hint}, qr/CALL dbm_resume\('$change'\)/, 'expired permit: and what to do');
    is(refusals($database, 'It has expired'), 1, 'expired permit: on record');
    like($faults->status_of($database), qr/^partial\|partial at step 2 of 7, statement 3 at line 3\|There is no index/, 'expired permit: status');
    $node->safe_psql($database, q(SELECT dbm_configure('permit_expiry', '30s')));
    $faults->check_resumed($database, 'expired permit');
}

# The one place for workers is the launcher's: the permit waits until somebody gives up.
{
    my $database = $faults->fresh_database;
    my $session;
    my $error;

    $node->append_conf('postgresql.conf', 'max_worker_processes = 1');
    $node->restart;
    $error = dbm_refused($node, $database, $apply);
    is($error->{sqlstate}, '53000', 'no worker: an error');
    like($error->{hint}, qr/max_worker_processes/, 'no worker: says what is missing');
    like($faults->status_of($database), qr/^partial\|partial at step 2 of 7, statement 3 at line 3\|There is no index/, 'no worker: status');

    $session = DbmSession->new($node, $database);
    $session->ask($resume);
    wait_until('the permit', sub { $node->safe_psql($database, q(SELECT state FROM dbmaestro.run_step WHERE ordinal = 2)) eq 'intended' });
    crash_postmaster($node);
    $session->close;
    like($faults->status_of($database), qr/^interrupted\|interrupted at step 2 of 7, statement 3 at line 3\|There is no index/, 'restart between permit and statement: status');
    $node->append_conf('postgresql.conf', 'max_worker_processes = 16');
    $node->restart;

    # the worker with code of one's own, which only a superuser can load
    SKIP:
    {
        my $source = "$FindBin::RealBin/lib/forged_step.c";
        my $library = $node->basedir . '/forged_step.so';
        my $include = `pg_config --includedir-server`;

        chomp $include;
        skip 'no compiler or no headers', 9
          if system("cc -shared -fPIC -D_GNU_SOURCE -I$FindBin::RealBin/../extension -I$include -o $library $source") != 0;
        $node->safe_psql($database, "SELECT dbm_guard('observe')");
        $node->safe_psql($database,
            'CREATE FUNCTION public.forge_step(bigint, integer, uuid, timestamptz, text, text, oid) RETURNS text'
              . " LANGUAGE c STRICT AS '$library'");
        my $forge = sub {
            my ($ordinal, $permit, $statement) = @_;

            return $node->safe_psql($database, <<"SQL");
SELECT forge_step(run, ordinal, $permit, backend_start, '$change', $statement, 10)
  FROM dbmaestro.run_step WHERE ordinal = $ordinal AND part = 1
SQL
        };
        like($forge->(2, 'permit', 'statement'), qr/^MA035: It was given to another backend\.$/, 'permit of another backend: refused');
        like($forge->(2, 'permit', "'DROP TABLE orders'"), qr/^MA035: It is for another statement\.$/, 'permit with another text: refused');
        like($forge->(2, 'gen_random_uuid()', 'statement'), qr/^MA035: It is not the permit of this step\.$/, 'invented permit: refused');
        is(refusals($database, $_), 1, "on record: $_")
          foreach 'It was given to another backend', 'It is for another statement', 'It is not the permit';
        is($node->safe_psql($database, "SELECT count(*) FROM pg_class WHERE relname = 'orders'"), 1, 'nothing of it was run');
        $node->safe_psql($database, 'DROP FUNCTION public.forge_step');
        $faults->check_resumed($database, 'restart between permit and statement');
        $node->safe_psql($database,
            'CREATE FUNCTION public.forge_step(bigint, integer, uuid, timestamptz, text, text, oid) RETURNS text'
              . " LANGUAGE c STRICT AS '$library'");
        like($forge->(4, 'permit', 'statement'), qr/^MA035: It has been used: the step is done\.$/, 'used permit: refused');
        is(refusals($database, 'It has been used'), 1, 'on record: It has been used');
    }
}

$node->stop;
done_testing();
