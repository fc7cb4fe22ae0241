# The command line: help of every command, configuration and what is refused
# in it, check and new without a database, and plan, deploy and status with
# one: what stands after a failure, an interrupt, a lost connection.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmRepository;
use DbmTest;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dbm_node('main', bare => 1, conf => "fsync = off\n");
my $file = 'migrations/20260101_000000_orders';

dbm_database($node, 'dev', environment => 'dev');
dbm_database($node, 'prod', environment => 'prod', follows => 'dev', guard => 'enforce');

sub new_repository
{
    my $repository =
      DbmRepository->new($node, dev => 'dev', prod => { database => 'prod', follows => 'dev' });

    $repository->write(
        "$file.sql" => "-- Description: Orders\nCREATE TABLE orders (id bigint PRIMARY KEY);\n",
        "$file.rollback.sql" => "DROP TABLE orders;\n");
    return $repository;
}

# --- help -----------------------------------------------------------------------

program_help_ok('dbmaestro');
program_version_ok('dbmaestro');

{
    my ($stdout, $stderr) = run_command([ 'dbmaestro', 'help' ]);
    my @commands = $stdout =~ /^  ([a-z-]+) +[a-z]/mg;

    cmp_ok(scalar @commands, '>=', 6, 'the overview names the commands');
    foreach my $command (@commands)
    {
        command_like([ 'dbmaestro', $command, '--help' ],
            qr/^Usage: dbmaestro $command .*\n\n\w.*--format/s, "$command: --help");
        command_like([ 'dbmaestro', 'help', $command ], qr/^Usage: dbmaestro $command /, "$command: help");
        command_fails_like([ 'dbmaestro', $command, '--not-a-valid-option' ],
            qr/invalid option: --not-a-valid-option.*Try "dbmaestro $command --help"/s,
            "$command: an option that is none");
        unlike((run_command([ 'dbmaestro', 'help', $command ]))[0], qr/ $|.{81}/m, "$command: help fits");
    }
}
command_exit_is([ 'dbmaestro', 'deplyo' ], 2, 'a command that is none');
command_fails_like([ 'dbmaestro', 'deplyo' ], qr/Did you mean "dbmaestro deploy"/, 'and which one may be meant');
command_exit_is(['dbmaestro'], 2, 'no command');
command_exit_is([ 'dbmaestro', 'deploy' ], 2, 'no environment');
command_exit_is([ 'dbmaestro', 'deploy', 'a', 'b' ], 2, 'one too many');
command_exit_is([ 'dbmaestro', '--format', 'excel', 'help' ], 2, 'a format that is none');
command_exit_is([ 'dbmaestro', 'deploy', '--ref' ], 2, 'an option without its argument');

# --- configuration -----------------------------------------------------------------

my $shop = new_repository();
my $good = slurp_file($shop->path('dbmaestro.conf'));

$shop->commit('Orders');
foreach my $case (
    [ "[project]\n\tcolour = red\n", qr/unrecognized key "project.colour"/, 'an unknown key' ],
    [ "[dev]\n\tname = x\n", qr/unrecognized key "dev.name"/, 'an unknown section' ],
    [ "[environment]\n\tservice = x\n", qr/unrecognized key "environment.service"/, 'no name' ],
    [ "[naming]\n\tstyle = cobol\n", qr/invalid value for naming.style.*flyway/s, 'a style that is none' ],
    [ "[naming]\n\torder = random\n", qr/invalid value for naming.order/, 'an order that is none' ],
    [ "[naming]\n\tscript = a.sql\n", qr/invalid value for naming.script/, 'a pattern without a star' ],
    [ "[naming]\n\tpattern = (\n", qr/invalid value for naming.pattern/, 'a broken expression' ],
    [ "[paths]\n\tmigrations = ../other\n", qr/invalid value for paths.migrations/, 'a folder outside' ],
    [ "[naming]\n\tstyle = plain\n\tstyle = flyway\n", qr/"naming.style" is set twice/, 'a key set twice' ],
    [ "[environment \"x\"]\n\tconninfo = nonsense\n", qr/invalid value for environment.x.conninfo/, 'no conninfo' ],
    [ "[environment \"x\"]\n\tfollows = dev\n", qr/neither conninfo nor service/, 'no connection' ],
    [ "[environment \"x\"]\n\tservice = a\n\tconninfo = dbname=b\n", qr/both conninfo and service/, 'two of them' ],
    [ "[environment \"x\"]\n\tservice = a\n\tfollows = y\n", qr/"x" follows "y", which is not configured/, 'follows nobody' ],
    [ "[environment \"x\"]\n\tservice = a\n\tfollows = y\n[environment \"y\"]\n\tservice = a\n\tfollows = x\n",
        qr/in a circle: x, which follows y, which follows x/, 'a circle' ],
    [ "[environment \"x\"]\n\tservice = a\n\tfollows = x\n", qr/in a circle/, 'follows itself' ],
    [ "[environment \"x\"]\n\tconninfo = dbname=b password=s3cret\n", qr/holds a password.*pgpass/s, 'a password' ],
    [ "[environment \"x\"]\n\tconninfo = postgresql://me:s3cret\@host/b\n", qr/holds a password/, 'a password in a URI' ],
    [ "[project\n", qr/could not read/, 'no configuration at all' ])
{
    my ($text, $pattern, $name) = @$case;

    $shop->write('dbmaestro.conf' => "$good$text");
    my ($stdout, $stderr) = $shop->check(['status'], 2, $pattern, "configuration: $name");
    like($stderr, qr/hint:/, "configuration: $name: with the right way");
    unlike($stderr, qr/s3cret/, "configuration: $name: no password is shown");
}
$shop->write('dbmaestro.conf' => $good);
$shop->check([ 'status', 'stage' ], 2, qr/"stage" is not in .*Configured are: dev, prod/s, 'no such environment');
command_fails_like([ 'dbmaestro', '-C', PostgreSQL::Test::Utils::tempdir(), 'status' ], qr/there is no dbmaestro.conf here or above/, 'no configuration');
{
    local $ENV{DBMAESTRO_NAMING_STYLE} = 'cobol';
    $shop->check(['status'], 2, qr/naming.style in DBMAESTRO_NAMING_STYLE: "cobol"/, 'a variable is taken');
    $shop->check([ 'status', '--set', 'naming.style=cobal' ], 2, qr/DBMAESTRO_NAMING_STYLE/, 'and checked');
    $ENV{DBMAESTRO_NAMING_STYLE} = 'flyway';
    $shop->check([ 'check', '--set', 'naming.style=dbmaestro' ], 0, qr/1 change /, 'a flag overrides it');
    $shop->check(['check'], 1, qr/there is no folder "sql"/, 'and without the flag it counts');
    local $ENV{DBMAESTRO_ENVIRONMENT_DEV_CONNINFO} = 'host=/nonexistent dbname=x';
    $shop->check([ 'plan', 'dev' ], 12, qr{environment "dev": .*nonexistent.*hint: See whether psql can connect so: psql "host=/nonexistent dbname=x"}s, 'a variable for one environment');
}

# --- the repository ---------------------------------------------------------------

$shop->check(['check'], 0, qr/1 change in commit [0-9a-f]{10}: 0 errors, 0 warnings/, 'check');
$shop->check([ 'check', '--ref', 'nowhere' ], 1, qr/could not find "nowhere"/, 'a commit that is none');
{
    my $empty = new_repository();
    my $plain = PostgreSQL::Test::Utils::tempdir();

    $empty->check(['check'], 1, qr/has no commit yet.*--worktree/s, 'unborn HEAD');
    $empty->check([ 'check', '--worktree' ], 0, qr/1 change in the work tree/, 'the work tree needs no commit');
    append_to_file("$plain/dbmaestro.conf", $good);
    command_fails_like([ 'dbmaestro', '-C', $plain, 'check' ], qr/is not in a Git repository/, 'no repository');
    command_fails_like([ 'dbmaestro', '-C', $plain, 'check', '--worktree' ], qr/there is no folder "migrations"/,
        'no folder');
}
{
    my $bad = new_repository();

    $bad->write(
        'migrations/20260102_000000_bom.sql' => "\xEF\xBB\xBFSELECT 1;\n",
        'migrations/20260103_000000_crlf.sql' => "SELECT 1;\r\n",
        'migrations/20260104_000000_latin.sql' => "-- Irreversible: yes\nSELECT 'caf\xE9';\n",
        'migrations/20260105_000000_needs.sql' =>
          "-- Requires: 20260101_000000_orders, 20260109_000000_late,\n--   20260199_000000_nowhere\n-- issue: X-1\nSELECT 1;\n",
        'migrations/20260109_000000_late.sql' => "-- Irreversible: no\n",
        'migrations/20260110_000000_alone.rollback.sql' => "SELECT 1;\n",
        'migrations/Orders.sql' => "SELECT 1;\n",
        'migrations/sub/20260111_000000_deep.sql' => "SELECT 1;\n",
        'repeatable/totals.sql' => "CREATE VIEW v AS SELECT 1;\n");
    symlink '20260102_000000_bom.sql', $bad->path('migrations/20260112_000000_link.sql') or die $!;
    $bad->commit('Bad');
    my %found = map { ("$_->{path}|$_->{finding}" => $_) } @{ $bad->json('check') };
    my $all = join "\n", sort map { "$_->{severity}|$_->{path}|" . ($_->{line} // '') . "|$_->{finding}" } values %found;

    foreach my $pattern (
        qr/^error\|\S*_bom.sql\|1\|begins with a byte order mark$/m,
        qr/^warning\|\S*_crlf.sql\|1\|has lines that end with a carriage return$/m,
        qr/^error\|\S*_latin.sql\|2\|holds the byte 0xe9, which is not UTF-8$/m,
        qr/^error\|\S*_needs.sql\|1\|requires change "20260109_000000_late", which comes behind it$/m,
        qr/^error\|\S*_needs.sql\|1\|requires change "20260199_000000_nowhere", which is not here$/m,
        qr/^warning\|\S*_needs.sql\|3\|"issue" means nothing; "Issue" would$/m,
        qr/^warning\|\S*_late.sql\|\|has no rollback script$/m,
        qr/^error\|\S*_alone.rollback.sql\|\|is a rollback script, and there is no change "20260110_000000_alone"$/m,
        qr/^error\|migrations\/Orders.sql\|\|the name "Orders" does not match /m,
        qr/^warning\|migrations\/sub\|\|is a folder and not looked into$/m,
        qr/^error\|\S*_link.sql\|\|is a symbolic link$/m,
        qr/^error\|repeatable\/totals.sql\|\|is among the repeatable scripts, but does not say that it is one$/m)
    {
        like($all, $pattern, "check finds: $pattern");
    }
    unlike($all, qr/_latin.sql\|\|has no rollback|20260101_000000_orders"/, 'and not what is right');
    $bad->check(['check'], 1, qr/\d+ errors, \d+ warnings/, 'check with errors');
    $bad->check([ 'plan', 'dev' ], 1, qr/is a symbolic link/, 'what cannot be deployed, plan refuses');
    $bad->check([ 'deploy', 'dev' ], 1, qr/is a symbolic link/, 'and deploy');
}
{
    my $fresh = new_repository();
    my $written = $fresh->json('new', 'Add-Customer names', '-m', 'Names of customers', '--issue', 'SHOP-9');

    is(scalar @$written, 2, 'new writes two files');
    like($written->[0]{path}, qr{^migrations/\d{8}_\d{6}_add_customer_names\.sql$}, 'named by time and slug');
    like($written->[1]{path}, qr{^migrations/\d{8}_\d{6}_add_customer_names\.rollback\.sql$}, 'and its rollback');
    is(slurp_file($fresh->path($written->[0]{path})),
        "-- Description: Names of customers\n-- Issue: SHOP-9\n\n", 'with a header');
    $fresh->check([ 'new', '../evil' ], 2, qr/invalid slug/, 'no slug');
    $fresh->check([ 'new', 'last', '--irreversible' ], 0, undef, 'irreversible');
    my ($code, $stdout, $stderr) = $fresh->run('check', '--worktree');
    is($code, 0, 'what new writes is sound') or diag($stdout);
    foreach my $style ([ 'golang-migrate', qr{migrations/000001_x.up.sql}, qr{000002_y.up.sql} ],
        [ 'flyway', qr{sql/V1__x.sql}, qr{sql/V2__y.sql} ],
        [ 'plain', qr{migrations/001_x.sql}, qr{002_y.sql} ],
        [ 'diesel', qr{migrations/\d{4}-\d\d-\d\d-\d{6}_x/up.sql}, qr{_y/down.sql} ])
    {
        my ($name, @patterns) = @$style;
        my $other = DbmRepository->new($node, dev => 'dev');

        foreach my $slug (qw(x y))
        {
            ($stdout) = $other->check([ 'new', $slug, '--set', "naming.style=$name" ], 0, undef, "new $slug in style $name");
            like($stdout, shift @patterns, "new $slug in style $name: its file");
        }
        $other->check([ 'check', '--worktree', '--set', "naming.style=$name" ], 0, qr/2 changes/, "and both are found");
    }
}

# --- plan, deploy, status ------------------------------------------------------------

sub states
{
    return join ' ', map { "$_->{change}:$_->{state}" } @{ $_[0] };
}

is(states($shop->json('plan', 'dev')), '20260101_000000_orders:pending', 'plan');
$shop->check([ 'plan', 'dev', '--exit-code' ], 3, undef, 'plan --exit-code');
$shop->check([ 'deploy', 'dev', '--dry-run' ], 0, undef, 'a dry run');
is($node->safe_psql('dev', 'SELECT count(*) FROM dbmaestro.deployment'), 0, 'changes nothing');
{
    my $told = $shop->json('deploy', 'dev');
    my $commit = $shop->git('rev-parse', 'HEAD');

    chomp $commit;
    is($told->{outcome}, 'succeeded', 'deploy');
    is($told->{error}, undef, 'without an error');
    is_deeply([ map { [ @$_{qw(change outcome statements)} ] } @{ $told->{changes} } ],
        [ [ '20260101_000000_orders', 'applied', 1 ] ], 'what was applied');
    is($node->safe_psql('dev', "SELECT claims->>'commit', claims->>'author', claims->>'ref', outcome,"
              . " (claims->>'committed_at')::timestamptz BETWEEN now() - interval '1 hour' AND now()"
              . " FROM dbmaestro.deployment WHERE id = $told->{deployment}"),
        "$commit|Ada <ada\@example.org>|HEAD|succeeded|t", 'the commit is on record');
    is($node->safe_psql('dev', 'SELECT application_name FROM dbmaestro.deployment'), 'dbmaestro', 'and by what');
    is($node->safe_psql('dev', "SELECT rollback IS NOT NULL FROM dbmaestro.change"), 't', 'with the rollback script');
}
$shop->check([ 'deploy', 'dev' ], 0, qr/nothing to do: "dev" has all changes of commit/, 'a second deployment');
is($shop->json('deploy', 'dev')->{outcome}, 'nothing to do', 'as JSON');
is($node->safe_psql('dev', 'SELECT count(*) FROM dbmaestro.deployment'), 1, 'leaves no trace');
$shop->check([ 'plan', 'dev', '--exit-code' ], 0, qr/nothing to do/, 'and plan says the same');
$shop->check([ 'deploy', 'prod' ], 0, undef, 'prod, under an enforcing guard');

# what is not committed is not deployed
$shop->write('migrations/20260102_000000_items.sql' => "CREATE TABLE items (id bigint);\n");
$shop->check([ 'deploy', 'dev' ], 0, qr/nothing to do/, 'what is not committed is not deployed');
is(states($shop->json('plan', 'dev', '--worktree')), '20260102_000000_items:pending', 'unless --worktree is said');
$shop->check([ 'deploy', 'dev', '--worktree', '--ref', 'HEAD' ], 2, qr/cannot be used together/, 'not both');

# four changes of which the second fails
$shop->write(
    'migrations/20260103_000000_broken.sql' => "CREATE TABLE broken (id bigint);\nSELECT 1/0;\n",
    'migrations/20260104_000000_later.sql' => "CREATE TABLE later (id bigint);\n");
$shop->commit('More');
{
    my ($stdout, $stderr) = $shop->check([ 'deploy', 'dev' ], 1, qr/^ERROR:  division by zero$/m, 'a failure');

    like($stderr, qr/^CONTEXT:  change "20260103_000000_broken", statement 2 at line 2$/m, 'where it was');
    like($stderr, qr/has failed at change "20260103_000000_broken".*1 of 3 changes are applied.*deploy dev" again/s,
        'what stands, and how to go on');
    like($stdout, qr/items +\| applied.*broken +\| failed.*later +\| not reached/s, 'as a table');
    is($node->safe_psql('dev', "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class"
              . " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"),
        'items orders', 'what was before stays, nothing behind is there');
    is($node->safe_psql('dev', 'SELECT outcome FROM dbmaestro.deployment ORDER BY id DESC LIMIT 1'), 'failed', 'on record');
    my $told = $shop->json('deploy', 'dev');
    is("$told->{outcome} $told->{error}{sqlstate} $told->{error}{message}", 'failed 22012 division by zero', 'as JSON');
    my ($row) = grep { $_->{environment} eq 'dev' } @{ $shop->json('status') };
    is("@$row{qw(applied pending changed failed interrupted)}", '2 2 0 1 0', 'status');
}
$shop->write('migrations/20260103_000000_broken.sql' => "CREATE TABLE mended (id bigint);\n");
$shop->commit('Mended');
$shop->check([ 'deploy', 'dev', '--to', '20260199_000000_x' ], 1, qr/there is no change "20260199_000000_x"/, '--to nowhere');
$shop->check([ 'deploy', 'dev', '--to', '20260103_000000_broken' ], 0, undef, '--to');
is(states($shop->json('plan', 'dev')), '20260104_000000_later:pending', 'leaves what is behind');
$shop->check([ 'deploy', 'dev' ], 0, undef, 'running it again goes on');

# all or nothing
$shop->write(
    'migrations/20260105_000000_one.sql' => "CREATE TABLE one (id bigint);\n",
    'migrations/20260106_000000_two.sql' => "CREATE TABLE two (id bigint);\nSELECT 1/0;\n");
$shop->commit('All or nothing');
{
    my ($stdout) = $shop->check([ 'deploy', 'dev', '--single-transaction' ], 1, qr/0 of 2 changes are applied/, 'all or nothing');

    like($stdout, qr/one +\| rolled back.*two +\| failed/s, 'nothing');
    $shop->write('migrations/20260106_000000_two.sql' => "CREATE TABLE two (id bigint);\n");
    $shop->commit('All');
    ($stdout) = $shop->check([ 'deploy', 'dev', '-1' ], 0, undef, 'in one transaction');
    like($stdout, qr/one +\| applied.*two +\| applied/s, 'all');
    is($node->safe_psql('dev', "SELECT count(DISTINCT transaction_id) FROM dbmaestro.run WHERE change ~ 'one|two' AND outcome = 'applied'"),
        1, 'in the same');
}

# what has changed is refused by the server, what is gone is told
$shop->write('migrations/20260106_000000_two.sql' => "CREATE TABLE two (id bigint, extra text);\n");
$shop->git('rm', '-q', 'migrations/20260105_000000_one.sql');
$shop->commit('Changed');
is(states($shop->json('plan', 'dev')), '20260106_000000_two:changed 20260105_000000_one:missing', 'changed and missing');
$shop->check([ 'plan', 'dev', '--exit-code' ], 9, undef, 'plan --exit-code of a changed script');
{
    my ($stdout, $stderr) = $shop->check([ 'deploy', 'dev' ], 9, qr/^ERROR:  .*20260106_000000_two/m, 'a changed script');

    like($stderr, qr/warning: 1 change is applied in "dev" that is not in commit/, 'a missing one');
    like($stderr, qr/^DETAIL: .*\nHINT: /m, 'word for word');
}
$shop->git('reset', '-q', '--hard', 'HEAD~1');
$shop->check([ 'deploy', 'dev' ], 0, qr/nothing to do/, 'back again');
$shop->check([ 'deploy', 'dev', '--ref', 'HEAD~1' ], 9, undef, 'a ref is taken');

# other line ends and comments are no other content; the scripts go only where something has changed
{
    my $layout = DbmRepository->new($node, layout => 'layout');
    my ($one, $two, $real) = map { "2026020${_}_000000_layout" } 1 .. 3;
    my $asked = sub { scalar(() = $_[0] =~ /dbm_plan\(/g) };
    my $note = 'white space or comments differ';

    dbm_database($node, 'layout', environment => 'layout');
    $layout->write(map { ("migrations/$_.sql" => "CREATE TABLE t_$_ (\n    id int);\n") } $one, $two, $real);
    $layout->commit('Three');
    $layout->check([ 'deploy', 'layout' ], 0, undef, 'three changes');

    $layout->write(
        "migrations/$one.sql" => "CREATE TABLE t_$one (\r\n    id int);\r\n",
        "migrations/$two.sql" => "-- why it is there\nCREATE TABLE t_$two (id int); /* caf\xC3\xA9 */\n");
    is_deeply([ map { "@$_{qw(change state detail)}" } @{ $layout->json('plan', 'layout', '--worktree') } ],
        [ "$one applied $note", "$two applied $note" ], 'CRLF and comments: applied, with a note');
    $layout->check([ 'plan', 'layout', '--worktree', '--exit-code' ], 0, undef, 'and the exit code says so');
    $layout->check([ 'deploy', 'layout', '--worktree', '--dry-run' ], 0, qr/nothing to do/, 'nothing is sent');
    $layout->commit('Layout');
    my ($stdout, $stderr) = $layout->check([ 'deploy', 'layout', '--echo' ], 0, qr/nothing to do/, 'deploy has nothing to do');
    is($asked->($stderr), 3, 'after fingerprint, hashes and scripts');
    ($stdout, $stderr) = $layout->check([ 'deploy', 'layout', '--echo' ], 0, qr/nothing to do/, 'the next one');
    is($asked->($stderr), 1, 'needs the fingerprint alone');
    is($node->safe_psql('layout', 'SELECT count(*) FROM dbmaestro.deployment'), 1, 'and no deployment was opened');

    # with what is pending beside them, only that is deployed
    $layout->write(
        "migrations/$one.sql" => "CREATE TABLE t_$one (id int); -- again\n",
        'migrations/20260204_000000_layout.sql' => "CREATE TABLE t_four (id int);\n");
    $layout->commit('A fourth one');
    is(join(' ', map { $_->{change} } @{ $layout->json('deploy', 'layout')->{changes} }), '20260204_000000_layout',
        'only what is pending is deployed');
    ($stdout, $stderr) = $layout->check([ 'plan', 'layout', '--echo' ], 0, qr/nothing to do/, 'then nothing is left');
    is($asked->($stderr), 1, 'and the fingerprint is known');

    # a real edit stays one, also one that cannot be parsed or is not UTF-8, and hides no other
    foreach my $case ([ "CREATE TABLE t_$real (id bigint);\n", 'a real edit' ],
        [ "CREATE TABEL t_$real (\n", 'one that cannot be parsed' ],
        [ "CREATE TABLE t_$real (\n    id int); -- caf\xE9\n", 'one that is not UTF-8' ],
        [ "CREATE TABLE t_$real (\n    id int);\0\n", 'one with a zero byte' ])
    {
        my ($script, $name) = @$case;

        $layout->write("migrations/$one.sql" => "CREATE TABLE t_$one (id int);\r\n", "migrations/$real.sql" => $script);
        is(states($layout->json('plan', 'layout', '--worktree')), "$one:applied $two:applied $real:changed", $name);
        $layout->check([ 'plan', 'layout', '--worktree', '--exit-code' ], 9, undef, "$name: exit code");
    }
    my ($row) = @{ $layout->json('status') };
    is("@$row{qw(pending changed)}", '0 0', 'status of the commit');
    $layout->write("migrations/$real.sql" => "CREATE TABLE t_$real (id bigint);\n");
    $layout->commit('Real');
    ($row) = @{ $layout->json('status') };
    is("@$row{qw(pending changed)}", '0 1', 'status counts the real edit only');
    $layout->check([ 'deploy', 'layout' ], 9, qr/^ERROR:  .*\Q$real\E/m, 'which deploy has refused');
}

# --- formats ---------------------------------------------------------------------------

{
    my $rows = $shop->json('status');
    my ($csv) = $shop->check([ 'status', '--format', 'csv' ], 0, undef, 'CSV');
    my ($markdown) = $shop->check([ 'status', '--format', 'markdown' ], 0, undef, 'Markdown');
    my ($html) = $shop->check([ 'status', '--format', 'html' ], 0, undef, 'HTML');

    is_deeply([ map { $_->{environment} } @$rows ], [qw(dev prod)], 'environments in order');
    is_deeply([ sort keys %{ $rows->[0] } ],
        [ sort qw(environment follows identity guard tier applied pending changed failed interrupted
              last_change last_applied_at problem lock_pid lock_role lock_application lock_since lock_queue lock_blockers
              partial unfinished_change unfinished_state unfinished_at unfinished_evidence) ], 'keys of status');
    is($rows->[1]{follows}, 'dev', 'and whom they follow');
    like($csv, qr/^environment,follows,identity,guard,tier,applied,.*\ndev,,attached,observe,server,6,0,/, 'CSV has the keys');
    like($markdown, qr/^\| environment \| follows .*\n\| --- \|.*---: \|.*\n\| dev \|/, 'Markdown is a table');
    like($html, qr/<th align="center">last change<\/th>/, 'HTML is one');
}

# Runs dbmaestro on a terminal; returns all that appears on it.
sub on_terminal
{
    my ($columns, $repository, @arguments) = @_;

    local $ENV{PAGER} = 'cat';
    my $command = "stty cols $columns rows 100; dbmaestro -C $repository->{directory} @arguments";
    my ($stdout) = run_command([ 'script', '-q', '-e', '-c', $command, '/dev/null' ]);
    $stdout =~ s/\r\n?/\n/g;
    return $stdout;
}
{
    my $narrow = on_terminal(40, $shop, 'status');

    like($narrow, qr/^environment +\| dev$/m, 'on a narrow terminal each row stands on its own');
    unlike($narrow, qr/.{41}/, 'and fits');
    like(on_terminal(200, $shop, 'status'), qr/^ environment \| follows .* problem *$/m, 'a wide one has room for a table');
    like(on_terminal(80, $shop, 'plan', 'nowhere'), qr/\e\[[0-9;]+m/, 'a terminal has colours');
    local $ENV{NO_COLOR} = 1;
    unlike(on_terminal(80, $shop, 'plan', 'nowhere'), qr/\e/, 'unless NO_COLOR is set');
}
{
    my ($stdout, $stderr) = $shop->check([ 'plan', 'dev', '--echo' ], 0, qr/public\.dbm_plan\(\$1, \$2\)/, '--echo');
    unlike($stderr, qr/\e/, 'no colours where there is no terminal');
}
{
    my ($code, $stdout, $stderr) = $shop->run('status', '--set', 'environment.prod.conninfo=host=/nonexistent');
    is($code, 12, 'status with an environment that is not there');
    like($stdout, qr/nonexistent/, 'says why, beside the others');
}

# --- the server has the word -------------------------------------------------------------

dbm_database($node, 'uninitialised', environment => undef);
$node->safe_psql('template1', 'CREATE DATABASE empty TEMPLATE template0');
$node->safe_psql('dev', 'CREATE ROLE stranger LOGIN; CREATE ROLE ci LOGIN; SELECT dbm_grant(\'deploy\', \'ci\')');
{
    my $other = DbmRepository->new(
        $node,
        uninitialised => 'uninitialised',
        without => 'empty',
        nowhere => 'nowhere',
        stranger => { database => 'dev', user => 'stranger' },
        ci => { database => 'dev', user => 'ci' });

    $other->write('migrations/20260201_000000_x.sql' => 'SELECT 1');
    $other->commit('x');
    $other->check([ 'deploy', 'uninitialised' ], 1, qr/^ERROR: .*\n(?:.*\n)*HINT: .*dbm_init/m, 'before dbm_init');
    $other->check([ 'deploy', 'without' ], 1, qr/not installed in database "empty".*dbmaestro init without/s, 'without the extension');
    $other->check([ 'deploy', 'nowhere' ], 12, qr/database "nowhere" does not exist/, 'no database');
    $other->check([ 'deploy', 'stranger' ], 13, qr/^ERROR: /m, 'no capability');
    is($other->json('status', 'ci')->[0]{failed}, 0, 'who may deploy may ask for the status');
}

# a connection string that leads to another environment than its name says
{
    my $wrong = DbmRepository->new($node, prod => 'dev');
    my $refused = qr/^ERROR: .*manifest is for environment "prod", not for "dev"\n(?:.*\n)*HINT: .*Connect to the database/m;

    $wrong->write('migrations/20260202_000000_wrong.sql' => 'CREATE TABLE wrong (id int)');
    $wrong->commit('wrong');
    foreach my $case ([ 'plan', 'prod' ], [ 'deploy', 'prod' ], [ 'deploy', 'prod', '--worktree' ])
    {
        $wrong->check($case, 14, $refused, "@$case in another environment");
    }
    like($wrong->json('status', 'prod')->[0]{problem}, qr/for environment "prod", not for "dev"/, 'status tells it');
    is($node->safe_psql('dev', q(SELECT to_regclass('wrong'))), '', 'and nothing has run');
}

# with nothing to do a fingerprint is all that is asked, and no script is read
{
    my ($stdout, $stderr) = $shop->check([ 'deploy', 'dev', '--echo' ], 0, qr/nothing to do/, 'with nothing to do');
    is(scalar(() = $stderr =~ /^(?:SELECT|BEGIN)/mg), 2, 'there are two round trips');
    like($stderr, qr/\$1 = '\{"environment":"dev","fingerprint":"[0-9a-f]{40}"\}'/, 'with a fingerprint alone');
    $shop->git('commit', '-q', '--allow-empty', '-m', 'Another commit, the same scripts');
    ($stdout, $stderr) = $shop->check([ 'deploy', 'dev', '--echo' ], 0, qr/nothing to do/, 'another commit with the same scripts');
    unlike($stderr, qr/"changes"/, 'has the same fingerprint');
    dbm_apply($node, 'dev', '20260107_000000_by_hand', 'CREATE TABLE by_hand (id int)');
    ($stdout, $stderr) = $shop->check([ 'deploy', 'dev', '--echo' ], 0, qr/not in commit.*nothing to do/s, 'after something else was applied');
    like($stderr, qr/"changes"/, 'the whole is compared');
}

# --- exit codes, row by row ------------------------------------------------------------

is(
    (run_command([ 'dbmaestro', '--help', 'exit-codes', '--format', 'csv' ]))[0] . "\n",
    <<'END', 'the table of exit codes');
exit_code,meaning,next_step,sqlstates
0,done,,
1,an error,the message says what is wrong and what to do,all others
2,the command line or the configuration was not understood,"dbmaestro help COMMAND, dbmaestro help configuration",
3,changes are pending,dbmaestro deploy ENVIRONMENT,
4,a rule of lint is broken,correct the script,
5,the schema is not what was recorded,put what was changed by hand into a change,MA050
6,a gate is not met,do what the gate that is named asks for,MA02A MA040 MA042
7,only the deployment window is not met,deploy again when the window is open,MA041
8,a lock could not be had in time,deploy again when whoever holds the lock has ended: it goes on,55P03 40P01
9,"a change was applied, whole or in part, with other content","give the script its old content back, and put what is new into another change",MA020 MA02C
10,"interrupted: cancelled, the connection was lost, or a change is there in part","dbmaestro status ENVIRONMENT, then what that says, or deploy again: it goes on",MA02B 57014 57P01 57P02 57P05
11,a test failed,correct the change or the test,
12,could not connect,try psql with the same connection string,08... 28... 3D... 53300 57P03
13,no permission,ask for the capability or the right that is named,MA010 42501
14,"the environment is detached, unconfirmed or another one","correct the connection string, or dbmaestro attach ENVIRONMENT",MA013 MA014 MA017
15,another deployment is running,wait; dbmaestro status ENVIRONMENT shows how it stands,MA030
16,the record is not as it was made,"dbmaestro doctor ENVIRONMENT, and tell whoever answers for the database",MA016
17,refused by the guard,put the statement into a change and deploy that,MA001 MA002 MA003
END
{
    my $table = decode_json((run_command([ 'dbmaestro', '--format', 'json', 'help', 'exit-codes' ]))[0]);
    my $codes = DbmRepository->new($node, dev => 'dev');
    my %expected = ('22012' => 1, 'MA012' => 1, 'MA021' => 1, 'MA033' => 1, 'P0001' => 1);

    foreach my $row (@$table)
    {
        next if $row->{exit_code} == 1;
        $expected{$_} = $row->{exit_code} foreach map { s/\.\.\.$/006/r } split / /, $row->{sqlstates} // '';
    }
    cmp_ok(scalar keys %expected, '>', 20, 'SQLSTATEs to raise');
    foreach my $sqlstate (sort keys %expected)
    {
        $codes->write('migrations/20260301_000000_raise.sql' => "DO \$\$ BEGIN RAISE SQLSTATE '$sqlstate'; END \$\$;\n");
        my ($code) = $codes->run('deploy', 'dev', '--worktree', '--lock-retries', '0');
        is($code, $expected{$sqlstate}, "SQLSTATE $sqlstate: exit code $expected{$sqlstate}");
    }
}

# --- on the wire --------------------------------------------------------------------------

{
    my $wire = DbmRepository->new($node, dev => 'dev');
    my $hostile = "\e]0;owned\a\x{9b}31m\x{202e}";

    utf8::encode($hostile);
    $wire->write('migrations/20260401_000000_hostile.sql' => "CREATE TABLE \"$hostile\" (id int);\nSELECT * FROM \"no $hostile\";\n");
    $wire->commit('Hostile');
    my ($stdout, $stderr) = $wire->check([ 'deploy', 'dev' ], 1, undef, 'a hostile name');
    cmp_ok(index($stderr, 'no \x1B]0;owned\x07\u009B31m\u202E'), '>', 0, 'is shown');
    unlike($stdout . $stderr, qr/[\e\a]|\xc2\x9b|\xe2\x80\xae/, 'and never raw');

    # the server answers more than fits into a socket, while it is sent more than fits into one
    $wire->git('rm', '-q', '-r', 'migrations');
    $wire->write(
        'migrations/20260501_000000_talk.sql' =>
          "DO \$\$ BEGIN FOR i IN 1..30000 LOOP RAISE NOTICE 'a long notice % %', i, repeat('x', 100); END LOOP; END \$\$;\n",
        map { ("migrations/2026050${_}_000000_large.sql" => '/*' . ('x' x 3_000_000) . "*/ CREATE TABLE large_$_ (id int);\n") } 2 .. 6);
    $wire->commit('Large');
    ($stdout, $stderr) = $wire->check([ 'deploy', 'dev' ], 0, undef, 'much in both directions');
    is(scalar(() = $stdout =~ /\| applied/g), 6, 'all is applied');
    is(scalar(() = $stderr =~ /^NOTICE:/mg), 30000, 'and heard');
}

# --- interruptions --------------------------------------------------------------------------

foreach my $case ([ 'INT', 10, qr/was cancelled at change/ ], [ 'TERM', 10, qr/was cancelled at change/ ],
    [ 'terminate', 10, qr/FATAL:  terminating connection.*connection to "dev" was lost/s ])
{
    my ($how, $expected, $pattern) = @$case;
    my $slow = DbmRepository->new($node, dev => 'dev');
    my $name = lc $how;

    $slow->write(
        "migrations/20260601_000000_${name}_first.sql" => "CREATE TABLE ${name}_first (id int);\n",
        "migrations/20260602_000000_${name}_sleep.sql" => "CREATE TABLE ${name}_sleep (id int);\nSELECT pg_sleep(1000);\n",
        "migrations/20260603_000000_${name}_last.sql" => "CREATE TABLE ${name}_last (id int);\n");
    $slow->commit('Slow');
    my $started = $slow->start('deploy', 'dev');
    $node->poll_query_until('dev', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
      or die 'the deployment never came to sleep';
    if ($how eq 'terminate')
    {
        $node->safe_psql('dev', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
    }
    else
    {
        $started->{harness}->signal($how);
    }
    is($slow->finish($started), $expected, "$how: exit code $expected");
    like($started->{stderr}, $pattern, "$how: what happened");
    like($started->{stderr}, qr/1 of 3 changes are applied/, "$how: what stands");
    like($started->{stdout}, qr/first +\| applied.*sleep +\| failed.*last +\| (?:not reached|unclear)/s, "$how: change by change");
    is($node->safe_psql('dev', "SELECT string_agg(relname, ' ') FROM pg_class WHERE relname ~ '^${name}_'"),
        "${name}_first", "$how: and so it is");
    is($node->safe_psql('dev', 'SELECT state FROM dbmaestro.deployment_history ORDER BY deployment DESC LIMIT 1'),
        $how eq 'terminate' ? 'interrupted' : 'cancelled', "$how: on record");
    $slow->write("migrations/20260602_000000_${name}_sleep.sql" => "CREATE TABLE ${name}_sleep (id int);\n");
    $slow->commit('Quick');
    $slow->check([ 'deploy', 'dev' ], 0, undef, "$how: running it again goes on");
}

$node->stop;
done_testing();
