# DbmFaults: who can die while a change is applied in steps, and what must be true afterwards
#
#   my $faults = DbmFaults->new($node, script => $script, rollback => $rollback, prepare => $sql);
#   my $database = $faults->fresh_database;
#   ... start $faults->apply, kill somebody ...
#   $faults->check_resumed($database, 'step 3, client killed');
package DbmFaults;

use strict;
use warnings FATAL => 'all';

use DbmSession;
use DbmTest;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

our @EXPORT = qw(wait_until is_alive children_of wait_for_death crash crash_postmaster lose_standby find_standby);

# ---- waiting and killing ----

sub wait_until
{
    my ($what, $condition) = @_;
    my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;

    until ($condition->())
    {
        die "$what: not within the time" if time > $deadline;
        usleep(10_000);
    }
    return;
}

sub is_alive
{
    my ($pid) = @_;
    my $stat = eval { slurp_file("/proc/$pid/stat") };

    return defined $stat && $stat !~ /\) Z /;
}

# Processes that a crash ends together.
sub children_of
{
    my ($node) = @_;

    return split ' ', slurp_file("/proc/$node->{_pid}/task/$node->{_pid}/children");
}

# Until it has noticed and ended the others, the server takes connections, in vain.
sub wait_for_restart
{
    my ($node, @children) = @_;

    wait_until('end of all backends', sub { !grep { is_alive($_) } @children });
    # psql may be gone before it has read the statement
    wait_until('recovery',
        sub { eval { $node->psql('template1', 'SELECT 1', stdout => \my $out, stderr => \my $err) == 0 } });
    return;
}

# Ends the processes by kill -9, with all that the server restarts with them.
sub crash
{
    my ($node, @pids) = @_;
    my @children = children_of($node);

    # a worker that is done may be gone already, on its own; one that has stopped is not
    kill 'STOP', @pids;
    wait_until('stop or end', sub {
            !grep { is_alive($_) && (eval { slurp_file("/proc/$_/stat") } // '') !~ /\) T / } @pids;
        });
    @pids = grep { is_alive($_) } @pids;
    return if !@pids;
    kill 'KILL', @pids;
    wait_for_restart($node, @children);
    return;
}

# Without a postmaster they all end, each when it notices; those who hold others
# up end last.
sub crash_postmaster
{
    my ($node, @last) = @_;
    my $postmaster = $node->{_pid};
    my %children = map { $_ => 1 } children_of($node);

    delete @children{@last};
    kill 'STOP', @last;
    $node->kill9;
    wait_until('end of the server', sub { !grep { is_alive($_) } $postmaster, keys %children });
    kill 'KILL', @last;
    wait_until('end of the others', sub { !grep { is_alive($_) } @last });
    unlink $node->data_dir . '/postmaster.pid', $node->host . '/.s.PGSQL.' . $node->port . '.lock';
    $node->start;
    return;
}

# ---- a synchronous standby that is gone ----

# From here on commits wait for nobody; the server has taken that in when one does.
sub lose_standby
{
    my ($node) = @_;
    my $probe = DbmSession->new($node, 'template1', connstr => 'application_name=probe');

    $node->append_conf('postgresql.conf', "synchronous_standby_names = 'nobody'");
    $node->reload;
    wait_until('commits that wait', sub {
            $probe->ask("SELECT pg_logical_emit_message(true, 'probe', '')") if !$probe->{asked} || $probe->{out} =~ /end of query/;
            $probe->read(time + 60);
            return $node->safe_psql('template1', "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'probe' AND wait_event = 'SyncRep'") eq '1';
        });
    $node->safe_psql('template1', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'probe'");
    $probe->close;
    return;
}

# Whoever waits goes on.
sub find_standby
{
    my ($node) = @_;

    $node->append_conf('postgresql.conf', "synchronous_standby_names = ''");
    $node->reload;
    return;
}

# ---- databases ----

# Parameters: script; rollback, its rollback script; prepare, what every
# database has before it; change, its name; database, beginning of their names.
# Applies it once without a fault: that is what all others must end like.
sub new
{
    my ($class, $node, %parameter) = @_;
    my $self = bless { node => $node, databases => 0, change => '20260101_000001_steps', database => 'round', %parameter }, $class;
    my $reference = $self->fresh_database;

    $self->{root_before} = $self->root_of($reference);
    is((split /\|/, $node->safe_psql($reference, $self->apply))[0], 'applied', 'without a fault it is applied');
    $self->{root} = $self->root_of($reference);
    $self->{ledger} = $self->ledger_of($reference);
    return $self;
}

# Those which call it may go on after $node has become another one.
sub node { return $_[0]{node}; }

# The calls that apply the change, go on with it, and go back.
sub apply
{
    my ($self, $change) = @_;

    return "CALL dbm_apply_in_steps('" . ($change // $self->{change}) . "', " . dbm_quote($self->{script}) . ', rollback => ' . dbm_quote($self->{rollback}) . ')';
}

sub resume { return "CALL dbm_resume('" . ($_[1] // $_[0]{change}) . "')"; }

sub roll_back { return "CALL dbm_rollback_in_steps('" . ($_[1] // $_[0]{change}) . "')"; }

# A database that waits for the change; returns its name.
sub fresh_database
{
    my ($self) = @_;
    my $database = $self->{database} . ++$self->{databases};

    dbm_database($self->{node}, $database, environment => 'prod');
    $self->{node}->safe_psql($database, <<"SQL");
CREATE TABLE counted (step int);
$self->{prepare}
SELECT dbm_configure('lock_timeout', '60s');
SELECT dbm_configure('lock_retries', '0');
SELECT dbm_guard('enforce');
SQL
    return $database;
}

# ---- what stands afterwards ----

sub root_of { return $_[0]{node}->safe_psql($_[1], 'SELECT dbm_schema_hash()'); }

# What the ledger says of the change in the end, without numbers and times.
sub ledger_of
{
    my ($self, $database, $change) = @_;

    $change //= $self->{change};
    return $self->{node}->safe_psql($database, <<"SQL");
WITH last AS (SELECT max(id) AS run FROM dbmaestro.run WHERE change = '$change' AND direction = 'deploy')
SELECT 'change', state, '' FROM dbmaestro.change WHERE change = '$change'
UNION ALL SELECT 'run', outcome || ' ' || statements, '' FROM dbmaestro.run, last WHERE id = last.run
UNION ALL SELECT 'step ' || ordinal, kind, state FROM dbmaestro.run_step JOIN last USING (run) WHERE part < 1000
UNION ALL SELECT 'statement ' || ordinal, tag, line::text FROM dbmaestro.run_statement JOIN last USING (run)
UNION ALL (SELECT 'counted', string_agg(step::text, ' ' ORDER BY step), '' FROM counted)
UNION ALL SELECT 'invalid', indexrelid::regclass::text, '' FROM pg_index WHERE NOT indisvalid
ORDER BY 1, 2, 3
SQL
}

# Of the unfinished change, as dbm_status tells it: its state, and where it stands.
sub status_of
{
    my ($self, $database) = @_;

    return $self->{node}->safe_psql($database, 'SELECT unfinished_state, unfinished_at, unfinished_evidence FROM dbm_status()');
}

# Goes on with the change, and compares with what an undisturbed run leaves.
sub check_resumed
{
    my ($self, $database, $what, %parameter) = @_;
    my $node = $self->{node};
    my $change = $parameter{change} // $self->{change};
    my ($stdout, $stderr);

    $node->psql($database, $parameter{call} // $self->resume($change), stdout => \$stdout, stderr => \$stderr);
    like($stdout, qr/^(?:already )?applied\|/, "$what: resumed to the end") or diag($stderr);
    is($self->root_of($database), $self->{root}, "$what: in the schema of an undisturbed run");
    dbm_same_text($self->ledger_of($database, $change), $self->{ledger}, "$what: nothing is there twice, nothing is missing");
    $self->check_quiet($database, $what);
    is( $node->safe_psql($database,
            "SELECT count(*), count(DISTINCT event_id) = count(*) FROM dbmaestro.audit_event WHERE kind = 'run' AND change = '$change' AND detail ~ '^applied'"),
        '1|t',
        "$what: its end is in the trail, once");
    return;
}

# Goes back, from wherever it stands, to what was there before the change.
sub check_rolled_back
{
    my ($self, $database, $what, %parameter) = @_;

    return $self->check_way_back($database, $what, %parameter, call => $self->roll_back($parameter{change}));
}

# The same by a call, or by none if it is there.
sub check_way_back
{
    my ($self, $database, $what, %parameter) = @_;
    my ($stdout, $stderr);

    if ($parameter{call})
    {
        $self->{node}->psql($database, $parameter{call}, stdout => \$stdout, stderr => \$stderr);
        like($stdout, qr/^rolled back\|/, "$what: rolled back") or diag($stderr);
    }
    is($self->root_of($database), $self->{root_before}, "$what: to the schema it came from");
    is($self->{node}->safe_psql($database, 'SELECT count(*) FROM counted'), 0, "$what: and its rows");
    $self->check_quiet($database, $what);
    return;
}

sub check_quiet
{
    my ($self, $database, $what) = @_;

    is( $self->{node}->safe_psql($database,
            'SELECT partial, records_waiting, records_lost, lock_pid IS NULL, dbm_schema_hash() = dbmaestro._dbm_schema_hash_full() FROM dbm_status()'),
        '0|0|0|t|t',
        "$what: nothing is left open, and the quick root is the full one");
    return;
}

1;
