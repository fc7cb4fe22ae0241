# Completion, in bash as somebody types, and the manual page: both installed,
# both made from the tables that the help is made from.
use strict;
use warnings FATAL => 'all';

use File::Basename;
use FindBin;
use lib "$FindBin::RealBin/lib";
use DbmRepository;
use DbmTest;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($share) = run_command([ 'pg_config', '--sharedir' ]);
$share =~ s{/share(/.*)?$}{/share};

my $script = "$share/bash-completion/completions/dbmaestro";
my $page = "$share/man/man1/dbmaestro.1";
my $node = dbm_node('main', bare => 1, conf => "fsync = off\n");
my $shop = DbmRepository->new($node, dev => 'dev', prod => { database => 'prod', follows => 'dev' });
my ($overview) = run_command([ 'dbmaestro', 'help' ]);
my @commands = $overview =~ /^  ([a-z-]+) +[a-z]/mg;

$shop->write(
    'migrations/20260101_000000_orders.sql' => "CREATE TABLE orders ();\n",
    'migrations/20260102_000000_items.sql' => "CREATE TABLE items ();\n");
$shop->commit('Two');

# --- as bash calls it -----------------------------------------------------------------

# What completes the last of the words, as bash splits them.
sub completions
{
    my ($directory, @words) = @_;
    my ($stdout, $stderr);
    my $last = $#words;

    IPC::Run::run(
        [   'bash', '--norc', '-c',
            'cd "$1" && . "$2" && shift 2 && compopt() { COMPREPLY+=("compopt $*"); }'
              . ' && COMP_WORDS=("$@") && COMP_CWORD=$(($# - 1)) && { _dbmaestro; printf "%s\n" "${COMPREPLY[@]}"; }',
            'bash', $directory, $script, @words ],
        '<', \undef, '>', \$stdout, '2>', \$stderr);
    is($stderr, '', "no complaint about: @words");
    return join ' ', split /\n/, $stdout;
}

sub completes
{
    my ($expected, @words) = @_;

    is(completions($shop->{directory}, 'dbmaestro', @words), $expected, "completes: @words");
    return;
}

ok(-r $script, 'the script is installed');
is(slurp_file($script), (run_command([ 'dbmaestro', 'completion', 'bash' ]))[0] . "\n", 'and is that of the program');
is((IPC::Run::run([ 'bash', '-n', $script ]) ? 'sound' : 'broken'), 'sound', 'bash can read it');
is(join(' ', sort split / /, completions($shop->{directory}, 'dbmaestro', '')), join(' ', sort @commands), 'all commands');
completes('deploy', 'dep');
completes('dev prod', 'deploy', '');
completes('prod', 'deploy', 'p');
completes('', 'deploy', 'dev', '');
completes('dev prod', '-q', 'deploy', '--ref', 'HEAD', '');
completes('dev prod', '--format', '=', 'json', 'status', '');
completes('csv', '--format', 'c');
completes('csv', '--format', '=', 'c');
completes('table json jsonl csv html markdown', 'plan', 'dev', '--format', '=');
completes('--dry-run', 'deploy', 'dev', '--dr');
completes('', 'plan', 'dev', '--dr');
completes('20260101_000000_orders 20260102_000000_items', 'deploy', 'dev', '--to', '');
completes('20260102_000000_items', 'deploy', 'dev', '--to', '20260102');
completes('exit-codes', 'help', 'exi');
completes('bash zsh', 'completion', '');
completes('compopt -o dirnames', '-C', '');
completes('compopt -o default', 'status', '--config', '');
is(completions('/', 'dbmaestro', '-C', $shop->{directory}, 'deploy', ''), 'dev prod', 'the repository that -C names');
is(completions('/', 'dbmaestro', 'deploy', ''), '', 'without a repository there are no names');

foreach my $command (@commands)
{
    my ($help) = run_command([ 'dbmaestro', 'help', $command ]);
    my @options = $help =~ /^ +(?:-\w, )?(--[a-z-]+)/mg;
    my @offered = split / /, completions($shop->{directory}, 'dbmaestro', $command, '--');

    is_deeply([ sort @offered ], [ sort @options ], "every option of $command");
}
{
    my $hostile = DbmRepository->new($node, '$(touch hit)' => 'a', '`touch hit`' => 'b', 'two words' => 'c');
    my $offered = completions($hostile->{directory}, 'dbmaestro', 'deploy', '');

    is($offered, '\$\(touch\ hit\) \`touch\ hit\` two\ words', 'hostile names are quoted');
    ok(!-e $hostile->path('hit'), 'and never run');
}

# --- as somebody types ------------------------------------------------------------------

# Types into an interactive shell, made ready by some lines, and returns what it shows for the keys.
sub type_keys
{
    my ($shell, $lines, $keys, $expected) = @_;
    my ($in, $out) = ('', '');
    my $timeout = IPC::Run::timeout(30);
    my $harness = IPC::Run::start($shell, '<pty<', \$in, '>pty>', \$out, $timeout);

    $in .= "$_\n" foreach @$lines, "cd $shop->{directory}", "PS1='ready> '";
    eval { $harness->pump until $out =~ /^(?:\e\[\S*\s*)*ready> /m };
    $out = '' unless $@;
    $in .= $keys;
    eval { $harness->pump until $out =~ $expected };
    diag($@) if $@;
    # it has nothing to save, and is deaf to everything else
    $harness->kill_kill(grace => 0);
    return $out;
}

sub types
{
    my ($shell, $lines, @cases) = @_;
    local $ENV{TERM} = 'dumb';

    while (my ($keys, $expected) = splice(@cases, 0, 2))
    {
        like(type_keys($shell, $lines, $keys, $expected), $expected, "typed into $shell->[0]: " . ($keys =~ s/\t/<Tab>/gr));
    }
    return;
}

types([ 'bash', '--norc', '--noprofile', '-i' ],
    [ "bind 'set bell-style none'", "bind 'set enable-bracketed-paste off'", ". $script" ],
    "dbmaestro dep\t" => qr/dbmaestro deploy $/m,
    "dbmaestro deploy p\t" => qr/dbmaestro deploy prod $/m,
    "dbmaestro deploy dev --to 20260101\t" => qr/--to 20260101_000000_orders $/m,
    "dbmaestro --format=c\t" => qr/--format=csv/,
    "dbmaestro deploy \t\t" => qr/^dev +prod *\r?$/m);

# --- zsh --------------------------------------------------------------------------------

{
    my ($zsh) = grep { -e $_ } map { "$share/zsh/$_/_dbmaestro" } qw(vendor-completions site-functions);

    is(slurp_file($zsh), (run_command([ 'dbmaestro', 'completion', 'zsh' ]))[0] . "\n", 'the script for zsh is installed');
    like(slurp_file($zsh), qr/^#compdef dbmaestro\n.*^    \(deploy\)\n.*'1:ENVIRONMENT:_dbmaestro_environments'/ms, 'with all commands');
  SKIP:
    {
        skip 'there is no zsh on this machine', 1 unless IPC::Run::run([ 'sh', '-c', 'command -v zsh' ], '>', \my $path);
        ok(IPC::Run::run([ 'zsh', '-n', $zsh ]), 'zsh can read it');
        types([ 'zsh', '-f', '-i' ],
            [ 'unset zle_bracketed_paste; unsetopt beep prompt_cr', 'fpath=(' . dirname($zsh) . ' $fpath)', 'autoload -U compinit; compinit -D -u' ],
            "dbmaestro dep\t" => qr/deploy $/,
            "dbmaestro deploy p\t" => qr/deploy prod $/,
            "dbmaestro -C . deploy p\t" => qr/deploy prod $/,
            "dbmaestro deploy dev --to 20260102\t" => qr/--to 20260102_000000_items $/,
            "dbmaestro deploy dev --dr\t" => qr/--dry-run $/,
            "dbmaestro --format=c\t" => qr/--format=csv $/,
            "dbmaestro help exi\t" => qr/exit-codes $/,
            "dbmaestro deploy \t" => qr/dev +prod/,
            "dbmaestro submit dev 20260101\t" => qr/20260101_000000_orders $/,
            "dbmaestro deploy dev p\t\t\x01echo \x05\n" => qr/^dbmaestro deploy dev p\r?$/m);
    }
}
command_exit_is([ 'dbmaestro', 'completion', 'fish' ], 2, 'a shell that we have nothing for');

# --- the manual page ------------------------------------------------------------------------

is(slurp_file($page), (run_command([ 'dbmaestro', 'help', 'manual' ]))[0] . "\n", 'the manual page is installed');
SKIP:
{
    my ($text, $complaints);

    skip 'there is no groff on this machine', 2 + @commands
      unless IPC::Run::run([ 'sh', '-c', 'command -v groff' ], '>', \my $path);
    IPC::Run::run([ 'groff', '-ww', '-man', '-Tascii', '-P-c', '-P-b', '-P-u', $page ], '>', \$text, '2>', \$complaints);
    is($complaints, '', 'groff has nothing to complain about');
    foreach my $command (@commands)
    {
        like($text, qr/^ +\Q$command\E\b/m, "it explains $command");
    }
    my @keys = map { /^ ([a-z]+\.\S+)/ ? $1 : () } split /\n/, (run_command([ 'dbmaestro', 'help', 'configuration' ]))[0];
    my @missing = grep { $text !~ /^ +\Q$_\E\b/m } @keys;
    is("@missing", '', 'and all ' . @keys . ' keys');
}

$node->stop;
done_testing();
