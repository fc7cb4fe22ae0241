# Many sessions, many statements, large scripts: each change is applied once,
# and neither time nor memory runs away.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmProtocol;
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'time';

my $sessions = 50;
my $node = dbm_node(
    'many',
    bare => 1,
    conf => "fsync = off\nshared_buffers = 16MB\nmax_wal_size = 4GB\nautovacuum = off\n");
dbm_database($node, 'many', guard => 'enforce');

# Most memory that the backend has had, in MB: all of it, and what is its own now.
sub memory
{
    my ($pid) = @_;
    open my $status, '<', "/proc/$pid/status" or return;
    my %value = map { /^(\w+):\s+(\d+) kB/ ? ($1 => $2 / 1024) : () } <$status>;

    return ($value{VmHWM}, $value{RssAnon});
}

# ---- the same change from all of them at once ----

my $gate = DbmSession->new($node, 'many');
$gate->query('SELECT pg_advisory_lock(1)');
my @clients = map { DbmSession->new($node, 'many') } 1 .. $sessions;
foreach my $client (@clients)
{
    $client->send("SELECT pg_advisory_lock_shared(1);\n"
          . "SELECT outcome FROM dbm_apply('20260101_000001_same', 'CREATE TABLE same (i int); SELECT pg_sleep(0.2)');\n"
          . "\\echo sqlstate :LAST_ERROR_SQLSTATE :ERROR\n\\echo the end\n");
}
$node->poll_query_until('many',
    "SELECT count(*) = $sessions FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
  or die 'the sessions did not come to the gate';
$gate->query('SELECT pg_advisory_unlock(1)');

my %outcome;
foreach my $client (@clients)
{
    $client->await(qr/^the end$/m);
    my $said = $client->{out} =~ /^(applied|already applied)$/m ? $1 : '';
    $said = 'in progress' if $client->{err} =~ /MA030: another deployment is in progress/;
    $outcome{$said}++;
    like($client->{err}, qr/DETAIL:\s+(Held by process \d+, role "postgres", application ".*", since \d|It has ended in the meantime)/,
        'who holds it')
      if $said eq 'in progress' && $outcome{$said} == 1;
    $client->close;
}
note join ', ', map { "$outcome{$_} $_" } sort keys %outcome;
is($outcome{applied}, 1, 'one session applied the change');
is(($outcome{'in progress'} // 0) + ($outcome{'already applied'} // 0), $sessions - 1,
    'the others were told that it is applied, or by whom it is being');
is($node->safe_psql('many', "SELECT count(*) FROM dbmaestro.run WHERE change LIKE '%same'"), 1, 'and it ran once');

# ---- fifty changes, each by all of fifty sessions that retry ----

my $directory = PostgreSQL::Test::Utils::tempdir();
foreach my $client (1 .. $sessions)
{
    open my $file, '>', "$directory/$client.sql" or die $!;
    print {$file} "\\set name 20260102_", sprintf('%06d', $client), "_own\n\\set outcome none\n",
      "\\set table t$client\n\\i $directory/retry.sql\n\\echo :outcome\n\\echo the end\n";
    close $file;
}
open my $retry, '>', "$directory/retry.sql" or die $!;
print {$retry} <<"EOF";
SELECT 'CREATE TABLE ' || :'table' || ' (i int)' AS script \\gset
SELECT outcome FROM dbm_apply(:'name', :'script') \\gset
\\if :ERROR
SELECT pg_sleep(random() * 0.2) AS nothing \\gset
\\i $directory/retry.sql
\\endif
EOF
close $retry;

my $start = time;
@clients = map { DbmSession->new($node, 'many') } 1 .. $sessions;
$clients[$_ - 1]->send("\\i $directory/$_.sql\n") foreach 1 .. $sessions;
%outcome = ();
my $refused = 0;
foreach my $client (@clients)
{
    $client->await(qr/^the end$/m);
    $outcome{$1}++ if $client->{out} =~ /^(applied|already applied|none)$/m;
    $refused += () = $client->{err} =~ /MA030/g;
    is($client->{err} =~ s/.*ERROR:  MA030.*\n(DETAIL|HINT|LOCATION|psql).*//gr =~ /ERROR/ ? $client->{err} : '', '', 'no other error')
      if $client->{err} =~ /ERROR:  (?!MA030)/;
    $client->close;
}
note sprintf '%d refused with deployment_in_progress, %.1f s', $refused, time - $start;
is_deeply(\%outcome, { applied => $sessions }, 'every session got its change applied in the end');
is($node->safe_psql('many', "SELECT count(*), count(DISTINCT change), count(*) FILTER (WHERE outcome = 'applied') FROM dbmaestro.run WHERE change LIKE '%own'"),
    "$sessions|$sessions|$sessions", 'each ran once');
is($node->safe_psql('many', "SELECT count(*) FROM pg_class WHERE relname ~ '^t\\d+\$'"), $sessions, 'and made its table');
is($node->safe_psql('many', "SELECT count(*) FROM dbmaestro.denied_attempt WHERE sqlstate = 'MA030'"), 0,
    'having to wait is no refusal on the trail');

# ---- 100,000 statements ----

# What one call needs at most, in MB, in a backend of its own.
sub peak_of
{
    my ($sql, @parameters) = @_;
    my $client = DbmProtocol->new($node, 'many');

    $client->execute('SELECT count(*) FROM dbmaestro.change');
    my ($before) = memory($client->{pid});
    my $begin = time;
    my ($row) = $client->execute($sql, @parameters);
    my ($peak, $left) = memory($client->{pid});
    return ($client, $row, time - $begin, $peak && $peak - $before, $left);
}

# The server itself holds a parameter three times; dbm_apply may add two and a
# half times the script, its largest statement, and some bytes for each.
sub measure
{
    my ($what, $name, $script, $statements, $largest) = @_;
    my $size = length($script) / (1 << 20);
    my (undef, undef, undef, $alone) = peak_of('SELECT length($1)', $script);
    my ($client, $row, $took, $peak, $left) =
      peak_of('SELECT outcome, statements FROM dbm_apply($1, $2)', $name, $script);

    is($client->{error} && $client->{error}{M}, undef, "$what: no error");
    is_deeply($row, [ 'applied', $statements ], "$what: applied");
  SKIP:
    {
        skip 'no /proc here', 2 unless defined $peak;
        skip 'a server with assertions keeps more than others', 2
          if $node->safe_psql('many', 'SHOW debug_assertions') eq 'on';
        note sprintf '%s: %.1f MB of script, %.1f s, peak %.0f MB, of which the parameter alone takes %.0f MB',
          $what, $size, $took, $peak, $alone;
        cmp_ok($peak - $alone, '<', 2.5 * $size + ($largest // 0) + $statements / 2000 + 16, "$what: memory at its peak");
        cmp_ok($left, '<', 32, "$what: memory given back");
    }
    return;
}

dbm_apply($node, 'many', '20260103_000001_target', 'CREATE TABLE target (i int, note text)');
measure('100,000 statements', '20260103_000002_statements',
    join('', map { "INSERT INTO target VALUES ($_, 'row $_');\n" } 1 .. 100_000), 100_000);
is($node->safe_psql('many', "SELECT count(*), max(ordinal), max(line) FROM dbmaestro.run_statement JOIN dbmaestro.run ON id = run WHERE change LIKE '%statements'"),
    '100000|100000|100000', 'each statement is on record');

# ---- 50 MB ----

my $kilobyte = 'x' x 1000;
measure('50 MB of statements', '20260103_000003_large',
    join('', map { "INSERT INTO target VALUES ($_, '$kilobyte');\n" } 1 .. 50_000), 50_000);
measure('50 MB of data lines', '20260103_000004_data',
    "COPY target FROM stdin;\n" . join('', map { "$_\t$kilobyte\n" } 1 .. 50_000) . "\\.\n", 1);
measure('one statement of 50 MB', '20260103_000005_literal',
    "INSERT INTO target VALUES (1, '" . $kilobyte x 50_000 . "');", 1, 50);

# ---- roads of the extended protocol ----

my $client = DbmProtocol->new($node, 'many');
my $sql = 'SELECT outcome FROM dbm_apply($1, $2)';
is_deeply([ $client->execute({ sql => $sql, statement => 'S_1' }, '20260104_000001_a', 'SELECT 1') ], [ ['applied'] ],
    'a statement that the client prepared through the protocol');
is_deeply([ $client->execute({ statement => 'S_1', parsed => 1 }, '20260104_000002_b', 'SELECT 1') ], [ ['applied'] ],
    'and again');
$client->execute('PREPARE p(text, text) AS SELECT outcome FROM dbm_apply($1, $2)');
my @rows = $client->execute("EXECUTE p('20260104_000003_c', 'SELECT 1')");
is($client->{error} && $client->{error}{M}, undef, 'EXECUTE through the protocol: no error');
is_deeply(\@rows, [ ['applied'] ], 'EXECUTE through the protocol');
$client->execute('DEALLOCATE ALL');
$client->execute({ sql => $sql, portal => 'C_1' }, '20260104_000004_d', 'SELECT 1');
is($client->{error}{C}, 'MA011', 'a named portal is no statement of its own');
is_deeply([ $client->execute($sql, '20260104_000004_d', 'SELECT 1') ], [ ['applied'] ], 'the session goes on');

$node->stop;
done_testing();
