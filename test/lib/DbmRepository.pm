# DbmRepository: a Git repository with a dbmaestro.conf, and the command line run in it
#
#   my $shop = DbmRepository->new($node, dev => 'dev', prod => { database => 'prod', follows => 'dev' });
#   $shop->write('migrations/20261122_101500_orders.sql' => 'CREATE TABLE orders ()');
#   $shop->commit('Orders');
#   my ($code, $stdout, $stderr) = $shop->run('deploy', 'dev');
#   my $rows = $shop->json('status');       # parsed; the command must have succeeded
package DbmRepository;

use strict;
use warnings FATAL => 'all';

use File::Basename;
use File::Path;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

# what PostgreSQL::Test::Cluster calls the tests would hide what we call ourselves
delete $ENV{PGAPPNAME};

# Environments in order, each with its database or { database or conninfo, follows, user }.
sub new
{
    my ($class, $node, @environments) = @_;
    my $self = bless { directory => PostgreSQL::Test::Utils::tempdir_short() }, $class;
    my $configuration = "[project]\n\tname = shop\n";

    while (my ($name, $facts) = splice(@environments, 0, 2))
    {
        $facts = { database => $facts } unless ref $facts;
        my $conninfo = $facts->{conninfo} // $node->connstr($facts->{database});

        $conninfo .= " user=$facts->{user}" if $facts->{user};
        $configuration .= qq([environment "$name"]\n\tconninfo = "$conninfo"\n);
        $configuration .= "\tfollows = $facts->{follows}\n" if $facts->{follows};
    }
    $self->git('init', '-q', '-b', 'main');
    $self->write('dbmaestro.conf' => $configuration);
    return $self;
}

sub path
{
    my ($self, $file) = @_;

    return "$self->{directory}/$file";
}

sub git
{
    my ($self, @arguments) = @_;
    my ($stdout, $stderr);
    my @command = (
        'git', '-C', $self->{directory}, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.org',
        '-c', 'core.autocrlf=false', '-c', 'protocol.file.allow=always', @arguments);

    IPC::Run::run(\@command, '>', \$stdout, '2>', \$stderr) or die "@command: $stderr";
    return $stdout;
}

# Pairs of file name and content.
sub write
{
    my ($self, %files) = @_;

    foreach my $file (keys %files)
    {
        mkpath(dirname($self->path($file)));
        open my $handle, '>:raw', $self->path($file) or die "could not write $file: $!";
        print $handle $files{$file};
        close $handle or die "could not write $file: $!";
    }
    return;
}

# Commits whatever is there, and what is gone.
sub commit
{
    my ($self, $message) = @_;

    $self->git('add', '-A');
    $self->git('commit', '-q', '--allow-empty', '-m', $message);
    return;
}

# Runs dbmaestro in the repository; returns exit code, standard output and standard error.
sub run
{
    my ($self, @arguments) = @_;
    my ($stdout, $stderr);

    IPC::Run::run([ 'dbmaestro', '-C', $self->{directory}, @arguments ],
        '<', \undef, '>', \$stdout, '2>', \$stderr);
    fail("dbmaestro @arguments was ended by signal " . ($? & 127)) if $? & 127;
    return ($? >> 8, $stdout, $stderr);
}

# What a command prints as JSON, parsed, whatever its exit code.
sub json
{
    my ($self, @arguments) = @_;
    my ($code, $stdout, $stderr) = $self->run('--format', 'json', @arguments);
    my $value = eval { decode_json($stdout) };

    fail("dbmaestro @arguments printed no JSON: $@\n$stdout\n$stderr") unless defined $value;
    return $value;
}

# Runs a command and compares its exit code, and standard error with a pattern.
sub check
{
    my ($self, $arguments, $expected, $pattern, $name) = @_;
    my ($code, $stdout, $stderr) = $self->run(@$arguments);

    is($code, $expected, "$name: exit code $expected") or diag("$stdout$stderr");
    like($stderr, $pattern, "$name: says so") if $pattern;
    return ($stdout, $stderr);
}

# Runs a command on a terminal; returns all that appears on it, as characters.
sub terminal
{
    my ($self, $columns, @arguments) = @_;
    my $stdout;
    local $ENV{PAGER} = 'cat';

    IPC::Run::run([ 'script', '-q', '-e', '-c',
            "stty cols $columns rows 100; dbmaestro -C $self->{directory} @arguments", '/dev/null' ],
        '<', \undef, '>', \$stdout);
    $stdout =~ s/\r\n/\n/g;
    utf8::decode($stdout);
    return $stdout;
}

# Runs a line of the shell in the repository; returns exit code, standard output and standard error.
sub shell
{
    my ($self, $line) = @_;
    my ($stdout, $stderr);

    IPC::Run::run([ 'bash', '-c', 'cd "$0" && eval "$1"', $self->{directory}, $line ],
        '<', \undef, '>', \$stdout, '2>', \$stderr);
    return ($? >> 8, $stdout, $stderr);
}

# Starts a command and returns it for IPC::Run, with where its output goes.
sub start
{
    my ($self, @arguments) = @_;
    my $started = { stdout => '', stderr => '' };

    $started->{harness} = IPC::Run::start([ 'dbmaestro', '-C', $self->{directory}, @arguments ],
        '<', \undef, '>', \$started->{stdout}, '2>', \$started->{stderr},
        IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
    return $started;
}

# Waits for the end of a started command; returns its exit code.
sub finish
{
    my ($self, $started) = @_;

    $started->{harness}->finish;
    return $started->{harness}->full_result >> 8;
}

1;
