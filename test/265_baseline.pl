# dbmaestro baseline: a database that was there before becomes the first commit
# of a repository, proven by root hash; environments with the same schema take
# it over, others are shown the difference.  Real schemas, bad input, and
# interruptions at every stage, after which no database of a proof is left.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmRepository;
use DbmSession;
use DbmTest;
use Digest::SHA 'sha256_hex';
use File::Path;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dbm_node('main', bare => 1, conf => "fsync = off\nmax_locks_per_transaction = 128\nwal_level = replica\nmax_wal_senders = 2\n");
chomp(my $real_dump = `bash -c 'command -v pg_dump'`);

# What a living database has that dumps and Git like to get wrong.
my $living = <<'END';
CREATE EXTENSION hstore;
CREATE EXTENSION postgres_fdw;
CREATE SCHEMA app AUTHORIZATION shop_owner;
CREATE TABLE app.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, dropped int, note text DEFAULT E'a\r\nb',
    state varchar DEFAULT 'new', at timestamptz NOT NULL DEFAULT now(), "Strange ""name" int, total numeric(12,2) CHECK (total > 0));
ALTER TABLE app.orders DROP COLUMN dropped, ADD COLUMN late text COLLATE "C", ALTER COLUMN note SET STATISTICS 500;
ALTER TABLE app.orders OWNER TO shop_owner;
CREATE INDEX orders_late ON app.orders (lower(late)) WHERE late IS NOT NULL;
ALTER TABLE app.orders ADD CONSTRAINT unproven CHECK (at > '2000-01-01') NOT VALID;
CREATE TABLE app.events (id bigint, at date) PARTITION BY RANGE (at);
CREATE TABLE app.events_2026 PARTITION OF app.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE FUNCTION app.crlf() RETURNS text LANGUAGE plpgsql AS E'begin\r\n return ''a\\b'';\r\nend';
CREATE FUNCTION app.tricky() RETURNS text LANGUAGE sql AS $f$ SELECT '; -- Name: dbmaestro; Type: EXTENSION
--
CREATE EXTENSION IF NOT EXISTS dbmaestro WITH SCHEMA public;
\restrict x
SET statement_timeout = 0;' $f$;
CREATE FUNCTION app.atomic(a int) RETURNS int BEGIN ATOMIC SELECT a; SELECT a + 1; END;
CREATE VIEW app.recent AS SELECT id, note FROM app.orders WHERE at > now() - interval '1 day';
CREATE RULE keep AS ON INSERT TO app.recent DO INSTEAD (INSERT INTO app.orders (note) VALUES (new.note); NOTIFY inserted);
CREATE MATERIALIZED VIEW app.sums AS SELECT state, count(*) FROM app.orders GROUP BY state;
ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON app.orders TO reader USING (state <> 'secret');
GRANT USAGE ON SCHEMA app TO reader;
GRANT SELECT (id, note) ON app.orders TO reader;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE shop_owner IN SCHEMA app GRANT SELECT ON TABLES TO reader;
COMMENT ON TABLE app.orders IS 'What people; want
-- Name: x; Type: TABLE';
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'db');
CREATE USER MAPPING FOR shop_owner SERVER elsewhere OPTIONS ("user" 'bob', password E'ge\\heim''1');
CREATE FOREIGN TABLE app.remote (id int) SERVER elsewhere;
CREATE SUBSCRIPTION feed CONNECTION 'host=nowhere dbname=x user=bob password=geheim' PUBLICATION p WITH (connect = false, slot_name = NONE);
CREATE PUBLICATION out FOR TABLE app.orders (id, note) WHERE (id > 0);
CREATE FUNCTION app.noted() RETURNS event_trigger LANGUAGE plpgsql AS 'begin end';
CREATE EVENT TRIGGER noted ON ddl_command_end EXECUTE FUNCTION app.noted();
INSERT INTO app.orders (note) VALUES ('a row');
END

$node->safe_psql('postgres', "CREATE ROLE $_")
  foreach qw(shop_owner reader anon authenticated service_role dashboard_user cif_admin cif_external
  cif_guest cif_internal supabase_auth_admin supabase_storage_admin);
$node->safe_psql('postgres', 'CREATE ROLE dba LOGIN CREATEDB; CREATE ROLE deployer LOGIN CREATEDB; GRANT shop_owner TO dba');

sub make_database
{
    my ($database, $schema, %environment) = @_;

    $node->safe_psql('postgres', qq(CREATE DATABASE "$database" TEMPLATE template0));
    $node->safe_psql($database, $schema);
    dbm_database($node, $database, %environment);
    return;
}

sub make_repository
{
    my (@environments) = @_;
    my $shop = DbmRepository->new($node, @environments);

    $shop->git('config', 'user.name', 'Ada');
    $shop->git('config', 'user.email', 'ada@example.org');
    return $shop;
}

sub root_of
{
    my ($database) = @_;

    return $node->safe_psql($database, 'SELECT dbm_schema_hash()');
}

sub applied_in
{
    my ($database) = @_;

    return $node->safe_psql($database, "SELECT count(*) FROM dbmaestro.change WHERE state = 'applied'");
}

sub proofs_left
{
    return $node->safe_psql('postgres', "SELECT count(*) FROM pg_database WHERE datname LIKE 'dbmaestro\\_baseline\\_%'");
}

sub commits_in
{
    my ($shop) = @_;
    my ($none) = $shop->shell('git rev-parse -q --verify HEAD');

    return $none ? 0 : $shop->git('rev-list', '--count', 'HEAD') + 0;
}

# The environment knows nothing of it, no commit was made and no database is left.
sub untouched
{
    my ($shop, $database, $name) = @_;

    is(applied_in($database) . ' ' . proofs_left() . ' ' . commits_in($shop) . $shop->git('tag'), '0 0 0', "$name: nothing is recorded, committed or left");
    return;
}

sub script_of
{
    my ($shop) = @_;
    my ($path) = glob $shop->path('migrations/*_baseline.sql');

    return slurp_file($path);
}

# --- the story ------------------------------------------------------------------------

make_database('prod', $living, environment => 'prod', guard => 'enforce');
make_database('twin', $living, environment => 'twin', follows => 'prod');
make_database('other', $living, environment => 'other');
make_database('fresh', 'SELECT 1', environment => 'fresh');
$node->safe_psql('prod', "SELECT dbm_grant('audit', 'reader')");
$node->safe_psql('other', <<'END');
ALTER TABLE app.orders ADD COLUMN more int;
DROP VIEW app.recent;
CREATE TABLE app.extra ();
END

my $shop = make_repository(prod => 'prod', twin => 'twin', other => 'other', fresh => 'fresh');
{
    my $root = root_of('prod');
    my ($stdout, $stderr) = $shop->check([ '--format', 'json', 'baseline', 'prod', '--yes' ], 0,
        qr/building the schema in database "dbmaestro_baseline_/, 'baseline');
    my $told = JSON::PP::decode_json($stdout)->[0];
    my $script = script_of($shop);

    is(join(' ', sort keys %$told), 'change commit environment outcome path root run tag', 'its keys');
    is("$told->{environment} $told->{outcome} $told->{root} $told->{tag}", "prod adopted $root dbmaestro/baseline/prod", 'what it tells');
    like($stderr, qr/warning: 2 passwords were left out/, 'of the passwords');
    like($stderr, qr/not in the script: roles, rows of tables, positions of sequences/, 'and of what is no schema');
    is($shop->git('show', "dbmaestro/baseline/prod:$told->{path}"), $script, 'the tag holds the script');
    is($shop->git('rev-parse', 'HEAD'), "$told->{commit}\n", 'HEAD is the commit');
    is($shop->git('status', '--porcelain', 'migrations'), '', 'nothing is left to commit');
    unlike($script, qr/heim|\r|GRANT .* ON (TABLE|SCHEMA) dbmaestro|^\\unrestrict|COMMENT ON EXTENSION dbmaestro/m, 'no password, no line ends of another kind, nothing of ours');
    like($script, qr/\A-- Description: Baseline of environment "prod"\n-- Baseline: $root\n-- Irreversible: /, 'its header names the root hash');
    is($node->safe_psql('prod', "SELECT encode(script, 'hex') FROM dbmaestro.run"), sha256_hex($script), 'the ledger holds the same');
    is($node->safe_psql('prod', 'SELECT outcome, reason, commit, executed_by FROM dbmaestro.change_history'), "adopted|baseline|$told->{commit}|postgres", 'on record');
    is(root_of('prod'), $root, 'the schema is as it was');
    is($node->safe_psql('prod', 'SELECT count(*) FROM app.orders'), 1, 'and the rows');
    is(proofs_left(), 0, 'no database of the proof is left');
    $shop->check([ 'check' ], 0, undef, 'check of the repository');
    $shop->check([ 'plan', 'prod', '--exit-code' ], 0, undef, 'nothing is pending');
    $shop->check([ 'deploy', 'prod' ], 0, qr/nothing to do/, 'nor to deploy');
    $shop->check([ 'rollback', 'prod', $told->{change}, '--yes' ], 1, qr/ERROR: .*has no rollback script/, 'and it cannot be taken back');
    is($shop->json('baseline', 'prod', '--yes')->[0]{outcome}, 'already applied', 'a second time');
}

# A new environment runs it for real.
$shop->check([ 'deploy', 'fresh' ], 0, undef, 'deploy to an empty environment');
like(script_of($shop), qr/\A.*\n-- Baseline:.* @{[ root_of('fresh') ]}/, 'makes what the header says');
is($node->safe_psql('fresh', 'SELECT app.crlf()'), 'a\b', 'a function with other line ends works');
is($node->safe_psql('fresh', 'SELECT outcome FROM dbmaestro.change_history'), 'applied', 'there it ran');

# Another one with the same schema takes it over.
$shop->check([ 'plan', 'twin', '--exit-code' ], 3, undef, 'a twin has it pending');
{
    my ($stdout, $stderr) = $shop->check([ '--format', 'json', 'baseline', 'twin', '-y' ], 0, undef, 'the twin');

    is(JSON::PP::decode_json($stdout)->[0]{outcome}, 'adopted', 'takes it over');
    unlike($stderr, qr/building/, 'by its root hash alone');
    is($shop->git('rev-list', '--count', 'HEAD'), "1\n", 'no commit is made');
}

# One with another schema is shown the difference.
{
    my $told = $shop->json('baseline', 'other', '-y');
    my %difference = map { ("$_->{kind} $_->{identity}" => $_->{difference}) } @$told;

    is(join(' ', sort keys %{ $told->[0] }), 'difference identity kind', 'keys of the difference');
    is($difference{'table app.orders'}, 'differs', 'a column more');
    is($difference{'view app.recent'}, 'only in the script', 'a view less');
    is($difference{'table app.extra'}, 'only in other', 'a table more');
    $shop->check([ 'baseline', 'other', '-y' ], 5, qr/error: the schema of "other" is not what the script makes: \d objects differ\n.*hint: Bring it/, 'drift');
    is(applied_in('other'), 0, 'nothing is recorded there');
}

# What comes behind it goes everywhere.
$shop->write('migrations/29990101_000000_more.sql' => "-- Irreversible: yes\nALTER TABLE app.orders ADD more int;\n");
$shop->commit('More');
$shop->check([ 'deploy', $_ ], 0, undef, "the next change goes to $_") foreach qw(prod fresh);
$shop->check([ 'promote', 'prod', 'twin' ], 0, undef, 'and by promotion to twin');

# --- objects that read otherwise once the server has read its own text --------------------

{
    my $schema = "CREATE TABLE kinds (kind varchar CHECK (kind IN ('a', 'b')));"
      . "CREATE VIEW both_kinds AS SELECT kind, NULL::int AS n FROM kinds UNION SELECT kind, NULL::int FROM kinds";
    my $same = make_repository(map { ($_ => $_) } qw(first second restored third));

    make_database($_, $schema, environment => $_) foreach qw(first second);
    make_database('third', $schema =~ s/'a', 'b'/'a', 'c'/r, environment => 'third');
    my ($stdout, $stderr) = $same->check([ 'baseline', 'first', '-y' ], 0,
        qr/warning: a new database writes this in other words: constraint kinds_kind_check on public\.kinds/, 'what reads otherwise');
    my ($first, $built) = script_of($same) =~ /^-- Baseline: ([0-9a-f]{64}), ([0-9a-f]{64})$/m;

    is($first, root_of('first'), 'is named as it is');
    $node->command_ok([ 'bash', '-c', "sed 's/^-- Baseline.*//' " . $same->path('migrations/*.sql') . " >" . $node->basedir . "/restored.sql" ], 'a copy of the script');
    make_database('restored', slurp_file($node->basedir . '/restored.sql'), environment => 'restored');
    is($built, root_of('restored'), 'and as it will be');
    $same->check([ 'baseline', 'restored', '-y' ], 0, undef, 'one that was restored from it');
    ($stdout, $stderr) = $same->check([ 'baseline', 'third', '-y' ], 5, qr/1 object differs/, 'one that only looks alike');
    like($stdout, qr/constraint \| kinds_kind_check on public\.kinds \| reads otherwise/, 'is told from it');

    # as if the header were of another version of the server
    my ($path) = glob $same->path('migrations/*.sql');
    my $script = slurp_file($path) =~ s/^-- Baseline: .*$/-- Baseline: 0000/mr;
    $same->write($path =~ s{^.*(?=migrations/)}{}r => $script);
    $same->commit('Of another version');
    $same->check([ 'baseline', 'second', '-y' ], 0, qr/building the schema/, 'by the reading of the same server');
    is(applied_in('second'), 1, 'taken over');
}

# --- who may, and with what ---------------------------------------------------------------

make_database('keeper', 'CREATE SCHEMA app AUTHORIZATION shop_owner; CREATE TABLE app.t (i int); ALTER TABLE app.t OWNER TO shop_owner',
    environment => 'keeper', run_as => 'shop_owner');
make_database('empty', 'SELECT 1', environment => 'empty');
make_database('bare', 'CREATE TABLE t (i int)', environment => undef);
{
    my $own = make_repository((map { ("keeper$_->[0]" => { database => 'keeper', user => $_->[1] }) } [ '', 'dba' ]),
        deployer => { database => 'keeper', user => 'deployer' }, empty => 'empty', bare => 'bare', gone => 'gone');
    my @keeper = ('baseline', 'keeper', '-y');

    $node->safe_psql('keeper', "SELECT dbm_grant('deploy', 'dba')");
    # pg_dump of 18 does not read the sequences of extensions any more
    $own->check(\@keeper, 1, qr/ permission denied for.*hint: .*capability backup/s, 'who may not read what pg_dump reads')
      if $node->pg_version < 18;
    $node->safe_psql('keeper', "SELECT dbm_grant('backup', 'dba')");
    $own->check(\@keeper, 13, qr/permission denied to create extension "dbmaestro".*hint: Have a superuser create it.*--scratch/s, 'who may not make the proof');
    untouched($own, 'keeper', 'without the extension');
    dbm_database($node, 'proof', environment => 'proof');
    $node->safe_psql('proof', "ALTER DATABASE proof OWNER TO dba; SELECT dbm_grant('deploy', 'dba')");
    my $scratch = $node->connstr('proof') . ' user=dba';
    $own->check([ @keeper, '--scratch', $scratch ], 13, qr/ERROR:  permission denied for dbm_baseline/, 'who may not say so');
    untouched($own, 'keeper', 'without the capability');
    unlink glob $own->path('migrations/*');
    $node->safe_psql('keeper', "SELECT dbm_grant('admin', 'dba')");
    $own->check([ @keeper, '--scratch', $node->connstr('keeper') ], 1, qr/database "keeper" is not empty: it has table/, 'a proof that would prove nothing');
    $own->check([ @keeper, '--scratch', 'dbname=nonsense host=/nowhere' ], 12, undef, 'a proof that is not there');
    $node->safe_psql('postgres', 'CREATE DATABASE bystander TEMPLATE template0');
    $node->safe_psql('bystander', 'CREATE TABLE accounts (i int)');
    $own->check([ @keeper, '--scratch', $node->connstr('bystander') ], 1, qr/database "bystander" is not empty: it has table accounts/, 'somebody else\'s database');
    is($node->safe_psql('bystander', "SELECT count(*) FROM pg_extension WHERE extname = 'dbmaestro'"), 0, 'is left as it was');
    $own->check([ @keeper, '--scratch', $scratch ], 0, undef, 'no superuser, in a prepared database');
    is($node->safe_psql('keeper', 'SELECT executed_by FROM dbmaestro.change_history'), 'dba', 'is on record');
    is($node->safe_psql('proof', "SELECT count(*) FROM dbm_objects() WHERE kind = 'table'"), 0, 'which is as empty as before');

    $own = make_repository(empty => 'empty', bare => 'bare', gone => 'gone', keeper => 'keeper', twin => 'empty', nopassword => 'empty');
    $own->check([ 'baseline', 'empty', '-y' ], 1, qr/there is nothing in "empty" to make a baseline of.*hint: .*dbmaestro new/s, 'an empty schema');
    $own->check([ 'baseline', 'bare', '-y' ], 1, qr/database "bare" is no environment yet.*hint: Run first: dbmaestro init bare/s, 'no environment');
    $own->check([ 'baseline', 'twin', '-y' ], 14, qr/database "empty" is environment "empty", not "twin"/, 'another environment');
    $own->check([ 'baseline', 'gone', '-y' ], 12, undef, 'no database');
    $own->check([ 'baseline', 'keeper', '-y' ], 1, qr/1 changes are applied in environment "keeper" already/, 'changes there');
    $own->check([ 'baseline' ], 2, qr/Usage: dbmaestro baseline ENVIRONMENT/, 'no name');
    untouched($own, 'empty', 'bad input');
    $node->safe_psql('postgres', 'CREATE DATABASE detached TEMPLATE keeper');
    my $copy = make_repository(keeper => 'detached');
    $copy->check([ 'baseline', 'keeper', '-y' ], 14, qr/is a copy of environment "keeper"/, 'a copy');
}

# --- repositories -----------------------------------------------------------------------------

make_database('living', $living, environment => 'living');
{
    my $here = make_repository(living => 'living');
    my @again = ('baseline', 'living', '-y');

    $here->check([ 'baseline', 'living' ], 2, qr/needs a confirmation/, 'nobody to ask');
    $here->write('README' => "x\n");
    $here->git('add', 'README');
    $here->check(\@again, 1, qr/something is staged in the repository: "README"/, 'something staged');
    $here->git('rm', '-q', '--cached', 'README');
    $here->git('config', '--unset', 'user.name');
    {
        local @ENV{qw(HOME XDG_CONFIG_HOME GIT_CONFIG_NOSYSTEM)} = ('/nowhere', '/nowhere', 1);
        $here->check(\@again, 1, qr/Git does not know who you are/, 'nobody to sign');
    }
    $here->git('config', 'user.name', 'Ada');
    untouched($here, 'living', 'a repository that is not ready');

    my $full = make_repository(living => 'living');
    $full->write('migrations/20260101_000000_x.sql' => "SELECT 1;\n");
    $full->commit('x');
    $full->check(\@again, 1, qr/commit [0-9a-f]+ has 1 change already, and none is a baseline/, 'changes in the repository');
    $full->git('rm', '-q', 'migrations/20260101_000000_x.sql');
    $full->commit('none');
    $full->git('tag', 'dbmaestro/baseline/living');
    $full->check(\@again, 1, qr{there is a tag "dbmaestro/baseline/living" already}, 'a tag');
    $full->git('tag', '-d', 'dbmaestro/baseline/living');
    $full->git('checkout', '-q', '--detach');

    # pg_dump: none, too old, another program, one that fails, one during which the schema changes
    my $fake = $full->path('fake');
    foreach my $case (
        [ '/nonsense/pg_dump', undef, 1, qr{"/nonsense/pg_dump" is no pg_dump} ],
        [ $fake, 'echo "pg_dump (PostgreSQL) 9.6"', 1, qr/pg_dump is of version 9, and the server of version/ ],
        [ $fake, 'echo x', 1, qr/is no pg_dump/ ],
        [ $fake, 'if [ "$1" = --version ]; then exec REAL "$@"; fi; echo "pg_dump: error: out of coffee" >&2; echo half; exit 3', 1,
            qr/error: out of coffee\n.*error: pg_dump failed with exit code 3/s ],
        [ $fake, 'if [ "$1" = --version ]; then exec REAL "$@"; fi; kill -9 $$', 1, qr/pg_dump was ended by signal 9/ ],
        [ $fake, 'if [ "$1" = --version ]; then exec REAL "$@"; fi; REAL "$@"; psql -X -q -c "CREATE TABLE app.meanwhile ()"', 5,
            qr/the schema of "living" changed while it was read/ ],
        [ $fake, 'if [ "$1" = --version ]; then exec REAL "$@"; fi; REAL "$@" | sed "s/^CREATE VIEW app.recent AS/CREATE VIEW app.other AS/; s/app.recent/app.other/"', 5,
            qr/4 objects differ/ ],
        [ $fake, 'if [ "$1" = --version ]; then exec REAL "$@"; fi; REAL "$@"; echo "SELECT 1/0;"', 1,
            qr/division by zero.*the script of the baseline cannot be applied to an empty database.*the script is in "migrations/s ])
    {
        my ($program, $body, $code, $pattern) = @$case;

        if (defined $body)
        {
            $body =~ s/REAL/$real_dump/g;
            $full->write(fake => "#!/bin/bash\n$body\n");
            chmod 0755, $fake;
        }
        $full->check([ @again, '--pg-dump', $program ], $code, $pattern, 'pg_dump');
        is(applied_in('living') . proofs_left(), '00', 'pg_dump: nothing is recorded or left');
        unlike(slurp_file($_), qr/heim/, 'pg_dump: nor a password in what is left to look at') foreach glob $full->path('migrations/*');
        $node->safe_psql('living', 'DROP TABLE IF EXISTS app.meanwhile');
        unlink glob $full->path('migrations/*');
    }

    # a server that is newer than our libpq may take passwords by names that we do not know
    make_database('future', $living, environment => 'future');
    my $future = make_repository(future => 'future');
    $full->write(fake => "#!/bin/bash\n[ \"\$1\" = --version ] && exec $real_dump \"\$@\"\n$real_dump \"\$@\" | sed 's/password=geheim/of_a_later_version=geheim/'\n");
    $future->check([ 'baseline', 'future', '-y', '--pg-dump', $fake ], 0, qr/warning: 2 passwords were left out/, 'a connection string that we do not understand');
    unlike(script_of($future), qr/heim/, 'is left out');

    # no password and no name of a server on the command line
    $full->write(fake => "#!/bin/bash\necho \"\$*|\$PGPASSWORD|\$PGDATABASE\" >>$fake.log\nexec $real_dump \"\$@\"\n");
    $full->write('pg_service.conf' => "[there]\nhost=" . $node->host . "\nport=" . $node->port . "\ndbname=living\npassword=geheim\n");
    {
        local $ENV{PGSERVICEFILE} = $full->path('pg_service.conf');
        $full->write('dbmaestro.conf' => "[environment \"living\"]\n\tservice = there\n");
        $full->check([ @again, '--pg-dump', $fake, '--no-commit' ], 0, undef, 'by a service');
    }
    is(slurp_file("$fake.log"), "--version||postgres\n--schema-only --encoding=UTF8 --no-password --lock-wait-timeout=60000|geheim|living\n", 'what pg_dump is told, and how');
    is($full->git('status', '--porcelain', '-uall', 'migrations') =~ s/\d{8}_\d{6}/X/r, "?? migrations/X_baseline.sql\n", '--no-commit leaves the commit to people');
    is($full->git('tag'), '', 'and the tag');
    is(applied_in('living'), 1, 'but it is recorded');
}

# What no dump can hold: refused, or accepted by somebody and named.
make_database('heirs', <<'END', environment => 'heirs');
CREATE TABLE parent (a int);
CREATE TABLE "strange
-- child" (b int) INHERITS (parent);
ALTER TABLE parent ADD COLUMN late int;
END
{
    my $heirs = make_repository(heirs => 'heirs');
    my $root = root_of('heirs');

    $heirs->commit('Nothing yet');
    $heirs->git('checkout', '-q', '--detach');
    $heirs->check([ 'baseline', 'heirs', '-y' ], 5, qr/1 object differs\n.*--accept-differences/, 'columns of a parent that came late');
    is(applied_in('heirs') . ' ' . $heirs->git('tag'), '0 ', 'are refused');
    unlink glob $heirs->path('migrations/*');
    $heirs->check([ 'baseline', 'heirs', '-y', '--accept-differences' ], 0,
        qr/warning: a new database will not be the same: table public."strange\n-- child" \(differs\)/, 'or accepted');
    like(script_of($heirs), qr/^-- Baseline: $root, [0-9a-f]{64}\n.*^-- Impact: .*\n--   table public."strange\\x0A-- child" \(differs\)\n\n/ms, 'and named');
    is($heirs->git('rev-list', '--count', 'HEAD'), "2\n", 'on a detached HEAD, too');
    is($heirs->git('status', '--porcelain', 'migrations'), '', 'with nothing left to commit');
}

# On a terminal it asks.
{
    my $asked = make_repository(twin => 'heirs', empty => 'empty');

    $node->safe_psql('empty', 'CREATE TABLE t (i int)');
    IPC::Run::run([ 'script', '-q', '-e', '-c', "dbmaestro -C $asked->{directory} baseline empty", '/dev/null' ], '<', \"no\n", '>', \my $no);
    like($no, qr/Make a script of the schema of "empty" and record it as applied there\?.*nothing was changed/s, 'no');
    untouched($asked, 'empty', 'no');
}

# Without Git, and with a server that keeps its functions in a schema of their own, and has no public.
{
    my $plain = make_repository(apart => 'apart', again => 'again');

    $node->safe_psql('postgres', 'CREATE DATABASE apart TEMPLATE template0');
    $node->safe_psql('apart', 'CREATE SCHEMA dbm; CREATE EXTENSION dbmaestro SCHEMA dbm; DROP SCHEMA public; CREATE SCHEMA shop; CREATE TABLE shop.t (i int)');
    $node->safe_psql('apart', "SELECT dbm.dbm_init('apart')");
    File::Path::remove_tree($plain->path('.git'));
    $plain->check([ 'baseline', 'apart', '-y' ], 1, qr/is not in a Git repository.*hint: Run "git init" and commit, or say --worktree/s, 'no repository');
    $plain->check([ 'baseline', 'apart', '-y', '--worktree' ], 0, undef, 'a folder');
    like(script_of($plain), qr/^DROP SCHEMA IF EXISTS public;\n.*^CREATE SCHEMA IF NOT EXISTS dbm;\n/ms, 'no schema public, one for the functions');
    $node->safe_psql('postgres', 'CREATE DATABASE again TEMPLATE template0');
    $node->safe_psql('again', 'CREATE SCHEMA dbm; CREATE EXTENSION dbmaestro SCHEMA dbm');
    $node->safe_psql('again', "SELECT dbm.dbm_init('again')");
    $plain->check([ 'deploy', 'again', '--worktree' ], 0, undef, 'deployed');
    is($node->safe_psql('again', 'SELECT dbm.dbm_schema_hash()'), $node->safe_psql('apart', 'SELECT dbm.dbm_schema_hash()'), 'the same');
}

# --- interruptions ---------------------------------------------------------------------------

make_database('busy', $living, environment => 'busy');
{
    my $cut = make_repository(busy => 'busy');
    my $fake = $cut->path('fake');
    my $blocker = DbmSession->new($node, 'postgres');

    # while pg_dump runs
    $cut->write(fake => "#!/bin/bash\n[ \"\$1\" = --version ] && exec $real_dump \"\$@\"\ntouch $fake.started\nexec sleep 600\n");
    chmod 0755, $fake;
    my $started = $cut->start('baseline', 'busy', '-y', '--pg-dump', $fake);
    ok(wait_for(sub { -e "$fake.started" }), 'pg_dump runs');
    kill 'INT', $started->{harness}{KIDS}[0]{PID};
    is($cut->finish($started), 10, 'interrupted while pg_dump runs');
    untouched($cut, 'busy', 'while pg_dump runs');

    # the terminal goes while the proof is there
    $cut->write(gone => "#!/bin/bash\n[ \"\$1\" = --version ] && exec $real_dump \"\$@\"\n$real_dump \"\$@\"; echo 'SELECT pg_sleep(600);'\n");
    chmod 0755, $cut->path('gone');
    $started = $cut->start('baseline', 'busy', '-y', '--pg-dump', $cut->path('gone'));
    ok(wait_for(sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%dbm_apply%' AND wait_event = 'PgSleep'") }), 'it proves');
    kill 'HUP', $started->{harness}{KIDS}[0]{PID};
    is($cut->finish($started), 10, 'the terminal goes');
    untouched($cut, 'busy', 'the terminal goes');

    # while the database is made
    $blocker->query('BEGIN; LOCK TABLE pg_database IN SHARE MODE');
    $started = $cut->start('baseline', 'busy', '-y');
    ok(wait_for(sub { waits('CREATE DATABASE%') }), 'it makes a database');
    kill 'TERM', $started->{harness}{KIDS}[0]{PID};
    is($cut->finish($started), 10, 'interrupted while the database is made');
    $blocker->query('ROLLBACK');
    untouched($cut, 'busy', 'while the database is made');

    # while the proof is built, and while the result is recorded
    $node->safe_psql('postgres', 'CREATE DATABASE held TEMPLATE template0');
    my $held = DbmSession->new($node, 'held');
    $node->safe_psql('held', 'CREATE EXTENSION dbmaestro');
    $node->safe_psql('held', "SELECT dbm_init('held')");
    $held->query('BEGIN; LOCK TABLE pg_type IN SHARE MODE');
    $started = $cut->start('baseline', 'busy', '-y', '--scratch', $node->connstr('held'));
    ok(wait_for(sub { waits('%dbm_apply%') }), 'it builds');
    kill 'INT', $started->{harness}{KIDS}[0]{PID};
    is($cut->finish($started), 10, 'interrupted while the proof is built');
    $held->query('ROLLBACK');
    untouched($cut, 'busy', 'while the proof is built');

    my $deployer = DbmSession->new($node, 'busy');
    $deployer->query('BEGIN');
    $deployer->query("SELECT dbm_snapshot('held')");
    $started = $cut->start('baseline', 'busy', '-y');
    ok(wait_for(sub { waits('%dbm_baseline(%') }), 'it records');
    kill 'INT', $started->{harness}{KIDS}[0]{PID};
    is($cut->finish($started), 10, 'interrupted while it is recorded');
    $deployer->query('ROLLBACK');
    untouched($cut, 'busy', 'while it is recorded');
    unlink glob $cut->path('migrations/*');

    # the connection goes in the last COMMIT, which waits for a standby that is not there
    make_database('unsure', $living, environment => 'unsure');
    dbm_database($node, 'unsure_proof', environment => 'proof');
    $node->append_conf('postgresql.conf', "synchronous_commit = local\nsynchronous_standby_names = nobody");
    $node->reload;
    my $unsure = make_repository(unsure => { conninfo => $node->connstr('unsure') . " options='-c synchronous_commit=on'" });
    $started = $unsure->start('baseline', 'unsure', '-y', '--scratch', $node->connstr('unsure_proof'));
    ok(wait_for(sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query = 'COMMIT'") }), 'it commits');
    $node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    is($unsure->finish($started), 10, 'the connection goes in the last moment');
    like($started->{stderr}, qr/the script is in the repository, but "unsure" may not know of it\n.*hint: Run "dbmaestro baseline unsure" again/s, 'and it says how things stand');
    $node->append_conf('postgresql.conf', "synchronous_commit = on\nsynchronous_standby_names = ''");
    $node->reload;
    is(commits_in($unsure), 1, 'the commit is there');
    is($unsure->json('baseline', 'unsure', '--yes')->[0]{outcome}, 'already applied', 'and again it is known');

    # at any moment: either all of it has happened or nothing
    foreach my $round (1 .. 6)
    {
        $started = $cut->start('baseline', 'busy', '-y');
        select undef, undef, undef, rand 1.2;
        kill $round % 2 ? 'INT' : 'TERM', $started->{harness}{KIDS}[0]{PID};
        my $code = $cut->finish($started);
        my $commits = commits_in($cut);

        is("$commits " . proofs_left(), applied_in('busy') . ' 0', "round $round: commit and record agree (exit code $code)");
        unlink glob $cut->path('migrations/*') unless $commits;
        last if $commits;
    }

    # killed without a word
    $node->safe_psql('postgres', 'CREATE DATABASE dbmaestro_baseline_0badcafe');
    make_database('later', $living, environment => 'later');
    my $later = make_repository(later => 'later');
    $later->check([ 'baseline', 'later', '-y' ], 0, qr/warning: database "dbmaestro_baseline_0badcafe" is left.*hint: Drop it/s, 'what kill -9 leaves');
    $node->safe_psql('postgres', 'DROP DATABASE dbmaestro_baseline_0badcafe');
}

sub wait_for
{
    my ($condition) = @_;

    foreach my $attempt (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
    {
        return 1 if $condition->();
        select undef, undef, undef, 0.1;
    }
    return 0;
}

sub waits
{
    my ($query) = @_;

    return $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '$query'");
}

# --- a full disk, and a server without room ------------------------------------------------------

make_database('diskless', $living, environment => 'diskless');
{
    my $full = make_repository(diskless => 'diskless');
    my ($code, undef, $stderr) = $full->shell("trap '' XFSZ; ulimit -f 1; dbmaestro baseline diskless -y");

    is($code, 1, 'no room for the script: exit code 1');
    like($stderr, qr/error: could not write file ".*_baseline.sql": No space left/, 'no room for the script: says so');
    untouched($full, 'diskless', 'no room for the script');
    is(join('', glob $full->path('migrations/*')), '', 'and half a file is not left');
}
{
    my $many = make_repository(many => 'many');

    make_database('many', "DO 'BEGIN FOR n IN 1 .. 6000 LOOP EXECUTE format(''CREATE SEQUENCE s%s'', n); IF n % 500 = 0 THEN COMMIT; END IF; END LOOP; END'",
        environment => 'many');
    $node->append_conf('postgresql.conf', 'max_locks_per_transaction = 64');
    $node->restart;
    $many->check([ 'baseline', 'many', '-y' ], 1, qr/the proof needs \d+ locks at once, and the server has room for \d+\n.*--scratch/s, 'no room for locks');
    untouched($many, 'many', 'no room for locks');
    $node->append_conf('postgresql.conf', 'max_locks_per_transaction = 128');
    $node->restart;
}

# --- schemas of other projects ---------------------------------------------------------------------

my $shared = $ENV{DBM_SHARED} || '../shared';

# Loads a schema (whole: or not at all; another major may not take every statement of a dump),
# baselines the database and deploys the script to an empty one: the exit codes, and whether the roots agree.
sub round_trip
{
    my ($name, $file, $whole) = @_;
    my ($stdout, $stderr) = ('', '');
    my $trip = make_repository(from => "from_$name", to => "to_$name");

    $node->safe_psql('postgres', qq(CREATE DATABASE "$_" TEMPLATE template0)) foreach "from_$name", "to_$name";
    $node->psql("from_$name", "\\i '$file'", stdout => \$stdout, stderr => \$stderr, on_error_stop => 0);
    return 'not loaded' if $whole and $stderr =~ /ERROR:/;
    dbm_database($node, "${_}_$name", environment => $_) foreach qw(from to);
    my ($code, undef, $words) = $trip->run('baseline', 'from', '-y');
    return 'empty' if $words =~ /there is nothing in/;
    return "baseline: $code $words" if $code;
    my ($roots) = script_of($trip) =~ /^-- Baseline: (.*)$/m;
    ($code, undef, $words) = $trip->run('deploy', 'to');
    return "deploy: $code $words" if $code;
    return index($roots, root_of("to_$name")) >= 0 && index($roots, root_of("from_$name")) >= 0 ? 'equal' : 'not equal';
}

SKIP:
{
    skip 'the shared corpora are not beside this repository (DBM_SHARED names their directory)', 1
      unless -r "$shared/corpora/README.md";
    foreach my $file (sort glob "$shared/corpora/*/final_schema.dump.sql")
    {
        my ($name) = $file =~ m{([^/]+)/final_schema};

        is(round_trip($name, $file), 'equal', "$name: baseline, and deployed again");
    }
}

SKIP:
{
    my $step = $ENV{DBM_DIFF_STEP} || 97;
    my %result;

    skip 'the pairs of schemas are not beside this repository', 1 unless -r "$shared/diffcases/index.tsv";
    my (undef, @rows) = split /\n/, slurp_file("$shared/diffcases/index.tsv");
    foreach my $at (grep { $_ % $step == 0 } 0 .. $#rows)
    {
        my ($project, $case, undef, $to) = split /\t/, $rows[$at];

        push @{ $result{ round_trip("case_$at", "$shared/diffcases/$project/$case/to.sql", 'whole') } }, "$project/$case" if $to eq 'ok';
    }
    my $others = join ', ', map { "$_: @{ $result{$_} }" } grep { !/^(equal|empty|not loaded)$/ } sort keys %result;

    cmp_ok(scalar @{ $result{equal} // [] }, '>', 5, 'cases of diff tools that could be loaded');
    is($others, '', 'and each is equal once deployed again');
}

is(proofs_left(), 0, 'at the end no database of a proof is left');
$node->stop;
done_testing();
