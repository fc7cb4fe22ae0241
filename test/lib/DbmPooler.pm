# DbmPooler: a pgbouncer before a database, for stories that go through one
#
#   my $pooler = DbmPooler->new($node, 'prod', user => 'deployer', mode => 'transaction');
#   my $conninfo = $pooler->conninfo;
#
# Whoever connects is that user to the server, and there is one connection for
# them all.  Without pgbouncer the whole story is skipped.
package DbmPooler;

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my @started;

# The program, or undef.
sub program
{
    my ($found) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin';

    return $found;
}

sub new
{
    my ($class, $node, $database, %parameter) = @_;
    my $program = program() or plan skip_all => 'pgbouncer is not installed';
    my $port = PostgreSQL::Test::Cluster::get_free_port();
    my $file = $node->basedir . "/pgbouncer_$port";
    my $self = bless { conninfo => 'host=' . $node->host . " port=$port dbname=$database user=anybody" }, $class;

    append_to_file("$file.ini", <<CONF);
[databases]
$database = host=${\ $node->host} port=${\ $node->port} dbname=$database user=$parameter{user}
[pgbouncer]
listen_addr =
listen_port = $port
unix_socket_dir = ${\ $node->host}
auth_type = any
pool_mode = $parameter{mode}
default_pool_size = ${\ ($parameter{size} // 1)}
max_client_conn = 50
ignore_startup_parameters = extra_float_digits
CONF
    my $pid = fork // die "cannot fork: $!";
    if ($pid == 0)
    {
        open STDOUT, '>', "$file.log";
        open STDERR, '>&', \*STDOUT;
        exec $program, '-q', "$file.ini" or die "cannot run $program: $!";
    }
    push @started, $pid;
    my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
    until (system_log('psql', '-Xqc', 'SELECT 1', $self->{conninfo}) == 0)
    {
        die 'pgbouncer does not come: ' . slurp_file("$file.log") if time > $deadline;
        usleep(20_000);
    }
    return $self;
}

sub conninfo
{
    my ($self) = @_;

    return $self->{conninfo};
}

END
{
    local $?;
    foreach my $pid (@started)
    {
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
}

1;
