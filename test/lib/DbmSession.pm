# DbmSession: a psql that stays open, so that a story can act while it waits
#
#   my $session = DbmSession->new($node, 'prod', user => 'deployer');
#   $session->send("SELECT dbm_apply(...);\n");
#   $session->await(qr/applied/);       # or dies when the time is over
#   my $out = $session->query('SELECT 1');
#   $session->close;
#
# Pipes of our own and not IPC::Run's: psql may go at any moment, and a server
# started meanwhile must not inherit the other end of them.
package DbmSession;

use strict;
use warnings FATAL => 'all';

use IO::Select;
use IPC::Open3;
use PostgreSQL::Test::Utils;
use Symbol 'gensym';
use Time::HiRes 'time';

# Parameters: user; connstr, more of it, such as "options='-c lock_timeout=1s'";
# or conninfo, all of it.
sub new
{
    my ($class, $node, $database, %parameter) = @_;
    my $connstr = $parameter{conninfo} // $node->connstr($database);
    my $self = bless { out => '', err => '', asked => 0, error => gensym }, $class;

    $connstr .= " user=$parameter{user}" if defined $parameter{user};
    $connstr .= " $parameter{connstr}" if defined $parameter{connstr};
    $self->{psql} = open3(@{$self}{qw(input output error)},
        'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $connstr, '-f', '-');
    $self->{select} = IO::Select->new(@{$self}{qw(output error)});
    return $self;
}

# Psql reads a line after the other, so what we write has to be little enough
# for the pipe or psql ready to read it.
sub send
{
    my ($self, $text) = @_;
    local $SIG{PIPE} = 'IGNORE';

    utf8::encode($text) if utf8::is_utf8($text);
    while (length $text)
    {
        my $written = syswrite $self->{input}, $text;
        last if !defined $written;
        substr $text, 0, $written, '';
    }
    return;
}

# Reads what there is; false when psql has closed both of its outputs.
sub read
{
    my ($self, $deadline) = @_;

    die "psql: not within the time; it said: $self->{out}$self->{err}" if time > $deadline;
    foreach my $handle ($self->{select}->can_read(1))
    {
        my $text = $handle == $self->{output} ? \$self->{out} : \$self->{err};
        my $count = sysread $handle, $$text, 65536, length $$text;
        $self->{select}->remove($handle) if !$count;
    }
    return $self->{select}->count > 0;
}

sub read_until
{
    my ($self, $condition) = @_;
    my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;

    while (!$condition->())
    {
        last if !$self->read($deadline);
    }
    return;
}

# Waits until what psql printed matches, or it has ended; returns $1 or the match.
sub await
{
    my ($self, $pattern) = @_;

    $self->read_until(sub { $self->{out} =~ $pattern });
    return $self->{out} =~ $pattern ? $1 // $& : undef;
}

# Runs SQL to its end; returns what it printed.  Errors and notices are in
# $self->{err} until the next call.
sub query
{
    my ($self, $sql) = @_;

    $self->ask($sql);
    return $self->answer;
}

# The two halves of query, for a story that has something to do in between.
sub ask
{
    my ($self, $sql) = @_;

    @{$self}{qw(out err)} = ('', '');
    $self->{mark} = 'end of query ' . ++$self->{asked};
    $self->send("$sql\n;\n\\echo '$self->{mark}'\n\\warn '$self->{mark}'\n");
    return;
}

sub answer
{
    my ($self) = @_;
    my $end = qr/^\Q$self->{mark}\E\n/m;

    $self->read_until(sub { $self->{out} =~ $end && $self->{err} =~ $end });
    $self->{err} =~ s/$end//;
    my $printed = $self->{out} =~ s/$end//r;
    $self->{out} = '';
    chomp $printed;
    return $printed;
}

# The error of the last query taken apart, as dbm_refused returns it.
sub error
{
    my ($self) = @_;

    return $self->{err} =~ /(?:ERROR|FATAL):/ ? DbmTest::dbm_error($self->{err}) : undef;
}

# Ends psql, whatever it is doing: its connection is gone at once.
sub kill
{
    my ($self) = @_;

    CORE::kill('KILL', $self->{psql});
    return $self->close;
}

# Lets psql come to the end of what it was sent.
sub close
{
    my ($self) = @_;

    return if !$self->{psql};
    CORE::close($self->{input});
    $self->read_until(sub { 0 });
    waitpid delete $self->{psql}, 0;
    return;
}

sub DESTROY
{
    my ($self) = @_;
    local ($., $@, $!, $?, $^E);

    CORE::kill('KILL', $self->{psql}) if $self->{psql};
    waitpid $self->{psql}, 0 if $self->{psql};
    return;
}

1;
