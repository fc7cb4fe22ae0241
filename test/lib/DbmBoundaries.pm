# DbmBoundaries: a change in steps, stopped at each boundary there is
#
#   my $story = DbmBoundaries->new($node);
#   my @holds = $story->hold_all;          # one in each database, all of them waiting
#   kill 'KILL', map { $_->{backend} } @holds;
#   $story->let_go(@holds);
#
# A boundary is between two of our own writes, so a lock on the table that is
# written next holds it, taken by a session without our library, which would
# refuse that lock.  Where the next one is to be held at the same table, its lock
# waits in the queue already, behind the one it lets through.  A boundary right
# after a commit is that commit, which waits for a standby that is not there: it
# is on disk, and nobody else has heard of it.
package DbmBoundaries;

use strict;
use warnings FATAL => 'all';

use DbmFaults;
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $SCRIPT = <<'SQL';
CREATE TABLE orders (id int, word text);
INSERT INTO orders SELECT g, 'word ' || g FROM generate_series(1, 300) AS g;
LOCK TABLE gate1; INSERT INTO counted VALUES (1);
CREATE INDEX CONCURRENTLY orders_word ON orders (word);
ALTER TABLE orders ADD COLUMN n int DEFAULT 0; LOCK TABLE gate3; INSERT INTO counted VALUES (3);
SQL

my $ROLLBACK = "DROP INDEX CONCURRENTLY IF EXISTS orders_word;\nDROP TABLE IF EXISTS orders;\nDELETE FROM counted;\n";

my $NOT_THERE = 'Nothing of it is there: it would be on record in the same transaction\.';
my $NOT_BEGUN = 'It was not begun: no intent is on record\.';
my $NO_INDEX = 'There is no index public\.orders_word';
my $INVALID = 'Index public\.orders_word .*invalid';
my $VALID = 'Index public\.orders_word .*valid';
my @FIRST = (1, 1, 1, 'planned', $NOT_THERE);
my @BUILD = (2, 5, 4);
my @LAST = (3, 6, 5, 'planned', $NOT_THERE);

# name => [ position among locks, what it is called, does it commit and wait for a standby?
#   and for one who dies there: step, statement and line, state of the step, what the catalog says ]
my @BOUNDARIES = (
    [ 'open', 'before the run is on record', 0 ],
    [ 'open', 'the run is on record', 1, @FIRST ],
    [ 'gate1', 'within the first group', 0, @FIRST ],
    [ 'group_row', 'after the statements of a group, before its row', 0, @FIRST ],
    [ 'group_end', 'after the row of a group, before its commit', 0, @FIRST ],
    [ 'group_end', 'between two steps, behind the group', 1, @BUILD, 'planned', $NOT_BEGUN ],
    [ 'intent', 'before the intent', 0, @BUILD, 'planned', $NOT_BEGUN ],
    [ 'intent', 'after the intent, before the worker', 1, @BUILD, 'intended', $NO_INDEX ],
    [ 'permit', 'before the permit is taken', 0, @BUILD, 'intended', $NO_INDEX ],
    [ 'permit', 'after the permit is taken, before the statement', 1, @BUILD, 'running', $NO_INDEX ],
    [ 'lockers', 'within the statement, before the index is filled', 0, @BUILD, 'running', $INVALID ],
    [ 'snapshots', 'within the statement, before the index is valid', 0, @BUILD, 'running', $INVALID ],
    [ 'snapshots', 'after the statement, before the worker ends', 1, @BUILD, 'running', $VALID ],
    [ 'outcome', 'after the worker, before the outcome', 0, @BUILD, 'running', $VALID ],
    [ 'outcome_end', 'after the outcome, before its commit', 0, @BUILD, 'running', $VALID ],
    [ 'outcome_end', 'between two steps, behind the statement', 1, @LAST ],
    [ 'gate3', 'within the last group', 0, @LAST ],
    [ 'last_row', 'after the last statement, before its row', 0, @LAST ],
    [ 'end', 'after the last step, before the run is closed', 0, @LAST ],
    [ 'end', 'after the run is closed', 1 ]);

# Parameters: those of DbmFaults.
sub new
{
    my ($class, $node, %parameter) = @_;
    my $faults = DbmFaults->new($node,
        script => $SCRIPT,
        rollback => $ROLLBACK,
        prepare => 'CREATE TABLE gate1 (); CREATE TABLE gate3 ();',
        %parameter);

    return bless { node => $node, faults => $faults, waves => 0, databases => [ map { $faults->fresh_database } @BOUNDARIES ] }, $class;
}

# ---- holding ----

sub open_blocker
{
    my ($hold, $name) = @_;
    my $blocker = DbmSession->new($hold->{node}, $hold->{database}, connstr => "options='-c session_preload_libraries='");

    $blocker->{pid} = $blocker->query('SELECT pg_backend_pid()');
    return $hold->{blockers}{$name} = $blocker;
}

# A session that blocks; the name is for its release.
sub block
{
    my ($hold, $name, $sql) = @_;

    open_blocker($hold, $name)->query("BEGIN; $sql");
    die "$name: $hold->{blockers}{$name}{err}" if $hold->{blockers}{$name}{err} ne '';
    return;
}

sub lock_table
{
    my ($hold, $name, $table) = @_;

    return block($hold, $name, "LOCK TABLE $table IN SHARE MODE");
}

# The same, for a lock that is not to be had yet: it waits.
sub queue_for
{
    my ($hold, $name, $table) = @_;
    my $blocker = open_blocker($hold, $name);

    $blocker->ask("BEGIN; LOCK TABLE $table IN SHARE MODE");
    await_lock($hold, $blocker->{pid}, $table);
    return;
}

sub release
{
    my ($hold, $name) = @_;
    my $blocker = delete $hold->{blockers}{$name};

    $blocker->send("COMMIT;\n");
    $blocker->close;
    return;
}

sub await_lock
{
    my ($hold, $pid, $table) = @_;

    wait_until("$hold->{what}: a lock on $table by $pid", sub {
            return $hold->{control}->query("SELECT count(*) FROM pg_locks WHERE relation = '$table'::regclass AND NOT granted AND pid = $pid") eq '1';
        });
    return;
}

sub await_worker
{
    my ($hold, $condition) = @_;

    wait_until("$hold->{what}: a worker, $condition", sub {
            $hold->{worker} = $hold->{control}->query(
                "SELECT pid FROM pg_stat_activity AS a WHERE backend_type = 'dbmaestro step' AND datname = current_database() AND $condition");
            return $hold->{worker} ne '';
        });
    return;
}

sub call { $_[0]{session}->ask($_[0]{apply}); return; }

# The positions, each of them reached from another one.
my %reach;
%reach = (
    open => sub {
        my ($hold) = @_;

        lock_table($hold, 'run_step', 'dbmaestro.run_step');
        call($hold);
        await_lock($hold, $hold->{backend}, 'dbmaestro.run_step');
    },
    (map {
        my $gate = $_;

        ($gate => sub {
            my ($hold) = @_;

            lock_table($hold, $gate, $gate);
            call($hold);
            await_lock($hold, $hold->{backend}, $gate);
        })
    } qw(gate1 gate3)),
    (map {
        my ($name, $from, $blocker, $table) = @$_;

        ($name => sub {
            my ($hold) = @_;

            $reach{$from}->($hold);
            lock_table($hold, 'next', $table);
            release($hold, $blocker);
            await_lock($hold, $hold->{backend}, $table);
        })
    } ([ 'group_row', 'gate1', 'gate1', 'dbmaestro.run_step' ],
      [ 'group_end', 'gate1', 'gate1', 'dbmaestro.run' ],
      [ 'outcome', 'snapshots', 'snapshot', 'dbmaestro.run_step' ],
      [ 'outcome_end', 'snapshots', 'snapshot', 'dbmaestro.run' ],
      [ 'last_row', 'gate3', 'gate3', 'dbmaestro.run_step' ],
      [ 'end', 'gate3', 'gate3', 'dbmaestro.change' ])),
    intent => sub {
        my ($hold) = @_;

        $reach{group_end}->($hold);
        # its own lock on the table ends with this group; before the next one we have it
        queue_for($hold, 'intent', 'dbmaestro.run_step');
        release($hold, 'next');
        await_lock($hold, $hold->{backend}, 'dbmaestro.run_step');
    },
    permit => sub {
        my ($hold) = @_;

        $reach{intent}->($hold);
        queue_for($hold, 'permit', 'dbmaestro.run_step');
        release($hold, 'intent');
        await_worker($hold, "wait_event = 'relation'");
        await_lock($hold, $hold->{worker}, 'dbmaestro.run_step');
    },
    lockers => sub {
        my ($hold) = @_;

        $reach{permit}->($hold);
        block($hold, 'locker', 'LOCK TABLE orders IN ROW EXCLUSIVE MODE');
        release($hold, 'permit');
        await_worker($hold, "wait_event = 'virtualxid' AND EXISTS (SELECT FROM pg_index WHERE NOT indisready)");
    },
    snapshots => sub {
        my ($hold) = @_;

        $reach{permit}->($hold);
        block($hold, 'snapshot', 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM counted');
        release($hold, 'permit');
        await_worker($hold, "wait_event = 'virtualxid' AND EXISTS (SELECT FROM pg_index WHERE indisready AND NOT indisvalid)");
    });

# ---- all of them ----

# Those of the boundaries that the filter wants: they have a change of their own.
sub hold_all
{
    my ($self, $filter) = @_;
    my $change = sprintf '20260101_%06d_steps', ++$self->{waves};
    my @holds;

    foreach my $number (0 .. $#BOUNDARIES)
    {
        my ($position, $what, $commits, $step, $statement, $line, $state, $evidence) = @{ $BOUNDARIES[$number] };
        my %hold = (
            what => $what, position => $position, commits => $commits, database => $self->{databases}[$number],
            change => $change, apply => $self->{faults}->apply($change), node => $self->{node}, blockers => {},
            step => $step, state => $state, evidence => $evidence,
            where => $step && "step $step of 3, statement $statement at line $line");

        next if $filter && !$filter->(\%hold);
        push @holds, \%hold;
        $hold{control} = DbmSession->new($self->{node}, $hold{database});
        $hold{session} = DbmSession->new($self->{node}, $hold{database}, connstr => "options='-c client_connection_check_interval=50ms'");
        $hold{backend} = $hold{session}->query('SELECT pg_backend_pid()');
        $reach{$position}->(\%hold);
        (delete $hold{control})->close;
    }
    hold_commits($self->{node}, grep { $_->{commits} } @holds);
    return @holds;
}

# Lets them go on to the next commit.
sub hold_commits
{
    my ($node, @holds) = @_;

    return if !@holds;
    lose_standby($node);
    foreach my $hold (@holds)
    {
        release($hold, $_) foreach keys %{ $hold->{blockers} };
        my $pid = $hold->{worker} && $hold->{position} !~ /^outcome/ ? $hold->{worker} : $hold->{backend};
        $hold->{committing} = $pid;
        wait_until("$hold->{what}: a commit", sub {
                return $node->safe_psql('template1', "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND wait_event = 'SyncRep'") eq '1';
            });
    }
    return;
}

# Backends of the blockers.
sub blockers_of { return map { $_->{pid} } map { values %{ $_->{blockers} } } @_; }

# Whoever is still there goes on.
sub let_go
{
    my ($self, @holds) = @_;

    find_standby($self->{node}) if grep { $_->{commits} } @holds;
    foreach my $hold (@holds)
    {
        $_->close foreach values %{ delete $hold->{blockers} };
    }
    return;
}

# Until none of these processes is left.
sub await_end
{
    my (@holds) = @_;

    foreach my $hold (@holds)
    {
        wait_until("$hold->{what}: end of the backend", sub { !is_alive($hold->{backend}) });
        wait_until("$hold->{what}: end of the worker", sub { !is_alive($hold->{worker}) }) if $hold->{worker};
        $hold->{session}->close;
    }
    return;
}

# ---- what must be true ----

# Before somebody dies: it is under way.
sub check_running
{
    my ($self, $hold) = @_;
    my $what = "running: $hold->{what}";
    # what waits for a standby has not happened yet for others
    my $step = $hold->{position} eq 'open' ? undef : $hold->{position} =~ /^(?:gate1|group)/ ? 1 : $hold->{position} =~ /^(?:gate3|last|end)/ ? 3 : 2;

    like($self->{faults}->status_of($hold->{database}), $step ? qr/^running\|running at step $step of 3, statement \d at line \d\|/ : qr/^\|\|$/,
        "$what: status");
    is(dbm_refused($hold->{node}, $hold->{database}, "SELECT dbm_apply('20260102_000000_other', 'SELECT 1')")->{sqlstate}, 'MA030',
        "$what: nobody else deploys");
    return;
}

# After somebody has died: what is said about it, by everyone who is asked.
sub check_interrupted
{
    my ($self, $hold, $victim) = @_;
    my ($node, $database, $change) = @{$hold}{qw(node database change)};
    my $what = "$victim: $hold->{what}";
    my $status = $self->{faults}->status_of($database);
    my $known = $node->safe_psql($database, <<"SQL");
SELECT (SELECT state FROM dbmaestro.change WHERE change = '$change'), (SELECT outcome FROM dbmaestro.change_history WHERE change = '$change'),
       (SELECT min(state) FROM dbmaestro.run_step JOIN dbmaestro.run ON run.id = run WHERE change = '$change' AND ordinal = ${\ ($hold->{step} // 0)}),
       (SELECT count(*) FROM pg_class WHERE relname = 'orders'), (SELECT count(*) FROM counted)
SQL

    if ($hold->{step})
    {
        my $evidence = $hold->{evidence};

        # told to end, or without a postmaster, a worker goes on from its commit until it looks around
        $evidence = "(?:$NO_INDEX|$INVALID|$VALID)"
          if $victim !~ /^(?:backend|worker)$/ && ($hold->{committing} // 0) == ($hold->{worker} // -1);
        like($status, qr/^interrupted\|interrupted at $hold->{where}\|$evidence/, "$what: status");
        is($known, "partial|interrupted|$hold->{state}|" . ($hold->{step} > 1 ? '1|1' : '0|0'), "$what: change, history, step, and what is there");
        is(dbm_refused($node, $database, "SELECT dbm_apply('$change', 'SELECT 1')")->{sqlstate}, 'MA02B', "$what: it is no change to be applied anew");
    }
    else
    {
        is($status, '||', "$what: status says that nothing is unfinished");
        is($known, $hold->{commits} ? 'applied|applied||1|2' : '|||0|0', "$what: change, history, and what is there");
    }
    return;
}

# The end of all of them, and back to the beginning.
sub check_resumed
{
    my ($self, $hold, $victim) = @_;
    my $what = "$victim: $hold->{what}";

    $self->{faults}->check_resumed($hold->{database}, $what, change => $hold->{change},
        $hold->{step} || $hold->{commits} ? () : (call => $hold->{apply}));
    return;
}

sub check_rolled_back
{
    my ($self, $hold, $victim) = @_;

    return $self->{faults}->check_rolled_back($hold->{database}, "$victim: $hold->{what}", change => $hold->{change});
}

1;
