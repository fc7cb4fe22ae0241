# A commit is compared with the one that the environment has: only what has
# changed since is read and hashed, the rest is named.  What is said about the
# rest without reason is found out.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmRepository;
use DbmTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dbm_node('main', bare => 1, conf => "fsync = off\nlog_statement = all\nlog_parameter_max_length = -1\n");
my $repository = DbmRepository->new($node, dev => 'dev', prod => { database => 'prod', follows => 'dev' });

dbm_database($node, 'dev', environment => 'dev');
dbm_database($node, 'prod', environment => 'prod', follows => 'dev');
dbm_database($node, 'other', environment => 'dev');

sub change
{
    my ($number, $script) = @_;

    return (sprintf('migrations/20260101_%06d_step.sql', $number) => $script // "SELECT $number;\n");
}

# What is not in the object database cannot have been read.
sub hide
{
    my ($number) = @_;
    my $id = $repository->git('rev-parse', sprintf('HEAD:migrations/20260101_%06d_step.sql', $number));

    chomp $id;
    my $file = $repository->path('.git/objects/' . substr($id, 0, 2) . '/' . substr $id, 2);
    rename $file, "$file.hidden" or die "could not rename $file: $!";
    return sub { rename "$file.hidden", $file or die "could not rename $file.hidden: $!" };
}

# How the server was told of the changes, manifest by manifest: 'h' with a hash, 'n' by name.
sub asked
{
    my ($log) = @_;

    return join ' ', map { join '', map { /^\{/ ? 'h' : 'n' } /(\{[^{}]*\}|"\d{8}_\d{6}_step")/g } $log =~ /[Pp]arameters: \$1 = '\{"changes":\s*(\[.*?\])/g;
}

# Runs a command, with the scripts of some changes hidden; returns its exit code,
# what it printed, and how it asked.
sub run_asked
{
    my ($hidden, @command) = @_;
    my @hidden = map { hide($_) } @$hidden;
    my $before = -s $node->logfile;
    my ($code, $stdout, $stderr) = $repository->run(@command);

    $_->() foreach @hidden;
    return ($code, $stdout . $stderr, asked(substr slurp_file($node->logfile), $before));
}

sub applied
{
    my ($database) = @_;

    return $node->safe_psql($database,
        q(SELECT string_agg(substr(change, 14, 2)::integer::text, ' ' ORDER BY change) FROM dbmaestro.change WHERE state = 'applied' AND change ~ 'step'));
}

# Deploys; compares the exit code, how the server was asked, and what is applied then.
sub check_deploy
{
    my ($name, $asked, $applied, %parameter) = @_;
    my ($code, $said, $how) = run_asked($parameter{hidden} // [], @{ $parameter{command} // [ 'deploy', 'dev' ] });

    is($code, $parameter{code} // 0, "$name: exit code") or diag($said);
    is($how, $asked, "$name: names and hashes");
    is(applied($parameter{database} // 'dev'), $applied, "$name: applied");
    return $said;
}

$repository->write(change(1), change(2));
$repository->commit('Two');
check_deploy('first', 'hh hh', '1 2');

# ---- what has changed since ----

$repository->write(change(3));
$repository->commit('Three');
check_deploy('one more', 'nnh h', '1 2 3', hidden => [ 1, 2 ]);

$repository->write('README' => 'nothing to do with it');
$repository->commit('Elsewhere');
$repository->git('checkout', '-q', '-b', 'branch');
$repository->write(change(4));
$repository->commit('Four');
$repository->git('checkout', '-q', 'main');
$repository->write(change(5));
$repository->commit('Five');
$repository->git('merge', '-q', '-m', 'Both', 'branch');
check_deploy('behind a merge', 'nnnhh hh', '1 2 3 4 5', hidden => [ 1 .. 3 ]);

$repository->write(change(2, "-- said better\nSELECT 2;\n"), change(6));
$repository->commit('A comment');
check_deploy('a comment', 'nhnnnh nhnnnh h', '1 2 3 4 5 6', hidden => [ 1, 3, 4, 5 ]);
$repository->write(change(3, "SELECT 33;\n"));
$repository->commit('Another content');
like(check_deploy('another content', 'nnhnnn nnhnnn h', '1 2 3 4 5 6', code => 9),
    qr/20260101_000003_step/, 'another content: says so');
$repository->git('revert', '--no-edit', 'HEAD');

$repository->git('mv', 'migrations/20260101_000006_step.sql', 'migrations/20260101_000007_step.sql');
$repository->commit('Another name');
my ($code, $said, $how) = run_asked([ 1 .. 5 ], 'plan', 'dev');
is($code, 0, 'another name: exit code') or diag($said);
is($how, 'nnnnnh', 'another name: hashed');
like($said, qr/000006_step\s*\|\s*missing/, 'another name: missing');
like($said, qr/000007_step\s*\|\s*pending/, 'another name: pending');
$repository->git('reset', '-q', '--hard', 'HEAD~1');
check_deploy('nothing to do', '', '1 2 3 4 5 6', hidden => [ 1 .. 6 ]);

# ---- where it cannot be told: all scripts are hashed, and the one whose comment differs is sent ----

$repository->write(change(8));
$repository->commit('Eight');
$node->safe_psql('dev', "SELECT dbm_apply('20270101_000000_by_hand', 'SELECT 1', 'SELECT 2')");
check_deploy('something else ran meanwhile', 'hhhhhhh hhhhhhh h', '1 2 3 4 5 6 8');

my $clone = PostgreSQL::Test::Utils::tempdir_short() . '/clone';
$repository->write(change(9));
$repository->commit('Nine');
$repository->git('clone', '-q', '--depth', '1', 'file://' . $repository->path(''), $clone);
check_deploy('shallow', 'hhhhhhhh hhhhhhhh h', '1 2 3 4 5 6 8 9', command => [ '-C', $clone, 'deploy', 'dev' ]);

$repository->write(change(10));
$repository->commit('Ten');
$repository->git('config', '-f', $repository->path('dbmaestro.conf'), 'naming.repeatable', 'R_*.sql');
$repository->commit('Naming');
check_deploy('another naming', 'hhhhhhhhh hhhhhhhhh h', '1 2 3 4 5 6 8 9 10');

# the work tree has no commit before it
$repository->write(change(11));
check_deploy('work tree', 'hhhhhhhhhh hhhhhhhhhh h', '1 2 3 4 5 6 8 9 10 11', command => [ 'deploy', 'dev', '--worktree' ]);
$repository->commit('Eleven');
check_deploy('as in the work tree', 'hhhhhhhhhh hhhhhhhhhh', '1 2 3 4 5 6 8 9 10 11');

# ---- each environment has its own ----

$node->safe_psql('dev', "SELECT dbm_rollback('20270101_000000_by_hand', 'no part of it')");
$repository->write(change(2));
$repository->commit('As it was applied');
check_deploy('promoted', 'hhhhhhhhhh hhhhhhhhhh', '1 2 3 4 5 6 8 9 10 11',
    command => [ 'promote', 'dev', 'prod' ], database => 'prod');
$repository->write(change(12));
$repository->commit('Twelve');
check_deploy('dev', 'hhhhhhhhhhh h', '1 2 3 4 5 6 8 9 10 11 12');
check_deploy('promoted one more', 'nnnnnnnnnnh h', '1 2 3 4 5 6 8 9 10 11 12',
    command => [ 'promote', 'dev', 'prod' ], database => 'prod', hidden => [ 1 .. 6 ]);

# ---- said without reason ----

# a deployer says of the commit before, by its fingerprint, that it holds nothing
my $fingerprint = $node->safe_psql('dev', 'SELECT fingerprint FROM dbmaestro.fingerprint');
$node->safe_psql('other', qq(SELECT state FROM dbm_plan('{"fingerprint": "$fingerprint", "changes": []}')));
is($node->safe_psql('other', 'SELECT fingerprint FROM dbmaestro.fingerprint'), $fingerprint, 'a fingerprint without changes');
$repository->write(change(13));
$repository->commit('Thirteen');
check_deploy('said without reason', 'nnnnnnnnnnnh hhhhhhhhhhhh hhhhhhhhhhhh', '1 2 3 4 5 6 8 9 10 11 12 13',
    command => [ 'deploy', 'dev', '--set', 'environment.dev.conninfo=' . $node->connstr('other') ], database => 'other');

$node->stop;
done_testing();
