#!/usr/bin/perl
# usage: long_sentences.pl PAGE...
#
# The sentences of Markdown pages with more than 25 words, for lint.sh; prints PAGE:LINE: number of words: sentence. A colon and a
# semicolon end a sentence too. Code counts as one word. Blocks of code, lists of SQLSTATEs, and lists of six or more are left out.
use strict;
use warnings;

my $most = 25;

# The paragraphs of a page, items of lists and cells of tables among them, each with its first line.
sub paragraphs {
    my @lines = split /\n/, shift, -1;
    my ($in_code, $number, @found) = (0, 0);
    my $open;
    for my $line (@lines) {
        ++$number;
        if ($line =~ /^\s*```/) { $in_code = !$in_code; undef $open; next }
        next if $in_code;
        if ($line =~ /^\|/) { push @found, [$number, $_] for split /(?<!\\)\|/, $line; undef $open; next }
        undef $open if $line =~ /^\s*$|^#|^\s*(?:[-*]|\d+\.)\s/;
        next if $line =~ /^\s*$/;
        if ($open) { $open->[1] .= " $line" } else { push @found, $open = [$number, $line] }
    }
    return @found;
}

for my $page (@ARGV) {
    open my $file, '<', $page or die "$page: $!\n";
    my $text = do { local $/; <$file> };
    for my $paragraph (paragraphs($text)) {
        my ($line, $words) = @$paragraph;
        $words =~ s/`[^`]*`/code/g;
        $words =~ s/\]\([^)]*\)/]/g;
        for my $sentence (split /(?<=[.!?:;])[*)"]*\s+/, $words) {
            my $count = () = $sentence =~ /[\w'\/-]+/g;
            print "$page:$line: $count words: $sentence\n" if $count > $most && $sentence !~ /^(?:SQLSTATE )?[0-9A-Z]{5}\b/ && ($sentence =~ tr/,//) < 5;
        }
    }
}
