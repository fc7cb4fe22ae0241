# The command line and a change of which some steps are done: a person's word
# about a step that the catalogs cannot prove, a script that was corrected in
# the meantime, and what each refusal says is the next command.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmRepository;
use DbmSession;
use DbmTest;
use Digest::SHA qw(sha256_hex);
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dbm_node('main', bare => 1, conf => "fsync = off\nautovacuum = off\n");
$node->safe_psql('postgres', 'CREATE ROLE shop_owner; CREATE ROLE deployer LOGIN; CREATE ROLE onlooker LOGIN');
dbm_database($node, 'shop', environment => 'prod', run_as => 'shop_owner');
$node->safe_psql('shop', $_)
  foreach 'GRANT CREATE, USAGE ON SCHEMA public TO shop_owner',
  "SELECT dbm_grant('deploy', 'deployer')", "SELECT dbm_grant('rollback', 'deployer')",
  "SELECT dbm_configure('change_name_pattern', '.')", "SELECT dbm_guard('enforce')";

my $shop = DbmRepository->new($node, prod => { database => 'shop', user => 'deployer' },
    other => { database => 'shop', user => 'onlooker' });
my $number = 0;

sub value { return $node->safe_psql('shop', $_[0]); }

# Adds a change of three steps on a table of its own, which is there; returns its name.
sub new_change
{
    my ($table) = @_;
    my $name = sprintf('20260101_%06d_%s', ++$number, $table);

    dbm_apply($node, 'shop', "table_of_$table",
        "CREATE TABLE public.$table (id int PRIMARY KEY, word text); INSERT INTO public.$table SELECT g, 'word ' || g / 2 FROM generate_series(1, 100) AS g");
    $shop->write("migrations/$name.sql" => <<SQL, "migrations/$name.rollback.sql" => <<ROLLBACK);
CREATE VIEW public.${table}_v AS SELECT id FROM public.$table;
CREATE INDEX CONCURRENTLY ${table}_word ON public.$table (word);
COMMENT ON TABLE public.$table IS 'done';
SQL
DROP INDEX CONCURRENTLY IF EXISTS public.${table}_word;
COMMENT ON TABLE public.$table IS NULL;
DROP VIEW IF EXISTS public.${table}_v;
ROLLBACK
    $shop->commit($name);
    return $name;
}

# Deploys it, and ends the backend half way through the build.
sub interrupt
{
    my ($table) = @_;
    my $blocker = DbmSession->new($node, 'shop');

    $blocker->query("BEGIN; INSERT INTO $table VALUES (-1, 'held'); DELETE FROM $table WHERE id = -1");
    my $started = $shop->start('deploy', 'prod');
    $node->poll_query_until('shop', "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'dbmaestro step' AND wait_event_type = 'Lock')");
    value('SELECT pg_terminate_backend(lock_pid) FROM dbm_status()');
    is($shop->finish($started), 10, "$table: cut short");
    $node->poll_query_until('shop', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'dbmaestro step')");
    $node->poll_query_until('shop', 'SELECT lock_pid IS NULL FROM dbm_status()');
    $blocker->close;
    return;
}

# Somebody makes another index of that name: now nobody knows.
sub obscure
{
    my ($table) = @_;

    dbm_apply($node, 'shop', "obscure_$table", "DROP INDEX public.${table}_word; CREATE INDEX ${table}_word ON public.$table (id)");
    return;
}

sub state_of { return value("SELECT state FROM dbmaestro.change WHERE change = '$_[0]'"); }

# --- what takes no time ----------------------------------------------------------------

$shop->check([ 'resume', 'prod', '--interrupted', 'done' ], 2, qr/--interrupted is about one change, and none is named\n.*hint: Name the change: dbmaestro resume ENVIRONMENT CHANGE/, 'no change');
$shop->check([ 'resume', 'prod', '--reason', 'x' ], 2, qr/--reason is about one change/, 'a reason for nothing');
$shop->check([ 'resume', 'prod', '-y' ], 2, qr/--yes is about one change/, 'yes to nothing');
$shop->check([ 'resume', 'prod', 'x', '--to', 'y' ], 2, qr/--to is about a deployment, and a change is named/, 'a part of a change');
$shop->check([ 'resume', 'prod', 'x', '--dry-run' ], 2, qr/--dry-run is about a deployment/, 'nothing to show');
$shop->check([ 'resume', 'prod', 'x', '--interrupted', 'perhaps' ], 2, qr/done.*again/s, 'another word');
$shop->check([ 'resume', 'prod', 'nonsense' ], 1, qr/ERROR:  change "nonsense" does not exist in this environment/, 'no such change');
$shop->check([ 'resume', 'prod', 'nonsense', '--interrupted', 'done' ], 1, qr/^ERROR:  change "nonsense" does not exist in this environment/m, 'nothing to vouch for');

# --- one that needs no word ---------------------------------------------------------------

my $plain = new_change('plain');
$shop->check([ 'submit', 'prod' ], 0, undef, 'plain: it can be submitted, although it needs steps');
interrupt('plain');
{
    my ($code, $stdout, $stderr) = $shop->run('--format', 'json', 'resume', 'prod', $plain);
    my $told = decode_json($stdout);

    is($code, 0, 'plain: resumed') or diag($stderr);
    is(join(' ', sort keys %$told), 'changes environment error outcome', 'plain: its keys');
    is("$told->{environment} $told->{outcome} $told->{changes}[0]{change} $told->{changes}[0]{outcome}", "prod succeeded $plain applied", 'plain: what it tells');
    like($told->{changes}[0]{duration}, qr/^\d\d:\d\d:\d\d/, 'plain: how long it has taken');
    $told = $shop->json('resume', 'prod', $plain);
    is("$told->{outcome} $told->{changes}[0]{outcome}", 'succeeded already applied', 'plain: once more');
    $told = $shop->json('resume', 'prod');
    is($told->{outcome}, 'nothing to do', 'plain: the deployment has nothing else');
}

# --- a person's word --------------------------------------------------------------------

foreach my $word (qw(done again))
{
    my $table = "doubt_$word";
    my $change = new_change($table);

    interrupt($table);
    obscure($table);
    my (undef, $stderr) = $shop->check([ 'deploy', 'prod' ], 1, qr/^ERROR:  nobody knows whether step 2 of change "$change" was done/m, "$word: nobody knows");
    like($stderr, qr/hint: Run "dbmaestro resume prod $change" to go on, with --interrupted done or --interrupted again .*"dbmaestro rollback prod $change" to go back/, "$word: the next command");
    $shop->check([ 'resume', 'prod', $change ], 1, qr/^ERROR:  nobody knows.*hint: Run "dbmaestro resume prod $change" to go on, with --interrupted/ms, "$word: by its name");
    $shop->check([ 'resume', 'other', $change, '--interrupted', $word, '-y' ], 13, qr/permission denied/, "$word: not by somebody else");
    IPC::Run::run([ 'script', '-q', '-e', '-c', "dbmaestro -C $shop->{directory} resume prod $change --interrupted $word", '/dev/null' ],
        '<', \"no\n", '>', \my $no);
    my $question = $word eq 'done' ? 'Vouch for it that this statement was done in "prod"?' : 'Run this statement once more in "prod"?';
    like($no, qr/change "$change" in "prod" is interrupted at step 2 of 3, statement 2 at line 2\r?\n  Index .*\Q$question\E.*nothing was resumed/s, "$word: on a terminal it shows what is known, and asks");
    is(state_of($change), 'partial', "$word: no is no");
    if ($word eq 'done')
    {
        is($shop->json('resume', 'prod', $change, '--interrupted', 'done', '--reason', 'looked', '-y')->{changes}[0]{outcome}, 'applied', 'done: taken at the word');
        is(value("SELECT s.state || ': ' || s.evidence FROM dbmaestro.run_step AS s JOIN dbmaestro.run AS r ON r.id = s.run WHERE change = '$change' AND s.ordinal = 2"),
            'adopted: Role "deployer" said that it was done.', 'done: on record');
        is(value("SELECT reason FROM dbmaestro.run WHERE change = '$change'"), 'looked', 'done: with the reason');
    }
    else
    {
        $shop->check([ 'resume', 'prod', $change, '--interrupted', 'again', '-y' ], 1, qr/^ERROR:  relation "${table}_word" already exists/m, 'again: the server says what is in the way');
        dbm_apply($node, 'shop', 'out_of_the_way', "DROP INDEX public.${table}_word");
        $shop->check([ 'resume', 'prod', $change ], 0, undef, 'again: out of the way, it goes on');
    }
    is(state_of($change), 'applied', "$word: applied");
    $shop->check([ 'resume', 'prod' ], 0, undef, "$word: the rest of the deployment");
}

# --- a script that was corrected in the meantime ---------------------------------------------

# A unique index that fails on duplicates; corrected: no unique one.
{
    my $change = new_change('corrected');
    my $file = "migrations/$change.sql";
    my $script = slurp_file($shop->path($file));

    $shop->write($file => $script =~ s/CREATE INDEX/CREATE UNIQUE INDEX/r);
    $shop->commit('unique');
    my (undef, $stderr) = $shop->check([ 'deploy', 'prod' ], 1, qr/^ERROR:  could not create unique index "corrected_word"/m, 'corrected: duplicates');
    like($stderr, qr/hint: Run "dbmaestro deploy prod" again: it goes on with "$change"/, 'corrected: the same script would go on');
    is(state_of($change), 'partial', 'corrected: one step is done');
    $shop->write($file => $script);
    $shop->commit('not unique');
    my ($row) = grep { $_->{change} eq $change } @{ $shop->json('plan', 'prod') };
    is($row->{state}, 'changed', 'corrected: the plan says so');
    $shop->check([ 'plan', 'prod', '--exit-code' ], 9, undef, 'corrected: with its exit code');
    (undef, $stderr) = $shop->check([ 'deploy', 'prod' ], 9, qr/^ERROR:  change "$change" is applied in part, with other content/m, 'corrected: refused');
    like($stderr, qr/hint: Run "dbmaestro rollback prod $change" to take back what is done of it and deploy again, or "dbmaestro resume prod $change" to go on with what was begun\.$/m, 'corrected: the next command');
    unlike($stderr, qr/again: it goes on/, 'corrected: and no other');
    my $told = $shop->json('rollback', 'prod', $change, '--yes');
    is($told->{changes}[0]{outcome}, 'rolled back', 'corrected: rolled back') or diag($told->{error}{message});
    like($told->{changes}[0]{duration}, qr/^\d\d:\d\d:\d\d/, 'corrected: in some time');
    is(value("SELECT to_regclass('corrected_v')"), '', 'corrected: nothing is left');
    $told = $shop->json('deploy', 'prod');
    is("$told->{outcome} $told->{changes}[0]{outcome}", 'succeeded applied', 'corrected: and deployed');
    like($told->{changes}[0]{duration}, qr/^\d\d:\d\d:\d\d/, 'corrected: in some time');
    is(value("SELECT indisunique FROM pg_index WHERE indexrelid = 'corrected_word'::regclass"), 'f', 'corrected: as it says now');

    # corrected so that it needs no steps any more
    my $second = new_change('shorter');
    $shop->write("migrations/$second.sql" => "CREATE VIEW public.shorter_v AS SELECT id FROM public.shorter;\nCREATE UNIQUE INDEX CONCURRENTLY shorter_word ON public.shorter (word);\n");
    $shop->commit('unique');
    $shop->check([ 'deploy', 'prod' ], 1, qr/could not create unique index/, 'shorter: duplicates');
    $shop->write("migrations/$second.sql" => "CREATE VIEW public.shorter_v AS SELECT id FROM public.shorter;\n");
    $shop->commit('no index');
    $shop->check([ 'deploy', 'prod' ], 9, qr/with other content.*"dbmaestro rollback prod $second"/s, 'shorter: refused as well');
    $shop->check([ 'deploy', 'prod', '--single-transaction' ], 9, qr/is applied in part, with other content.*"dbmaestro rollback prod $second"/s, 'shorter: in one transaction too');
    $shop->check([ 'rollback', 'prod', $second, '--yes' ], 0, undef, 'shorter: rolled back');
    $shop->check([ 'deploy', 'prod' ], 0, undef, 'shorter: deployed');
    is(state_of($second), 'applied', 'shorter: applied');
}

# --- a rollback that comes to no end goes on by its name too -------------------------------------

{
    my $change = new_change('back');

    $shop->check([ 'deploy', 'prod' ], 0, undef, 'back: applied');
    my $blocker = DbmSession->new($node, 'shop');
    $blocker->query('BEGIN; SELECT count(*) FROM back');
    my $started = $shop->start('rollback', 'prod', $change, '--yes');
    $node->poll_query_until('shop', "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'dbmaestro step' AND wait_event_type = 'Lock')");
    value('SELECT pg_terminate_backend(lock_pid) FROM dbm_status()');
    is($shop->finish($started), 10, 'back: cut short');
    $blocker->close;
    $node->poll_query_until('shop', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'dbmaestro step')");
    $shop->check([ 'deploy', 'prod' ], 10, qr/is rolled back in part.*"dbmaestro resume prod $change"/s, 'back: it is not deployed meanwhile');
    is($shop->json('resume', 'prod', $change)->{changes}[0]{outcome}, 'rolled back', 'back: resumed');
    is(state_of($change), 'rolled back', 'back: to its end');
}

# --- a rollback script that fails half way is corrected in Git ----------------------------------------

sub script_of
{
    my ($change) = @_;

    return value("SELECT encode(script, 'hex') FROM dbmaestro.run WHERE change = '$change' ORDER BY id DESC LIMIT 1");
}

{
    my $change = new_change('wrong');
    my $file = "migrations/$change.rollback.sql";
    my $right = slurp_file($shop->path($file));
    my $script = slurp_file($shop->path("migrations/$change.sql"));

    $shop->write($file => $right =~ s/COMMENT ON TABLE public.wrong/COMMENT ON TABLE public.wrongly/r);
    $shop->commit('wrong');
    $shop->check([ 'deploy', 'prod' ], 0, undef, 'wrong: applied');
    # what was promised stands while it is all there
    $shop->write($file => "DROP TABLE public.wrong;\n");
    $shop->commit('another one');
    my (undef, $stderr) = $shop->check([ 'rollback', 'prod', $change, '--yes' ], 1, qr/^ERROR:  relation "public.wrongly" does not exist/m, 'wrong: the stored one fails');
    like($stderr, qr/corrected rollback script/, 'wrong: what can be done');
    is(state_of($change), 'partial', 'wrong: the index is gone, and that is all');
    $shop->check([ 'rollback', 'prod', $change, '--yes' ], 1, qr/corrected rollback script of change "$change" does not begin with what is done.*statement 1 is missing or not the same/s,
        'wrong: what was done is not in the corrected one');

    # two scripts at once: it is not the rollback script of what was applied
    $shop->write($file => $right, "migrations/$change.sql" => "$script-- and more\nSELECT 1;\n");
    $shop->commit('both');
    $shop->check([ 'rollback', 'prod', $change, '--yes' ], 1,
        qr/change "$change" was applied with another script than commit [0-9a-f]{10} has: the stored rollback script runs, not the one there.*relation "public.wrongly" does not exist/s, 'wrong: of another script');
    is(value("SELECT count(*) FROM dbmaestro.audit_event WHERE kind = 'refused' AND change = '$change' AND sqlstate = 'MA020'"), 0, 'wrong: that was an answer, no refusal');

    # without Git the stored one is all there is
    my $bare = PostgreSQL::Test::Utils::tempdir_short();
    PostgreSQL::Test::Utils::append_to_file("$bare/dbmaestro.conf", slurp_file($shop->path('dbmaestro.conf')));
    IPC::Run::run([ 'dbmaestro', '-C', $bare, 'rollback', 'prod', $change, '--yes' ], '<', \undef, '>', \my $out, '2>', \my $err);
    like($err, qr/^ERROR:  relation "public.wrongly" does not exist/m, 'wrong: without a repository the stored one runs');

    $shop->write("migrations/$change.sql" => $script);
    $shop->check([ 'rollback', 'prod', $change, '--yes' ], 1, qr/public.wrongly/, 'wrong: what is not committed does not count');
    my $told = $shop->json('rollback', 'prod', $change, '--yes', '--reason', 'corrected', '--worktree');
    is($told->{changes}[0]{outcome}, 'rolled back', 'wrong: from the work tree') or diag($told->{error}{message});
    is(state_of($change), 'rolled back', 'wrong: to its end');
    is(value("SELECT encode(rollback, 'hex') FROM dbmaestro.change WHERE change = '$change'"), script_of($change), 'wrong: on record is what ran');
    is(script_of($change), sha256_hex($right), 'wrong: which is the corrected one');
    is(value("SELECT string_agg(outcome || ' ' || statements || coalesce(' ' || reason, ''), ', ' ORDER BY id) FROM dbmaestro.run WHERE change = '$change' AND direction = 'rollback'"),
        'partial 1, rolled back 2 corrected', 'wrong: and each run with what it did');

    # deployed in part, and the way back was forgotten
    my $second = new_change('forgotten');
    $shop->write("migrations/$second.sql" => "CREATE VIEW public.forgotten_v AS SELECT 1 AS i;\nCREATE UNIQUE INDEX CONCURRENTLY forgotten_word ON public.forgotten (word);\n");
    unlink $shop->path("migrations/$second.rollback.sql");
    $shop->commit('no way back');
    $shop->check([ 'deploy', 'prod' ], 1, qr/could not create unique index/, 'forgotten: in part');
    $shop->check([ 'rollback', 'prod', $second, '--yes' ], 1, qr/change "$second" has no rollback script/, 'forgotten: no way back');
    $shop->write("migrations/$second.rollback.sql" => "DROP VIEW public.forgotten_v;\n");
    $shop->commit('a way back');
    is($shop->json('rollback', 'prod', $second, '--yes')->{changes}[0]{outcome}, 'rolled back', 'forgotten: written at last');
    unlink $shop->path($_) foreach map { ("migrations/$_.sql", "migrations/$_.rollback.sql") } $second, $change;
    $shop->commit('gone');
}

# --- a lock that cannot be had: the server tries again, and not the client once more ----------------

{
    my $change = new_change('locked');

    $shop->write("migrations/$change.sql" => "ALTER TABLE public.locked ADD COLUMN more int;\nCREATE INDEX CONCURRENTLY locked_word ON public.locked (word);\n",
        "migrations/$change.rollback.sql" => "ALTER TABLE public.locked DROP COLUMN IF EXISTS more;\nDROP INDEX CONCURRENTLY IF EXISTS public.locked_word;\n");
    $shop->commit('locked');
    $shop->check([ 'deploy', 'prod' ], 0, undef, 'locked: applied');
    value("SELECT dbm_configure('$_->[0]', '$_->[1]')") foreach [ lock_timeout => '50ms' ], [ lock_retries => 2 ], [ lock_retry_delay => '10ms' ];
    my $blocker = DbmSession->new($node, 'shop');
    $blocker->query('BEGIN; SELECT count(*) FROM locked');
    my (undef, $stderr) = $shop->check([ 'rollback', 'prod', $change, '--yes', '--lock-retries', '2' ], 8, undef, 'locked: given up');
    unlike($stderr, qr/trying again in.*trying again in.*trying again in/s, 'locked: not more often than allowed');
    $blocker->close;
    $shop->check([ 'rollback', 'prod', $change, '--yes' ], 0, undef, 'locked: and afterwards');
}

$node->stop;
done_testing();
