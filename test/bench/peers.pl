# test/bench/peers.pl SCRIPTS SQITCH DBMATE: the same scripts as projects of other tools
#
# The plan of sqitch is written and not made by "sqitch add", which takes a
# second for each change; what it holds is the same.
use strict;
use warnings FATAL => 'all';

use File::Basename;

my ($scripts, $sqitch, $dbmate) = @ARGV;

sub write_file
{
    my ($file, $text) = @_;

    open my $handle, '>', $file or die "could not create $file: $!";
    print $handle $text;
    close $handle or die "could not write $file: $!";
    return;
}

my $plan = "%syntax-version=1.0.0\n%project=bench\n\n";

foreach my $directory ($sqitch, "$sqitch/deploy", $dbmate)
{
    mkdir $directory unless -d $directory;
}
foreach my $file (sort glob "$scripts/*.sql")
{
    my $name = basename($file, '.sql');
    my $script = do { local (@ARGV, $/) = $file; <> };

    $plan .= "$name 2026-01-01T00:00:00Z Bench <bench\@example.org> # Synthetic\n";
    write_file("$sqitch/deploy/$name.sql", "-- Deploy bench:$name to pg\n\nBEGIN;\n\n$script\nCOMMIT;\n");
    write_file("$dbmate/" . $name =~ s/^(\d{8})_(\d{6})/$1$2/r . '.sql', "-- migrate:up\n$script\n-- migrate:down\n");
}
write_file("$sqitch/sqitch.plan", $plan);
write_file("$sqitch/sqitch.conf", "[core]\n\tengine = pg\n");
