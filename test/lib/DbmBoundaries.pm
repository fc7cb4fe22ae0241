# DbmBoundaries: a change in steps, stopped at each boundary there is
#
#   my $story = DbmBoundaries->new($node);                       # of a deployment; or
#   my $story = DbmBoundaries->new($node, story => 'rollback');  # of the way back; or
#   my $story = DbmBoundaries->new($node, story => 'cleanup');   # of what a build that failed has left
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

# The way back in three steps as well.
my $ROLLBACK_IN_STEPS = <<'SQL';
LOCK TABLE gate1; DELETE FROM counted WHERE step = 3;
DROP INDEX CONCURRENTLY IF EXISTS orders_word;
LOCK TABLE gate3; DROP TABLE IF EXISTS orders; DELETE FROM counted;
SQL

# A build that fails where somebody has left a row twice.
my $SCRIPT_THAT_FAILS = $SCRIPT =~ s/CREATE INDEX CONCURRENTLY/CREATE UNIQUE INDEX CONCURRENTLY/r =~
  s/LOCK TABLE gate1;/INSERT INTO orders SELECT 0, word FROM twice; LOCK TABLE gate1;/r;

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

my $THERE = 'Index public\.orders_word on public\.orders is there and valid\.';
my $HALF_DROPPED = 'Index public\.orders_word on public\.orders is there but invalid, as when dropping it ended half way\.';
my $DEAD = 'Index public\.orders_word on public\.orders is there but invalid: dropping it ended half way\.';
my $DROPPED = 'There is no index public\.orders_word\.';
my @BACK_FIRST = (1, 1, 1, 'planned', $NOT_THERE);
my @DROP = (2, 3, 2);
my @BACK_LAST = (3, 4, 3, 'planned', $NOT_THERE);

my @BOUNDARIES_BACK = (
    [ 'open', 'before the way back is on record', 0 ],
    [ 'open', 'the way back is on record', 1, @BACK_FIRST ],
    [ 'gate1', 'within the first group back', 0, @BACK_FIRST ],
    [ 'group_row', 'after the statements of a group back, before its row', 0, @BACK_FIRST ],
    [ 'group_end', 'after the row of a group back, before its commit', 0, @BACK_FIRST ],
    [ 'group_end', 'between two steps back, behind the group', 1, @DROP, 'planned', $NOT_BEGUN ],
    [ 'intent', 'before the intent to drop', 0, @DROP, 'planned', $NOT_BEGUN ],
    [ 'intent', 'after the intent to drop, before the worker', 1, @DROP, 'intended', $THERE ],
    [ 'permit', 'before the permit to drop is taken', 0, @DROP, 'intended', $THERE ],
    [ 'permit', 'after the permit to drop is taken', 1, @DROP, 'running', $THERE ],
    [ 'drop_lockers', 'within the drop, before the index is dead', 0, @DROP, 'running', $HALF_DROPPED ],
    [ 'drop_lockers', 'within the drop, when the index has just died', 1, @DROP, 'running', $DEAD ],
    [ 'drop_dead', 'within the drop, before the index is gone', 0, @DROP, 'running', $DEAD ],
    [ 'drop_dead', 'after the drop, before the worker ends', 1, @DROP, 'running', $DROPPED ],
    [ 'drop_outcome', 'after the worker that drops, before the outcome', 0, @DROP, 'running', $DROPPED ],
    [ 'drop_outcome_end', 'after the outcome of the drop, before its commit', 0, @DROP, 'running', $DROPPED ],
    [ 'drop_outcome_end', 'between two steps back, behind the drop', 1, @BACK_LAST ],
    [ 'gate3', 'within the last group back', 0, @BACK_LAST ],
    [ 'last_row', 'after the last statement back, before its row', 0, @BACK_LAST ],
    [ 'end', 'after the last step back, before the run is closed', 0, @BACK_LAST ],
    [ 'end', 'after the way back is closed', 1 ]);

my @CLEAN = (2, 6, 4, 'failed');

my @BOUNDARIES_CLEANUP = (
    [ 'failed', 'after a build that failed, before its outcome', 0, 2, 6, 4, 'running', $INVALID ],
    [ 'failed', 'after the outcome of a build that failed', 1, @CLEAN, $INVALID ],
    [ 'clean_intent', 'before the cleanup is intended', 0, @CLEAN, $INVALID ],
    [ 'clean_intent', 'after the cleanup is intended, before the worker', 1, @CLEAN, $INVALID ],
    [ 'clean_permit', 'before the permit to clean up is taken', 0, @CLEAN, $INVALID ],
    [ 'clean_permit', 'after the permit to clean up is taken', 1, @CLEAN, $INVALID ],
    [ 'clean_lockers', 'within the cleanup, before the index is dead', 0, @CLEAN, $INVALID ],
    [ 'clean_lockers', 'within the cleanup, when the index has just died', 1, @CLEAN, $INVALID ],
    [ 'clean_dead', 'within the cleanup, before the index is gone', 0, @CLEAN, $INVALID ],
    [ 'clean_dead', 'after the cleanup, before the worker ends', 1, @CLEAN, $NO_INDEX ],
    [ 'clean_outcome', 'after the worker that cleans up, before its outcome', 0, @CLEAN, $NO_INDEX ],
    [ 'clean_outcome', 'after the outcome of the cleanup', 1, @CLEAN, $NO_INDEX ],
    [ 'clean_end', 'after the cleanup, before the run is closed', 0, @CLEAN, $NO_INDEX ],
    [ 'clean_end', 'after the run that failed is closed', 1, @CLEAN, $NO_INDEX ]);

# What is told apart by the story: its boundaries, its scripts, and what is done before it.
my %STORY = (
    deploy => { boundaries => \@BOUNDARIES, script => $SCRIPT, rollback => $ROLLBACK },
    rollback => { boundaries => \@BOUNDARIES_BACK, script => $SCRIPT, rollback => $ROLLBACK_IN_STEPS },
    cleanup => { boundaries => \@BOUNDARIES_CLEANUP, script => $SCRIPT_THAT_FAILS, rollback => $ROLLBACK });

# Parameters: story, and those of DbmFaults.
sub new
{
    my ($class, $node, %parameter) = @_;
    my $name = delete $parameter{story} // 'deploy';
    my $story = $STORY{$name};
    my $faults = DbmFaults->new($node,
        script => $story->{script},
        rollback => $story->{rollback},
        prepare => 'CREATE TABLE gate1 (); CREATE TABLE gate3 (); CREATE TABLE twice (word text);',
        %parameter);

    return bless {
        node => $node, faults => $faults, story => $name, boundaries => $story->{boundaries}, waves => 0,
        databases => [ map { $faults->fresh_database } @{ $story->{boundaries} } ] }, $class;
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

sub call { $_[0]{session}->ask($_[0]{call}); return; }

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
      [ 'drop_outcome', 'drop_dead', 'locker2', 'dbmaestro.run_step' ],
      [ 'drop_outcome_end', 'drop_dead', 'locker2', 'dbmaestro.run' ],
      [ 'failed', 'lockers', 'locker', 'dbmaestro.run_step' ],
      [ 'clean_outcome', 'clean_dead', 'locker2', 'dbmaestro.run_step' ],
      [ 'clean_end', 'clean_dead', 'locker2', 'dbmaestro.run' ],
      [ 'group_end', 'gate1', 'gate1', 'dbmaestro.run' ],
      [ 'outcome', 'snapshots', 'snapshot', 'dbmaestro.run_step' ],
      [ 'outcome_end', 'snapshots', 'snapshot', 'dbmaestro.run' ],
      [ 'last_row', 'gate3', 'gate3', 'dbmaestro.run_step' ],
      [ 'end', 'gate3', 'gate3', 'dbmaestro.change' ])),
    # an index is dropped in two waits for those who have locked its table
    (map {
        my ($name, $from, $blocker) = @$_;

        ($name . '_lockers' => sub {
            my ($hold) = @_;

            $reach{$from}->($hold);
            block($hold, 'locker', 'LOCK TABLE orders IN ROW EXCLUSIVE MODE');
            release($hold, $blocker);
            await_worker($hold, "wait_event = 'virtualxid' AND EXISTS (SELECT FROM pg_index WHERE NOT indisvalid AND indislive)");
        },
        $name . '_dead' => sub {
            my ($hold) = @_;

            $reach{ $name . '_lockers' }->($hold);
            block($hold, 'locker2', 'LOCK TABLE orders IN ROW EXCLUSIVE MODE');
            release($hold, 'locker');
            await_worker($hold, "wait_event = 'virtualxid' AND EXISTS (SELECT FROM pg_index WHERE NOT indislive)");
        })
    } ([ 'drop', 'permit', 'permit' ], [ 'clean', 'clean_permit', 'permit' ])),
    clean_intent => sub {
        my ($hold) = @_;

        $reach{failed}->($hold);
        queue_for($hold, 'intent', 'dbmaestro.run_step');
        release($hold, 'next');
        # it has waited for that table before, for the row of the outcome
        wait_until("$hold->{what}: end of the outcome", sub {
                return $hold->{control}->query("SELECT count(*) FROM pg_locks WHERE relation = 'dbmaestro.run_step'::regclass AND granted AND pid = $hold->{blockers}{intent}{pid}") eq '1';
            });
        await_lock($hold, $hold->{backend}, 'dbmaestro.run_step');
    },
    clean_permit => sub {
        my ($hold) = @_;

        $reach{clean_intent}->($hold);
        queue_for($hold, 'permit', 'dbmaestro.run_step');
        release($hold, 'intent');
        await_worker($hold, "wait_event = 'relation'");
        await_lock($hold, $hold->{worker}, 'dbmaestro.run_step');
    },
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

# Brings a database to where the story begins.
sub prepare
{
    my ($self, $hold) = @_;

    $hold->{call} = $hold->{apply};
    $self->{node}->safe_psql($hold->{database}, "INSERT INTO twice VALUES ('word 1')") if $self->{story} eq 'cleanup';
    return if $self->{story} ne 'rollback';
    $self->{node}->safe_psql($hold->{database}, $hold->{apply});
    $hold->{call} = $self->{faults}->roll_back($hold->{change});
    return;
}

# Those of the boundaries that the filter wants: they have a change of their own.
sub hold_all
{
    my ($self, $filter) = @_;
    my $change = sprintf '20260101_%06d_steps', ++$self->{waves};
    my @holds;

    foreach my $number (0 .. $#{ $self->{boundaries} })
    {
        my ($position, $what, $commits, $step, $statement, $line, $state, $evidence) = @{ $self->{boundaries}[$number] };
        my %hold = (
            what => $what, position => $position, commits => $commits, database => $self->{databases}[$number],
            change => $change, apply => $self->{faults}->apply($change), node => $self->{node}, blockers => {},
            step => $step, state => $state, evidence => $evidence,
            where => $step && "step $step of 3, statement $statement at line $line");

        next if $filter && !$filter->(\%hold);
        push @holds, \%hold;
        $self->prepare(\%hold);
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
        my $pid = $hold->{worker} && $hold->{position} !~ /outcome|failed|intent|end$/ ? $hold->{worker} : $hold->{backend};
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
WITH last AS (SELECT max(id) AS run FROM dbmaestro.run WHERE change = '$change')
SELECT (SELECT state FROM dbmaestro.change WHERE change = '$change'), (SELECT outcome FROM dbmaestro.change_history JOIN last USING (run)),
       (SELECT min(state) FROM dbmaestro.run_step JOIN last USING (run) WHERE ordinal = ${\ ($hold->{step} // 0)} AND part < 1000000),
       (SELECT count(*) FROM pg_class WHERE relname = 'orders'), (SELECT count(*) FROM counted)
SQL
    my ($script, $told, $there, $at_first, $at_last) = $self->{story} eq 'rollback'
      ? ('rollback script, ', 'interrupted', $hold->{step} && $hold->{step} > 1 ? '1|1' : '1|2', 'applied|applied||1|2', 'rolled back|rolled back||0|0')
      : ('', 'interrupted', $hold->{step} && $hold->{step} > 1 ? '1|1' : '0|0', '|||0|0', 'applied|applied||1|2');

    # a run that is closed was not interrupted
    $told = 'partial' if $hold->{what} =~ /^after the run that failed/;

    if ($hold->{step})
    {
        my $evidence = $hold->{evidence};

        # told to end, or without a postmaster, a worker goes on from its commit until it looks around
        $evidence = "(?:$NO_INDEX|$INVALID|$VALID)"
          if $victim !~ /\b(?:backend|worker)$/ && ($hold->{committing} // 0) == ($hold->{worker} // -1);
        like($status, qr/^$told\|$script$told at $hold->{where}\|$evidence/, "$what: status");
        is($known, "partial|$told|$hold->{state}|$there", "$what: change, history, step, and what is there");
        # where nothing is done, nothing keeps another script from being applied
        if ($self->{story} ne 'rollback' && $hold->{step} == 1)
        {
            is($node->safe_psql($database, "BEGIN; SELECT outcome FROM dbm_apply('$change', 'SELECT 1'); ROLLBACK"), 'applied', "$what: nothing of it is in the way");
        }
        else
        {
            is(dbm_refused($node, $database, "SELECT dbm_apply('$change', 'SELECT 1')")->{sqlstate}, $self->{story} eq 'rollback' ? 'MA02B' : 'MA02C',
                "$what: it is no change to be applied anew");
        }
    }
    else
    {
        is($status, '||', "$what: status says that nothing is unfinished");
        is($known, $hold->{commits} ? $at_last : $at_first, "$what: change, history, and what is there");
    }
    return;
}

# The end of all of them, and back to the beginning.
sub check_resumed
{
    my ($self, $hold, $victim) = @_;
    my $what = "$victim: $hold->{what}";

    # the row that was there twice
    $self->{node}->safe_psql($hold->{database}, 'DELETE FROM orders WHERE id = 0; DELETE FROM twice') if $self->{story} eq 'cleanup';
    return $self->{faults}->check_way_back($hold->{database}, $what, change => $hold->{change},
        # what is closed is not to be resumed, and what has not begun cannot be
        call => $hold->{step} ? $self->{faults}->resume($hold->{change}) : !$hold->{commits} && $hold->{call})
      if $self->{story} eq 'rollback';
    $self->{faults}->check_resumed($hold->{database}, $what, change => $hold->{change},
        $hold->{step} || $hold->{commits} ? () : (call => $hold->{apply}));
    return;
}

sub check_rolled_back
{
    my ($self, $hold, $victim) = @_;

    return if $self->{story} eq 'rollback';

    return $self->{faults}->check_rolled_back($hold->{database}, "$victim: $hold->{what}", change => $hold->{change});
}

1;
