#!/usr/bin/perl
# usage: page_diffs.pl PAGE...
#
# The lines that the diffs in pages add and that their file does not have, for lint.sh; prints PAGE:LINE: what.
use strict;
use warnings;

for my $page (@ARGV) {
    open my $lines, '<', $page or die "$page: $!\n";
    my ($inside, $file, %text) = (0, '');
    while (my $line = <$lines>) {
        chomp $line;
        $inside = $line eq '```diff' if $line =~ /^```/;
        next if !$inside;
        if ($line =~ m{^(?:---|\+\+\+) [ab]/(.+)}) {
            $file = $1;
            $text{$file} //= do { local (@ARGV, $/) = ($file); "\n" . (-e $file ? <> : '') };
        } elsif ($line =~ /^\+(.+)/ && $1 ne '...') {
            print "$page:$.: $file has no line: $1\n" if index($text{$file} // '', "\n$1\n") < 0;
        }
    }
}
