# pg_dump and pg_restore of an enforcing database, as superuser and as its
# owner: no error, the same rows of ours, and a copy that knows it is one until
# dbm_attach says which environment it is.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dbm_node('dump', bare => 1, conf => "fsync = off\n");
my $directory = $node->basedir;

$node->safe_psql('template1', 'CREATE ROLE shop_owner LOGIN');
$node->safe_psql('template1', 'CREATE DATABASE prod OWNER shop_owner TEMPLATE template0');
dbm_database($node, 'prod', environment => 'prod', follows => 'stage', run_as => 'shop_owner');
$node->safe_psql('prod', $_)
  foreach 'GRANT CREATE ON SCHEMA public TO shop_owner',
  "SELECT dbm_configure('change_name_pattern', '.')",
  "SELECT dbm_guard('enforce')";

# ---- what is going to be dumped: a bit of everything ----

dbm_apply($node, 'prod', '1_orders', <<'SCRIPT', "rollback => 'DROP SCHEMA shop CASCADE; DROP TYPE public.mood'");
-- Description: orders
CREATE SCHEMA shop;
CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'glad');
CREATE TABLE shop.customer (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mood public.mood DEFAULT 'ok');
CREATE TABLE shop.orders (id bigserial PRIMARY KEY, customer int NOT NULL REFERENCES shop.customer,
    at timestamptz NOT NULL, total numeric(12,2) CHECK (total >= 0)) PARTITION BY RANGE (id);
CREATE TABLE shop.orders_1 PARTITION OF shop.orders FOR VALUES FROM (1) TO (1000000);
CREATE INDEX ON shop.orders (at);
INSERT INTO shop.customer SELECT FROM generate_series(1, 100);
INSERT INTO shop.orders (customer, at, total) SELECT 1 + g % 100, now(), g FROM generate_series(1, 5000) AS g;
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.at := now(); RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE VIEW shop.totals AS SELECT customer, sum(total) AS total FROM shop.orders GROUP BY customer;
CREATE MATERIALIZED VIEW shop.totals_now AS SELECT * FROM shop.totals;
COMMENT ON TABLE shop.orders IS 'the "orders", with \quotes''';
SCRIPT
dbm_apply($node, 'prod', '2_undone', 'CREATE TABLE public.undone ()', "rollback => 'DROP TABLE public.undone'");
$node->safe_psql('prod', "SELECT dbm_rollback('2_undone', 'not wanted')");
dbm_apply($node, 'prod', '3_totals', "-- Repeatable: yes\nCREATE OR REPLACE VIEW shop.best AS SELECT 1 AS n");
dbm_apply($node, 'prod', '4_tags', 'CREATE TABLE public.tag (word text PRIMARY KEY)', "rollback => 'DROP TABLE public.tag'");
$node->safe_psql('prod', "SELECT dbm_submit('5_later', 'SELECT 5')");
ok(dbm_refused($node, 'prod', 'ALTER TABLE shop.orders ADD COLUMN n int'), 'a denied attempt');
ok(dbm_refused($node, 'prod', "SELECT dbm_apply('6_failed', 'SELECT 1; SELECT 1/0')"), 'a failed run');

# Rows of all tables of ours that a dump carries, and the state of their sequences.
sub own_rows
{
    my ($database) = @_;

    return $node->safe_psql($database, <<'SQL');
SET TimeZone = 'UTC';
SELECT CASE relkind
       WHEN 'S' THEN format('SELECT %L, last_value, is_called FROM dbmaestro.%I', relname, relname)
       ELSE format('SELECT %L, count(*), md5(string_agg(t::text, E''\n'' ORDER BY t::text)) FROM dbmaestro.%I AS t', relname, relname)
       END
  FROM pg_class
 WHERE oid = ANY (SELECT unnest(extconfig) FROM pg_extension WHERE extname = 'dbmaestro')
 ORDER BY relname
\gexec
SQL
}

sub schema_hash
{
    my ($database) = @_;

    return $node->safe_psql($database, 'SELECT dbm_schema_hash()');
}

# a repository that is known to be applied, asked for by its name
sub plan_of
{
    my ($database) = @_;

    return $node->safe_psql($database, q(SELECT state FROM dbm_plan('{"fingerprint": "tree"}')));
}

$node->safe_psql('prod', q(SELECT state FROM dbm_plan('{"fingerprint": "tree", "changes": ["4_tags"]}')));
is(plan_of('prod'), '', 'a repository is known to be applied');
my $rows = own_rows('prod');
my $hash = schema_hash('prod');
like($rows, qr/^run\|[5-9]\|/m, 'there are rows to carry over');
is( $node->safe_psql('prod', <<'SQL'), "binding\nschema_saved", 'all of our tables are dumped but the binding, and what the next session need not read anew');
SELECT relname FROM pg_class
 WHERE relnamespace = 'dbmaestro'::regnamespace AND relkind IN ('r', 'S')
   AND oid <> ALL (SELECT unnest(extconfig) FROM pg_extension WHERE extname = 'dbmaestro')
 ORDER BY 1
SQL

# ---- the owner, without and with the capability ----

my $as_owner = $node->connstr('prod') . ' user=shop_owner';
like($node->safe_psql('prod', "SELECT health, advice FROM dbm_doctor() WHERE check_name = 'backup'"),
    qr/^warning\|.*dbm_grant\('backup', 'shop_owner'\)/, 'dbm_doctor says that the owner cannot dump');
$node->command_fails_like([ 'pg_dump', '--file', "$directory/none", $as_owner ],
    qr/permission denied|may lack SELECT privilege/, 'and the owner cannot');
$node->safe_psql('prod', "SELECT dbm_grant('backup', 'shop_owner')");
is($node->safe_psql('prod', "SELECT health FROM dbm_doctor() WHERE check_name = 'backup'"),
    'ok', 'with the capability dbm_doctor is content');
$rows = own_rows('prod');

# ---- dump and restore ----

sub restore
{
    my ($database, @command) = @_;

    $node->safe_psql('template1', "CREATE DATABASE $database OWNER shop_owner TEMPLATE template0");
    my ($stdout, $stderr);
    my $result = $node->run_log([@command], '>', \$stdout, '2>', \$stderr);
    ok($result, "restore into $database succeeds") or diag($stderr);
    is($stderr =~ s/^.*(?:WARNING|DETAIL|HINT): .*\n//mgr, '', "and without an error");
    return;
}

sub restores_of
{
    my ($who, $connstr) = @_;
    my $file = "$directory/$who";

    $node->command_ok([ 'pg_dump', '--file', "$file.sql", $connstr ], "$who dumps, plain");
    $node->command_ok([ 'pg_dump', '--format', 'custom', '--file', "$file.custom", $connstr ], "$who dumps, custom");
    restore("plain_$who", 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr("plain_$who"), '-f', "$file.sql");
    restore("custom_$who", 'pg_restore', '--exit-on-error', '-d', $node->connstr("custom_$who"), "$file.custom");
    restore("parallel_$who", 'pg_restore', '-j', '4', '-d', $node->connstr("parallel_$who"), "$file.custom");
    return "plain_$who", "custom_$who", "parallel_$who";
}

sub status_of
{
    my ($database) = @_;

    return $node->safe_psql($database, 'SELECT environment, guard, guard_in_force, identity FROM dbm_status()');
}

# Until it is attached a copy records nothing: refusals are in the server log, no number is taken.
sub check_records_nothing
{
    my ($database) = @_;
    my $offset = -s $node->logfile;
    my $before = own_rows($database);
    my ($stdout, $stderr);

    $node->psql($database, 'CREATE TABLE public.passes (); DROP TABLE public.passes', stderr => \$stderr);
    like($stderr, qr/WARNING:  this database is a copy of environment "prod"\n.*pass here without a record/,
        "$database: says that changes pass");
    is(dbm_refused($node, $database, 'DROP SCHEMA dbmaestro CASCADE')->{sqlstate}, 'MA002', "$database: protects dbmaestro");
    $node->psql($database, 'DO $$ BEGIN DROP TABLE dbmaestro.run; EXCEPTION WHEN OTHERS THEN END $$');
    is(dbm_refused($node, $database, "SELECT dbm_rollback('4_tags')")->{sqlstate}, 'MA013', "$database: refuses dbm_rollback");
    dbm_same_text(own_rows($database), $before, "$database: none of it has left a row or taken a number");
    my $log = slurp_file($node->logfile, $offset);
    like($log, qr/not in the audit trail \(copy that is not attached\): denied DROP SCHEMA by "postgres".*\n.*Statement: DROP SCHEMA dbmaestro/,
        "$database: the server log has the refused command");
    like($log, qr/not attached\): denied DROP TABLE.*\n.*Statement: DROP TABLE dbmaestro.run/, "$database: also one that was caught");
    like($log, qr/not attached\): refused dbm_rollback.*\n.*Statement: SELECT dbm_rollback/, "$database: and the function's refusal");
    is($node->safe_psql($database, 'SELECT records_waiting, records_lost FROM dbm_status()'), '0|0', "$database: nothing waits or is lost");
    return;
}

sub check_copy
{
    my ($database) = @_;

    dbm_same_text(own_rows($database), $rows, "$database: our rows and sequences are the same");
    is(schema_hash($database), $hash, "$database: so is the hash of the schema");
    is(status_of($database), 'prod|enforce|off|unbound', "$database is a copy and says so");
    my $error = dbm_refused($node, $database, "SELECT dbm_apply('7_new', 'CREATE TABLE public.seven ()')");
    is($error->{sqlstate}, 'MA013', "$database: dbm_apply refuses");
    like($error->{hint}, qr/dbm_attach/, "$database: and says what to do");
    is($node->safe_psql($database, 'SELECT count(*) FROM dbmaestro.change_history'),
        6, "$database: the history can be read");
    check_records_nothing($database);

    is(plan_of($database), 'unknown', "$database: a copy does not know what it is");
    $node->safe_psql($database, "SELECT dbm_attach('restored for a test', 'stage2')");
    is(plan_of($database), '', "$database: attached, it has the ledger it had");
    is(status_of($database), 'stage2|enforce|enforce|attached', "$database: attached");
    is(dbm_refused($node, $database, 'DROP TABLE shop.orders')->{sqlstate}, 'MA001', "$database: the guard enforces");
    is(dbm_apply($node, $database, '7_new', 'CREATE TABLE public.seven (); ALTER TABLE shop.orders ADD COLUMN note text'),
        'applied', "$database: changes go in");
    is(plan_of($database), 'unknown', "$database: and count");
    is($node->safe_psql($database, <<'SQL'), 't|t', "$database: numbers go on where they were");
SELECT (SELECT max(id) FROM dbmaestro.run) = (SELECT id FROM dbmaestro.run WHERE change = '7_new'),
       (SELECT max(id) FROM dbmaestro.audit_event) = (SELECT id FROM dbmaestro.audit_event WHERE change = '7_new' AND kind = 'run')
SQL
    $node->safe_psql($database, 'INSERT INTO shop.orders (customer, at, total) VALUES (1, now(), 1);'
          . ' UPDATE shop.orders SET total = 2 WHERE customer = 7; REFRESH MATERIALIZED VIEW shop.totals_now');
    is($node->safe_psql($database, "SELECT finding FROM dbm_doctor() WHERE health = 'error'"),
        '', "$database: dbm_doctor finds no error");
    return;
}

foreach my $who ([ 'superuser', $node->connstr('prod') ], [ 'owner', $as_owner ])
{
    check_copy($_) foreach restores_of(@$who);
}

# a change of before the dump can be rolled back in the copy, and proves itself
$node->safe_psql('template1', 'CREATE DATABASE again OWNER shop_owner TEMPLATE template0');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('again'), "$directory/superuser.custom" ],
    'restored again');
$node->safe_psql('again', "SELECT dbm_attach('restored for a test', 'prod')");
is($node->safe_psql('again', "SELECT outcome FROM dbm_rollback('4_tags', 'a test')"),
    'rolled back', 'a change of before the dump is rolled back');
$node->safe_psql('again', "SELECT dbm_apply('8_both', 'CREATE TABLE public.both ()', rollback => 'DROP TABLE public.both')");
is($node->safe_psql('again', "SELECT outcome FROM dbm_rollback('8_both', 'a test')"),
    'rolled back', 'a change of after it too');

# ---- a restore over the enforcing database itself ----

# Runs pg_restore --clean over it; returns its result and what it complained about.
sub restore_over
{
    my ($who, @options) = @_;
    my ($stdout, $stderr);
    my $result = $node->run_log(
        [ 'pg_restore', '--clean', '--if-exists', @options, '-d', $node->connstr('prod') . " user=$who", "$directory/superuser.custom" ],
        '>', \$stdout, '2>', \$stderr);

    return ($result, $stderr);
}

sub changes_of
{
    return $node->safe_psql('prod', 'SELECT count(*), max(id) FROM dbmaestro.run');
}

my $changes = changes_of();
foreach my $who (qw(postgres shop_owner))
{
    foreach my $option (qw(--exit-on-error --single-transaction))
    {
        my ($result, $stderr) = restore_over($who, $option);
        ok(!$result, "pg_restore --clean $option as $who: refused");
        like($stderr, qr/\A.*ERROR:  cannot run [A-Z ]+ on "[^"]+" outside a recorded change\n(?!.*ERROR:)/s,
            "$option as $who: by the guard, at its first statement");
    }
    my ($result, $stderr) = restore_over($who);
    ok(!$result, "pg_restore --clean that goes on, as $who: is told");
    is( join("\n", grep { !/outside a recorded change|would harm dbmaestro|cannot run INSERT on table "dbmaestro|violates unique constraint|cannot insert|must be owner of|permission denied/ } $stderr =~ /ERROR:  .*/g),
        '', "as $who: refused statement by statement, and nothing worse");
    is(schema_hash('prod'), $hash, "as $who: the schema is as it was");
    is(changes_of(), $changes, "as $who: so is the ledger");
    is($node->safe_psql('prod', "SELECT count(*) FROM dbm_doctor() WHERE health = 'error'"), 0, "as $who: dbm_doctor is content");
    is(dbm_apply($node, 'prod', "9_after_$who", 'SELECT 1'), 'applied', "as $who: changes go in, under numbers of their own");
    $changes = changes_of();
}
# the way out
$node->safe_psql('prod', "SELECT dbm_guard('off')");
my (undef, $complaint) = restore_over('postgres');
# what pg_restore --clean says of partitions on any server
is(join("\n", grep { !/cannot drop inherited (?:constraint|index)/ } $complaint =~ /ERROR:  .*/g),
    '', 'switched off first, the restore succeeds');
is(status_of('prod'), 'prod|enforce|off|unbound', 'what is restored is a copy');
is(schema_hash('prod'), $hash, 'with the schema of the dump');
dbm_same_text(own_rows('prod'), $rows, 'and the ledger of the dump');
$node->safe_psql('prod', "SELECT dbm_attach('restored in place', 'prod')");
is(dbm_refused($node, 'prod', 'DROP TABLE shop.orders')->{sqlstate}, 'MA001', 'attached, it is guarded again');
is(dbm_apply($node, 'prod', '7_new', 'SELECT 1'), 'applied', 'and changes go in');
$hash = schema_hash('prod');

# ---- nothing of ours makes a dump of the schema differ ----

is(dbm_dump($node, 'prod'), dbm_dump($node, 'prod'), 'pg_dump --schema-only is the same twice');
is($node->safe_psql('prod', 'SELECT dbm_schema_hash()'), $hash, 'and dumping changed nothing');
is(status_of('prod'), 'prod|enforce|enforce|attached', 'nor is the source less of an environment');

$node->stop;
done_testing();
