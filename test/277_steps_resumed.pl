# Steps that are resumed: more parts than anybody would count, partitions that
# are gone by then, and an index that somebody else is about to build.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $database = 'shop';
my $node = dbm_node('resumed', bare => 1,
    conf => "fsync = off\nautovacuum = off\nmax_locks_per_transaction = 256\n");
dbm_database($node, $database, environment => 'prod');
value("SELECT dbm_configure('$_->[0]', '$_->[1]')")
  foreach [ change_name_pattern => '.' ], [ lock_retries => '0' ], [ lock_timeout => '200ms' ];

sub value
{
    my ($sql) = @_;

    return $node->safe_psql($database, $sql);
}

sub outcome
{
    my ($sql) = @_;

    return (split /\|/, value($sql))[0];
}

sub state_of
{
    my ($change) = @_;

    return value("SELECT c.state || ' ' || h.outcome FROM dbmaestro.change AS c JOIN dbmaestro.change_history AS h USING (change)"
          . " WHERE c.change = '$change' ORDER BY run DESC LIMIT 1");
}

# A table of so many partitions; all have an index of their own that will do.
sub make_table
{
    my ($name, $count) = @_;

    value("CREATE TABLE $name (i int, j int) PARTITION BY LIST (i)");
    value(join ";\n", map { "CREATE TABLE ${name}_$_ PARTITION OF $name FOR VALUES IN ($_);\nCREATE INDEX ON ${name}_$_ (j)" } 1 .. $count);
    return;
}

# Runs the change until it comes to a partition that somebody has locked.
sub run_into
{
    my ($table, $partition, $change, $script) = @_;
    my $other = DbmSession->new($node, $database);

    $other->query("BEGIN; LOCK TABLE ${table}_$partition");
    my $error = dbm_refused($node, $database, "CALL dbm_apply_in_steps('$change', " . dbm_quote($script) . ')');
    $other->close;
    is($error->{sqlstate}, '55P03', "$change: a partition is locked");
    my @places = $error->{text} =~ /change "$change", statement 1 at line 1/g;
    is(scalar @places, 1, "$change: where it stands, once");
    is(state_of($change), 'partial partial', "$change: so it is partial");
    return;
}

sub is_whole
{
    my ($index, $change) = @_;

    is(value("SELECT indisvalid FROM pg_index WHERE indexrelid = '$index'::regclass"), 't', "$change: the index is valid");
    is(state_of($change), 'applied applied', "$change: and all of it is applied");
    is(value("SELECT string_agg(DISTINCT s.state, ' ') FROM dbmaestro.run_step AS s JOIN dbmaestro.run AS r ON r.id = s.run WHERE change = '$change'"),
        'done', "$change: as each part is");
    is(value("SELECT count(*) FROM dbmaestro.run_statement AS s JOIN dbmaestro.run AS r ON r.id = s.run WHERE change = '$change'"),
        value("SELECT statements FROM dbmaestro.run WHERE change = '$change'"), "$change: each statement is on record");
    return;
}

# ---- a partition for each day of three years ----

make_table('days', 1005);
run_into('days', 1003, 'many', "CREATE INDEX CONCURRENTLY days_j ON days (j);\nCOMMENT ON TABLE days IS 'done'");
cmp_ok(value("SELECT count(*) FROM dbmaestro.run_step WHERE state = 'done'"), '>', 1000, 'many: more than a thousand parts are done');
is(outcome("CALL dbm_resume('many')"), 'applied', 'many: resumed');
is_whole('days_j', 'many');

# ---- the last partition goes while its part is still to be done ----

foreach my $case ([ last => '' ], [ in_the_middle => "COMMENT ON TABLE %s IS 'done'" ])
{
    my ($name, $more) = @$case;

    make_table($name, 3);
    run_into($name, 3, $name, join(";\n", "CREATE INDEX CONCURRENTLY ${name}_j ON $name (j)", $more ? sprintf($more, $name) : ()));
    value("DROP TABLE ${name}_3");
    is(outcome("CALL dbm_resume('$name')"), 'applied', "$name: resumed without it");
    is_whole("${name}_j", $name);
    like(value("SELECT evidence FROM dbmaestro.run_step AS s JOIN dbmaestro.run AS r ON r.id = s.run WHERE change = '$name' AND statement ~ '_3'"),
        qr/^It is not needed any more\.$/, "$name: and it is said why");
}

# ---- an index in the hands of a session that does not say what it is at ----

{
    my $blocker = DbmSession->new($node, $database);
    my $builder = DbmSession->new($node, $database);
    my $session = DbmSession->new($node, $database);

    value('CREATE TABLE t (i int, j int)');
    $blocker->query('BEGIN; INSERT INTO t VALUES (1)');
    $builder->query('SET track_activities = off');
    $builder->ask('CREATE INDEX CONCURRENTLY t_i ON t (i, j)');
    $node->poll_query_until($database, q(SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'virtualxid' AND NOT granted)))
      or die 'the build does not wait';
    my $index = value(q(SELECT 't_i'::regclass::oid));
    $session->ask(q(CALL dbm_apply_in_steps('hidden', 'CREATE INDEX CONCURRENTLY IF NOT EXISTS t_i ON t (i, j)')));
    $node->poll_query_until($database, q(SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE backend_type = 'dbmaestro step' AND NOT granted)))
      or die 'the step does not wait';
    $blocker->query('COMMIT');
    $builder->answer;
    is($builder->{err}, '', 'hidden: the build of the other session comes to its end');
    like($session->answer, qr/^applied\|/, 'hidden: and so does the step') or diag($session->{err});
    is(value("SELECT 't_i'::regclass::oid"), $index, 'hidden: nobody has dropped what has become valid');
    is(value("SELECT indisvalid FROM pg_index WHERE indexrelid = $index"), 't', 'hidden: it is valid');
    $_->close foreach $blocker, $builder, $session;
}

# ---- an index that another session is about to drop ----

{
    my $blocker = DbmSession->new($node, $database);
    my $dropper = DbmSession->new($node, $database);
    my $session = DbmSession->new($node, $database);

    value('CREATE INDEX t_j ON t (j)');
    $blocker->query('BEGIN; INSERT INTO t VALUES (2)');
    $dropper->ask('DROP INDEX CONCURRENTLY t_j');
    $node->poll_query_until($database, q(SELECT NOT indisvalid FROM pg_index WHERE indexrelid = 't_j'::regclass))
      or die 'the index is not dropped';
    $session->ask(q(CALL dbm_apply_in_steps('dropped', 'CREATE INDEX CONCURRENTLY t_j ON t (j)')));
    $node->poll_query_until($database, q(SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE backend_type = 'dbmaestro step' AND NOT granted)))
      or die 'the step does not wait';
    $blocker->query('COMMIT');
    $dropper->answer;
    is($dropper->{err}, '', 'dropped: the other session drops it');
    like($session->answer, qr/^applied\|/, 'dropped: and the step makes it anew') or diag($session->{err});
    is(value(q(SELECT indisvalid FROM pg_index WHERE indexrelid = 't_j'::regclass)), 't', 'dropped: it is valid');
    $_->close foreach $blocker, $dropper, $session;
}

$node->stop;
done_testing();
