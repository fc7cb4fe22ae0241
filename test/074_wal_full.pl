# The disk of the write-ahead log is full in mid-run: the server ends itself, and
# comes back when there is room.  Nobody was told that a change is applied which
# is not, and the other way round.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmFaults;
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $small = $ENV{DBM_SMALL_DISK} or plan skip_all => 'no small disk to fill (only root can mount one)';
my $filler = "$small/wal_filler";
my $node = dbm_node('wal', environment => 'prod', guard => 'enforce',
    init => { allows_streaming => 1, extra => [ '--username=postgres', '--encoding=UTF8', '--locale=C.UTF-8', '--wal-segsize=1' ] },
    conf => "fsync = off\nautovacuum = off\nmin_wal_size = 2MB\nmax_wal_size = 1GB\ncheckpoint_timeout = 1h\nrestart_after_crash = off\nwal_recycle = off\n");

$node->stop;
system('mv', $node->data_dir . '/pg_wal', "$small/pg_wal") == 0 or die 'mv';
symlink "$small/pg_wal", $node->data_dir . '/pg_wal' or die "symlink: $!";
$node->start;

foreach my $round (1 .. 4)
{
    my $change = "20260101_00000${round}_wal";
    my $in_steps = $round % 2 == 0;
    my $script = "CREATE TABLE t$round (id int, word text);\nINSERT INTO t$round SELECT g, repeat('x', 200) FROM generate_series(1, 40000) AS g;\n"
      . ($in_steps ? "CREATE INDEX CONCURRENTLY t${round}_id ON t$round (id);\n" : "CREATE INDEX t${round}_id ON t$round (id);\n");
    my $call = $in_steps ? "CALL dbm_apply_in_steps('$change', \$q\$$script\$q\$, rollback => 'DROP TABLE IF EXISTS t$round')"
      : "SELECT outcome FROM dbm_apply('$change', \$q\$$script\$q\$, rollback => 'DROP TABLE t$round')";
    my $session = DbmSession->new($node, 'postgres');
    my $from = -s $node->logfile;
    my $postmaster = $node->{_pid};

    $session->query('CHECKPOINT');
    system("dd if=/dev/zero of=$filler bs=64k 2>/dev/null; truncate -s -" . (2 + $round) . "M $filler");
    my $said = $session->query($call);
    like($session->{err}, qr/PANIC|server closed the connection/, "round $round: the server ends itself");
    is($said, '', "round $round: nothing was said to be applied");
    $session->close;
    wait_until('end of the server', sub { !is_alive($postmaster) });
    like(slurp_file($node->logfile, $from), qr/PANIC: .*No space left on device/, "round $round: because the disk is full");
    unlink $filler;
    unlink $node->data_dir . '/postmaster.pid';
    $node->{_pid} = undef;
    $node->start;
    is($node->safe_psql('postgres', 'SELECT guard FROM dbm_status()'), 'enforce', "round $round: the guard stands");
    my $state = $node->safe_psql('postgres', "SELECT coalesce((SELECT state FROM dbmaestro.change WHERE change = '$change'), '') || '|' || (SELECT count(*) FROM pg_class WHERE relname = 't$round')");
    like($state, $in_steps ? qr/^(?:partial\|[01]|\|0)$/ : qr/^\|0$/, "round $round: nothing is there that is not on record");
    like($node->safe_psql('postgres', $state =~ /^partial/ ? "CALL dbm_resume('$change')" : $call), qr/^applied/, "round $round: with room, it is applied");
    is($node->safe_psql('postgres', "SELECT string_agg(finding, '; ') FROM dbm_doctor() WHERE health = 'error'"), '', "round $round: dbm_doctor finds no error");
    is($node->safe_psql('postgres', 'SELECT dbm_schema_hash() = dbmaestro._dbm_schema_hash_full(), (SELECT count(*) FROM dbmaestro.change WHERE state = $$applied$$)'), "t|$round", "round $round: what is there is what is on record");
}

$node->stop;
system('rm', '-rf', "$small/pg_wal");
done_testing();
