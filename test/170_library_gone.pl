# The library is deleted, as when its package is removed: in every tier the
# schema stays closed, data can be worked with, a superuser finds the way out,
# and with the library back everything is as before.
use strict;
use warnings FATAL => 'all';

use File::Basename qw(basename dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;

# ---- a server of our own to delete it from: programs find their files beside themselves ----

my $root = PostgreSQL::Test::Utils::tempdir();
my %dir = map { $_ => qx(pg_config --$_) =~ s/\s+\z//r } qw(bindir pkglibdir sharedir);
my $library = "$root$dir{pkglibdir}/dbmaestro.so";

make_path("$root$dir{bindir}", "$root$dir{pkglibdir}", dirname("$root$dir{sharedir}"));
# those that look for one another have to be files here, the rest may be links
foreach my $program (qw(postgres initdb pg_ctl))
{
    copy("$dir{bindir}/$program", "$root$dir{bindir}/$program") or die "copy: $!";
    chmod 0755, "$root$dir{bindir}/$program";
}
symlink($_, "$root$dir{bindir}/" . basename($_)) foreach glob("$dir{bindir}/*");
symlink($_, "$root$dir{pkglibdir}/" . basename($_))
  foreach grep { !/dbmaestro\.so$/ } glob("$dir{pkglibdir}/*");
symlink($dir{sharedir}, "$root$dir{sharedir}") or die "symlink: $!";
copy("$dir{pkglibdir}/dbmaestro.so", "$library.kept") or die "copy: $!";

# never into the file that is mapped into a server
sub put_back
{
    copy("$library.kept", "$library.new") or die "copy: $!";
    rename("$library.new", $library) or die "rename: $!";
    return;
}

sub remove { unlink $library or die "unlink: $!"; return; }

# A cluster of that server with an enforcing database prod.
sub make_node
{
    my ($tier, %parameter) = @_;

    put_back();
    my $node = dbm_node("gone_$tier", bare => 1, tier => 'events', conf => "fsync = off\n",
        install_path => dirname("$root$dir{bindir}"), %parameter);
    dbm_database($node, 'prod', environment => 'prod');
    dbm_apply($node, 'prod', '20261122_000001_orders', 'CREATE TABLE orders (id int PRIMARY KEY)');
    $node->safe_psql('prod', "SELECT dbm_guard('enforce', preload => " . ($tier eq 'session' ? 'true' : 'false') . ')');
    is($node->safe_psql('prod', 'SELECT tier FROM dbm_status()'), $tier, "tier $tier");
    return $node;
}

# by its bare name the server finds the folder of waiting records in the data directory
my $gone = qr/could not access file "\$libdir\/dbmaestro": No such file|could not load library "dbmaestro"/;

# What a session finds in which the library was never loaded.
sub check_closed
{
    my ($node, $what, @more) = @_;

    is($node->safe_psql('prod', 'INSERT INTO orders VALUES (1) ON CONFLICT DO NOTHING; SELECT count(*) FROM orders', @more),
        1, "$what: data can be worked with");
    foreach my $command ('CREATE TABLE more ()', 'ALTER TABLE orders ADD COLUMN n int', 'DROP TABLE orders',
        'DROP SCHEMA dbmaestro CASCADE', 'DROP EXTENSION dbmaestro', 'CREATE TEMPORARY TABLE mine ()',
        "SELECT dbm_apply('20261122_000002_more', 'CREATE TABLE more ()')", 'SELECT * FROM dbm_status()',
        "SELECT dbm_guard('off')")
    {
        my $error = dbm_refused($node, 'prod', $command, @more);
        is($error->{sqlstate}, '58P01', "$what: not possible: $command");
        like($error->{message}, $gone, "$what: because the library is not there");
    }
    is($node->safe_psql('prod', "SELECT count(*) FROM dbmaestro.change_history WHERE change LIKE '%orders'", @more),
        1, "$what: the record can be read");
    return;
}

sub check_back
{
    my ($node, $what) = @_;

    put_back();
    is(dbm_refused($node, 'prod', 'DROP TABLE orders')->{sqlstate}, 'MA001', "$what: with the library back it is guarded");
    is(dbm_apply($node, 'prod', '20261122_000002_more', 'CREATE TABLE more ()'), 'applied', "$what: and changes go in");
    is($node->safe_psql('prod', "SELECT finding FROM dbm_doctor() WHERE health = 'error'"), '', "$what: dbm_doctor finds no error");
    return;
}

# The way out without the library, as a superuser: nothing else is left that guards.
sub check_way_out
{
    my ($node, $what, @more) = @_;

    $node->safe_psql('prod', "ALTER EVENT TRIGGER $_ DISABLE", @more)
      foreach qw(dbmaestro_10_start dbmaestro_20_end dbmaestro_30_drop);
    $node->safe_psql('prod', 'DROP EXTENSION dbmaestro', @more);
    is($node->safe_psql('prod', "SELECT count(*) FROM pg_namespace WHERE nspname = 'dbmaestro'", @more), 0, "$what: dbmaestro is gone");
    $node->safe_psql('prod', 'CREATE TABLE afterwards ()', @more);
    return;
}

# ---- event triggers alone ----

my $node = make_node('events');
my $old = DbmSession->new($node, 'prod');
$old->query('SELECT environment FROM dbm_status()');
remove();
check_closed($node, 'events');
$old->query('DROP TABLE orders');
like($old->error->{sqlstate}, qr/^(?:MA001|58P01)$/, 'events: a session from before is closed too');
$old->close;
check_back($node, 'events');
remove();
$node->safe_psql('template1', 'CREATE DATABASE fresh');
is(dbm_refused($node, 'fresh', 'CREATE EXTENSION dbmaestro')->{sqlstate}, '58P01', 'CREATE EXTENSION: not possible');
is($node->safe_psql('fresh', "SELECT count(*) FROM pg_namespace WHERE nspname = 'dbmaestro'"), 0, 'and leaves nothing behind');
check_way_out($node, 'events');
$node->stop;

# ---- the database loads the library into its sessions ----

$node = make_node('session');
remove();
my $error = dbm_refused($node, 'prod', 'SELECT 1');
like($error->{text}, $gone, 'session: nobody can connect');
my @without = (connstr => $node->connstr('prod') . " options='-c session_preload_libraries='");
check_closed($node, 'session, a superuser that loads nothing', @without);
$node->safe_psql('template1', 'CREATE ROLE plain LOGIN');
$error = dbm_refused($node, 'prod', 'SELECT 1', connstr => "$without[1] user=plain");
like($error->{text}, qr/permission denied to set parameter "session_preload_libraries"/, 'session: others may not do that');
check_back($node, 'session');
remove();
$node->safe_psql('template1', 'ALTER DATABASE prod RESET session_preload_libraries');
check_way_out($node, 'session');
$node->stop;

# ---- the server loads it ----

$node = make_node('server', tier => 'server');
$old = DbmSession->new($node, 'prod');
$old->query('SELECT 1');
remove();
foreach my $session ($old, DbmSession->new($node, 'prod'))
{
    $session->query('DROP TABLE orders');
    is($session->error->{sqlstate}, 'MA001', 'server: the library in memory refuses');
    $session->query('ALTER EVENT TRIGGER dbmaestro_10_start DISABLE');
    is($session->error->{sqlstate}, 'MA002', 'server: and protects dbmaestro');
    $session->query('DROP EXTENSION dbmaestro');
    is($session->error->{sqlstate}, 'MA002', 'server: as a whole too');
    $session->query('SELECT * FROM dbm_status()');
    is($session->error->{sqlstate}, '58P01', 'server: its functions can no longer be called');
    is($session->query('SELECT count(*) FROM orders'), 0, 'server: data can be worked with');
    $session->close;
}
$node->safe_psql('template1', 'CREATE DATABASE fresh');
is(dbm_refused($node, 'fresh', 'CREATE EXTENSION dbmaestro')->{sqlstate}, '58P01', 'server: CREATE EXTENSION is not possible');
my $waiting = () = glob($node->data_dir . '/dbmaestro/*/*.record');
ok($waiting > 0, 'server: the records wait in their files');
$node->stop;
is($node->start(fail_ok => 1), 0, 'server: it does not start again');
like(slurp_file($node->logfile), qr/FATAL:  (?:$gone)/, 'server: and says why');
put_back();
$node->start;
check_back($node, 'server');
$node->poll_query_until('prod', 'SELECT records_waiting = 0 FROM dbm_status()') or die 'records still wait';
is($node->safe_psql('prod', "SELECT count(*) FROM dbmaestro.denied_attempt WHERE action = 'ALTER EVENT TRIGGER'"), 2,
    'server: with the records of the meantime');
remove();
$node->stop;
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->start;
check_closed($node, 'server, without it in the configuration');
check_way_out($node, 'server');
$node->stop;

done_testing();
