# DbmWire: what stands between a client and a server, or in the place of one
#
#   my $proxy = DbmWire->proxy($node, cut => 'text');    # ends when a client sends this
#   my $proxy = DbmWire->proxy($node, mute => 'text');   # from then on no answer comes back
#   my $proxy = DbmWire->proxy($node, tcp => 1);         # to the server's port of TCP, too
#   $proxy->reset;             # both sides get RST, and nobody is there any more
#   $proxy->silence;           # nothing goes through any more, and nobody is told
#   $proxy->silence('server'); # nothing reaches the server; or the client
#   my $fake = DbmWire->server(version => '14.9');       # answers every query with no row
#   my $fake = DbmWire->server(version => '15.0', row => [ 'public', '0.0.1' ]);
#   my $fake = DbmWire->server(silent => 1);             # takes connections and says nothing
#   $fake->conninfo('shop')
#   $fake->stop
#
# Each is a process of its own that listens on a port of TCP.
package DbmWire;

use strict;
use warnings FATAL => 'all';

use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER);

sub start
{
    my ($class, $serve) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 10) or die "could not listen: $@";
    my $pid = fork // die "could not fork: $!";

    if ($pid == 0)
    {
        # as a process of the story this one must not end it
        $SIG{$_} = 'DEFAULT' foreach qw(INT TERM CHLD);
        # whoever waits for the end of a pipe must not wait for us
        POSIX::close($_) foreach grep { $_ != fileno $listener } 3 .. 255;
        eval { $serve->($listener); };
        POSIX::_exit(0);
    }
    return bless { pid => $pid, port => $listener->sockport }, $class;
}

sub conninfo
{
    my ($self, $database, $more) = @_;

    return "host=127.0.0.1 port=$self->{port} dbname=$database user=postgres sslmode=disable gssencmode=disable "
      . ($more // '');
}

sub stop
{
    my ($self) = @_;
    local ($., $@, $!, $?, $^E);

    kill 'KILL', $self->{pid} if $self->{pid};
    waitpid delete $self->{pid}, 0 if $self->{pid};
    return;
}

sub reset
{
    my ($self) = @_;

    kill 'HUP', $self->{pid};
    waitpid delete $self->{pid}, 0;
    return;
}

sub silence
{
    my ($self, $whom) = @_;

    kill !$whom ? 'STOP' : $whom eq 'server' ? 'USR1' : 'USR2', $self->{pid};
    return;
}

sub DESTROY { $_[0]->stop; return; }

# --- a proxy ------------------------------------------------------------------

sub proxy
{
    my ($class, $node, %parameter) = @_;

    return $class->start(
        sub {
            my ($listener) = @_;
            my $select = IO::Select->new($listener);
            my (%other, %client);
            my ($tail, $muted, $deaf, $reset) = ('', 0, 0, 0);

            $SIG{USR1} = sub { $deaf = 1; };
            $SIG{USR2} = sub { $muted = 1; };
            $SIG{HUP} = sub { $reset = 1; };
            while (1)
            {
                my @ready = $select->can_read(0.1);

                if ($reset)
                {
                    # closed so, a socket sends RST
                    setsockopt $_, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) foreach grep { $_ != $listener } $select->handles;
                    return;
                }
                foreach my $socket (@ready)
                {
                    if ($socket == $listener)
                    {
                        my $client = $listener->accept;
                        my $server = $parameter{tcp}
                          ? IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $node->port)
                          : IO::Socket::UNIX->new(Peer => $node->host . '/.s.PGSQL.' . $node->port);

                        die if !$server;
                        $other{$client} = $server;
                        $other{$server} = $client;
                        $client{$client} = 1;
                        $select->add($client, $server);
                        next;
                    }
                    return unless sysread $socket, my $bytes, 65536;
                    next if $muted && !$client{$socket} || $deaf && $client{$socket};
                    if ($client{$socket})
                    {
                        my $wanted = $parameter{cut} // $parameter{mute} // '';
                        my $at = $wanted eq '' ? -1 : index("$tail$bytes", $wanted);

                        if ($at >= 0 && defined $parameter{cut})
                        {
                            my $before = $at - length $tail;
                            syswrite $other{$socket}, substr($bytes, 0, $before) if $before > 0;
                            return;
                        }
                        $muted ||= $at >= 0;
                        $tail = substr "$tail$bytes", -100;
                    }
                    while (length $bytes)
                    {
                        my $written = syswrite $other{$socket}, $bytes;
                        return unless defined $written;
                        substr $bytes, 0, $written, '';
                    }
                }
            }
        });
}

# --- a server -------------------------------------------------------------------

sub get
{
    my ($socket, $length) = @_;
    my $bytes = '';

    while (length $bytes < $length)
    {
        sysread $socket, $bytes, $length - length $bytes, length $bytes or die "closed";
    }
    return $bytes;
}

sub message
{
    my ($type, $body) = @_;

    return $type . pack('N', 4 + length $body) . $body;
}

sub texts
{
    return pack('n', scalar @_) . join '', map { pack('N', length) . $_ } @_;
}

sub answer
{
    my ($socket, %parameter) = @_;
    my $row = $parameter{row};
    my $answer = message('1', '') . message('2', '');
    my $columns = $row ? @$row : 2;

    get($socket, unpack('N', get($socket, 4)) - 4);
    syswrite $socket, message('R', pack 'N', 0)
      . message('S', "server_version\0$parameter{version}\0")
      . message('S', "client_encoding\0UTF8\0")
      . message('K', pack 'N N', 1, 1)
      . message('Z', 'I');
    $answer .= message('T', pack('n', $columns) . join '', map { "c\0" . pack 'N n N n N n', 0, 0, 25, 65535, 0xffffffff, 0 } 1 .. $columns);
    $answer .= message('D', texts(@$row)) if $row;
    $answer .= message('C', "SELECT 0\0") . message('Z', 'I');
    while (1)
    {
        my ($type, $length) = unpack 'a N', get($socket, 5);

        get($socket, $length - 4) if $length > 4;
        return if $type eq 'X';
        syswrite $socket, $answer if $type eq 'S';
    }
}

# One client after the other; silent: all of them at once.
sub server
{
    my ($class, %parameter) = @_;

    return $class->start(
        sub {
            my ($listener) = @_;
            my @kept;

            while (my $socket = $listener->accept)
            {
                push @kept, $socket if $parameter{silent};
                if (defined $parameter{note})
                {
                    open my $note, '>', $parameter{note} or die;
                    close $note;
                }
                eval { answer($socket, %parameter); } unless $parameter{silent};
            }
        });
}

1;
