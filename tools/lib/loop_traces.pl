#!/usr/bin/perl
# usage: loop_traces.pl FILE...
#
# The loops of unit tests with a check in them (EXPECT_, ASSERT_, or a function expect_) and no SCOPED_TRACE of their own, for
# lint.sh; prints FILE:LINE: what. A loop whose body is just another loop may leave the trace to it.
use strict;
use warnings;

# Literals and comments as blanks, at the same places.
sub blanked {
    my ($text) = @_;
    $text =~ s{R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\])*"|(?<![0-9a-fA-F])'(?:\\.|[^'\\])+'|//[^\n]*|/\*.*?\*/}{$& =~ s/[^\n]/_/gr}gse;
    return $text;
}

my $round = qr/(\((?:[^()]++|(?-1))*+\))/;
my $curly = qr/(\{(?:[^{}]++|(?-1))*+\})/;
my $head = qr/(?:for|if)\s*$round\s*/;

# The body of the loop that ends at the start of the text: a block or one statement.
sub body {
    my ($rest) = @_;
    return $rest =~ /^((?:$head)*(?:$curly|(?:[^;(){}]++|$round|$curly)*;))/ ? $1 : '';
}

for my $file (@ARGV) {
    my $text = do { local (@ARGV, $/) = ($file); <> };
    $text = blanked($text);
    while ($text =~ /\bfor\s*$round\s*/g) {
        my $line = 1 + substr($text, 0, $-[0]) =~ tr/\n//;
        my $body = body(substr($text, $+[0]));
        next if $body !~ /\b(?:EXPECT_|ASSERT_|expect_\w+\()/ || $body =~ /^\{?\s*for\b[^;]*\)\s*\{?\s*SCOPED_TRACE/;
        # Traces of inner loops do not count.
        my $own = $body =~ s/\bfor\s*$round\s*$curly//gr;
        print "$file:$line: a loop with checks and no SCOPED_TRACE\n" unless $own =~ /\bSCOPED_TRACE\(/;
    }
}
