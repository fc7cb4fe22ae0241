# DbmTest: what our stories need on top of PostgreSQL::Test::Cluster
#
#   my $node = dbm_node('main', tier => 'server');       # started, extension in database postgres
#   dbm_database($node, 'prod', environment => 'prod', follows => 'stage', guard => 'enforce');
#   my $error = dbm_refused($node, 'prod', 'DROP TABLE t');   # { sqlstate, message, detail, hint }
#   dbm_apply($node, 'prod', '20261122_101500_name', $script);
package DbmTest;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use File::Temp ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(
  dbm_node dbm_database dbm_apply dbm_quote dbm_refused dbm_error
  dbm_corpora dbm_dump dbm_same_text dbm_fault_loops
);

my %TIER_CONF = (
    events => "",
    session => "session_preload_libraries = 'dbmaestro'\n",
    server => "shared_preload_libraries = 'dbmaestro'\n");

# Both hand psql their SQL through a pipe, and IPC::Run gives up where psql has
# ended before it read any, as it does at once when no server takes it.
# Nothing has been executed then: they are called again.
foreach my $name (qw(psql poll_query_until))
{
    no strict 'refs';
    no warnings 'redefine';
    my $method = \&{"PostgreSQL::Test::Cluster::$name"};

    *{"PostgreSQL::Test::Cluster::$name"} = sub {
        my @arguments = @_;

        for my $attempt (1 .. 10)
        {
            my @result;
            my $wanted = wantarray;
            return $wanted ? @result : $result[0]
              if eval { @result = $wanted ? $method->(@arguments) : scalar $method->(@arguments); 1 };
            die $@ if $@ !~ /Broken pipe: write/ || $attempt == 10 || length($arguments[2] // '') > 4096;
        }
    };
}

# A started cluster in the given tier (default: server) whose superuser is
# postgres.  Parameters: tier, conf (more configuration), init (parameters of
# init, such as allows_streaming), install_path (of another server),
# environment etc. as for dbm_database, which set up database postgres.
sub dbm_node
{
    my ($name, %parameter) = @_;
    my $tier = $parameter{tier} // 'server';
    my $node = PostgreSQL::Test::Cluster->new($name,
        defined $parameter{install_path} ? (install_path => $parameter{install_path}) : ());

    $ENV{PGUSER} = 'postgres';
    $node->init(
        extra => [ '--username=postgres', '--encoding=UTF8', '--locale=C.UTF-8' ],
        %{ $parameter{init} // {} });
    $node->append_conf('postgresql.conf',
            "log_statement = none\nmax_connections = 120\nmax_worker_processes = 16\n"
          . $TIER_CONF{$tier}
          . ($parameter{conf} // ''));
    $node->start;
    dbm_database($node, 'postgres', %parameter) unless $parameter{bare};
    return $node;
}

# Sets up a database, creating it where it is missing.  Parameters:
# environment (default dev; undef: without dbm_init), follows, run_as, guard.
sub dbm_database
{
    my ($node, $database, %parameter) = @_;
    my $environment = exists $parameter{environment} ? $parameter{environment} : 'dev';
    my $known = $node->safe_psql('template1',
        'SELECT count(*) FROM pg_database WHERE datname = ' . dbm_quote($database));

    $node->safe_psql('template1', qq(CREATE DATABASE "$database" TEMPLATE template0)) unless $known;
    $node->safe_psql($database, 'CREATE EXTENSION dbmaestro');
    return unless defined $environment;
    my @arguments = (dbm_quote($environment));
    foreach my $name (qw(follows run_as))
    {
        push @arguments, "$name => " . dbm_quote($parameter{$name}) if defined $parameter{$name};
    }
    $node->safe_psql($database, 'SELECT dbm_init(' . join(', ', @arguments) . ')');
    $node->safe_psql($database, 'SELECT dbm_guard(' . dbm_quote($parameter{guard}) . ')')
      if defined $parameter{guard};
    return;
}

# A text as an SQL literal that needs no escapes, whatever the text holds.
sub dbm_quote
{
    my ($text) = @_;
    my $tag = 'q';

    return "'$text'" if $text !~ /['\\]/;
    $tag .= 'q' while index($text, "\$$tag\$") >= 0 || $text =~ /\$\Q$tag\E\z/;
    return "\$$tag\$$text\$$tag\$";
}

# Applies a change and returns the outcome; dies if it fails.  Further
# arguments are literals as they stand in the call: "header => '{}'".
sub dbm_apply
{
    my ($node, $database, $change, $script, @more) = @_;

    return $node->safe_psql($database,
        'SELECT outcome FROM dbm_apply('
          . join(', ', dbm_quote($change), dbm_quote($script), @more) . ')');
}

# Runs SQL that must fail; returns its error taken apart, or undef if it went
# through.  Parameters: user, and options as for psql.
sub dbm_refused
{
    my ($node, $database, $sql, %parameter) = @_;
    my ($stdout, $stderr);
    my $user = delete $parameter{user};
    my $rc = $node->psql(
        $database, "\\set VERBOSITY verbose\n$sql",
        stdout => \$stdout,
        stderr => \$stderr,
        on_error_stop => 1,
        (defined $user ? (connstr => $node->connstr($database) . " user=$user") : ()),
        %parameter);

    return $rc == 0 ? undef : dbm_error($stderr);
}

# Takes what psql prints with VERBOSITY verbose apart.
sub dbm_error
{
    my ($stderr) = @_;
    my %error = (text => $stderr);

    @error{qw(sqlstate message)} = ($1, $2)
      if $stderr =~ /(?:ERROR|FATAL):\s+([0-9A-Z]{5}): (.*?)(?=\n[A-Z]+(?: \d+)?:|\n?\z)/s;
    $error{detail} = $1 if $stderr =~ /^DETAIL:\s+(.*?)(?=\n[A-Z]+(?: \d+)?:|\n?\z)/ms;
    $error{hint} = $1 if $stderr =~ /^HINT:\s+(.*?)(?=\n[A-Z]+(?: \d+)?:|\n?\z)/ms;
    return \%error;
}

# Directory of the shared corpora, or skips the whole story and says why.
sub dbm_corpora
{
    my $shared = $ENV{DBM_SHARED} || '../shared';

    plan skip_all => "the shared corpora are not beside this repository"
      . " (DBM_SHARED names their directory)"
      unless -r "$shared/corpora/README.md";
    return "$shared/corpora";
}

# pg_dump of the schema, without our extension and without the lines that
# name the server's and the client's version.
sub dbm_dump
{
    my ($node, $database) = @_;
    my $file = File::Temp->new;

    $node->command_ok(
        [
            'pg_dump', '--schema-only', '--restrict-key=dbmaestro',
            '--file', $file->filename, $node->connstr($database)
        ],
        "pg_dump of $database");
    return dbm_strip_dump(slurp_file($file->filename));
}

sub dbm_strip_dump
{
    my ($dump) = @_;

    $dump =~ s/^-- Dumped (?:from|by) .*\n//mg;
    $dump =~ s/^--\n-- Name: (?:EXTENSION )?dbmaestro; Type: [A-Z]+;.*\n--\n\n.*?;\n\n\n//mg;
    return $dump;
}

# Are the two texts the same?  If not, shows where they begin to differ.
sub dbm_same_text
{
    my ($got, $expected, $name) = @_;
    my @got = split /\n/, $got, -1;
    my @expected = split /\n/, $expected, -1;
    my $line = 0;

    return pass($name) if $got eq $expected;
    fail($name);
    $line++
      while $line < @got && $line < @expected && $got[$line] eq $expected[$line];
    my $from = $line > 5 ? $line - 5 : 0;
    diag("line " . ($line + 1) . " differs; got:");
    diag(join "\n", map { $_ // () } @got[ $from .. $line + 5 ]);
    diag("expected:");
    diag(join "\n", map { $_ // () } @expected[ $from .. $line + 5 ]);
    return 0;
}

# How many rounds a story of random faults plays: 50, or DBM_FAULT_LOOPS.
sub dbm_fault_loops
{
    return $ENV{DBM_FAULT_LOOPS} || 50;
}

1;
