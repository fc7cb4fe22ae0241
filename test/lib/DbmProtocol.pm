# DbmProtocol: the extended protocol by hand, for what psql of 15 cannot send
#
#   my $client = DbmProtocol->new($node, 'prod');
#   my @rows = $client->execute('SELECT outcome FROM dbm_apply($1, $2)', $name, $script);
#   $client->{error}     # { C => sqlstate, M => message, D => detail, ... } or undef
#   $client->{pid}
#   my @rows = $client->pipeline('BEGIN', [ 'SELECT dbm_apply($1, $2)', @parameters ], 'COMMIT');
#   $client->{tags}      # [ 'BEGIN', 'SELECT 1', 'COMMIT' ]: what ended well
#
# Parameters and results are texts; a script of many megabytes goes as it is.
package DbmProtocol;

use strict;
use warnings FATAL => 'all';

use IO::Socket::UNIX;

sub new
{
    my ($class, $node, $database) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => $node->host . '/.s.PGSQL.' . $node->port)
      or die "could not connect: $!";
    my $self = bless { socket => $socket }, $class;
    my $startup = pack('N', 196608) . "user\0postgres\0database\0$database\0\0";

    $self->put(pack('N', 4 + length $startup) . $startup);
    $self->wait_ready;
    die "could not connect: $self->{error}{M}" if $self->{error};
    return $self;
}

sub put
{
    my ($self, $bytes) = @_;
    my $offset = 0;

    while ($offset < length $bytes)
    {
        my $written = syswrite $self->{socket}, $bytes, 1 << 20, $offset;
        die "could not send: $!" unless defined $written;
        $offset += $written;
    }
    return;
}

sub message
{
    my ($type, $body) = @_;

    return $type . pack('N', 4 + length $body) . $body;
}

sub get
{
    my ($self, $length) = @_;
    my $bytes = '';

    while (length $bytes < $length)
    {
        my $got = sysread $self->{socket}, $bytes, $length - length $bytes, length $bytes;
        die "the server closed the connection" unless $got;
    }
    return $bytes;
}

# Reads until the server is ready; returns the rows, each an array of texts.
sub wait_ready
{
    my ($self) = @_;
    my @rows;

    $self->{error} = undef;
    $self->{tags} = [];
    while (1)
    {
        my ($type, $length) = unpack 'a N', $self->get(5);
        my $body = $self->get($length - 4);

        return @rows if $type eq 'Z';
        $self->{pid} = unpack 'N', $body if $type eq 'K';
        $self->{error} = { map { substr($_, 0, 1) => substr($_, 1) } split /\0/, $body }
          if $type eq 'E';
        push @{ $self->{tags} }, unpack 'Z*', $body if $type eq 'C';
        push @rows, [ map { utf8::decode($_); $_ } unpack 'x2 (N/a)*', $body ] if $type eq 'D' && $body !~ /\xff{4}/;
    }
}

# Parse, Bind, Execute, Sync.  Options of the first argument when it is a hash:
# sql, statement and portal name them; parsed: the statement is there already.
sub execute
{
    my ($self, $what, @parameters) = @_;

    $self->put(messages($what, @parameters) . message('S', ''));
    return $self->wait_ready;
}

# The same of many statements, with one Sync behind all of them.
sub pipeline
{
    my ($self, @statements) = @_;

    $self->put(join('', map { messages(ref $_ ? @$_ : $_) } @statements) . message('S', ''));
    return $self->wait_ready;
}

# Parse, Bind and Execute of one statement.
sub messages
{
    my ($what, @parameters) = @_;
    my %option = (statement => '', portal => '', ref $what ? %$what : (sql => $what));
    my $bytes = '';

    utf8::encode($_) foreach grep { utf8::is_utf8($_) } @parameters;
    $bytes .= message('P', "$option{statement}\0$option{sql}\0" . pack('n', 0)) unless $option{parsed};
    $bytes .= message('B', "$option{portal}\0$option{statement}\0"
          . pack('n n', 0, scalar @parameters)
          . join('', map { pack('N', length) . $_ } @parameters)
          . pack('n', 0));
    return $bytes . message('E', "$option{portal}\0" . pack('N', 0));
}

1;
