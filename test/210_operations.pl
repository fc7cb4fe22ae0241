# The commands around a deployment: submit, promote, resume, rollback, and those
# that look after an environment or into its record: what they do, what they
# refuse and with which exit code, their JSON, and what they ask on a terminal.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmRepository;
use DbmTest;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dbm_node('main', bare => 1, conf => "fsync = off\n");
my $orders = '20260101_000000_orders';
my $items = '20260102_000000_items';
my $totals = '20260103_000000_totals';
my $pattern_hash = qr/^[0-9a-f]{64}$/;

dbm_database($node, 'dev', environment => 'dev');
dbm_database($node, 'prod', environment => 'prod', follows => 'dev', guard => 'enforce');
$node->safe_psql('dev', <<'END');
CREATE ROLE stranger LOGIN;
CREATE ROLE reader LOGIN;
CREATE ROLE deployer LOGIN;
CREATE ROLE undoer LOGIN;
CREATE ROLE keeper LOGIN;
GRANT CREATE ON SCHEMA public TO deployer;
SELECT dbm_grant('audit', 'reader');
SELECT dbm_grant('deploy', 'deployer');
SELECT dbm_grant('rollback', 'undoer');
SELECT dbm_grant('admin', 'keeper');
END

# Environments of the same two databases, by role.
my $shop = DbmRepository->new(
    $node,
    dev => 'dev',
    prod => { database => 'prod', follows => 'dev' },
    map { ("dev-$_" => { database => 'dev', user => $_ }) } qw(stranger reader deployer undoer keeper));

sub tables
{
    my ($database) = @_;

    return $node->safe_psql($database,
        "SELECT coalesce(string_agg(relname, ' ' ORDER BY relname), '') FROM pg_class"
          . " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'");
}

sub outcomes
{
    my ($told) = @_;

    return join ' ', map { "$_->{change}:$_->{outcome}" } @{ $told->{changes} };
}

sub sorted_keys
{
    my ($object) = @_;

    return join ' ', sort keys %$object;
}

$shop->write(
    "migrations/$orders.sql" => "-- Description: Orders\nCREATE TABLE orders (id bigint PRIMARY KEY);\n",
    "migrations/$orders.rollback.sql" => "DROP TABLE orders;\n",
    "migrations/$items.sql" => "CREATE TABLE items (id bigint, ordered bigint REFERENCES orders);\n",
    "migrations/$items.rollback.sql" => "DROP TABLE items;\n");
$shop->commit('Orders and items');

# --- submit ---------------------------------------------------------------------

{
    my $told = $shop->json('submit', 'dev');
    my $first = $told->{changes}[0]{approval};

    is($told->{outcome}, 'succeeded', 'submit');
    is(sorted_keys($told), 'changes commit environment error outcome', 'keys of submit');
    is(sorted_keys($told->{changes}[0]), 'approval change outcome', 'keys of its changes');
    is(outcomes($told), "$orders:submitted $items:submitted", 'all that is pending');
    like($first, $pattern_hash, 'with an approval hash');
    is($node->safe_psql('dev', "SELECT encode(approval, 'hex') FROM dbmaestro.submission WHERE change = '$orders'"),
        $first, 'which is the one on record');
    is($node->safe_psql('dev', "SELECT claims->>'author' FROM dbmaestro.submission WHERE change = '$orders'"),
        'Ada <ada@example.org>', 'with what is claimed of the commit');
    is(tables('dev'), '', 'nothing has run');
    is($shop->json('submit', 'dev', $orders)->{changes}[0]{approval}, $first, 'one of them: the same hash');
    my ($stdout) = $shop->check([ 'submit', 'dev', $items, $orders ], 0, undef, 'two, named');
    like($stdout, qr/items +\| submitted.*orders +\| submitted/s, 'in the order in which they were named');
    $shop->check([ 'submit', 'dev', 'nonsense' ], 1, qr/there is no change "nonsense" in commit/, 'submit of nothing');
    $shop->check([ 'submit', 'dev-stranger', $orders ], 13, qr/^ERROR: .*dbm_submit/m, 'submit by a stranger');
    my $bad = DbmRepository->new($node, dev => 'dev');
    $bad->write(
        'migrations/20260201_000000_a.sql' => "SELECT 1;\n",
        'migrations/20260202_000000_b.sql' => "SELECT 2;\nCOMMIT;\nSELECT 3;\n",
        'migrations/20260203_000000_c.sql' => "CREATE INDEX CONCURRENTLY i ON orders (id);\n");
    $bad->commit('Bad');
    $bad->check([ 'submit', 'dev' ], 1, qr/^ERROR: .*not submitted.*1 of 3 changes are submitted/s, 'a script that is refused');
    $told = $bad->json('submit', 'dev');
    is(outcomes($told), '20260201_000000_a:submitted 20260202_000000_b:failed 20260203_000000_c:not reached', 'is the end');
    is($told->{error}{sqlstate}, 'MA021', 'and says why');
    is(outcomes($bad->json('submit', 'dev', '20260203_000000_c')), '20260203_000000_c:submitted', 'what needs steps is no reason');
}

# --- promote ---------------------------------------------------------------------

$shop->check([ 'promote', 'dev', 'prod' ], 6, qr/^ERROR:  change "$orders" is not applied in the environment that "prod" follows$/m,
    'promote of what is not there');
is(tables('prod'), '', 'brings nothing');
$shop->check([ 'deploy', 'dev', '--to', $orders ], 0, undef, 'deploy of the first');
{
    my ($stdout, $stderr) = $shop->check([ 'promote', 'dev', 'prod', '--dry-run' ], 0, undef, 'a dry run');

    like($stdout, qr/orders +\| pending.*items +\| not promoted/s, 'says what the target says');
    my $told = $shop->json('promote', 'dev', 'prod');
    is(sorted_keys($told), 'changes commit deployment environment error followed outcome', 'keys of promote');
    is("$told->{followed} $told->{outcome} $told->{error}{sqlstate}", 'dev failed MA042', 'as far as it may');
    is(outcomes($told), "$orders:applied $items:failed", 'and no further');
    ($stdout, $stderr) = $shop->check([ 'promote', 'dev', 'prod' ], 6, undef, 'again');
    like($stderr, qr/HINT:  Deploy it to "dev" first\..*hint: Run "dbmaestro promote dev prod" again/s, 'with the way on');
}
$shop->check([ 'deploy', 'dev' ], 0, undef, 'deploy of the second');
$shop->check([ 'promote', 'dev', 'prod' ], 0, qr/that "dev" has these changes is recorded as unverified/, 'promote');
is($node->safe_psql('prod', 'SELECT followed, provenance FROM dbmaestro.deployment_history ORDER BY deployment DESC LIMIT 1'),
    'dev|unverified', 'so it is on record');
$shop->check([ 'promote', 'dev', 'prod' ], 0, qr/nothing to do/, 'a second time');
$shop->check([ 'promote', 'prod', 'dev' ], 6, qr/^ERROR:  environment "dev" does not follow any other/m, 'the wrong way');
$shop->check([ 'promote', 'dev-stranger', 'prod' ], 13, qr/^ERROR: .*dbm_manifest/m, 'from where one may not look');
$shop->check([ 'promote', 'dev' ], 2, qr/Usage: dbmaestro promote FROM TO/, 'to nowhere');

# --- resume ------------------------------------------------------------------------

{
    my $empty = DbmRepository->new($node, fresh => 'fresh');

    dbm_database($node, 'fresh', environment => 'fresh');
    $empty->write('migrations/20260101_000000_x.sql' => "CREATE TABLE x (id int);\n");
    $empty->commit('x');
    $empty->check([ 'resume', 'fresh' ], 0, qr/nothing to resume in "fresh": nothing was ever deployed/, 'nothing was ever deployed');
    $empty->write('migrations/20260102_000000_y.sql' => "SELECT 1/0;\n");
    $empty->check([ 'deploy', 'fresh', '--worktree' ], 1, undef, 'a work tree that fails');
    $empty->check([ 'resume', 'fresh' ], 1, qr/deployment 1 to "fresh" was not of a commit.*deploy fresh/s, 'cannot be resumed');
}
$shop->check([ 'resume', 'dev' ], 0, qr/nothing to resume in "dev": deployment \d+, the last one, has succeeded/, 'nothing to resume');
is($shop->json('resume', 'dev')->{outcome}, 'nothing to do', 'as JSON');
$node->safe_psql('dev', 'CREATE TABLE public.obstacle ()');
$shop->write(
    "migrations/$totals.sql" => "CREATE TABLE totals (id bigint);\nALTER TABLE obstacle ADD x int;\n",
    'migrations/20260104_000000_slow.sql' => "CREATE TABLE slow (id int);\nSELECT pg_sleep(count(*) * 1000) FROM public.obstacle;\n",
    'migrations/20260105_000000_last.sql' => "CREATE TABLE last (id int);\n");
$shop->commit('Totals');
my $interrupted_commit = $shop->git('rev-parse', 'HEAD');
chomp $interrupted_commit;
$node->safe_psql('dev', 'INSERT INTO obstacle DEFAULT VALUES');
{
    my $started = $shop->start('deploy', 'dev', '--to', '20260104_000000_slow');

    $node->poll_query_until('dev', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
      or die 'the deployment never came to sleep';
    $shop->check([ 'resume', 'dev' ], 15, qr/deployment \d+ to "dev" is running, started at .* by "postgres"/, 'one that is running');
    $node->safe_psql('dev', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
    is($shop->finish($started), 10, 'a deployment that is cut off');
    $node->poll_query_until('dev',
        'SELECT state = \'interrupted\' FROM dbmaestro.deployment_history ORDER BY deployment DESC LIMIT 1')
      or die 'it was never seen as interrupted';
}
$node->safe_psql('dev', "DELETE FROM obstacle; SELECT dbm_configure('run_as', 'postgres')");
$shop->write('migrations/20260106_000000_newer.sql' => "CREATE TABLE newer (id int);\n");
$shop->commit('HEAD has moved on');
$shop->check([ 'resume', 'dev-stranger' ], 13, qr/^ERROR: /m, 'resume by a stranger');
{
    my $short = substr $interrupted_commit, 0, 10;
    my @deployer = ('--set', 'environment.dev.conninfo=' . $node->connstr('dev') . ' user=deployer');

    is($node->safe_psql('dev', "SELECT has_table_privilege('deployer', 'dbmaestro.deployment_change', 'SELECT')"), 'f',
        'one who may not read what it was to bring');
    my ($stdout, $stderr) =
      $shop->check([ 'resume', 'dev', @deployer ], 0, qr/^deployment \d+ of commit $short \(HEAD\), started at .* by "postgres": interrupted$/m, 'resumes it');

    unlike($stderr, qr/warning/i, 'without a warning');
    like($stdout, qr/slow +\| applied/, 'goes on');
    unlike($stdout, qr/orders|last|newer/, 'with what was left of it, and no further than it was to go');
    is($node->safe_psql('dev', 'SELECT commit, state FROM dbmaestro.deployment_history ORDER BY deployment DESC LIMIT 1'),
        "$interrupted_commit|succeeded", 'with the commit that it was of');
    is($node->safe_psql('dev', 'SELECT started_by FROM dbmaestro.deployment_history ORDER BY deployment DESC LIMIT 1'),
        'deployer', 'by whom it was resumed');
}
$shop->check([ 'deploy', 'dev' ], 0, undef, 'the rest');
{
    # a promotion that failed is resumed as a promotion
    $node->safe_psql('prod', "SELECT dbm_guard('observe'); CREATE TABLE public.slow ()");
    $shop->check([ 'promote', 'dev', 'prod' ], 1, qr/ERROR: .*obstacle/, 'a promotion that fails');
    $node->safe_psql('prod', "CREATE TABLE public.obstacle (); DROP TABLE public.slow;"
          . " SELECT dbm_grant('deploy', 'deployer'); SELECT dbm_configure('run_as', 'postgres')");
    # by one without audit, neither there nor where it came from
    my $told = $shop->json('resume', 'prod', map { ('--set', "environment.$_.conninfo=" . $node->connstr($_) . ' user=deployer') } qw(dev prod));
    is("$told->{followed} $told->{outcome}", 'dev succeeded', 'is resumed as one');
    is($node->safe_psql('prod', 'SELECT followed FROM dbmaestro.deployment_history ORDER BY deployment DESC LIMIT 1'),
        'dev', 'on record');
}
{
    # what was to be one transaction is one again, and says so
    my $whole = DbmRepository->new($node, whole => 'whole');
    my $single = "SELECT deployment_state, deployment_single_transaction FROM dbm_status()";

    dbm_database($node, 'whole', environment => 'whole');
    $whole->write(
        'migrations/20260101_000000_a.sql' => "CREATE TABLE a (id int);\n",
        'migrations/20260102_000000_b.sql' => "CREATE TABLE b (id int);\nSELECT * FROM public.later;\n",
        'migrations/20260103_000000_c.sql' => "CREATE TABLE c (id int);\n");
    $whole->commit('All or none');
    $whole->check([ 'deploy', 'whole', '--single-transaction', '--to', '20260102_000000_b' ], 1, qr/0 of 2 changes are applied/, 'all or none');
    is($node->safe_psql('whole', $single), 'failed|t', 'the server knows that it was one transaction');
    $whole->check([ 'resume', 'whole' ], 1, qr/^deployment \d+ of .* by "postgres", in a single transaction: failed\n.*0 of 2 changes are applied/ms,
        'resume: all or none again');
    is(tables('whole'), '', 'and nothing of it stands');
    is($node->safe_psql('whole', $single), 'failed|t', 'nor is it forgotten by that');
    $whole->check([ 'deploy', 'whole' ], 1, qr/1 of 3 changes are applied/, 'change by change');
    is($node->safe_psql('whole', $single), 'failed|f', 'is another deployment');
    my (undef, $stderr) = $whole->check([ 'resume', 'whole' ], 1, qr/0 of 2 changes are applied/, 'which goes on so');
    unlike($stderr, qr/single transaction/, 'and is not said to be one');
    $whole->check([ 'resume', 'whole', '-1' ], 1, qr/0 of 2 changes are applied/, 'unless somebody wants it');
    $node->safe_psql('whole', 'CREATE TABLE public.later ()');
    my $told = $whole->json('resume', 'whole');
    is(outcomes($told), '20260102_000000_b:applied 20260103_000000_c:applied', 'and with the obstacle gone it ends');
    is(sorted_keys($told->{commit}), 'author commit committed_at ref', 'the commit as ever');
    is($node->safe_psql('whole', "SELECT count(DISTINCT transaction_id) FROM dbmaestro.run WHERE outcome = 'applied' AND deployment ="
              . ' (SELECT max(id) FROM dbmaestro.deployment)'), 1, 'in one transaction');
}

# --- rollback ---------------------------------------------------------------------------

$shop->check([ 'rollback', 'dev' ], 2, qr/it is not said what to roll back.*--to CHANGE/s, 'rollback of what');
$shop->check([ 'rollback', 'dev', $items, '--to', $orders ], 2, qr/cannot be used together/, 'one or the other');
$shop->check([ 'rollback', 'dev', $items ], 2, qr/no terminal.*--yes/s, 'without a terminal it must be said');
is($node->safe_psql('dev', "SELECT count(*) FROM dbmaestro.run WHERE direction = 'rollback'"), 0, 'and nothing is done');
$shop->check([ 'rollback', 'dev', '20260105_000000_last', '--yes' ], 1, qr/^ERROR:  change "20260105_000000_last" has no rollback script$/m,
    'without a rollback script');
$shop->check([ 'rollback', 'dev', 'nowhere' ], 1, qr/change "nowhere" is not applied in "dev"\n.*hint: Applied last there/, 'nobody is asked about what is not there');
$shop->check([ 'rollback', 'dev', 'nowhere', '--yes' ], 1, qr/^ERROR:  change "nowhere" does not exist/m, 'of what is not there');
$shop->check([ 'rollback', 'dev', '--to', 'nowhere', '--yes' ], 1, qr/change "nowhere" is not applied in "dev".*hint: Applied last there: "[^"]+", "[^"]+", "[^"]+"\.  Run "dbmaestro history dev" to see all\./s,
    '--to what is not there');
$shop->check([ 'rollback', 'dev-deployer', $items, '--yes' ], 13, qr/^ERROR: .*dbm_rollback/m, 'without the capability');
$shop->check([ 'rollback', 'dev', '--to', '20260106_000000_newer', '--yes' ], 0, qr/nothing to do: "20260106_000000_newer" was applied last/,
    'to the last one');
{
    my $undo = DbmRepository->new($node, undo => 'undo', map { ("undo-$_" => { database => 'undo', user => $_ }) } qw(undoer keeper));
    my @names = map { "2026020${_}_000000_t$_" } 1 .. 5;

    dbm_database($node, 'undo', environment => 'undo');
    $node->safe_psql('undo', "SELECT dbm_grant('rollback', 'undoer'); SELECT dbm_grant('admin', 'keeper'); SELECT dbm_configure('run_as', 'postgres')");
    foreach my $at (1 .. 5)
    {
        $undo->write(
            "migrations/$names[$at - 1].sql" => "CREATE TABLE t$at (id int);\n",
            $at == 2 ? () : ("migrations/$names[$at - 1].rollback.sql" => "DROP TABLE t$at;\n"));
    }
    $undo->commit('Five');
    $undo->check([ 'deploy', 'undo' ], 0, undef, 'five changes');
    my $told = $undo->json('rollback', 'undo', '--to', $names[3], '--reason', 'not needed', '--yes');
    is(sorted_keys($told), 'changes environment error outcome', 'keys of rollback');
    is(sorted_keys($told->{changes}[0]), 'change duration outcome run statements', 'keys of its changes');
    is(outcomes($told), "$names[4]:rolled back", 'what is behind one');
    is($node->safe_psql('undo', "SELECT reason FROM dbmaestro.change_history WHERE direction = 'rollback'"), 'not needed', 'with the reason');
    my ($stdout, $stderr) = $undo->check([ 'rollback', 'undo', '--to', $names[0], '-y' ], 1,
        qr/change "$names[1]" was not rolled back.*2 of 3 changes are rolled back in "undo"/s, 'the first failure is the end');
    like($stdout, qr/t4 +\| rolled back.*t3 +\| rolled back.*t2 +\| failed/s, 'in reverse order');
    is(tables('undo'), 't1 t2', 'what was done before stands');
    is($node->safe_psql('undo', "SELECT count(DISTINCT transaction_id) FROM dbmaestro.run WHERE direction = 'rollback' AND outcome = 'rolled back'"),
        3, 'each in a transaction of its own');
    $undo->check([ 'rollback', 'undo-undoer', $names[0], '--yes' ], 0, undef, 'by whom may do only that');
    is(tables('undo'), 't2', 'one change alone, not the last one');

    # an interrupt stops between or in them, and says what stands
    $undo->write(
        'migrations/20260301_000000_slow.sql' => "CREATE TABLE slow (id int);\n",
        'migrations/20260301_000000_slow.rollback.sql' => "SELECT pg_sleep(1000);\nDROP TABLE slow;\n",
        'migrations/20260302_000000_fast.sql' => "CREATE TABLE fast (id int);\n",
        'migrations/20260302_000000_fast.rollback.sql' => "DROP TABLE fast;\n");
    $undo->commit('Slow');
    $undo->check([ 'deploy', 'undo', ], 0, undef, 'more');
    $undo->check([ 'rollback', 'undo-undoer', '--to', '20260301_000000_slow', '--yes' ], 0, undef, '--to by whom may only roll back');
    is($node->safe_psql('undo', "SELECT to_regclass('slow') IS NOT NULL AND to_regclass('fast') IS NULL"), 't', 'takes what is behind');
    $undo->check([ 'rollback', 'undo-keeper', '--to', $names[4], '--yes' ], 13, qr/^ERROR: .*dbm_manifest/m, '--to by whom may not even see it');
    $undo->check([ 'deploy', 'undo', ], 0, undef, 'and back again');
    my $started = $undo->start('rollback', 'undo', '--to', $names[4], '--yes');
    $node->poll_query_until('undo', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
      or die 'the rollback never came to sleep';
    $started->{harness}->signal('INT');
    is($undo->finish($started), 10, 'an interrupt: exit code 10');
    like($started->{stderr}, qr/interrupted.*1 of 2 changes are rolled back/s, 'and what stands');
    is($node->safe_psql('undo', "SELECT to_regclass('slow') IS NOT NULL AND to_regclass('fast') IS NULL"), 't', 'and so it is');
}

# --- guard ---------------------------------------------------------------------------------

{
    my $rows = $shop->json('guard', 'dev');

    is_deeply([ sort keys %{ $rows->[0] } ], [qw(applied environment guard guard_in_force identity tier)], 'keys of guard');
    is($rows->[0]{guard}, 'observe', 'guard tells the mode');
    is($shop->json('guard', 'dev', 'enforce', '--no-preload')->[0]{guard_in_force}, 'enforce', 'and switches it');
    is($node->safe_psql('dev', 'SELECT guard FROM dbm_status()'), 'enforce', 'on the server');
    is($node->safe_psql('dev', 'SELECT count(*) FROM pg_db_role_setting WHERE setdatabase ='
              . " (SELECT oid FROM pg_database WHERE datname = 'dev')"), 0, '--no-preload leaves the database alone');
    $shop->check([ 'guard', 'dev', 'maybe' ], 2, qr/invalid mode: "maybe"\n.*hint: It is one of: off, observe, enforce\./, 'a mode that is none');
    $shop->check([ 'guard', 'dev-deployer', 'observe' ], 13, qr/^ERROR: .*dbm_guard/m, 'without the capability');
    $shop->check([ 'guard', 'dev-keeper', 'observe' ], 0, undef, 'with it');
    $shop->check([ 'guard', 'dev-keeper', 'off' ], 13, qr/Only a superuser may/, 'off is for superusers');
}

# --- snapshot --------------------------------------------------------------------------------

{
    my $rows = $shop->json('snapshot', 'dev-deployer', '--label', 'release 1');

    is_deeply([ sort keys %{ $rows->[0] } ], [qw(environment label snapshot)], 'keys of snapshot');
    is($node->safe_psql('dev', "SELECT label FROM dbmaestro.snapshot WHERE id = $rows->[0]{snapshot}"), 'release 1', 'it is on record');
    is($shop->json('snapshot', 'dev')->[0]{label}, undef, 'without a label');
    $shop->check([ 'snapshot', 'dev-reader' ], 13, qr/^ERROR: .*dbm_snapshot/m, 'without the capability');
}

# --- history and audit -------------------------------------------------------------------------

{
    my $rows = $shop->json('history', 'dev-reader', '--change', $orders);

    is(scalar @$rows, 1, 'history of one change');
    is_deeply([ sort keys %{ $rows->[0] } ], [ sort qw(run change direction outcome environment started_at finished_at duration
              statements executed_by run_as deployment commit provenance reason failed_statement failed_line sqlstate message blockers) ],
        'keys of history');
    is("$rows->[0]{outcome} $rows->[0]{executed_by}", 'applied postgres', 'what was done');
    my ($stdout) = $shop->check([ 'history', 'dev' ], 0, undef, 'history as a table');
    like($stdout, qr/ run +\| +started at +\| +change .*newer.*last.*slow.*items.*orders/s, 'is short, the newest first');
    is(scalar @{ $shop->json('history', 'dev', '--limit', '2') }, 2, '--limit');
    is(scalar @{ $shop->json('history', 'dev', '--limit', 'all') },
        $node->safe_psql('dev', 'SELECT count(*) FROM dbmaestro.run'), 'or all');
    is_deeply([ map { $_->{outcome} } @{ $shop->json('history', 'dev', '--outcome', 'failed') } ],
        [ ('failed') x $node->safe_psql('dev', "SELECT count(*) FROM dbmaestro.run WHERE outcome = 'failed'") ], '--outcome');
    is(scalar @{ $shop->json('history', 'dev', '--since', 'tomorrow') }, 0, '--since');
    is(scalar @{ $shop->json('history', 'dev', '--until', 'yesterday') }, 0, '--until');
    is(scalar @{ $shop->json('history', 'dev', '--role', 'undoer') }, 0, '--role');
    $shop->check([ 'history', 'dev', '--role', 'undoer' ], 0, qr/nothing of that is on record/, 'nothing is said of');
    $shop->check([ 'history', 'dev', '--limit', '-1' ], 2, qr/invalid value for --limit/, 'a limit that is none');
    $shop->check([ 'history', 'dev', '--since', 'sometime' ], 2, qr/^ERROR:  invalid input syntax for type timestamp.*hint: Write times as in/ms, 'a time that is none');
    $shop->check([ 'history', 'dev-deployer' ], 13, qr/^ERROR:  permission denied.*dbm_grant\('audit', 'deployer'\)/ms,
        'who may not read is told what is missing');
}
{
    my $rows = $shop->json('audit', 'dev-reader', '--denied', '--role', 'stranger');

    cmp_ok(scalar @$rows, '>=', 3, 'audit --denied --role');
    is_deeply([ sort keys %{ $rows->[0] } ], [ sort qw(id at kind action object_kind object change run deployment environment
              sqlstate message detail hint statement authenticated_role session_role current_role_name client_address
              application_name backend_pid transaction_id) ], 'keys of audit');
    is(scalar(grep { $_->{authenticated_role} ne 'stranger' || $_->{kind} !~ /^(?:denied|refused)$/ } @$rows), 0, 'and nothing else');
    is(scalar(grep { $_->{sqlstate} ne 'MA010' } @$rows), 0, 'with what was refused');
    my ($lines) = $shop->check([ 'audit', 'dev', '--kind', 'guard', '--format', 'jsonl' ], 0, undef, 'JSON lines');
    my @events = map { decode_json($_) } split /\n/, $lines;
    is(scalar @events, $node->safe_psql('dev', "SELECT count(*) FROM dbmaestro.audit_event WHERE kind = 'guard'"), 'an event in each');
    is($events[0]{kind}, 'guard', 'with its keys');
    my ($csv) = $shop->check([ 'audit', 'dev', '--change', $orders, '--format', 'csv' ], 0, undef, 'CSV');
    like($csv, qr/\Aid,at,kind,action,.*\n\d+,[^,]*,run,/, 'has a header, and what is asked for');
    my ($stdout) = $shop->check([ 'audit', 'dev', '--kind', 'run,submission', '--limit', '3' ], 0, undef, 'a table');
    like($stdout, qr/\A +at +\| kind +\| +action .*\n---.*\n(?: 20.* \| run .*\n){3}\n\z/, 'as short as is asked for');
    $shop->check([ 'audit', 'dev', '--kind', 'seal' ], 0, qr/nothing of that is on record/, 'no such event');
    $shop->check([ 'audit', 'dev', '--kind', 'run,nonsense' ], 2, qr/invalid value for --kind: "nonsense"\n.*hint: It is one of: denied, refused, .*, cancel\.$/m, 'no such kind');
    is(scalar @{ $shop->json('audit', 'dev', "--$_", "x') OR true --") }, 0, "a filter is a value: $_") foreach qw(change role);
    $shop->check([ 'audit', 'dev-stranger' ], 13, qr/^ERROR:  permission denied.*dbm_grant\('audit'/ms, 'who may not read');
}

# --- doctor ------------------------------------------------------------------------------------

{
    my ($code, $stdout, $stderr) = $shop->run('doctor', 'dev', '--format', 'json');
    my $rows = decode_json($stdout);

    is_deeply([ sort keys %{ $rows->[0] } ], [qw(advice check_name environment finding health)], 'keys of doctor');
    is($code, (grep { $_->{health} eq 'error' } @$rows) ? 1 : 0, 'the exit code says whether there is an error');
    cmp_ok(scalar(grep { $_->{health} eq 'ok' } @$rows), '>', 0, 'a script sees what is well too');
    ($stdout) = ($shop->run('doctor', 'dev'))[1];
    unlike($stdout, qr/\| ok +\|/, 'a reader only what is not');
    like(($shop->run('doctor', 'dev', '--all'))[1], qr/\bok\b/, 'unless --all is said');
    is(($shop->run('doctor', 'dev', '--strict'))[0], (grep { $_->{health} =~ /error|warning/ } @$rows) ? 1 : 0, '--strict');
    $shop->check([ 'doctor', 'dev-stranger' ], 13, undef, 'without any capability');
    my $several = $shop->json('doctor', '--set', 'environment.prod.conninfo=host=/nonexistent');
    my ($missing) = grep { $_->{environment} eq 'prod' } @$several;
    is("$missing->{check_name} $missing->{health}", 'connection error', 'one that is not there is a finding');
    cmp_ok(scalar(grep { $_->{environment} eq 'dev' } @$several), '>', 3, 'and the others are still asked');
}
# --- attach ------------------------------------------------------------------------------------

{
    $node->safe_psql('template1', 'CREATE DATABASE copy TEMPLATE undo');
    my $copy = DbmRepository->new($node, copy => 'copy', 'copy-undoer' => { database => 'copy', user => 'undoer' });

    $copy->write('migrations/20260401_000000_x.sql' => "SELECT 1;\n");
    $copy->commit('x');
    $copy->check([ 'deploy', 'copy' ], 14, qr/^ERROR: .*\n(?:.*\n)*HINT: .*dbm_attach/m, 'a copy deploys nothing');
    my ($code, $stdout) = $copy->run('doctor', 'copy');
    is($code, 1, 'an error that doctor finds ends with 1');
    like($stdout, qr/identity +\| error |health +\| error/, 'and is shown');
    $copy->check([ 'attach', 'copy' ], 2, qr/the reason is missing.*--reason/s, 'attach without a reason');
    $copy->check([ 'attach', 'copy-undoer', '--reason', 'x' ], 13, qr/^ERROR: .*dbm_attach/m, 'without the capability');
    my $rows = $copy->json('attach', 'copy', '--reason', 'a rehearsal');
    is_deeply([ sort keys %{ $rows->[0] } ], [qw(applied environment guard guard_in_force identity tier)], 'keys of attach');
    is("$rows->[0]{environment} $rows->[0]{identity}", 'copy attached', 'attach');
    $copy->check([ 'attach', 'copy', '--reason', 'again' ], 1, qr/attached as environment "copy" already/, 'once');
    is(($copy->run('doctor', 'copy'))[0], 0, 'and doctor finds no error');
    $copy->check([ 'deploy', 'copy' ], 0, undef, 'and it deploys');
}

# --- reset -------------------------------------------------------------------------------------

my $scrap = DbmRepository->new($node, scrap => 'scrap', 'scrap-keeper' => { database => 'scrap', user => 'keeper' },
    'scrap-deployer' => { database => 'scrap', user => 'deployer' });
dbm_database($node, 'scrap', environment => 'scrap');
$node->safe_psql('scrap', "SELECT dbm_grant('deploy', 'deployer')");
$scrap->write('migrations/20260501_000000_x.sql' => "CREATE TABLE x (id int);\n",
    'migrations/20260501_000000_x.rollback.sql' => "DROP TABLE x;\n");
$scrap->commit('x');
$scrap->check([ 'deploy', 'scrap' ], 0, undef, 'something to drop');
$scrap->check([ 'reset', 'scrap' ], 2, qr/no terminal.*--yes/s, 'without a terminal it must be said');
$scrap->check([ 'reset', 'scrap', '--yes' ], 17, qr/^ERROR:  dbm_reset is not allowed in environment "scrap"/m, 'where it is not allowed');
$scrap->check([ 'reset', 'scrap-deployer', '--yes' ], 13, qr/^ERROR: .*dbm_reset/m, 'without the capability');
is(tables('scrap'), 'x', 'nothing was dropped');
$node->safe_psql('scrap', "SELECT dbm_configure('allow_reset', 'on')");
{
    my $rows = $scrap->json('reset', 'scrap', '--yes', '--reason', 'again from the start');

    is_deeply([ sort keys %{ $rows->[0] } ], [qw(changes deployment objects root_after root_before)], 'keys of reset');
    is($rows->[0]{changes}, 1, 'reset');
    is(tables('scrap'), '', 'all is gone');
    is($node->safe_psql('scrap', "SELECT reason FROM dbmaestro.change_history WHERE outcome = 'reset'"), 'again from the start', 'with the reason');
}

# --- what is asked on a terminal -------------------------------------------------------------------

# Runs dbmaestro on a terminal, answers what it asks, and returns exit code and all that appeared.
sub answer
{
    my ($repository, $answer, @arguments) = @_;
    my ($input, $output) = ('', '');
    # this terminal has no height, and everything would go through a pager
    local $ENV{PAGER} = 'cat';
    my $harness = IPC::Run::start([ 'dbmaestro', '-C', $repository->{directory}, @arguments ],
        '<pty<', \$input, '>pty>', \$output, '2>&1',
        IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));

    $harness->pump until $output =~ /\(yes\/no\) $|drop all: ?$/ || !$harness->pumpable;
    $input .= "$answer\n";
    $harness->finish;
    $output =~ s/\r\n?/\n/g;
    return ($harness->full_result >> 8, $output);
}

SKIP:
{
    skip 'IO::Pty is not installed: what is asked on a terminal was not tried', 1 unless eval { require IO::Pty; 1 };

    $scrap->check([ 'deploy', 'scrap' ], 0, undef, 'something to roll back');
    my ($code, $output) = answer($scrap, 'no', 'rollback', 'scrap', '20260501_000000_x');
    is($code, 1, 'no: exit code 1') or diag($output);
    like($output, qr/To be rolled back in "scrap", in this order:\n  20260501_000000_x\nRoll back 1 change in "scrap"\? \(yes\/no\)/,
        'it is shown and asked');
    like($output, qr/nothing was rolled back/, 'and not done');
    is(tables('scrap'), 'x', 'so it is');
    ($code, $output) = answer($scrap, 'yes', 'rollback', 'scrap', '20260501_000000_x');
    is($code, 0, 'yes') or diag($output);
    is(tables('scrap'), '', 'is done');
    $scrap->check([ 'deploy', 'scrap' ], 0, undef, 'something to drop');
    ($code, $output) = answer($scrap, 'yes', 'reset', 'scrap');
    is($code, 1, 'reset: yes is not the name') or diag($output);
    like($output, qr/everything in database "scrap", which is environment "scrap", will be dropped.*Changes that are applied there: 1\./s, 'it is said what goes');
    is(tables('scrap'), 'x', 'and nothing is done');
    ($code, $output) = answer($scrap, 'scrap', 'reset', 'scrap');
    is($code, 0, 'reset: the name') or diag($output);
    is(tables('scrap'), '', 'and all is gone');
    ($code, $output) = answer($scrap, 'prod', 'reset', 'scrap', '--set', 'environment.scrap.conninfo=' . $node->connstr('prod'));
    like($output, qr/which is environment "prod"/, 'the name is the one that the database has');
    isnt($code, 0, 'and its own refusal stands');
}

$node->stop;
done_testing();
