#!/usr/bin/perl
# usage: regress_files.pl RUN
#
# The files of sql/ that the layer regress repeats in a run of test/settings/exceptions.tsv: setup, then all but the exceptions.
# Prints their names. Fails for an exception that names no file, or has no reason, and for a run with fewer than 30 files.
use strict;
use warnings;

my $run = shift;
my %file = map { m{([^/]+)\.sql$} => 1 } glob 'sql/*.sql';
my %except;
open my $list, '<', 'test/settings/exceptions.tsv' or die "exceptions.tsv: $!\n";
while (<$list>) {
    next if /^#/;
    my ($runs, $name, $reason) = /^(\w+)\t(\w+)\t(\S.+)$/ or die "exceptions.tsv:$.: no run, file and reason\n";
    $file{$name} or die "exceptions.tsv:$.: there is no sql/$name.sql\n";
    $except{$name} = 1 if $runs eq $run;
}
my @files = grep { $_ ne 'setup' && !$except{$_} } sort keys %file;
@files >= 30 or die "exceptions.tsv: too many for $run\n";
print "setup @files\n";
