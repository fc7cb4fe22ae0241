# PREPARE TRANSACTION after a run is refused, and nothing of it is left; other
# prepared transactions are none of our business.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dbm_node('prepared', environment => 'prod', guard => 'enforce',
    conf => "fsync = off\nmax_prepared_transactions = 5\n");
my $session = DbmSession->new($node, 'postgres');
my $nothing = "SELECT to_regclass('t') IS NULL, (SELECT count(*) FROM dbmaestro.change),"
  . ' (SELECT count(*) FROM dbmaestro.run), (SELECT count(*) FROM dbmaestro.snapshot),'
  . ' (SELECT count(*) FROM pg_prepared_xacts),'
  . " (SELECT count(*) FROM dbmaestro.audit_event WHERE kind = 'run')";

$session->query("SELECT dbm_configure('change_name_pattern', '.')");

# Prepares what the statements have done; returns the error.
sub prepare_after
{
    my (@statements) = @_;

    $session->query('BEGIN');
    foreach my $statement (@statements)
    {
        $session->query($statement);
        is($session->{err}, '', "in the transaction: $statement");
    }
    $session->query("PREPARE TRANSACTION 'p'");
    my $error = $session->error;
    is($session->query('SELECT txid_current_if_assigned() IS NULL'), 't', 'the transaction has ended');
    return $error;
}

my $apply = "SELECT outcome FROM dbm_apply('1_t', 'CREATE TABLE t (id int)', rollback => 'DROP TABLE t')";
my $error = prepare_after($apply);
is($error->{sqlstate}, '0A000', 'PREPARE TRANSACTION after dbm_apply is refused');
like($error->{hint}, qr/COMMIT/, 'with a hint');
is($node->safe_psql('postgres', $nothing), 't|0|0|0|0|0', 'and nothing of it is left');

$error = prepare_after('SAVEPOINT s', $apply, 'RELEASE s');
is($error->{sqlstate}, '0A000', 'so it is after a run in a savepoint');
is($node->safe_psql('postgres', $nothing), 't|0|0|0|0|0', 'and nothing of it is left');

is($session->query($apply), 'applied', 'the next transaction applies it');
$error = prepare_after("SELECT outcome FROM dbm_rollback('1_t', 'a test')");
is($error->{sqlstate}, '0A000', 'PREPARE TRANSACTION after dbm_rollback is refused');
is($node->safe_psql('postgres', "SELECT to_regclass('t'), state FROM dbmaestro.change"),
    't|applied', 'and the change is still applied');

# a failed run leaves nothing that could be prepared
$session->query('BEGIN; SAVEPOINT s');
$session->query("SELECT dbm_apply('2_fails', 'SELECT 1/0')");
$session->query('ROLLBACK TO s; INSERT INTO t VALUES (1)');
$session->query("PREPARE TRANSACTION 'p'");
my $prepared = $session->error;
ok(!$prepared || $prepared->{sqlstate} eq '0A000', 'after a failed run it is prepared or refused');
$session->query($prepared ? 'ROLLBACK' : "COMMIT PREPARED 'p'");

# transactions without a run: theirs to prepare, and the guard holds within
is(prepare_after('INSERT INTO t VALUES (2)'), undef, 'a transaction without a run can be prepared');
is( dbm_refused($node, 'postgres', 'DROP TABLE t')->{sqlstate}, 'MA001', 'the guard does not wait for it');
$session->query("SET lock_timeout = '200ms'");
$session->query("SELECT dbm_apply('3_waits', 'DROP TABLE t')");
is($session->error->{sqlstate}, '55P03', 'a change does wait for the locks of it');
$session->query('RESET lock_timeout');
$session->query("COMMIT PREPARED 'p'");
is($session->query("SELECT outcome FROM dbm_apply('3_waits', 'DROP TABLE t')"), 'applied', 'and goes in when they are gone');

# what our other functions write in a transaction may be prepared with it
is(prepare_after("SELECT dbm_configure('denied_wait', '1s')"), undef, 'a setting can be prepared');
$session->query("COMMIT PREPARED 'p'");
is($node->safe_psql('postgres', "SELECT value FROM dbmaestro.setting WHERE key = 'denied_wait'"),
    '1s', 'and holds once it is committed');

# the guard's switch and the temporary objects of a prepared transaction
is(prepare_after("SELECT dbm_guard('observe')"), undef, 'the switch of the guard can be prepared');
is(dbm_refused($node, 'postgres', 'CREATE TABLE u ()')->{sqlstate}, 'MA001', 'and counts only from its commit on');
$session->query("ROLLBACK PREPARED 'p'");
is($node->safe_psql('postgres', 'SELECT guard_in_force FROM dbm_status()'), 'enforce', 'never, if it is rolled back');
$session->close;
$node->stop;
done_testing();
