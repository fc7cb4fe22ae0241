# What a repository may hold and a terminal may be: Git in all its states, files
# that are no scripts, too large, too many, or named to harm; output that
# nobody reads or that has no room.
use strict;
use warnings FATAL => 'all';

use Encode qw(encode_utf8);
use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmRepository;
use DbmTest;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'time';

my $node = dbm_node('main', bare => 1, conf => "fsync = off\n");
my $first = 'migrations/20260101_000000_first';

dbm_database($node, $_, environment => 'dev') foreach qw(dev git files large);
$node->safe_psql($_, "SELECT dbm_configure('change_name_pattern', '.')") foreach qw(dev files);

# A repository with one sound change, committed.
sub new_repository
{
    my ($database, @more) = @_;
    my $repository = DbmRepository->new($node, dev => $database, @more);

    $repository->write("$first.sql" => "CREATE TABLE IF NOT EXISTS first (id int);\n", "$first.rollback.sql" => "DROP TABLE first;\n");
    $repository->commit('First');
    return $repository;
}

# The same repository at another place.
sub at
{
    my ($repository, $directory) = @_;

    return bless { %$repository, directory => $directory }, ref $repository;
}

# --- states of Git --------------------------------------------------------------

{
    my $origin = new_repository('git');
    my $clone = PostgreSQL::Test::Utils::tempdir_short() . '/clone';

    $origin->write('migrations/20260102_000000_second.sql' => "CREATE TABLE second (id int);\n");
    $origin->commit('Second');
    $origin->git('clone', '-q', '--depth', '1', "file://$origin->{directory}", $clone);
    my $shallow = at($origin, $clone);
    $shallow->check(['check'], 0, qr/2 changes in commit/, 'shallow clone: check');
    $shallow->check([ 'deploy', 'dev', '--ref', 'HEAD~1' ], 1,
        qr/error: could not find "HEAD~1".*hint: .*in this clone/s, 'shallow clone: what is before its end');
    my ($stdout) = $shallow->check([ 'deploy', 'dev' ], 0, undef, 'shallow clone: deploy');
    like($stdout, qr/first +\| applied.*second +\| applied/s, 'shallow clone: all of HEAD');

    $origin->git('config', 'uploadpack.allowFilter', 'true');
    $origin->git('clone', '-q', '--no-checkout', '--filter=blob:none', "file://$origin->{directory}", "$clone.partial");
    append_to_file("$clone.partial/dbmaestro.conf", slurp_file($origin->path('dbmaestro.conf')));
    at($origin, "$clone.partial")->check(['check'], 1, qr/error: could not (?:open the repository|read ".*_first.sql")/, 'partial clone');

    $origin->git('worktree', 'add', '-q', "$clone.worktree");
    at($origin, "$clone.worktree")->check([ 'deploy', 'dev' ], 0, qr/nothing to do/, 'a work tree beside the first');

    my $outer = DbmRepository->new($node);
    $outer->git('submodule', '--quiet', 'add', "file://$origin->{directory}", 'database');
    $outer->commit('Outer');
    at($origin, $outer->path('database'))->check([ 'deploy', 'dev' ], 0, qr/nothing to do/, 'the whole project as a submodule');

    # a folder of scripts that is elsewhere is not in the commit
    my $sub = new_repository('git');
    $sub->git('submodule', '--quiet', 'add', "file://$origin->{directory}", 'migrations/vendor');
    $sub->commit('Submodule');
    ($stdout) = $sub->check(['check'], 1, qr/1 error/, 'submodule: check');
    like($stdout, qr{error +\| migrations/vendor +\| +\| is a submodule +\| Put its scripts here}, 'submodule: named');
    $sub->check([ $_, 'dev' ], 1, qr{migrations/vendor.*is a submodule}, "submodule: $_") foreach qw(plan deploy);
    $sub = DbmRepository->new($node, dev => 'git');
    $sub->git('submodule', '--quiet', 'add', "file://$origin->{directory}", 'migrations');
    $sub->commit('Submodule');
    $sub->check([ 'deploy', 'dev' ], 1, qr/"migrations" is a submodule in commit \S+\n.*hint: Put the files themselves there/, 'submodule: all the scripts');

    my $link = new_repository('git');
    symlink '../../elsewhere', $link->path('migrations/20260103_000000_link.sql') or die $!;
    $link->commit('Link');
    $link->check([ $_, 'dev' ], 1, qr{_link\.sql.*is a symbolic link}, "symbolic link: $_") foreach qw(plan deploy);
    $link->check([ $_, 'dev', '--worktree' ], 1, qr{_link\.sql.*is a symbolic link}, "symbolic link: $_ --worktree") foreach qw(plan deploy);
    $link->git('mv', 'migrations', 'scripts');
    symlink 'scripts', $link->path('migrations') or die $!;
    $link->commit('Folder');
    $link->check([ @$_ ], 1, qr/"migrations" is a symbolic link in commit \S+\n.*hint: Put the files themselves there/, "symbolic link: all the scripts: @$_") foreach ['check'], [ 'deploy', 'dev' ];
    $link->check([ @$_, '--worktree' ], 1, qr/"migrations" is a symbolic link in the work tree/, "symbolic link: all the scripts: @$_ --worktree") foreach ['check'], [ 'deploy', 'dev' ];
    $link->check([ 'new', 'more' ], 1, qr/"migrations" is a symbolic link/, 'symbolic link: nothing new behind it');
    is(scalar(() = glob($link->path('scripts/*more*'))), 0, 'symbolic link: nothing written');
    unlink $link->path('migrations') or die $!;
    $link->git('mv', 'scripts', 'migrations');
    symlink 'migrations', $link->path($_) or die $! foreach qw(repeatable sqitch.plan way);
    unlink $link->path('migrations/20260103_000000_link.sql') or die $!;
    $link->commit('Links');
    $link->check([ 'deploy', 'dev', @$_ ], 1, qr/"repeatable" is a symbolic link in/, "symbolic link: none is passed over @$_") foreach [], ['--worktree'];
    $link->check([ 'check', '--set', 'paths.migrations=way/below', @$_ ], 1, qr/"way" is a symbolic link in/, "symbolic link: on the way @$_") foreach [], ['--worktree'];
    $link->check([ 'check', '--set', 'naming.order=plan', '--set', 'paths.repeatable=migrations', @$_ ], 1, qr/"sqitch.plan" is a symbolic link in/, "symbolic link: the plan @$_") foreach [], ['--worktree'];
    is($node->safe_psql('git', 'SELECT count(*) FROM dbmaestro.change'), 2, 'nothing of this was deployed');
}
{
    my $plain = PostgreSQL::Test::Utils::tempdir_short();
    my $conninfo = $node->connstr('git');

    append_to_file("$plain/dbmaestro.conf", qq([environment "dev"]\n\tconninfo = "$conninfo"\n));
    foreach my $command ([ 'plan', 'dev' ], [ 'deploy', 'dev' ], ['status'])
    {
        my $there = bless { directory => $plain }, 'DbmRepository';
        $there->check($command, 1, qr/error: ".*" is not in a Git repository\n.*hint: Run "git init"/, "no repository: @$command");
    }
    my $empty = DbmRepository->new($node, dev => 'git');
    $empty->check($_, 1, qr/error: the repository has no commit yet\n.*hint: Commit the scripts/, "empty repository: @$_")
      foreach [ 'plan', 'dev' ], [ 'deploy', 'dev' ], ['status'];
    $empty->check([ 'deploy', 'dev', '--ref', 'main' ], 1, qr/could not find "main"/, 'empty repository: a branch that is none');
    $empty->commit('Nothing but the configuration');
    $empty->check([ 'deploy', 'dev' ], 1, qr/error: there is no folder "migrations" in commit/, 'a commit without scripts');

    my $orphan = new_repository('git');
    $orphan->git('checkout', '-q', '--orphan', 'new');
    $orphan->check([ 'deploy', 'dev' ], 1, qr/has no commit yet/, 'unborn HEAD beside a branch');
    $orphan->check([ 'plan', 'dev', '--ref', 'main' ], 0, undef, 'which can be named');
    $orphan->git('checkout', '-q', '-f', 'main');
    $orphan->git('checkout', '-q', '--detach');
    $orphan->check([ 'plan', 'dev' ], 0, undef, 'detached HEAD');
    my $blob = $orphan->git('rev-parse', "HEAD:$first.sql");
    chomp $blob;
    $orphan->check([ 'plan', 'dev', '--ref', $blob ], 1, qr/"$blob" is no commit/, 'a file in place of a commit');
    my $object = '.git/objects/' . substr($blob, 0, 2) . '/' . substr($blob, 2);
    chmod 0600, $orphan->path($object);
    $orphan->write($object => 'rubbish');
    $orphan->check(['check'], 1, qr/error: could not read "$first.sql" of commit/, 'a broken object');
    $orphan->write('.git/HEAD' => "rubbish\n");
    my ($code, $stdout, $stderr) = $orphan->run('check');
    is($code, 1, 'a broken HEAD: exit code 1');
    like($stderr, qr/^dbmaestro: error: /, 'a broken HEAD: says so');
}

SKIP:
{
    skip 'a repository of another user can be made by root only: it was not tried', 1 unless $ENV{DBM_FOREIGN};
    my $root = $ENV{DBM_FOREIGN};
    my $foreign = bless { directory => "$root/shop" }, 'DbmRepository';
    my $refusal = qr/error: Git repository "\Q$root\E" belongs to another user\n.*hint: .*git config --global --add safe.directory '\Q$root\E'$/;
    local $ENV{HOME} = PostgreSQL::Test::Utils::tempdir_short();
    my $trust = sub { system_or_bail('git', 'config', '--global', @_) };

    $foreign->check($_, 1, $refusal, "a repository of another user: @$_") foreach ['check'], [ 'plan', 'dev' ], [ 'deploy', 'dev' ];
    $foreign->check([ 'check', '--worktree' ], 0, undef, 'a repository of another user: its files as they lie there');
    $trust->('user.name', 'Ada');
    $foreign->check(['check'], 1, $refusal, 'a repository of another user, with another configuration');
    $trust->('--add', 'safe.directory', "$root/shop");
    $foreign->check(['check'], 1, $refusal, 'a repository of another user: the folder is not the repository');
    my ($command) = ($foreign->run('check'))[2] =~ /run: (.*)/;
    system_or_bail('sh', '-c', $command);
    $foreign->check(['check'], 0, qr/1 change in commit/, 'a repository of another user: the way that is shown');
    $trust->('--unset-all', 'safe.directory');
    $trust->('--add', 'safe.directory', '*');
    $foreign->check(['check'], 0, undef, 'a repository of another user: all are trusted');
    $trust->('--add', 'safe.directory', '');
    $foreign->check(['check'], 1, $refusal, 'a repository of another user: none is any more');
}

# --- files ------------------------------------------------------------------------

{
    my $files = new_repository('files');
    my $name = 'migrations/20260102_000000_';

    # a carriage return is white space, also where it is in the middle of a statement
    $files->write("${name}crlf.sql" => "CREATE TABLE crlf\r\n(\r\n id int\r\n);\r\nINSERT INTO crlf VALUES (1);\r\n");
    $files->commit('Carriage returns');
    $files->check([ 'deploy', 'dev' ], 0, undef, 'CRLF: deploy');
    is($node->safe_psql('files', 'SELECT count(*) FROM crlf'), 1, 'CRLF: applied');
    $files->write("${name}crlf.sql" => "CREATE TABLE crlf\n(\n id int\n);\nINSERT INTO crlf VALUES (1);\n");
    $files->commit('Line feeds');
    my ($code, $stdout, $stderr) = $files->run('deploy', 'dev');
    is($code, 0, 'CRLF: line ends are no other content') or diag($stderr);
    like($stdout . $stderr, qr/nothing to do/, 'CRLF: nothing to do');
    $files->git('revert', '--no-edit', 'HEAD');

    # what the server makes of the bytes of a script
    foreach my $case (
        [ 'bom', "\xEF\xBB\xBFCREATE TABLE bom (id int);\n", 0 ],
        [ 'latin', "SELECT 'caf\xE9';\n", 1, qr/^ERROR: .*invalid byte sequence for encoding "UTF8": 0xe9/m ],
        [ 'zero', "SELECT 1;\n\0SELECT 2;\n", 1, qr/^ERROR: .*invalid byte sequence for encoding "UTF8": 0x00/m ],
        [ 'utf16', "\xFF\xFES\0E\0L\0E\0C\0T\0", 1, qr/^ERROR: .*invalid byte sequence for encoding "UTF8": 0xff/m ],
        [ 'empty', '', 1, qr/^ERROR: .*\nDETAIL: /m ],
        [ 'directory', "\\i other.sql\n", 1, qr/^ERROR: /m ])
    {
        my ($what, $script, $expected, $pattern) = @$case;

        $files->write("migrations/20260103_000000_$what.sql" => $script);
        $files->commit($what);
        ($stdout, $stderr) = $files->check([ 'deploy', 'dev' ], $expected, $pattern, "content: $what");
        like($stderr, qr/0 of 1 changes are applied/, "content: $what: nothing stands") if $expected;
        $files->git('rm', '-q', "migrations/20260103_000000_$what.sql") if $expected;
    }

    $files->git('rm', '-q', 'migrations/20260103_000000_bom.sql');

    # names that are no text
    foreach my $case ([ "caf\xE9.sql", qr/_caf\\xE9\.sql.*has a name that is not UTF-8/ ],
        [ "caf\xE9.rollback.sql", qr/_caf\\xE9\.rollback\.sql.*is a rollback script, and there is no change/ ])
    {
        my ($end, $pattern) = @$case;

        $files->write("migrations/20260104_000000_$end" => "SELECT 1;\n");
        $files->commit('Latin');
        foreach my $where ([], ['--worktree'])
        {
            ($stdout, $stderr) = $files->check([ 'deploy', 'dev', @$where ], 1, $pattern, "name that is not UTF-8: deploy @$where");
            unlike($stderr, qr/\xE9/, "name that is not UTF-8: not raw @$where");
            my $found = $files->json('check', @$where);
            is(scalar(grep { $_->{finding} =~ /not UTF-8|is a rollback/ } @$found), 1, "name that is not UTF-8: check @$where");
        }
        $files->git('rm', '-q', "migrations/20260104_000000_$end");
    }
    $files->write("migrations/20260104_000000_author.sql" => "SELECT 1;\n");
    $files->git('add', '-A');
    $files->git('-c', "user.name=Ren\xE9", '-c', 'i18n.commitEncoding=ISO-8859-1', 'commit', '-q', '-m', "caf\xE9");
    $files->check([ 'deploy', 'dev' ], 0, undef, 'an author who is not UTF-8');
    like($node->safe_psql('files', "SELECT claims->>'author' FROM dbmaestro.deployment ORDER BY id DESC LIMIT 1"),
        qr/^Ren(?:\\xE9|\xC3\xA9|\xEF\xBF\xBD) </, 'is recorded as text');

    # without its rollback script a change is deployed, but not taken for sound by those who are strict
    $files->write('migrations/20260105_000000_alone.sql' => "CREATE TABLE alone (id int);\n");
    $files->commit('Alone');
    $files->check(['check'], 0, qr/0 errors, [1-9]\d* warnings/, 'missing rollback: check');
    ($stdout) = $files->check([ 'check', '--strict' ], 1, undef, 'missing rollback: check --strict');
    like($stdout, qr/warning +\| \S*_alone\.sql +\| +\| has no rollback script +\| Write one, or/, 'missing rollback: advice');
    $files->check([ 'deploy', 'dev' ], 0, undef, 'missing rollback: deploy');
    is($node->safe_psql('files', "SELECT rollback IS NULL FROM dbmaestro.change WHERE change ~ 'alone'"), 't', 'missing rollback: on record');
    my $refused = dbm_refused($node, 'files', "SELECT dbm_rollback('20260105_000000_alone', 'no reason')");
    is($refused->{sqlstate}, 'MA027', 'missing rollback: the server refuses to take it back') or diag(explain($refused));
}

# --- large and many ------------------------------------------------------------------

# Runs a command in so many megabytes of address space; returns its output and how long it took.
sub confined
{
    my ($repository, $megabytes, $line) = @_;
    my $start = time;
    my ($code, $stdout, $stderr) = $repository->shell('ulimit -v ' . $megabytes * 1024 . " && dbmaestro $line");

    is($code, 0, "$line: within $megabytes MB") or diag($stderr);
    note(sprintf '%s: %.1f s', $line, time - $start);
    return ($stdout, $stderr, time - $start);
}

{
    my $large = new_repository('large');
    my $statement = "INSERT INTO large VALUES ('" . ('x' x 1_000_000) . "');\n";

    $large->write('migrations/20260102_000000_large.sql' => "CREATE TABLE large (t text);\n" . ($statement x 50));
    $large->commit('Large');
    confined($large, 250, 'check');
    my (undef, $stderr) = confined($large, 250, 'deploy dev');
    is($node->safe_psql('large', 'SELECT count(*), sum(length(t)) FROM large'), '50|50000000', '50 MB: applied');
    $large->check([ 'deploy', 'dev' ], 0, qr/nothing to do/, '50 MB: once');
}
{
    my $many = DbmRepository->new($node, dev => 'large');
    my $tree = '';
    my ($kind, $out) = ('100644 blob');
    # seconds that only what grows with the square of the files would take, on a slow machine too
    my $long = 600;

    $many->write('head' => "-- Irreversible: yes\nSELECT 1;\n", 'tail' => "-- Irreversible: yes\n-- Requires: 20260201_049999_x\nSELECT 1;\n");
    my %blob = map { $_ => $many->git('hash-object', '-w', $_) =~ s/\n//r } qw(head tail dbmaestro.conf);
    $tree .= sprintf "$kind %s\t20260201_%06d_x.sql\n", $blob{ $_ < 50_000 ? 'head' : 'tail' }, $_ foreach 0 .. 99_999;
    my $make = sub { IPC::Run::run([ 'git', '-C', $many->{directory}, 'mktree' ], '<', \$_[0], '>', \$out) or die; $out =~ s/\n//r };
    my $root = $make->("$kind $blob{'dbmaestro.conf'}\tdbmaestro.conf\n040000 tree " . $make->($tree) . "\tmigrations\n");
    $many->git('reset', '-q', '--soft', $many->git('commit-tree', '-m', 'Many', $root) =~ s/\n//r);
    my (undef, $stderr, $seconds) = confined($many, 200, 'check');
    like($stderr, qr/^100000 changes in commit \w+: 0 errors, 0 warnings$/m, '100,000 files: check');
    cmp_ok($seconds, '<', $long, '100,000 files: check in time');
    (my $stdout, undef, $seconds) = confined($many, 300, 'plan dev --format csv');
    is(scalar(() = $stdout =~ /,pending,/g), 100_000, '100,000 files: plan');
    cmp_ok($seconds, '<', $long, '100,000 files: plan in time');
    (undef, undef, $seconds) = confined($many, 300, 'deploy dev --dry-run --to 20260201_099999_x >/dev/null');
    cmp_ok($seconds, '<', $long, '100,000 files: up to the last one in time');

    # the same as files that lie there
    $many->git('checkout', '-q', 'HEAD', '--', '.');
    (undef, $stderr, $seconds) = confined($many, 200, 'check --worktree');
    like($stderr, qr/^100000 changes in the work tree: 0 errors, 0 warnings$/m, '100,000 files of a work tree: check');
    cmp_ok($seconds, '<', $long, '100,000 files of a work tree: check in time');
    ($stdout, undef, $seconds) = confined($many, 300, 'plan dev --worktree --format csv');
    is(scalar(() = $stdout =~ /,pending,/g), 100_000, '100,000 files of a work tree: plan');
    cmp_ok($seconds, '<', $long, '100,000 files of a work tree: plan in time');
    (undef, undef, $seconds) = confined($many, 300, 'deploy dev --worktree --dry-run --to 20260201_099999_x >/dev/null');
    cmp_ok($seconds, '<', $long, '100,000 files of a work tree: up to the last one in time');
}

# --- output ------------------------------------------------------------------------------

{
    my $output = new_repository('dev');
    my @lines = map { sprintf 'migrations/20260102_%06d_x.sql', $_ } 1 .. 2000;

    $output->write(map { ($_ => "SELECT 1;\n") } @lines);
    $output->commit('Much to say');
    foreach my $format (qw(table json csv html markdown))
    {
        my ($code, $stdout, $stderr) = $output->shell("dbmaestro check --format $format | head -n 1; exit \${PIPESTATUS[0]}");

        is($code, 1, "broken pipe, $format: exit code 1");
        like($stdout, qr/\A[^\n]+\n\z/, "broken pipe, $format: one line");
        is($stderr =~ s/^2001 changes in .*\n//r, '', "broken pipe, $format: nothing is said of it");
        ($code, $stdout, $stderr) = $output->shell("dbmaestro check --format $format >/dev/full");
        is($code, 1, "full disk, $format: exit code 1");
        like($stderr, qr/^dbmaestro: error: could not write to standard output: No space left on device$/m, "full disk, $format: says so");
    }
    my ($code, $stdout, $stderr) = $output->shell('dbmaestro plan dev --exit-code >/dev/full');
    is($code, 3, 'full disk: what a command has to say goes before') or diag($stderr);
    $output->git('rm', '-q', @lines[ 10 .. $#lines ]);
    $output->commit('Less to do');
    ($code, $stdout, $stderr) = $output->shell("dbmaestro deploy dev >/dev/full");
    is($code, 1, 'full disk: deploy: exit code 1');
    like($stderr, qr/could not write to standard output: No space/, 'full disk: deploy says so');
    $output->check([ 'deploy', 'dev' ], 0, qr/nothing to do/, 'full disk: but has deployed');
    $output->write('migrations/20260103_000000_notices.sql' =>
          "DO \$\$ BEGIN FOR i IN 1..5000 LOOP RAISE NOTICE 'notice %', i; END LOOP; END \$\$;\nCREATE TABLE noticed (id int);\n");
    $output->commit('Notices');
    ($code, $stdout, $stderr) = $output->shell('dbmaestro deploy dev 2>&1 >/dev/null | head -n 1; exit ${PIPESTATUS[0]}');
    is($code, 0, 'broken pipe: deploy: exit code 0');
    is($stdout, "NOTICE:  notice 1\n", 'broken pipe: deploy: its notices are read no further');
    is($node->safe_psql('dev', "SELECT to_regclass('noticed') IS NOT NULL"), 't', 'broken pipe: but it has deployed');
}

# --- the terminal -------------------------------------------------------------------------

{
    my $steering = qr/\e(?!\[(?:[0-9;]*m|K))|[\a\x08\x{80}-\x{9f}\x{202a}-\x{202e}\x{2066}-\x{2069}]/;
    my $hostile = "\e]0;owned\a\x{9b}31m\x{202e}";
    my $name = encode_utf8($hostile);
    my $evil = new_repository('dev', nowhere => { conninfo => $node->connstr("no$name") });

    # the server takes no such name of a change, so that it can only be in scripts that it runs
    $evil->write("migrations/20260201_000000_$name.sql" => "SELECT 1;\n", "migrations/other $name.sql" => "SELECT 1;\n");
    $evil->commit("Evil $name");
    $evil->check([ 'deploy', 'dev' ], 1, qr/^ERROR:  invalid name of a change: "20260201_000000_\\x1B/m, 'a hostile name of a change');
    my $worse = new_repository('dev', nowhere => { conninfo => $node->connstr("no$name") });
    $worse->write('migrations/20260202_000000_a_long_name_that_does_not_fit_into_forty_columns.sql' =>
          "DO \$\$ BEGIN RAISE NOTICE 'seen $name'; END \$\$;\nCREATE TABLE \"evil $name\" (id int);\nSELECT * FROM \"not $name\";\n");
    $worse->commit("Worse $name");
    foreach my $columns (40, 200)
    {
        foreach my $command ('status', 'check', 'plan dev', "plan \$'$name'", "\$'$name'", "plan dev --ref \$'$name'",
            "deploy dev --to \$'$name'", "check --\$'$name'", 'deploy dev', 'deploy dev --echo',
            map { ("check --format $_", "status --format $_", "deploy dev --format $_") } qw(json csv html markdown))
        {
            foreach my $repository ($evil, $worse)
            {
                my $shown = $repository->terminal($columns, $command);
                my $title = ($repository == $evil ? 'name' : 'content') . ": $command" =~ s/\Q$name\E/HOSTILE/r;

                cmp_ok(length $shown, '>', 0, "$columns columns: $title: says something");
                unlike($shown, $steering, "$columns columns: $title: nothing steers the terminal");
            }
        }
    }
    # what is repainted is cut; what stays may be wrapped by the terminal, but is not ours to cut
    my $shown = $worse->terminal(40, 'deploy dev');
    my @progress = $shown =~ /(0\/\d+ [^\r\n]*)\r\e\[K/g;
    ok(scalar @progress, '40 columns: progress is shown') or diag($shown);
    is(scalar(grep { length > 39 } @progress), 0, '40 columns: in one line');
    like($shown, qr/(?:^|\e\[K)NOTICE:  seen \\x1B\]0;owned\\x07\\u009B31m\\u202E$/m, '40 columns: a notice as it is');
    like($shown, qr/^ERROR:  relation "not \\x1B/m, '40 columns: the error as it is');
    unlike($worse->terminal(40, "$_ 2>/dev/null"), qr/^.{41}/m, "40 columns: $_ fits") foreach 'plan dev', 'status', 'check';
}

$node->stop;
done_testing();
