# Scripts of 50 MB and of 100,000 statements.  A run needs, above what the
# server takes to read the client's statement, at most 3 times the script, its
# largest statement once, and an allowance: 8 MB, which holds caches and the
# shared buffers of this cluster, and 128 bytes for each statement, which is
# remembered until it is recorded.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'time';

plan skip_all => 'this system does not tell the peak of a process'
  unless -r '/proc/self/status' && slurp_file('/proc/self/status') =~ /^VmHWM:/m;

my $node = dbm_node('memory', environment => 'dev',
    conf => "fsync = off\nshared_buffers = 4MB\nmax_wal_size = 4GB\nlog_min_error_statement = panic\n");
my $file = $node->basedir . '/statement.sql';
my ($MB, $allowance, $per_statement) = (1024 * 1024, 8 * 1024 * 1024, 128);

$node->safe_psql('postgres', 'CREATE TABLE t (id int, word text)');
$node->safe_psql('postgres', $_)
  foreach "SELECT dbm_configure('change_name_pattern', '.')", "SELECT dbm_guard('enforce')";

# Peak of the backend in bytes after the statement, what it printed, its time.
sub run_statement
{
    my ($statement) = @_;
    my $session = DbmSession->new($node, 'postgres');

    open my $handle, '>', $file or die "cannot write $file: $!";
    print $handle "$statement;\n";
    close $handle;
    my $pid = $session->query('SELECT pg_backend_pid()');
    my $began = time;
    my $printed = $session->query("\\i $file");
    my $took = time - $began;
    my ($peak) = slurp_file("/proc/$pid/status") =~ /^VmHWM:\s+(\d+) kB/m;
    my $error = $session->error;
    $session->close;
    return $peak * 1024, $error ? $error->{sqlstate} : $printed, $took;
}

sub check_peak
{
    my ($name, $script, $statements, $largest, $expected, $outcome) = @_;
    my ($alone) = run_statement("SELECT length(\$s\$$script\$s\$)");
    my ($peak, $printed, $took) =
      run_statement("SELECT outcome FROM dbm_apply('$name', \$s\$$script\$s\$)");
    my $limit = 3 * length($script) + $largest + $allowance + $per_statement * $statements;

    is($printed, $expected, "$name: $expected");
    cmp_ok($peak - $alone, '<=', $limit, "$name: within its memory");
    note sprintf '%s: %.1f MB, %d statements, %.1f s; %.0f MB above the %.0f MB to read it, of %.0f MB allowed',
      $name, length($script) / $MB, $statements, $took, ($peak - $alone) / $MB, $alone / $MB, $limit / $MB;
    is( $node->safe_psql('postgres', "SELECT outcome, statements, (SELECT count(*) FROM dbmaestro.run_statement WHERE run = id)"
              . " FROM dbmaestro.run WHERE change = '$name'"),
        $outcome, "$name: on record");
    return;
}

my $insert = "INSERT INTO t VALUES (%d, '%s');\n";
my $word = 'word ' x 1000;
check_peak('inserts', join('', map { sprintf $insert, $_, $word } 1 .. 10_000),
    10_000, 5100, 'applied', 'applied|10000|10000');
check_peak('data', "COPY t FROM stdin;\n" . join('', map { "$_\t" . ('x' x 95) . "\n" } 1 .. 500_000) . "\\.\n",
    1, 50 * $MB, 'applied', 'applied|1|1');
check_peak('literal', sprintf($insert, 1, 'x' x (50 * $MB)), 1, 50 * $MB, 'applied', 'applied|1|1');
check_peak('statements', join('', map { sprintf $insert, $_, 'word' } 1 .. 100_000),
    100_000, 100, 'applied', 'applied|100000|100000');
# of a run that fails, the first thousand statements go on record
check_peak('fails', join('', map { sprintf $insert, $_, 'word' } 1 .. 100_000) . 'SELECT 1/0',
    100_000, 100, '22012', 'failed|100000|1000');
check_peak('refused', join('', map { sprintf $insert, $_, $word } 1 .. 10_000) . "\n'never closed",
    10_000, 5100, '42601', '');

is($node->safe_psql('postgres', 'SELECT count(*) FROM t'), 610_001, 'the rows of the scripts that were applied are there');
cmp_ok($node->safe_psql('postgres', 'SELECT max(length(statement)) FROM dbmaestro.audit_event'),
    '<=', 65536, 'the trail holds no script as a whole');
is( $node->safe_psql('postgres', "SELECT length(content) = length FROM dbmaestro.script ORDER BY length DESC LIMIT 1"),
    't',
    'the store of scripts does');
$node->stop;
done_testing();
