# DbmGates: a change of eight statements in seven steps, with a gate in each group
#
# A group waits if somebody has its gate; a concurrent build waits for an old
# snapshot.  What is more than DbmFaults has.
package DbmGates;

use strict;
use warnings FATAL => 'all';

use parent -norequire, 'DbmFaults';

use DbmFaults;
use DbmSession;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

# The last group would count double if it ran twice.
my $SCRIPT = <<'SQL';
CREATE TABLE orders (id int, word text);
INSERT INTO orders SELECT g, 'word ' || g FROM generate_series(1, 3000) AS g;
CREATE INDEX CONCURRENTLY orders_word ON orders (word);
ALTER TABLE orders ADD COLUMN n int DEFAULT 0; LOCK TABLE gate3; INSERT INTO counted VALUES (3);
CREATE UNIQUE INDEX CONCURRENTLY orders_id ON orders (id);
CREATE VIEW words AS SELECT word FROM orders; LOCK TABLE gate5; INSERT INTO counted VALUES (5);
DROP INDEX CONCURRENTLY orders_word;
COMMENT ON TABLE orders IS 'all'; LOCK TABLE gate7; INSERT INTO counted VALUES (7);
SQL

sub new
{
    my ($class, $node, %parameter) = @_;

    return $class->SUPER::new($node,
        script => $SCRIPT,
        rollback => "DROP VIEW IF EXISTS words;\nDROP TABLE IF EXISTS orders;\nDELETE FROM counted;\n",
        prepare => 'CREATE TABLE gate3 (); CREATE TABLE gate5 (); CREATE TABLE gate7 ();',
        %parameter);
}

# Waits until a step is running and its process in this wait; returns backend and worker.
sub await_step
{
    my ($self, $database, $ordinal, $wait) = @_;
    my $found = '';

    wait_until("step $ordinal waiting for $wait", sub {
            $found = $self->{node}->safe_psql($database, <<"SQL");
SELECT s.backend_pid, s.worker_pid FROM dbmaestro.run_step AS s JOIN pg_stat_activity AS a ON a.pid = s.worker_pid
 WHERE s.ordinal = $ordinal AND s.state = 'running' AND a.wait_event_type || ':' || a.wait_event ~ '$wait'
SQL
            return $found ne '';
        });
    return split /\|/, $found;
}

sub await_lock_wait
{
    my ($self, $database, $relation) = @_;
    my $pid = '';

    wait_until("a lock on $relation", sub {
            $pid = $self->{node}->safe_psql($database,
                "SELECT pid FROM pg_locks WHERE relation = '$relation'::regclass AND NOT granted");
            return $pid ne '';
        });
    return $pid;
}

# Begins the change and stops it: in a group that waits at its gate, or in a
# concurrent build that waits for an old snapshot.
sub stop_at
{
    my ($self, $database, $step) = @_;
    my $node = $self->{node};
    my $blocker = DbmSession->new($node, $database);
    my $session = DbmSession->new($node, $database, connstr => "options='-c client_connection_check_interval=50ms'");
    my ($backend, $worker);

    if ($step % 2)
    {
        $blocker->query("BEGIN; LOCK TABLE gate$step");
        $session->ask($self->apply);
        $backend = $self->await_lock_wait($database, "gate$step");
    }
    else
    {
        # the blocker gets its snapshot after the group before, which made the table
        my $gate = $step - 1;
        my $first = DbmSession->new($node, $database);

        $first->query("BEGIN; LOCK TABLE gate$gate") if $gate > 1;
        $blocker->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM counted') if $gate == 1;
        $session->ask($self->apply);
        if ($gate > 1)
        {
            $self->await_lock_wait($database, "gate$gate");
            # what is held is enough to wait for: a lock on the table is one, too
            $blocker->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM counted');
            $first->query('COMMIT');
        }
        ($backend, $worker) = $self->await_step($database, $step, $step == 6 ? 'Lock:' : 'Lock:virtualxid');
        $first->close;
    }
    return ($session, $blocker, $backend, $worker);
}

# Ends the one of them that is called so.
sub end
{
    my ($self, $victim, $session, $backend, $worker) = @_;
    my $node = $self->{node};

    kill 'KILL', $session->{psql} if $victim eq 'client';
    $node->safe_psql('template1', "SELECT pg_terminate_backend($backend)") if $victim eq 'terminated';
    wait_until('end of the backend', sub { !is_alive($backend) }) if $victim =~ /^(?:client|terminated)$/;
    crash($node, $backend) if $victim eq 'backend';
    crash($node, $worker // $backend) if $victim eq 'worker';
    crash_postmaster($node) if $victim eq 'postmaster';
    return;
}

1;
