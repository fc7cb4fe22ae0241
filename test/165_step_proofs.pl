# Concurrent builds that are cut short: a session that builds, drops, rebuilds or
# detaches concurrently is cancelled or terminated at random while something
# holds it up, or nothing does.  Whatever it left, dbm_step_proof says what
# pg_index and pg_inherits say, waits for nobody, and what it advises leads to
# the end.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'usleep';

my $database = 'postgres';
my $node = dbm_node('step_proofs', conf => "fsync = off\nautovacuum = off\n");
my $seed = srand;
note "random seed $seed";

$node->safe_psql($database, <<'SQL');
CREATE SCHEMA app;
CREATE TABLE app."T t" (a integer, b text, v integer);
CREATE TABLE app.elsewhere (a integer);
CREATE TABLE app.p (a integer) PARTITION BY RANGE (a);
CREATE TABLE app.p1 PARTITION OF app.p FOR VALUES FROM (0) TO (10);
CREATE TABLE app.p2 PARTITION OF app.p FOR VALUES FROM (10) TO (20);
INSERT INTO app."T t" SELECT g, repeat('b', 100), g FROM generate_series(1, 2000) AS g;
INSERT INTO app.p SELECT g FROM generate_series(0, 19) AS g;
SQL

# What the catalogs say of the index, by other means than the extension's.
my $index_state = <<'SQL';
SELECT coalesce((SELECT CASE WHEN indisvalid AND indisready AND indislive THEN 'valid' ELSE 'invalid' END
    FROM pg_index WHERE indexrelid = to_regclass('app."I ""i"')), 'absent')
SQL
my $leftovers = <<'SQL';
SELECT count(*) FROM pg_index JOIN pg_class AS i ON i.oid = indexrelid
WHERE NOT indisvalid AND relname ~ '_cc(new|old)[0-9]*$'
SQL
my $partition_state = <<'SQL';
SELECT coalesce((SELECT CASE WHEN inhdetachpending THEN 'pending' ELSE 'attached' END
    FROM pg_inherits WHERE inhrelid = 'app.p1'::regclass), 'detached')
SQL

# Each kind: what has to be there before, the statement, what the catalogs say of
# it, and which verdict goes with that.
my @kinds = (
    {
        statement => 'CREATE INDEX CONCURRENTLY IF NOT EXISTS "I ""i" ON "T t" (a, lower(b)) WHERE v > 0',
        before => 'DROP INDEX IF EXISTS app."I ""i"',
        state => $index_state,
        verdicts => { absent => 'not done', valid => 'done', invalid => 'partial' },
    },
    {
        statement => 'CREATE UNIQUE INDEX CONCURRENTLY "I ""i" ON app."T t" (a)',
        before => 'DROP INDEX IF EXISTS app."I ""i"',
        state => $index_state,
        verdicts => { absent => 'not done', valid => 'done', invalid => 'partial' },
    },
    {
        statement => 'DROP INDEX CONCURRENTLY app."I ""i"',
        before => 'CREATE INDEX IF NOT EXISTS "I ""i" ON app."T t" (a)',
        state => $index_state,
        verdicts => { absent => 'done', valid => 'not done', invalid => 'partial' },
    },
    {
        statement => 'REINDEX TABLE CONCURRENTLY "T t"',
        before => 'CREATE INDEX IF NOT EXISTS "I ""i" ON app."T t" (a)',
        state => "SELECT CASE ($leftovers) WHEN 0 THEN 'none' ELSE 'left' END",
        verdicts => { none => 'not done', left => 'partial' },
    },
    {
        statement => 'ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY',
        before => "SELECT 'ALTER TABLE app.p ATTACH PARTITION app.p1 FOR VALUES FROM (0) TO (10)'"
          . " WHERE ($partition_state) = 'detached' \\gexec",
        state => $partition_state,
        verdicts => { detached => 'done', attached => 'not done', pending => 'partial' },
    });

# What holds the statement up: a writer, a reader, an old snapshot, somebody's lock.
my @blockers = (
    undef,
    'UPDATE app."T t" SET v = v WHERE a = 1; UPDATE app.p SET a = a WHERE a = 1',
    'SELECT count(*) FROM app."T t"; SELECT count(*) FROM app.p',
    'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM app.elsewhere',
    'LOCK TABLE app."T t", app.p IN SHARE UPDATE EXCLUSIVE MODE');

my $asking = DbmSession->new($node, $database);
$asking->query("SET search_path = app, public; SET statement_timeout = '20s'; SET lock_timeout = '1s'");

# A row of dbm_step_proof as a hash.
sub prove
{
    my ($statement) = @_;
    my %proof;

    my $row = $asking->query('SELECT verdict, evidence, cleanup, finish, repeatable FROM dbm_step_proof('
          . dbm_quote($statement) . ')');
    die "no proof: $asking->{err}" if $asking->{err};
    @proof{qw(verdict evidence cleanup finish repeatable)} = split /\|/, $row, -1;
    return \%proof;
}

sub open_builder
{
    my $builder = DbmSession->new($node, $database);

    $builder->{pid} = $builder->query('SET search_path = app, public; SELECT pg_backend_pid()');
    return $builder;
}

# Has it begun, and is it waiting for a lock, or has it ended?
sub wait_until_held_up
{
    my ($builder) = @_;

    $node->poll_query_until($database,
        "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $builder->{pid}"
          . " AND (query ~ 'pg_backend_pid' OR state = 'active' AND wait_event_type IS DISTINCT FROM 'Lock')")
      or die 'the builder neither waits nor ends';
    return;
}

# While somebody else is at work nothing is proven, but nobody is told to clean up.
sub judge_at_work
{
    my ($kind, $builder, $name) = @_;
    my $proof = prove($kind->{statement});

    return if $node->safe_psql($database,
        "SELECT count(*) FROM pg_stat_progress_create_index WHERE pid = $builder->{pid}") == 0;
    is($proof->{cleanup}, '', "$name: nothing to clean up while it is at work ($proof->{verdict})");
    like($proof->{evidence}, qr/^Process $builder->{pid} /, "$name: it is named")
      if $proof->{verdict} eq 'unknown';
    return;
}

# Does the verdict say what the catalogs say?
sub judge
{
    my ($kind, $name) = @_;
    my $state = $node->safe_psql($database, $kind->{state});
    my $proof = prove($kind->{statement});

    is($proof->{verdict}, $kind->{verdicts}{$state}, "$name: $state: $proof->{evidence}");
    ok(!!$proof->{cleanup} != !!$proof->{finish}, "$name: says what to do")
      if $proof->{verdict} eq 'partial';
    return ($state, $proof);
}

# Follows the advice until it is done.
sub go_on
{
    my ($kind, $proof, $name) = @_;
    my %seen;

    for (my $round = 0; $proof->{verdict} ne 'done' && $round < 10; $round++)
    {
        my $advice = $proof->{cleanup} || $proof->{finish} || $kind->{statement};
        my ($rc, $out, $err) = $node->psql($database, "SET search_path = app, public;\n$advice");

        is($err, '', "$name: $advice");
        return if $proof->{repeatable} eq 't';
        (undef, $proof) = judge($kind, $name);
    }
    is($proof->{verdict}, 'done', "$name: came to the end");
    return;
}

my %outcomes;
for my $round (1 .. dbm_fault_loops())
{
    my $kind = $kinds[ rand @kinds ];
    my $blocking = $blockers[ rand @blockers ];
    my $builder = open_builder();
    my $blocker = DbmSession->new($node, $database);
    my $name = "round $round, $kind->{statement}";

    $node->safe_psql($database, $kind->{before});
    $blocker->query("BEGIN; $blocking") if $blocking;
    $builder->ask($kind->{statement});
    wait_until_held_up($builder) if $blocking;
    usleep(rand 15_000) if !$blocking || rand() < 0.5;
    judge_at_work($kind, $builder, $name) if $blocking;
    $blocker->query('ROLLBACK') if $blocking && rand() < 0.3;
    $node->safe_psql($database,
        (rand() < 0.5 ? 'SELECT pg_cancel_backend' : 'SELECT pg_terminate_backend') . "($builder->{pid})");
    $builder->answer;
    $builder->close;
    $node->poll_query_until($database, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $builder->{pid})");
    my ($state, $proof) = judge($kind, $name);
    $outcomes{"$proof->{verdict}: $state"}++;
    $blocker->close;
    go_on($kind, $proof, $name);
}
note "$outcomes{$_} times $_" foreach sort keys %outcomes;
cmp_ok(scalar grep({ /^partial/ } keys %outcomes), '>=', 1, 'some ended half way');

# The table is dropped while its index waits.
{
    my $statement = 'CREATE INDEX CONCURRENTLY gone ON doomed (a)';
    my $blocker = DbmSession->new($node, $database);
    my $builder = open_builder();

    $node->safe_psql($database, 'CREATE TABLE app.doomed (a integer)');
    $blocker->query('BEGIN; INSERT INTO app.doomed VALUES (1)');
    $builder->ask($statement);
    wait_until_held_up($builder);
    my $proof = prove($statement);
    is($proof->{verdict}, 'unknown', 'while it is built, nobody knows');
    like($proof->{evidence}, qr/^Process $builder->{pid} is building/, 'and who builds it is named');
    $node->safe_psql($database, "SELECT pg_terminate_backend($builder->{pid})");
    $builder->answer;
    $blocker->close;
    is(prove($statement)->{verdict}, 'partial', 'left half built');
    my $dropper = DbmSession->new($node, $database);
    $dropper->query('BEGIN; DROP TABLE app.doomed');
    $proof = prove($statement);
    is($proof->{verdict}, 'partial', 'a drop under way is not waited for');
    $dropper->query('COMMIT');
    $proof = prove($statement);
    is($proof->{verdict}, 'not done', 'the table is gone');
    is($proof->{evidence}, 'There is no table doomed.', 'and that is said');
    $dropper->close;
}

# Asked again and again while tables come and go, it answers each time.
{
    my $other = DbmSession->new($node, $database);
    my @statements = ('CREATE INDEX CONCURRENTLY here_i ON here ((a + 1)) WHERE a > 0',
        'CREATE INDEX CONCURRENTLY ON here (a)', 'DROP INDEX CONCURRENTLY here_i',
        'REINDEX TABLE CONCURRENTLY here', 'ALTER TABLE here DETACH PARTITION here1 CONCURRENTLY');
    my $asked = 0;

    $other->ask(join "\n", map { <<'SQL' } 1 .. 60);
BEGIN; CREATE TABLE app.here (a integer) PARTITION BY RANGE (a);
CREATE TABLE app.here1 PARTITION OF app.here FOR VALUES FROM (0) TO (10);
COMMIT; CREATE INDEX here_i ON app.here ((a + 1)) WHERE a > 0;
ALTER TABLE app.here DETACH PARTITION app.here1 CONCURRENTLY; DROP TABLE app.here1;
CREATE INDEX ON app.here (a); DROP INDEX app.here_i; DROP TABLE app.here; CREATE VIEW app.here_i AS SELECT 1;
DROP VIEW app.here_i;
SQL
    while ($other->{out} !~ /end of query/ || $asked < 200)
    {
        my $statement = $statements[ $asked++ % @statements ];

        prove($statement);
        $asking->query('SELECT count(*) FROM dbm_step_parts(' . dbm_quote($statement) . ')');
        die "no parts: $asking->{err}" if $asking->{err} && $asking->{err} !~ /cannot drop partitioned index/;
        $other->{select}->can_read(0) && $other->read(time + 60);
    }
    $other->answer;
    is($other->{err}, '', 'the others were not disturbed');
    pass("asked $asked times");
    $other->close;
}

$asking->close;
$node->stop;
done_testing();
