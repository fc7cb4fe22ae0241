# What the command line says of changes that are there in part, whichever
# command meets them: the commands that are right then, and their exit codes.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmRepository;
use DbmTest;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dbm_node('main', bare => 1, conf => "fsync = off\nautovacuum = off\n");
$node->safe_psql('postgres', 'CREATE ROLE shop_owner; CREATE ROLE deployer LOGIN; CREATE ROLE onlooker LOGIN');
dbm_database($node, 'shop', environment => 'prod', run_as => 'shop_owner');
value($_)
  foreach 'GRANT CREATE, USAGE ON SCHEMA public TO shop_owner',
  "SELECT dbm_grant('deploy', 'deployer')", "SELECT dbm_grant('rollback', 'deployer')",
  "SELECT dbm_configure('change_name_pattern', '.')";

my $shop = DbmRepository->new($node, prod => { database => 'shop', user => 'deployer' },
    other => { database => 'shop', user => 'onlooker' });

sub value { return $node->safe_psql('shop', $_[0]); }
sub state_of { return value("SELECT state FROM dbmaestro.change WHERE change = '$_[0]'"); }

sub in_steps
{
    my ($change, @scripts) = @_;

    $node->psql('shop', "CALL dbm_apply_in_steps('$change', " . join(', ', map { dbm_quote($_) } @scripts) . ')');
    return;
}

# A terminal on which somebody types; returns exit code and all that appears.
sub type
{
    my ($typed, @arguments) = @_;
    local $ENV{PAGER} = 'cat';
    IPC::Run::run([ 'script', '-q', '-e', '-c', "dbmaestro -C $shop->{directory} @arguments", '/dev/null' ],
        '<', \"$typed\n", '>', \my $shown);
    return ($? >> 8, $shown =~ s/\r//gr);
}

# A commit that is there, and another change that psql has begun and not ended.
dbm_apply($node, 'shop', 'tables', 'CREATE TABLE public.t (i int); INSERT INTO public.t VALUES (1), (1); CREATE TABLE public.p (i int) PARTITION BY LIST (i)');
$shop->write('migrations/20260101_000001_first.sql' => "CREATE VIEW public.first_v AS SELECT 1;\n",
    'migrations/20260101_000001_first.rollback.sql' => "DROP VIEW public.first_v;\n",
    'migrations/20260101_000002_second.sql' => "CREATE VIEW public.second_v AS SELECT 1;\n",
    'migrations/20260101_000002_second.rollback.sql' => "DROP VIEW public.second_v;\n");
$shop->commit('Two');
$shop->check([ 'deploy', 'prod' ], 0, undef, 'deployed');
my $first = '20260101_000001_first';
my $second = '20260101_000002_second';

# --- nothing in part ------------------------------------------------------------------------

$shop->check([ 'resume', 'prod' ], 0, qr/nothing to resume in "prod"/, 'nothing to resume');
my ($known) = $shop->run('status', 'prod');

# --- on its way forth -------------------------------------------------------------------------

in_steps('forth', "CREATE VIEW public.a AS SELECT 1;\nCREATE UNIQUE INDEX CONCURRENTLY t_i ON public.t (i);", 'DROP VIEW public.a');
is(state_of('forth'), 'partial', 'forth: there in part');
my $place = qr/change "forth" in "prod" is partial at step 2 of 2, statement 2 at line 2/;
my $advice = qr/Run "dbmaestro resume prod forth" to go on, or "dbmaestro rollback prod forth" to go back\./;

{
    my ($stdout, $stderr) = $shop->check([ 'status', 'prod' ], 0, qr/^$place\n  There is no index public\.t_i\.\n  $advice$/m, 'forth: status');

    unlike($stderr, qr/at partial/, 'forth: no word twice');
    ($stdout, $stderr) = $shop->check([ 'resume', 'prod' ], 10, qr/^dbmaestro: error: $place\ndbmaestro: detail: There is no index public\.t_i\.\ndbmaestro: hint: $advice\n\z/, 'forth: resume without its name');
    is($stdout, '', 'forth: and nothing that reads like success');
    ($stdout, $stderr) = $shop->check([ 'rollback', 'prod', '--to', $first, '-y' ], 10,
        qr/^dbmaestro: error: cannot roll back all behind "$first" while a change is there in part\ndbmaestro: error: $place\n.*hint: $advice\n\z/s, 'forth: rollback --to');
    is(state_of($second), 'applied', 'forth: nothing was rolled back');
    $shop->check([ 'rollback', 'prod', '--to', 'forth', '-y' ], 10, qr/hint: $advice/, 'forth: behind itself');
    $shop->check([ 'resume', 'other' ], 13, qr/permission denied/, 'forth: who may see nothing is told nothing');
}

# what is typed literally is right
{
    my ($command) = ($shop->run('resume', 'prod'))[2] =~ /"dbmaestro (resume prod \S+)"/;

    $shop->check([ split / /, $command ], 1, qr/could not create unique index "t_i"/, 'forth: the command is the right one');
}

# --- a word that nobody needs ------------------------------------------------------------------

foreach my $word (qw(done again))
{
    my ($code, $shown) = type('no', 'resume', 'prod', 'forth', '--interrupted', $word);

    is($code, 1, "$word: the server is asked first");
    like($shown, qr/^--interrupted $word is not needed, and not taken: There is no index public\.t_i\.\n.*ERROR:  could not create unique index/ms, "$word: it says that it needs no word");
    unlike($shown, qr{yes/no}, "$word: and asks nothing");
    $shop->check([ 'resume', 'prod', 'forth', '--interrupted', $word ], 1, qr/is not needed/, "$word: without a terminal neither");
}
$shop->check([ 'resume', 'prod', $first, '--interrupted', 'done' ], 0, undef, 'one that is applied');
$shop->check([ 'resume', 'prod', 'nosuch', '--interrupted', 'done' ], 1, qr/change "nosuch" does not exist/, 'one that is none');
$shop->check([ 'resume', 'other', 'forth', '--interrupted', 'done' ], 13, qr/permission denied/, 'one of others');

# --- a word that may be needed ------------------------------------------------------------------

in_steps('slip', "CREATE VIEW public.b AS SELECT 1;\nALTER TABLE public.p DETACH PARTITION public.p_1 CONCURRENTLY;", 'DROP VIEW public.b');
is(state_of('slip'), 'partial', 'slip: there in part');
{
    my $slip = qr/Run "dbmaestro resume prod slip" to go on, with --interrupted done or --interrupted again as you find it, or "dbmaestro rollback prod slip" to go back\./;
    my (undef, $stderr) = $shop->check([ 'resume', 'prod' ], 10, qr/change "slip" in "prod" is partial.*hint: $slip\n.*$place.*hint: $advice\n\z/s, 'slip: each with its command');
    $shop->check([ 'status', 'prod' ], 0, qr/^change "slip" .*\n.*\n  $slip\n$place/m, 'slip: status tells of both');
    $shop->check([ 'resume', 'prod', 'slip', '--interrupted', 'done' ], 2, qr/needs a confirmation/, 'slip: nobody to ask');
    my ($code, $shown) = type('no', 'resume', 'prod', 'slip', '--interrupted', 'done');
    is($code, 1, 'slip: no is no');
    like($shown, qr/change "slip" in "prod" is partial .*\n  There is no table p(?:ublic\.p)?_1\.\nVouch for it .*nothing was resumed/s, 'slip: asked with what is known');
    $shop->check([ 'resume', 'prod', 'slip', '--interrupted', 'done', '-y' ], 0, undef, 'slip: vouched for');
    is(value("SELECT s.state FROM dbmaestro.run_step AS s JOIN dbmaestro.run AS r ON r.id = s.run WHERE change = 'slip' AND s.ordinal = 2"), 'adopted', 'slip: on record');
}

# --- on its way back ----------------------------------------------------------------------------

$shop->check([ 'rollback', 'prod', 'forth', '-y' ], 0, undef, 'forth: rolled back');
in_steps('back', 'CREATE INDEX CONCURRENTLY t_j ON public.t (i);', "DROP INDEX CONCURRENTLY public.t_j;\nSELECT 1 / 0;");
$shop->check([ 'rollback', 'prod', 'back', '-y' ], 1, qr/division by zero/, 'back: comes half way');
{
    my $where = qr/change "back" in "prod": rollback script, partial at step 2 of 2, statement 2 at line 2/;
    my $resume = qr/Run "dbmaestro resume prod back" to go on with its rollback, or, with a corrected rollback script in the commit, "dbmaestro rollback prod back"\./;
    my (undef, $stderr) = $shop->check([ 'status', 'prod' ], 0, qr/^$where\n  .*\n  $resume$/m, 'back: status');

    unlike($stderr, qr/go(?:es)? back/, 'back: it goes back already');
    (undef, $stderr) = $shop->check([ 'resume', 'prod' ], 10, qr/error: $where\n.*hint: $resume\n\z/s, 'back: resume without its name');
    $shop->check([ 'rollback', 'prod', '--to', $first, '-y' ], 10, qr/error: $where\n.*hint: $resume\n\z/s, 'back: rollback --to');
    $shop->write('migrations/back.sql' => "CREATE VIEW public.c AS SELECT 1;\n");
    $shop->commit('Back');
    my ($row) = grep { $_->{change} eq 'back' } @{ $shop->json('plan', 'prod') };
    is($row->{state}, 'partial', 'back: in the plan, whatever its content');
    (undef, $stderr) = $shop->check([ 'deploy', 'prod' ], 10, qr/is rolled back in part.*hint: $resume/s, 'back: not deployed meanwhile');
    unlike($stderr, qr/take back what is done/, 'back: no other advice');
}

# --- a script that was corrected: plan and deploy say the same -------------------------------------

$shop->git('rm', '-q', 'migrations/back.sql');
$shop->commit('No back');
$shop->write('migrations/20260101_000003_third.sql' => "CREATE VIEW public.d AS SELECT 1;\nCREATE UNIQUE INDEX CONCURRENTLY t_k ON public.t (i);\n");
$shop->commit('Third');
$shop->check([ 'deploy', 'prod' ], 1, qr/could not create unique index/, 'third: half way');
$shop->check([ 'plan', 'prod', '--exit-code' ], 3, undef, 'third: pending');
$shop->check([ 'resume', 'prod', '-n' ], 0, undef, 'third: what resume would do');
$shop->write('migrations/20260101_000003_third.sql' => "CREATE VIEW public.d AS SELECT 1;\n");
$shop->commit('Corrected');
$shop->check([ 'plan', 'prod', '--exit-code' ], 9, undef, 'third: corrected, says the plan');
$shop->check([ 'deploy', 'prod', @$_ ], 9, qr/is applied in part, with other content.*"dbmaestro rollback prod 20260101_000003_third" to take back/s, "third: and deploy @$_") foreach [], ['-1'];

# --- one that no deployment goes on with -------------------------------------------------------------

value('DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t)');
$shop->write('migrations/20260101_000003_third.sql' => "CREATE VIEW public.d AS SELECT 1;\nCREATE UNIQUE INDEX CONCURRENTLY t_k ON public.t (i);\n");
$shop->commit('Third once more');
$shop->check([ 'deploy', 'prod' ], 0, undef, 'third: as it was, it goes on');
$shop->check([ 'resume', 'prod' ], 10, qr/change "back" in "prod"/, 'back is still to be seen to');

# --- names of nothing ---------------------------------------------------------------------------------

$shop->check([ 'deploy', 'prod', '--to', 'nosuch' ], 1, qr/there is no change "nosuch" in commit .*\n.*hint: Run "dbmaestro plan prod" to see what is pending/, '--to nothing, with nothing pending');
$shop->check([ 'deploy', 'prod', '--to', $first ], 0, qr/nothing to do: "prod" has all changes of commit \S+ up to "$first"/, '--to what is there');
$shop->check([ 'promote', 'prod', 'other', '--to', 'nosuch' ], 13, undef, 'a right comes first');

$node->stop;
done_testing();
