# A session begins with the schema as another one saved it, looks at what has
# changed since, and finds what it would have found by reading everything:
# after changes by whomever, in progress or committed, rolled back or lost in a
# crash, in a copy and on a promoted standby.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $many = 300;
my $node = dbm_node('saved', bare => 1, init => { allows_streaming => 1 }, conf => "autovacuum = off\nfsync = off\nmax_prepared_transactions = 5\n");
my $used = qr/DEBUG: .*schema as saved at snapshot \d+, \d+ objects/;

# Tables, types, functions and views, enough of them to be worth saving.
my $script = <<"SCRIPT";
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE FUNCTION twice(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT \$1 * 2';
CREATE ROLE keeper;
DO \$code\$
BEGIN
    FOR i IN 1 .. $many LOOP
        EXECUTE format('CREATE TABLE t%s (id integer PRIMARY KEY, a text DEFAULT %L, m mood)', i, i);
        EXECUTE format('COMMENT ON TABLE t%s IS %L', i, 'number ' || i);
        EXECUTE format('CREATE VIEW v%s AS SELECT id, a, twice(id) AS twice FROM t%1\$s', i);
    END LOOP;
END
\$code\$;
CREATE VIEW shows AS SELECT '{t21}'::regclass[] AS names;
GRANT SELECT ON t1 TO keeper;
SCRIPT

sub make_database
{
    my ($database) = @_;

    dbm_database($node, $database);
    $node->safe_psql($database, "SELECT dbm_configure('change_name_pattern', '.')");
    return;
}

# What a new session finds: whether it began with what was saved, and whether it is right.
sub check_new
{
    my ($database, $name, %parameter) = @_;
    my $session = DbmSession->new($parameter{node} // $node, $database);
    my $begun = $parameter{cold} ? 0 : 1;

    $session->query("SET client_min_messages = debug1");
    my $equal = $session->query('SELECT dbm_schema_hash() = dbmaestro._dbm_schema_hash_full()');
    is($session->{err} =~ $used ? 1 : 0, $begun, $name . ($begun ? ': as saved' : ': not as saved'));
    is($equal, 't', "$name: the root is that of the catalogs");
    # the names of changes are right, too: the snapshot has every object as it is
    is($session->query('SELECT dbm_snapshot() > 0'), 't', "$name: recorded") unless $parameter{read_only};
    is($session->query(<<'END'), '0', "$name: each object") unless $parameter{read_only};
SELECT count(*)
  FROM (SELECT DISTINCT ON (kind, identity) kind, identity, encode(hash, 'hex') AS hash
          FROM dbmaestro.snapshot_object ORDER BY kind, identity, snapshot DESC) AS recorded
  FULL JOIN dbmaestro._dbm_schema_objects() AS live USING (kind, identity)
 WHERE recorded.hash IS DISTINCT FROM live.hash
END
    $session->close;
    return;
}

sub saved_at
{
    my ($database) = @_;

    return $node->safe_psql($database, 'SELECT coalesce(max(snapshot), 0) FROM dbmaestro.schema_saved');
}

make_database('prod');
check_new('prod', 'at first', cold => 1);
is(saved_at('prod'), '0', 'a small schema is not saved');
is(dbm_apply($node, 'prod', '1_many', $script), 'applied', 'a large one');
isnt(saved_at('prod'), '0', 'is saved by what made it large');
check_new('prod', 'the next session');

# ---- changes by others ----

my @changes = (
    'ALTER TABLE t1 ADD COLUMN b integer DEFAULT twice(2)',
    'DROP VIEW v2; DROP TABLE t2',
    'ALTER TABLE t3 RENAME TO three',
    'ALTER TABLE t21 RENAME TO shown',
    'ALTER TABLE t4 RENAME COLUMN a TO aa',
    q(COMMENT ON COLUMN t5.a IS 'the fifth'),
    'COMMENT ON TABLE t6 IS NULL',
    q(ALTER TYPE mood ADD VALUE 'so so'),
    q(ALTER TYPE mood RENAME VALUE 'bad' TO 'worse'),
    'ALTER FUNCTION twice(integer) RENAME TO double',
    'ALTER ROLE keeper RENAME TO holder',
    'CREATE SCHEMA other; ALTER TABLE t7 SET SCHEMA other',
    'ALTER SCHEMA other RENAME TO another',
    'CREATE INDEX ON t8 (a); CREATE STATISTICS s ON id, a FROM t8',
    'VACUUM FULL pg_class; VACUUM FULL pg_attribute',
    'CLUSTER pg_attribute USING pg_attribute_relid_attnum_index; ALTER TABLE t11 ADD COLUMN clustered integer',
    'VACUUM FULL pg_authid; VACUUM FULL pg_tablespace; ALTER ROLE holder RENAME TO keeper; ALTER ROLE keeper RENAME TO holder',
    'VACUUM FREEZE pg_catalog.pg_class; REINDEX TABLE pg_catalog.pg_class; VACUUM pg_attribute',
    'CREATE TABLE new_one (id integer); ALTER TABLE t9 INHERIT new_one',
    'GRANT INSERT ON t10 TO holder; REVOKE ALL ON t1 FROM holder',
    'ALTER DATABASE prod RENAME TO renamed; ALTER DATABASE renamed RENAME TO prod');
foreach my $change (@changes)
{
    $node->safe_psql($change =~ /^ALTER DATABASE/ ? 'postgres' : 'prod', $_) foreach split /; /, $change;
    check_new('prod', $change);
}

# what was applied here brings this library's own rows among those of the others
dbm_apply($node, 'prod', '3_applied', 'CREATE TABLE applied (id integer)');
check_new('prod', 'applied');

# ---- in progress while it is saved ----

# Has the session save the schema again.
sub save_again
{
    my ($session, $name) = @_;

    # most of the tables get another default: that is worth saving
    is($session->query("SELECT outcome FROM dbm_apply('$name', \$\$DO \$code\$ DECLARE t regclass; BEGIN"
              . " FOR t IN SELECT oid FROM pg_class WHERE relname ~ '^t\\d\\d+\$' LOOP"
              . " EXECUTE format('ALTER TABLE %s ALTER COLUMN id SET DEFAULT %s', t, (random() * 1e6)::integer);"
              . " END LOOP; END \$code\$;\$\$)"), 'applied', "$name: applied") or diag($session->{err});
    return;
}

# tables without views: deparsing a view would wait for the writer
$node->safe_psql('prod', "CREATE TABLE lone$_ (id integer)") foreach 1 .. 4;
{
    my $writer = DbmSession->new($node, 'prod');
    my $saver = DbmSession->new($node, 'prod');
    my $before = saved_at('prod');

    $writer->query('BEGIN; CREATE TABLE in_progress (id integer); ALTER TABLE lone1 ADD COLUMN in_progress integer');
    save_again($saver, '4_saved_meanwhile');
    cmp_ok(saved_at('prod'), '>', $before, 'saved while another transaction is open');
    check_new('prod', 'another transaction is open');
    $writer->query('ALTER TABLE lone2 ADD COLUMN in_progress integer; COMMIT');
    check_new('prod', 'it has committed');

    $before = saved_at('prod');
    $writer->query('BEGIN; ALTER TABLE lone3 ADD COLUMN gone integer; DROP TABLE in_progress');
    save_again($saver, '5_saved_meanwhile');
    cmp_ok(saved_at('prod'), '>', $before, 'saved while another one is open');
    $writer->query('ROLLBACK');
    check_new('prod', 'it was rolled back');

    # its transaction is nobody's any more, and still in progress
    $before = saved_at('prod');
    $writer->query("BEGIN; ALTER TABLE lone4 ADD COLUMN prepared integer; PREPARE TRANSACTION 'prepared'");
    is($writer->{err}, '', 'prepared');
    save_again($saver, '5_saved_while_prepared');
    cmp_ok(saved_at('prod'), '>', $before, 'saved while a prepared one waits');
    check_new('prod', 'prepared');
    $node->safe_psql('prod', "COMMIT PREPARED 'prepared'");
    check_new('prod', 'committed as prepared');
    $_->close foreach $writer, $saver;
}

# ---- saved in a transaction that goes on, or back ----

{
    my $session = DbmSession->new($node, 'prod');
    my $before = saved_at('prod');

    $session->query('BEGIN');
    save_again($session, '6_rolled_back');
    $session->query('ROLLBACK');
    is(saved_at('prod'), $before, 'saved by a transaction that is rolled back: not saved');
    check_new('prod', 'rolled back');

    # the same session goes on, and finds that what it saved is not there
    $session->query('BEGIN; SAVEPOINT one');
    save_again($session, '7_back_to_savepoint');
    $session->query('ROLLBACK TO SAVEPOINT one');
    is($session->query('SELECT dbm_schema_hash() = dbmaestro._dbm_schema_hash_full()'), 't', 'back to a savepoint: the root');
    $session->query('COMMIT');
    is(saved_at('prod'), $before, 'back to a savepoint: not saved');
    check_new('prod', 'back to a savepoint');

    $session->query('BEGIN');
    save_again($session, '8_goes_on');
    $session->query('COMMIT');
    cmp_ok(saved_at('prod'), '>', $before, 'saved by a transaction of several statements');
    $session->query('ALTER TABLE t15 ADD COLUMN afterwards integer');
    check_new('prod', 'what the session did afterwards');
    $session->close;
}

# ---- nobody waits for it ----

{
    my $first = DbmSession->new($node, 'prod');
    my $second = DbmSession->new($node, 'prod');

    my $before = saved_at('prod');

    # vacuum, too, has it locked in this mode
    $first->query('BEGIN; ANALYZE dbmaestro.schema_saved');
    is($first->{err}, '', 'being analysed');
    $second->query("SET lock_timeout = '100ms'");
    save_again($second, '8_analysed');
    is(saved_at('prod'), $before, 'being analysed: nobody waits, nothing is saved');
    $first->query('COMMIT');
    $second->query('SELECT dbm_snapshot()');
    cmp_ok(saved_at('prod'), '>', $before, 'analysed: made up for by the next call');
    check_new('prod', 'analysed');

    # while it is being saved everybody may begin with what was saved before, and dump
    my $root = $first->query('SELECT dbm_schema_hash()');
    my $third = DbmSession->new($node, 'prod');

    $second->query('BEGIN');
    save_again($second, '8_unfinished');
    $third->query('SET client_min_messages = debug1');
    is($third->query('SELECT dbm_schema_hash()'), $root, 'being saved: the root');
    like($third->{err}, $used, 'being saved: as saved before');
    $node->command_ok([ 'pg_dump', '--schema-only', '--lock-wait-timeout=1s', '--exclude-schema=public',
            '--file=/dev/null', $node->connstr('prod') ], 'being saved: dumped');
    $second->query('COMMIT');
    check_new('prod', 'was being saved');
    $_->close foreach $first, $second, $third;
}

# ---- in any transaction, by any role ----

$node->safe_psql('prod', 'CREATE ROLE reader LOGIN');
foreach my $begin ('BEGIN READ ONLY', 'BEGIN ISOLATION LEVEL REPEATABLE READ', 'BEGIN ISOLATION LEVEL SERIALIZABLE')
{
    my $session = DbmSession->new($node, 'prod', user => 'reader');

    $session->query("SET client_min_messages = debug1; $begin; SELECT 1");
    # what others do meanwhile is seen all the same
    $node->safe_psql('prod', 'ALTER TABLE t19 ADD COLUMN c' . length($begin) . ' integer');
    is($session->query('SELECT dbm_schema_hash()'),
        $node->safe_psql('prod', 'SELECT dbmaestro._dbm_schema_hash_full()'), "$begin: the root");
    like($session->{err}, $used, "$begin: as saved");
    $session->close;
}

# ---- the extension anew, in a session that knows the old one's ----

make_database('anew');
is(dbm_apply($node, 'anew', '1_many', $script =~ s{CREATE ROLE keeper;}{}r =~ s{TO keeper}{TO holder}r), 'applied', 'another database');
check_new('anew', 'another database');
{
    my $session = DbmSession->new($node, 'anew');

    $session->query('SELECT dbm_schema_hash()');
    $session->query("SELECT dbm_guard('off')");
    is($session->query(<<'END'), 't', 'made anew: the root');
DROP EXTENSION dbmaestro;
ALTER TABLE t1 ADD COLUMN without_it integer;
CREATE EXTENSION dbmaestro;
SELECT dbm_schema_hash() = dbmaestro._dbm_schema_hash_full();
END
    is($session->{err} =~ s/^NOTICE.*\n//mgr, '', 'made anew');
    check_new('anew', 'made anew', cold => 1, read_only => 1);
    $session->query("SELECT dbm_init('dev'), dbm_snapshot()");
    $session->close;
    check_new('anew', 'saved anew', cold => saved_at('anew') eq '0');
}

# ---- a crash, a copy, a backup, a damaged row ----

my $session = DbmSession->new($node, 'prod');
save_again($session, '9_before_the_crash');
$node->safe_psql('prod', 'ALTER TABLE t16 ADD COLUMN before_the_crash integer');
$node->stop('immediate');
$node->start;
check_new('prod', 'after a crash');

$node->safe_psql('postgres', 'CREATE DATABASE copied TEMPLATE prod');
check_new('copied', 'a copy', cold => 1);

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->safe_psql('prod', 'ALTER TABLE t17 ADD COLUMN streamed integer');
$node->wait_for_catchup($standby);
check_new('prod', 'a standby', node => $standby, cold => 1, read_only => 1);
$standby->promote;
$standby->safe_psql('prod', 'ALTER TABLE t18 ADD COLUMN promoted integer');
check_new('prod', 'promoted', node => $standby);
$standby->stop;

my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '--file', $dump, $node->connstr('prod') ], 'dumped');
unlike(slurp_file($dump), qr/^COPY dbmaestro\.schema_saved /m, 'without what is saved');

# ---- bytes that are not what was saved ----

# A superuser past all that protects the table: each statement in a session of its own.
sub damage
{
    my ($assignments) = @_;
    my $set = "SET allow_system_table_mods = on; UPDATE pg_trigger SET tgenabled = '%s' WHERE tgrelid = 'dbmaestro.schema_saved'::regclass";

    $node->safe_psql('prod', sprintf $set, 'D');
    $node->safe_psql('prod', "UPDATE dbmaestro.schema_saved SET $assignments");
    $node->safe_psql('prod', sprintf $set, 'A');
    return;
}

# CRC-32C as the server computes it, for bytes that are meant.
sub crc32c
{
    my ($bytes) = @_;
    my $crc = 0xffffffff;
    my @table = map { my $c = $_; $c = $c & 1 ? ($c >> 1) ^ 0x82f63b78 : $c >> 1 for 1 .. 8; $c } 0 .. 255;

    $crc = ($crc >> 8) ^ $table[ ($crc ^ $_) & 0xff ] foreach unpack 'C*', $bytes;
    return $crc ^ 0xffffffff;
}

sub check_damaged
{
    my ($name, $why) = @_;
    my ($stdout, $stderr);

    $node->psql('prod', 'SELECT dbm_schema_hash() = dbmaestro._dbm_schema_hash_full()', stdout => \$stdout, stderr => \$stderr);
    is($stdout, 't', "$name: the root is that of the catalogs");
    like($stderr, qr/WARNING:  the saved schema cannot be used: $why\nDETAIL:  Table dbmaestro.schema_saved is damaged/, "$name: $why");
    return;
}

my $state = pack 'H*', $node->safe_psql('prod', q(SELECT encode(state, 'hex') FROM dbmaestro.schema_saved));
is($node->safe_psql('prod', 'SELECT checksum FROM dbmaestro.schema_saved'), crc32c($state), 'the checksum is one');

sub damage_state
{
    my ($changed) = @_;

    damage(sprintf q(state = '\x%s', checksum = %s), unpack('H*', $changed), crc32c($changed));
    return;
}

damage(q(state = overlay(state PLACING '\xffff'::bytea FROM 2000)));
check_damaged('another byte', 'it does not match its checksum');
damage_state(substr $state, 0, length($state) - 5);
check_damaged('the end is missing', 'it ends too early');
damage_state('');
check_damaged('empty', 'it ends too early');
# number of units and of other things; then of kinds, strings and rows wherever they are
foreach my $at (16, 20, 24, map { 28 + 4 * int($_ * (length($state) - 32) / 20) } 0 .. 4)
{
    my $changed = $state;

    substr $changed, $at, 4, "\xff\xff\xff\x7f";
    damage_state($changed);
    $node->psql('prod', 'SELECT dbm_schema_hash()');
    is($node->safe_psql('prod', 'SELECT 1'), '1', "number at $at: the server lives");
}
# a log that began anew: what was read beyond its end tells nothing
damage_state(pack('Q', 1 << 60) . substr $state, 8);
check_new('prod', 'a position that is yet to come', cold => 1);
damage_state(substr($state, 0, 8) . pack('Q', 1 << 60) . substr $state, 16);
check_new('prod', 'an id that is yet to come', cold => 1);
damage(q(origin = 'elsewhere'));
check_new('prod', 'of another origin', cold => 1);
damage(q(origin = replace(origin, 'sources ', 'sources 1')));
check_new('prod', 'of another library', cold => 1);
damage_state($state);
check_new('prod', 'put back as it was long ago');

# whatever it was: the next one to save puts it right
{
    my $repairer = DbmSession->new($node, 'prod');

    save_again($repairer, '10_repaired');
    $repairer->close;
    check_new('prod', 'saved again');
}

# ---- a log of little, and another place ----

$node->append_conf('postgresql.conf', "wal_level = minimal\nmax_wal_senders = 0\n");
$node->restart;
check_new('prod', 'a log of little');
$node->safe_psql('prod', 'VACUUM FULL pg_class');
check_new('prod', 'the catalog is in a file that was not logged');
$node->safe_psql('prod', 'BEGIN; CLUSTER pg_trigger USING pg_trigger_oid_index; CREATE TABLE beside (id integer); COMMIT');
$node->stop('immediate');
$node->start;
check_new('prod', 'in the same transaction, before a crash');

my $place = $node->basedir . '/place';
mkdir $place or die "$place: $!";
$node->safe_psql('postgres', "CREATE TABLESPACE place LOCATION '$place'");
$node->safe_psql('postgres', 'ALTER DATABASE prod SET TABLESPACE place');
check_new('prod', 'in another place');
$node->safe_psql('prod', 'ALTER TABLE t20 ADD COLUMN elsewhere integer');
check_new('prod', 'altered there');

# no log says that the server complained
unlike(slurp_file($node->logfile), qr/TRAP|PANIC|terminated by signal/, 'the server is well');

$node->stop;
done_testing();
