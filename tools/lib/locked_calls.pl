#!/usr/bin/perl
# usage: locked_calls.pl FILE...
#
# What allocates memory or may raise between LWLockAcquire() and LWLockRelease(), itself or in a function of the same file, for lint.sh;
# prints FILE:LINE: what. Where the memory runs out there, the transaction is aborted with the shared state half changed.
use strict;
use warnings;

my $allocates = qr/\b(?:\w*palloc\w*|MemoryContext(?:Alloc|Strdup)\w*|\w*strdup|psprintf|\w*StringInfo\w*|cstring_to_text\w*|new|malloc|make_(?:unique|shared)|push_back|emplace_back|resize|append|std::(?:string|vector|map|set|function)|ereport|elog)\b/;

for my $file (@ARGV) {
    my @lines = do { local @ARGV = ($file); <> };
    s{//.*|"(?:\\.|[^"\\])*"}{}g for @lines;
    my (%body, $name);
    for (@lines) {
        $name = $1 if /^[A-Za-z].*?\b(\w+)\([^;]*$/;
        $body{$name} .= $_ if defined $name;
        $name = undef if /^\}/;
    }
    my %reaches = map { $_ => 1 } grep { $body{$_} =~ $allocates } keys %body;
    my $more = 1;
    while ($more) {
        my $calls = join '|', 'no_function', keys %reaches;
        my @found = grep { !$reaches{$_} && $body{$_} =~ /\{.*\b(?:$calls)\(/s } keys %body;
        $reaches{$_} = 1 for @found;
        $more = @found;
    }
    my $calls = join '|', 'no_function', keys %reaches;
    my $locked = 0;
    for my $number (1 .. @lines) {
        my $line = $lines[ $number - 1 ];
        $locked = 1 if $line =~ /\bLWLockAcquire\(/;
        $locked = 0 if $line =~ /\bLWLockRelease\(|^\}/;
        print "$file:$number: $1 under a lock\n" if $locked && $line =~ /($allocates|\b(?:$calls)(?=\())/;
    }
}
