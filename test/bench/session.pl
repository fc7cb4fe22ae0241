# test/bench/session.pl psql|dbmaestro FILE...: one psql session that deploys the scripts in order
#
# psql: each script in a transaction of its own, unless it brings its own.
# dbmaestro: one call of dbm_apply for each.
# A name that begins with "plain:" is of a script that cannot run in a
# transaction: both run it as it is, dbmaestro with the guard observing.
use strict;
use warnings FATAL => 'all';

use File::Basename;
use FindBin;

my ($contestant, @files) = @ARGV;

sub quote
{
    my ($text) = @_;
    my $tag = 'q';

    $tag .= 'q' while index("$text\$", "\$$tag\$") >= 0;
    return "\$$tag\$$text\$$tag\$";
}

print "\\set ON_ERROR_STOP on\n\\pset format unaligned\n\\o /dev/null\n";
foreach my $file (@files)
{
    my $plain = $file =~ s/^plain://;

    open my $handle, '<', $file or die "could not read $file: $!";
    my $script = do { local $/; <$handle> };
    close $handle;

    # what a script sets must not reach the next one; dbm_apply sees to settings by itself
    my $reset = $script =~ /^\s*SET\s/mi ? "RESET ALL;\n" : '';
    print "DISCARD TEMP;\n" if $script =~ /\bCREATE\s+TEMP/i;

    if ($plain and $contestant eq 'dbmaestro')
    {
        print "SELECT dbm_guard('observe');\n$script\n;\n${reset}SELECT dbm_guard('enforce');\n";
    }
    elsif ($plain)
    {
        print "$script\n;\n$reset";
    }
    elsif ($contestant eq 'dbmaestro')
    {
        print 'SELECT outcome FROM dbm_apply(', quote(basename($file, '.sql')), ', ', quote($script), ");\n";
    }
    elsif ($script =~ /^\s*BEGIN\s*;/mi && $script =~ /^\s*COMMIT\s*;/mi)
    {
        print "$script\n;\n$reset";
    }
    else
    {
        print "BEGIN;\n$script\n;\nCOMMIT;\n$reset";
    }
}
