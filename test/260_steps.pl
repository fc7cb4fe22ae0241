# A run in steps that is cut short at each of its boundaries, by the end of its
# client, of its backend, of its worker, of the postmaster: status says where it
# stands, and dbm_resume goes on to the same end.
#
# A session of ours holds a lock that the step has to wait for, so that there is
# time to cut it short.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmSession;
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $database = 'shop';
my $node = dbm_node(
    'steps',
    bare => 1,
    conf => "fsync = off\nautovacuum = off\nrestart_after_crash = on\n");
$node->safe_psql('postgres', 'CREATE ROLE shop_owner; CREATE ROLE deployer LOGIN');
dbm_database($node, $database, environment => 'prod', run_as => 'shop_owner');
$node->safe_psql($database, $_)
  foreach 'GRANT CREATE, USAGE ON SCHEMA public TO shop_owner',
  "SELECT dbm_grant('deploy', 'deployer')", "SELECT dbm_grant('rollback', 'deployer')",
  "SELECT dbm_configure('change_name_pattern', '.')", "SELECT dbm_guard('enforce')";

# table, rows; build; view; build; grant: five steps
sub script_of
{
    my ($name) = @_;

    return <<SCRIPT;
CREATE TABLE public.$name (id int PRIMARY KEY, word text);
INSERT INTO public.$name SELECT g, 'word ' || g FROM generate_series(1, 1000) AS g;
CREATE INDEX CONCURRENTLY ${name}_word ON public.$name (word);
CREATE VIEW public.${name}_v AS SELECT id FROM public.$name;
CREATE UNIQUE INDEX CONCURRENTLY ${name}_both ON public.$name (word, id);
COMMENT ON TABLE public.$name IS 'done';
SCRIPT
}

sub rollback_of
{
    my ($name) = @_;

    return <<SCRIPT;
DROP INDEX CONCURRENTLY IF EXISTS public.${name}_both;
DROP VIEW IF EXISTS public.${name}_v;
DROP INDEX CONCURRENTLY IF EXISTS public.${name}_word;
DROP TABLE IF EXISTS public.$name;
SCRIPT
}

sub call_of
{
    my ($name) = @_;

    return 'CALL dbm_apply_in_steps(' . join(', ', map { dbm_quote($_) } $name, script_of($name),
        rollback_of($name)) . ')';
}

sub value
{
    my ($sql) = @_;

    return $node->safe_psql($database, $sql);
}

sub poll
{
    my ($sql, $what) = @_;

    $node->poll_query_until($database, $sql) or die "not within the time: $what";
    return;
}

sub state_of
{
    my ($name) = @_;

    return value("SELECT state FROM dbmaestro.change WHERE change = '$name'");
}

# What is there when the change is wholly applied, whatever happened on the way.
sub is_complete
{
    my ($name, $what) = @_;

    is(value(<<SQL), "applied applied 6 6 1000 done t", "$what: complete, and recorded once");
SELECT concat_ws(' ', c.state, r.outcome, r.statements,
    (SELECT count(*) FROM dbmaestro.run_statement AS s WHERE s.run = r.id),
    (SELECT count(*) FROM $name), obj_description('$name'::regclass),
    (SELECT bool_and(indisvalid) AND count(*) = 3 FROM pg_index WHERE indrelid = '$name'::regclass))
  FROM dbmaestro.change AS c JOIN dbmaestro.run AS r ON r.id = c.applied_run WHERE c.change = '$name'
SQL
    is(value("SELECT string_agg(DISTINCT s.state, ' ') FROM dbmaestro.run_step AS s"
              . " JOIN dbmaestro.run AS r ON r.id = s.run WHERE r.change = '$name' AND kind <> 'cleanup'"),
        'done', "$what: each step is done");
    return;
}

# Holds back the build of an index by a transaction that has written the table
# and is older: the build waits for its end, half way through.
sub hold_back
{
    my ($name) = @_;
    my $blocker = DbmSession->new($node, $database);

    $blocker->query("BEGIN; INSERT INTO $name VALUES (-1, 'held'); DELETE FROM $name WHERE id = -1");
    return $blocker;
}

my $waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'dbmaestro step'"
  . " AND wait_event_type = 'Lock')";
my $no_worker = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'dbmaestro step')";
my $free = 'SELECT lock_pid IS NULL FROM dbm_status()';

# ---- undisturbed ----

my $session = DbmSession->new($node, $database, user => 'deployer');
is($session->query(call_of('plain')) =~ s/(\|\d+).*/$1/r, 'applied|1', 'undisturbed: applied');
is_complete('plain', 'undisturbed');
is($session->query(call_of('plain')) =~ s/(\|\d+).*/$1/r, 'already applied|1', 'undisturbed: and it is known');
is(value("SELECT string_agg(DISTINCT run_as, ' ') FROM dbmaestro.run"), 'shop_owner',
    'undisturbed: it ran as the role that may not log in');
is(value("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'plain_word'"), 'shop_owner',
    'undisturbed: which owns what the worker made');
is(value("SELECT string_agg(identity, ' ' ORDER BY ordinal) FROM dbmaestro.run_object"
          . " WHERE run = 1 AND statement IN (3, 5)"), 'public.plain_word public.plain_both',
    'undisturbed: what the worker made is on record');
is($session->query("CALL dbm_rollback_in_steps('plain')") =~ s/(\|\d+).*/$1/r, 'rolled back|2', 'undisturbed: rolled back');
is(value("SELECT to_regclass('plain')"), '', 'undisturbed: nothing is left');

# ---- cut short in the middle of the first build ----

# The session waits for an older transaction in the build of the index: that
# takes a table which is there before, so each story has one of its own.
sub cut_script
{
    my ($name) = @_;

    return <<SCRIPT;
CREATE VIEW public.${name}_v AS SELECT id FROM public.$name;
CREATE INDEX CONCURRENTLY ${name}_word ON public.$name (word);
COMMENT ON TABLE public.$name IS 'done';
SCRIPT
}

sub cut_call
{
    my ($name) = @_;

    return "CALL dbm_apply_in_steps('$name', " . dbm_quote(cut_script($name)) . ', '
      . dbm_quote("DROP INDEX CONCURRENTLY IF EXISTS public.${name}_word;\n"
          . "COMMENT ON TABLE public.$name IS NULL;\nDROP VIEW public.${name}_v;") . ')';
}

sub prepare_table
{
    my ($name) = @_;

    dbm_apply($node, $database, "table_of_$name",
        "CREATE TABLE public.$name (id int PRIMARY KEY, word text);"
          . "INSERT INTO public.$name SELECT g, 'word ' || g FROM generate_series(1, 1000) AS g");
    return;
}

sub prepare
{
    my ($name) = @_;

    prepare_table($name);
    my $blocker = hold_back($name);
    my $deployer = DbmSession->new($node, $database, user => 'deployer');
    $deployer->ask(cut_call($name));
    poll($waiting, 'the build waits');
    return ($blocker, $deployer);
}

sub is_cut_complete
{
    my ($name, $what) = @_;

    is(value(<<SQL), "applied applied 3 3 done t", "$what: complete, and recorded once");
SELECT concat_ws(' ', c.state, r.outcome, r.statements,
    (SELECT count(*) FROM dbmaestro.run_statement AS s WHERE s.run = r.id),
    obj_description('$name'::regclass),
    (SELECT bool_and(indisvalid) AND count(*) = 2 FROM pg_index WHERE indrelid = '$name'::regclass))
  FROM dbmaestro.change AS c JOIN dbmaestro.run AS r ON r.id = c.applied_run WHERE c.change = '$name'
SQL
    return;
}

sub status_of
{
    return value('SELECT concat_ws(\'|\', unfinished_change, unfinished_state, unfinished_at) FROM dbm_status()');
}

# Who waits for a build holds nothing that it could wait for.
my ($blocker, $deployer) = prepare('held');
my $caller = value('SELECT lock_pid FROM dbm_status()');
is(value("SELECT concat_ws('|', state, backend_xid, backend_xmin, wait_event_type) FROM pg_stat_activity WHERE pid = $caller"),
    'active|Extension', 'whoever waits has neither a transaction id nor a snapshot');
is(value("SELECT string_agg(DISTINCT locktype || ' ' || mode, ', ' ORDER BY locktype || ' ' || mode) FROM pg_locks WHERE pid = $caller"),
    'object ShareUpdateExclusiveLock, virtualxid ExclusiveLock', 'and no lock but the one on the deployment');
is(status_of(), 'held|running|running at step 2 of 3, statement 2 at line 2', 'status says where it is');
is(value("SELECT outcome FROM dbmaestro.change_history WHERE change = 'held'"), 'running', 'and so does the history');
like(value("SELECT detail FROM dbm_plan('[\"held\"]')"), qr/^running at step 2 of 3/, 'and the plan');
my $error = dbm_refused($node, $database, cut_call('held'), user => 'deployer');
is($error->{sqlstate}, 'MA030', 'a second deployer is kept out');
like($error->{detail}, qr/^Held by process $caller, role "deployer"/, 'and told by whom');
$error = dbm_refused($node, $database, "SELECT dbm_apply('other', 'SELECT 1')", user => 'deployer');
is($error->{sqlstate}, 'MA030', 'one transaction is kept out too');
$error = dbm_refused($node, $database, "CALL dbm_resume('held')", user => 'deployer');
is($error->{sqlstate}, 'MA030', 'and whoever would resume it');
$blocker->close;
is($deployer->answer =~ s/\|.*//r, 'applied', 'let go, it is applied');
is_cut_complete('held', 'held back');
is((dbm_refused($node, $database, 'CALL dbm_resume(\'held\')') // { sqlstate => 'none' })->{sqlstate}, 'none',
    'there is nothing to resume then');

# Each victim, and what the first look after it says.
my %victims = (
    cancel => sub { value("SELECT pg_cancel_backend($_[0])") },
    terminate => sub { value("SELECT pg_terminate_backend($_[0])") },
    client => sub { $_[2]->kill },
    worker => sub { value("SELECT pg_terminate_backend($_[1])") },
    backend_killed => sub { kill KILL => $_[0] },
    worker_killed => sub { kill KILL => $_[1] },
    postmaster => sub { $node->stop('immediate'); $node->start });
my %crashes = map { $_ => 1 } qw(backend_killed worker_killed postmaster);

foreach my $victim (sort keys %victims)
{
    my ($blocker, $deployer) = prepare($victim);
    my $backend = value('SELECT lock_pid FROM dbm_status()');
    my $worker = value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'dbmaestro step'");

    $victims{$victim}->($backend, $worker, $deployer);
    $node->poll_query_until('postgres', 'SELECT true') if $crashes{$victim};
    poll($no_worker, "$victim: the worker is gone");
    poll($free, "$victim: the deployment is free");
    my $state = $victim eq 'cancel' || $victim eq 'worker' ? 'partial' : 'interrupted';
    is(status_of(), "$victim|$state|$state at step 2 of 3, statement 2 at line 2", "$victim: status says where it stands");
    is(value("SELECT outcome FROM dbmaestro.change_history WHERE change = '$victim'"), $state, "$victim: the history too");
    is(value("SELECT s.state || coalesce(' ' || s.sqlstate, '') FROM dbmaestro.run_step AS s JOIN dbmaestro.run AS r ON r.id = s.run"
              . " WHERE change = '$victim' AND s.ordinal = 2 AND part = 1"),
        $victim eq 'cancel' ? 'failed 57014' : $victim eq 'worker' ? 'failed 57P01' : 'running',
        "$victim: and the step");
    if ($victim eq 'cancel')
    {
        $deployer->answer;
        is($deployer->error->{sqlstate}, '57014', 'cancel: the client is told');
    }
    # what would redo what is done is refused
    is(dbm_refused($node, $database, "SELECT dbm_apply('$victim', 'SELECT 1')", user => 'deployer')->{sqlstate},
        'MA02C', "$victim: it cannot be applied anew");
    $blocker->close;
    my $next = DbmSession->new($node, $database, user => 'deployer');
    if ($victim eq 'terminate' || $victim eq 'worker_killed')
    {
        is($next->query("CALL dbm_rollback_in_steps('$victim')") =~ s/\|.*//r, 'rolled back', "$victim: rolled back");
        is(value("SELECT concat_ws(' ', count(*), to_regclass('${victim}_v')) FROM pg_index WHERE indrelid = '$victim'::regclass"),
            '1', "$victim: nothing is left of it");
        is($next->query(cut_call($victim)) =~ s/\|.*//r, 'applied', "$victim: applied anew");
    }
    elsif ($victim eq 'postmaster')
    {
        is($next->query(cut_call($victim)) =~ s/\|.*//r, 'applied', "$victim: the same call goes on");
    }
    else
    {
        is($next->query("CALL dbm_resume('$victim')") =~ s/\|.*//r, 'applied', "$victim: resumed");
    }
    diag($next->{err}) if $next->{err};
    is_cut_complete($victim, $victim);
}

# ---- what the catalog cannot tell, a person has to ----

sub interrupt
{
    my ($name) = @_;
    my ($blocker, $deployer) = prepare($name);

    value('SELECT pg_terminate_backend(lock_pid) FROM dbm_status()');
    poll($no_worker, "$name: the worker is gone");
    poll($free, "$name: the deployment is free");
    $blocker->close;
    return;
}

foreach my $word ('done', 'again')
{
    my $name = "doubt_$word";

    interrupt($name);
    # in the meantime somebody has made an index of that name, but another one
    dbm_apply($node, $database, "meanwhile_$word", "DROP INDEX public.${name}_word; CREATE INDEX ${name}_word ON public.$name (id)");
    my $error = dbm_refused($node, $database, "CALL dbm_resume('$name')", user => 'deployer');
    is($error->{sqlstate}, 'MA036', "$word: nobody knows");
    like($error->{message}, qr/^nobody knows whether step 2 of change "$name" was done/, "$word: and it is said");
    like($error->{hint}, qr/CALL dbm_resume\('$name', interrupted => 'done'\); or CALL dbm_resume\('$name', interrupted => 'again'\);/,
        "$word: with the calls to choose from");
    is(status_of() =~ s/^\Q$name\E\|//r, 'interrupted|interrupted at step 2 of 3, statement 2 at line 2', "$word: it is as it was");
    $session = DbmSession->new($node, $database, user => 'deployer');
    my $answer = $session->query("CALL dbm_resume('$name', interrupted => '$word')");
    if ($word eq 'done')
    {
        is($answer =~ s/\|.*//r, 'applied', 'done: taken at the word');
        is(value("SELECT s.state || ': ' || s.evidence FROM dbmaestro.run_step AS s JOIN dbmaestro.run AS r ON r.id = s.run"
                  . " WHERE change = '$name' AND s.ordinal = 2"),
            'adopted: Role "deployer" said that it was done.', 'done: and the word is on record');
    }
    else
    {
        is($session->error->{sqlstate}, '42P07', 'again: the server says what is in the way');
        dbm_apply($node, $database, "out_of_the_way", "DROP INDEX public.${name}_word");
        is($session->query("CALL dbm_resume('$name')") =~ s/\|.*//r, 'applied', 'again: out of the way, it goes on');
        is_cut_complete($name, 'again');
    }
}

# ---- what let it in must still hold at each commit ----

($blocker, $deployer) = prepare('revoked');
value("SELECT dbm_revoke('deploy', 'deployer')");
$blocker->close;
$deployer->answer;
is($deployer->error->{sqlstate}, 'MA010', 'revoked: the next commit is refused');
is(status_of(), 'revoked|interrupted|interrupted at step 2 of 3, statement 2 at line 2', 'revoked: the run stops there');
like(value('SELECT unfinished_evidence FROM dbm_status()'), qr/^Index public.revoked_word on public.revoked is valid/,
    'revoked: but what was built is known to be there');
is(value("SELECT count(*) FROM dbmaestro.audit_event WHERE kind = 'refused' AND action = 'COMMIT' AND change = 'revoked'"),
    '1', 'revoked: which is on record');
is(dbm_refused($node, $database, "CALL dbm_resume('revoked')", user => 'deployer')->{sqlstate}, 'MA010', 'revoked: and nothing goes on');
value("SELECT dbm_grant('deploy', 'deployer')");
$session = DbmSession->new($node, $database, user => 'deployer');
is($session->query("CALL dbm_resume('revoked')") =~ s/\|.*//r, 'applied', 'granted again: resumed');
is_cut_complete('revoked', 'revoked');

# ---- a deployment names what it brings ----

prepare_table('planned');
my $planned = cut_script('planned');
my $hash = value('SELECT encode(sha256(convert_to(' . dbm_quote($planned) . ", 'UTF8')), 'hex')");
my $id = $session->query("SELECT dbm_deployment_start('[{\"change\": \"planned\", \"hash\": \"$hash\"}]')");
$session->query("CALL dbm_apply_in_steps('planned', 'SELECT 1', deployment => $id)");
is($session->error->{sqlstate}, 'MA034', 'a deployment lets in what its manifest names, and nothing else');
is($session->query('CALL dbm_apply_in_steps(\'planned\', ' . dbm_quote($planned) . ", deployment => $id)") =~ s/\|.*//r,
    'applied', 'what it names is let in');
$session->query("SELECT dbm_deployment_finish($id, 'succeeded')");
is(value("SELECT runs || ' ' || state FROM dbmaestro.deployment_history WHERE deployment = $id"), '1 succeeded', 'and counted');

done_testing();
