# kill -9 at random moments: a change is wholly there and recorded, or wholly
# absent and not; what the client was told before holds; nothing is entered
# twice; and after the restart the same deployment goes on.
#
# DBM_FAULT_LOOPS rounds; DBM_SEED repeats the moments of an earlier test, as
# far as the machine allows.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $seed = $ENV{DBM_SEED} || time & 0x7fffffff;
my $database = 'crash';
my $node = dbm_node(
    'crash',
    bare => 1,
    conf => "fsync = off\nautovacuum = off\nrestart_after_crash = on\ncheckpoint_timeout = 30s\n");
my @kinds = qw(apply apply apply rollback failing denied);
my @victims = qw(backend backend postmaster everything);

srand $seed;
note "DBM_SEED=$seed";
dbm_database($node, $database, environment => 'prod');
$node->safe_psql($database, 'CREATE EXTENSION amcheck; CREATE TABLE kept (id int)');
$node->safe_psql($database, <<'SQL');
CREATE FUNCTION sum_of(name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text := '-';
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        EXECUTE format('SELECT sum(n) FROM %I', name) INTO result;
    END IF;
    RETURN result;
END
$$
SQL
$node->safe_psql($database, "SELECT dbm_guard('enforce')");

# How long an undisturbed round takes from the first word of the client on, by
# kind: kills are spread over a little more than that.
my %usual;

sub script_of
{
    my ($name) = @_;

    return <<SCRIPT;
CREATE TABLE ${name}_t (id int PRIMARY KEY, word text);
INSERT INTO ${name}_t SELECT g, 'word ' || g FROM generate_series(1, 500) AS g;
CREATE INDEX ${name}_i ON ${name}_t (word);
ALTER TABLE ${name}_t ADD COLUMN n int DEFAULT 0;
CREATE VIEW ${name}_v AS SELECT id FROM ${name}_t;
CREATE FUNCTION ${name}_f() RETURNS int LANGUAGE sql AS 'SELECT 1';
UPDATE ${name}_t SET n = id;
SCRIPT
}

sub rollback_of
{
    my ($name) = @_;

    return "DROP FUNCTION ${name}_f();\nDROP VIEW ${name}_v;\nDROP TABLE ${name}_t;\n";
}

sub change_of
{
    my ($name) = @_;

    return "20261122_101500_$name";
}

# The call that is going to be disturbed.
sub call_of
{
    my ($kind, $name) = @_;
    my $change = change_of($name);
    my $script = script_of($name);
    my $rollback = dbm_quote(rollback_of($name));

    $script .= "DO 'BEGIN RAISE ''as it should''; END';\n" if $kind eq 'failing';
    return "ALTER TABLE kept ADD COLUMN ${name}_c int;\n" if $kind eq 'denied';
    return "SELECT outcome FROM dbm_rollback('$change', 'a test');\n" if $kind eq 'rollback';
    return "SELECT outcome FROM dbm_apply('$change', " . dbm_quote($script)
      . ", rollback => $rollback, deployment => :deployment);\n";
}

# A psql that has opened a deployment and is about to make the call.
sub begin_session
{
    my ($kind, $name) = @_;
    my $session = DbmSession->new($node, $database);

    $session->query(call_of('apply', $name) =~ s/, deployment => :deployment//r)
      if $kind eq 'rollback';
    $session->query(
        'SELECT dbm_deployment_start(' . dbm_quote('["' . change_of($name) . '"]') . ') AS deployment \gset');
    $session->{deployment} = $session->query('\echo :deployment');
    $session->{pid} = $session->query('SELECT pg_backend_pid()');
    return $session;
}

# ---- killing ----

# Still running?  Who is dead but not yet waited for is not.
sub is_alive
{
    my ($pid) = @_;
    my $stat = eval { slurp_file("/proc/$pid/stat") };

    return defined $stat && $stat !~ /\) Z /;
}

sub wait_until
{
    my ($what, $condition) = @_;
    my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;

    until ($condition->())
    {
        die "$what: not within the time" if time > $deadline;
        usleep(5_000);
    }
    return;
}

sub kill_now
{
    my ($victim, $session) = @_;
    my $postmaster = $node->{_pid};

    # stopped first, so that it starts nobody while we look at its children
    kill 'STOP', $postmaster;
    my @children = split ' ', slurp_file("/proc/$postmaster/task/$postmaster/children");
    if ($victim eq 'backend')
    {
        kill 'KILL', $session->{pid};
        kill 'CONT', $postmaster;
        # until it has noticed and ended the others, connections are still taken, in vain
        return wait_until('end of all backends', sub { !grep { is_alive($_) } @children });
    }
    $node->kill9;
    kill 'KILL', @children if $victim eq 'everything';
    # orphans hold the shared memory until they notice; a busy one finishes first
    wait_until('end of the server', sub { !grep { is_alive($_) } $postmaster, @children });
    # for the server a process is there until its parent has waited for it
    unlink $node->data_dir . '/postmaster.pid', $node->host . '/.s.PGSQL.' . $node->port . '.lock';
    $node->start;
    return;
}

sub wait_for_server
{
    wait_until('recovery',
        sub { $node->psql($database, 'SELECT 1', stdout => \my $out, stderr => \my $err) == 0 });
    return;
}

# ---- what is there afterwards ----

# Objects (of 4), sum of the rows, and what is recorded of the runs, in one line.
sub state_of
{
    my ($name) = @_;
    my $change = change_of($name);

    return <<SQL;
SELECT concat_ws(' ',
  (SELECT count(*) FROM pg_class WHERE relname IN ('${name}_t', '${name}_i', '${name}_v'))
    + (SELECT count(*) FROM pg_proc WHERE proname = '${name}_f'),
  sum_of('${name}_t'),
  coalesce((SELECT state FROM dbmaestro.change WHERE change = '$change'), 'no change'),
  '|', (SELECT string_agg(r.outcome || ' ' || r.statements || ' '
          || (SELECT count(*) FROM dbmaestro.run_statement AS s WHERE s.run = r.id) || ' '
          || (SELECT count(DISTINCT statement) FROM dbmaestro.run_object AS o WHERE o.run = r.id) || ' '
          || (SELECT count(*) FROM dbmaestro.audit_event AS e WHERE e.run = r.id AND e.kind = 'run') || ' '
          || (SELECT count(*) FROM dbmaestro.deployment AS d WHERE d.id = r.deployment), ', ' ORDER BY r.id)
          FROM dbmaestro.run AS r WHERE change = '$change' AND outcome <> 'failed'));
SQL
}

my $absent = '0 - no change |';
my $applied = '4 125250 applied | applied 7 7 5 1 1';
my $rolled_back = '0 - rolled back | applied 7 7 5 1 1, rolled back 3 3 3 1 1';
my %possible = (
    apply => [ $absent, $applied ],
    rollback => [ $applied, $rolled_back ],
    failing => [$absent],
    denied => [$absent]);
my %told = (apply => $applied, rollback => $rolled_back, failing => $absent, denied => $absent);
my $done = qr/^(applied|rolled back)$/m;

# Failed runs and denials outlive the crash once the client has seen the error.
sub count_of_record
{
    my ($kind, $name) = @_;
    my $change = change_of($name);

    return "SELECT count(*) FROM dbmaestro.denied_attempt WHERE kind = 'denied'"
      . " AND statement LIKE '%${name}_c %'"
      if $kind eq 'denied';
    return "SELECT count(*) FROM dbmaestro.run WHERE change = '$change' AND outcome = 'failed'";
}

# The client's answer, if it got one before the end.
sub answer_of
{
    my ($kind, $session) = @_;

    return 'done' if $session->{out} =~ $done;
    return 'failed' if $kind eq 'failing' && $session->{err} =~ /ERROR:  P0001/;
    return 'failed' if $kind eq 'denied' && $session->{err} =~ /ERROR:  MA001/;
    return '';
}

sub play_round
{
    my ($round, $kind, $victim) = @_;
    my $name = "r$round";
    my $session = begin_session($kind, $name);
    my $delay = $victim eq 'none' ? undef : rand(1.3) * $usual{$kind};
    my $began = time;

    $session->send(call_of($kind, $name) . "\\echo end\n");
    if (defined $delay)
    {
        usleep($delay * 1_000_000);
        kill_now($victim, $session);
        $session->close;
        wait_for_server();
    }
    else
    {
        $session->await(qr/^end$/m);
        my $took = time - $began;
        $usual{$kind} = $took if !$usual{$kind} || $took < $usual{$kind};
        $session->close;
        # the server ends the session a moment after the client does
        wait_until('end of the session', sub { !is_alive($session->{pid}) });
    }
    my $answer = answer_of($kind, $session);
    my $label = sprintf 'round %d, %s, %s killed%s%s', $round, $kind, $victim,
      defined $delay ? sprintf(' after %.1f ms', $delay * 1000) : '', $answer ? ", client told $answer" : '';
    return check_round($kind, $name, $session, $answer, $label);
}

# True if what was found after the crash is one of the two possible states.
sub check_round
{
    my ($kind, $name, $session, $answer, $label) = @_;
    my $after = DbmSession->new($node, $database);
    my $state = $after->query(state_of($name));
    my $deployment = $after->query(
        "SELECT state FROM dbmaestro.deployment_history WHERE deployment = $session->{deployment}");
    my @wrong;

    push @wrong, "the change is half there: $state"
      if !grep { $_ eq $state } @{ $possible{$kind} };
    push @wrong, "the client was told, and yet: $state" if $answer && $state ne $told{$kind};
    push @wrong, "its deployment is $deployment" if $deployment ne 'interrupted';

    # the next session does it all again; that also moves what waits in files
    my $again = $after->query(call_of('apply', $name) =~ s/:deployment/$session->{deployment}/r);
    push @wrong, "the next session got \"$again\" $after->{err}" if $again !~ /^(?:already )?applied$/;
    my $state_again = $after->query(state_of($name));
    push @wrong, "applied again: $state_again" if $state_again !~ /^4 125250 applied \|/;
    wait_until('records in files',
        sub { $after->query('SELECT waiting FROM dbmaestro._dbm_durable_files()') eq '0' });
    my $records = $after->query(count_of_record($kind, $name));
    push @wrong, "$records records"
      if $records > 1 || ($answer eq 'failed' && $records != 1);
    push @wrong, "the newest snapshot is not the schema"
      if $after->query('SELECT encode(root, \'hex\') FROM dbmaestro.snapshot ORDER BY id DESC LIMIT 1') ne
      $after->query('SELECT dbm_schema_hash()');
    $after->close;
    ok(!@wrong, $label) or diag(join "\n", "DBM_SEED=$seed", @wrong);
    return !@wrong && $state;
}

# ---- the story ----

my %seen = (absent => 0, there => 0);
my $began = time;
my $round = 0;

play_round(++$round, $_, 'none') foreach qw(apply rollback failing denied apply rollback failing denied);
for (1 .. dbm_fault_loops())
{
    my $kind = $kinds[ rand @kinds ];
    my $state = play_round(++$round, $kind, $victims[ rand @victims ]);
    last if !$state && !Test::More->builder->is_passing && $ENV{DBM_FAULT_STOP};
    $seen{ $state eq $absent ? 'absent' : 'there' }++ if $state && $kind eq 'apply';
}
note sprintf '%.2f s a round; applied changes: %d survived, %d absent',
  (time - $began) / dbm_fault_loops(), $seen{there}, $seen{absent};
cmp_ok($seen{absent}, '>', 0, 'some kills came before the commit');

is($node->safe_psql($database, 'SELECT broken, lost FROM dbmaestro._dbm_durable_files()'),
    '0|0', 'no record is broken or lost');
is($node->safe_psql($database, 'SELECT event_id FROM dbmaestro.audit_event GROUP BY 1 HAVING count(*) > 1'),
    '', 'no event is there twice');
is( $node->safe_psql(
        $database,
        "SELECT count(bt_index_check(i.indexrelid, true)) > 10 FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid"
          . " WHERE c.relnamespace = 'dbmaestro'::regnamespace"),
    't',
    'the indexes of our tables are sound');
is($node->safe_psql($database, "SELECT check_name, finding FROM dbm_doctor() WHERE health = 'error'"),
    '', 'dbm_doctor finds no error');
$node->stop;
done_testing();
