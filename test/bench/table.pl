# test/bench/table.pl HEADING: reads "row contestant figure" lines, prints medians and ratios
#
# The first contestant of a row is what the others are compared with, round by
# round, so that what else the machine did in a round weighs on both; the
# range of these ratios is the noise.
use strict;
use warnings FATAL => 'all';

my ($heading) = @ARGV;
my (@rows, %seen, %contestants, %figures);

sub median
{
    my @sorted = sort { $a <=> $b } @_;

    return @sorted % 2 ? $sorted[$#sorted / 2] : ($sorted[ $#sorted / 2 ] + $sorted[ @sorted / 2 ]) / 2;
}

while (my $line = <STDIN>)
{
    my ($row, $contestant, $figure) = split ' ', $line;

    push @rows, $row unless $seen{$row}++;
    push @{ $contestants{$row} }, $contestant unless $figures{$row}{$contestant};
    push @{ $figures{$row}{$contestant} }, $figure;
}

printf "%-22s %-12s %12s %8s   %s\n", $heading, '', 'median', 'ratio', 'range of the ratio';
foreach my $row (@rows)
{
    my $base = $figures{$row}{ $contestants{$row}[0] };

    foreach my $contestant (@{ $contestants{$row} })
    {
        my $own = $figures{$row}{$contestant};
        my @ratios = sort { $a <=> $b } map { $own->[$_] / $base->[$_] } 0 .. ($#$own < $#$base ? $#$own : $#$base);

        printf "%-22s %-12s %12.3f %8.2f   %.2f to %.2f\n", $row, $contestant, median(@$own),
          median(@ratios), $ratios[0], $ratios[-1];
    }
}
print "\n";
