#!/usr/bin/perl
# usage: locked_reads.pl FILE...
#
# Expressions of PL/pgSQL that lock rows in a function and read rows themselves, for lint.sh; prints FILE:LINE: what. An expression has
# one snapshot, taken before the lock is waited for: it reads what was true before the other transaction committed.
use strict;
use warnings;

for my $file (@ARGV) {
    my $text = do { local (@ARGV, $/) = ($file); <> };
    $text =~ s/--[^\n]*//g;
    while ($text =~ /\b(?:RETURN|IF|ELSIF|PERFORM)\b|:=/g) {
        my $begin = $-[0];
        my ($expression) = substr($text, $begin) =~ /^((?:(?!\bTHEN\b|;).)*)/s;
        next unless $expression =~ /\b((?:hold|lock|await|end)_(?:user|logins|for_\w+))\(/;
        my $lock = $1;
        next unless $expression =~ /\bSELECT\b/;
        print $file . ':' . (1 + (substr($text, 0, $begin) =~ tr/\n//)) . ": reads beside $lock()\n";
    }
}
