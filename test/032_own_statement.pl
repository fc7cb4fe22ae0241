# Acts of a person through the extended protocol: what drivers send passes, what
# code that the client tripped over put in the way of it does not.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use IO::Socket::UNIX;
use PostgreSQL::Test::Utils;
use Test::More;

use DbmTest;

my $node = dbm_node('main', tier => 'events', bare => 1);
$node->safe_psql('postgres', 'CREATE EXTENSION dbmaestro');

my $call = 'SELECT dbmaestro._dbm_own_statement';

# ---- a client of our own, because psql does not speak this part of the protocol ----

my $socket = IO::Socket::UNIX->new(Peer => $node->host . '/.s.PGSQL.' . $node->port)
  or die "connect: $!";

sub send_message
{
    my ($type, $body) = @_;

    $socket->syswrite($type . pack('N', length($body) + 4) . $body) or die "write: $!";
    return;
}

sub receive
{
    my ($length) = @_;
    my $bytes = '';

    while (length($bytes) < $length)
    {
        $socket->sysread($bytes, $length - length($bytes), length($bytes)) or die "read: $!";
    }
    return $bytes;
}

# Reads up to ReadyForQuery; returns the first value, or SQLSTATE and detail of the error.
sub answer
{
    my $answer = '';

    while (1)
    {
        my ($type, $length) = unpack('aN', receive(5));
        my $body = receive($length - 4);

        return $answer if $type eq 'Z';
        $answer .= substr($body, 6) if $type eq 'D';
        if ($type eq 'E')
        {
            my %field = map { /^(.)(.*)$/s } split(/\0/, $body);
            $answer .= join(': ', $field{C}, $field{D} // $field{M});
        }
    }
}

sub query
{
    my ($sql) = @_;

    send_message('Q', "$sql\0");
    return answer();
}

sub parse
{
    my ($statement, $sql) = @_;

    return send_message('P', "$statement\0$sql\0" . pack('n', 0));
}

sub bind_portal
{
    my ($portal, $statement, @values) = @_;

    return send_message('B',
            "$portal\0$statement\0"
          . pack('nn', 0, scalar(@values))
          . join('', map { pack('N/a*', $_) } @values)
          . pack('n', 0));
}

sub execute
{
    my ($portal, $rows) = @_;

    return send_message('E', "$portal\0" . pack('N', $rows // 0));
}

sub finish
{
    send_message('S', '');
    return answer();
}

# Parse, bind and execute as drivers do it.
sub extended
{
    my ($portal, $statement, $sql, @values) = @_;

    parse($statement, $sql) if defined $sql;
    bind_portal($portal, $statement, @values);
    execute($portal);
    return finish();
}

my $startup = pack('N', 196608) . "user\0postgres\0database\0postgres\0\0";
$socket->syswrite(pack('N', length($startup) + 4) . $startup);
answer();

# ---- what drivers send ----

is(extended('', '', "$call(\$1, \$2)", 'a', 1), 'yes', 'parameters');
is(extended('', '', "$call('a', 1)"), 'yes', 'constants');
is(extended('', '', "$call(\$1::varchar, CAST(\$2 AS integer))", 'a', 1), 'yes', 'casts of parameters');
is(extended('', '', 'SELECT * FROM dbmaestro._dbm_own_statement(a => $1)', 'a'), 'yes', 'in FROM, by name');
is(extended('', 'S_1', "$call(\$1)", 'a'), 'yes', 'prepared through the protocol');
is(extended('', 'S_1', undef, 'b'), 'yes', 'and executed again') for 1 .. 7;
is(query("EXECUTE \"S_1\"('a')"), 'yes', 'and executed in SQL');
query('PREPARE in_sql(text) AS ' . "$call(\$1)");
is(query("EXECUTE in_sql('a')"), 'yes', 'prepared and executed in SQL');
is(extended('', '', "EXECUTE in_sql('a')"), 'yes', 'EXECUTE through the protocol');
parse('', "$call(\$1)");
bind_portal('', '', 'a');
execute('', 1);
is(finish(), 'yes', 'with a limit of rows');

# ---- what stands in the way ----

like(extended('', 'in_sql', undef, 'a'), qr/^MA011: The statement was prepared in SQL/,
    'prepared in SQL, executed through the protocol: somebody may have swapped it');
like(extended('C_1', '', "$call(\$1)", 'a'), qr/^MA011: It was not called by/,
    'a named portal, which code in the database could have made as well');
like(extended('', '', "$call(lower(\$1))", 'a'), qr/^MA011: An argument is neither/, 'a function in an argument');

query(<<'SQL');
CREATE SCHEMA trap;
CREATE TABLE trap.target (a text);
CREATE FUNCTION trap.swap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'DEALLOCATE "S_1"';
    EXECUTE 'PREPARE "S_1"(text) AS SELECT dbmaestro._dbm_own_statement($1)';
    RETURN NEW;
END
$$;
CREATE TRIGGER swap BEFORE INSERT ON trap.target FOR EACH ROW EXECUTE FUNCTION trap.swap();
SQL
extended('', 'S_1x', 'SELECT upper($1)', 'a');
query("INSERT INTO trap.target VALUES ('a')");
like(extended('', 'S_1', undef, 'evil'), qr/^MA011: The statement was prepared in SQL/,
    'a statement of the client, swapped by a trigger');

# a deferred trigger fires when the protocol's implicit transaction ends, after the client's own call
query(<<'SQL');
DROP TRIGGER swap ON trap.target;
CREATE FUNCTION trap.late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM dbmaestro._dbm_own_statement('evil');
    RETURN NEW;
END
$$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON trap.target DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION trap.late();
SQL
parse('', 'INSERT INTO trap.target VALUES ($1)');
bind_portal('', '', 'a');
execute('');
parse('', "$call(\$1)");
bind_portal('', '', 'mine');
execute('');
like(finish(), qr/^yesMA011: It was called by a function/, 'a deferred trigger at the end of a pipeline');

# the fastpath names an oid, not a function: nothing that a person has written
my $oid = query("SELECT 'dbmaestro._dbm_own_statement'::regproc::oid");
send_message('F', pack('Nnnn', $oid, 1, 0, 2) . pack('N/a*', 'a') . pack('N/a*', '1') . pack('n', 0));
like(answer(), qr/^MA011: /, 'the fastpath interface');
$socket->close;

# ---- pgbench, which is libpq ----

my $script = $node->basedir . '/call.sql';
append_to_file($script, "\\set number 7\n$call('a', :number);\n");
foreach my $mode (qw(simple extended prepared))
{
    $node->command_ok(
        [
            'pgbench', '--no-vacuum', '--client=2', '--transactions=20', "--protocol=$mode",
            "--file=$script", $node->connstr('postgres')
        ],
        "pgbench, protocol $mode");
}

# psql reads a result in portions by wrapping the statement into a cursor; since 17 it asks for portions
my $error = dbm_refused($node, 'postgres', "\\set FETCH_COUNT 10\n$call('a')");
is($error ? $error->{sqlstate} : '', $node->pg_version->major < 17 ? 'MA011' : '',
    'FETCH_COUNT of psql makes another statement of it where psql needs a cursor');

done_testing();
