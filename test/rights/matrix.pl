#!/usr/bin/perl
# usage: matrix.pl mig|ddl|super|ours [--only REGEX] [--show]
#
# One database of the matrix: calls on tables of rights_mig (mig), calls that change their definition (ddl), calls of
# applications on tables of a superuser (super), and foreign triggers on the extension's own tables (ours). Makes it, calls
# every function of calls.sql or ours.sql from every caller in every state, and prints a line of TAP for each place where
# foreign code ran, for the outcome, and for the state of the session afterwards. The name of a line is place × function ×
# caller × owner × state. --only selects the runs whose "function × caller × owner × state" it matches, --show prints their
# statements first. PGHOST and PGUSER name the server; tools/test rights calls this.
#
# Planted faults (planted.sql) show in each run that the test observes every place. To see that it observes the functions too,
# make is_borrowed() of src/pg/base/caller_scope.cpp return false, which switches the scope off: unit_delete, tenant_delete and
# reference_add fail.
use strict;
use warnings;
use utf8;
use FindBin;
use lib $FindBin::Bin;
use Judge;
use Script;

binmode STDOUT, ':encoding(UTF-8)';
binmode STDERR, ':encoding(UTF-8)';
my ($only, $show, $world) = ('', 0);
while (@ARGV) {
    my $word = shift @ARGV;
    if ($word eq '--only') { $only = shift @ARGV }
    elsif ($word eq '--show') { $show = 1 }
    else { $world = $word }
}
utf8::decode($only);
die "usage: matrix.pl mig|ddl|super|ours [--only REGEX] [--show]\n" unless $world && $world =~ /^(mig|ddl|super|ours)$/;

my $script = Script->new(folder => $FindBin::Bin, database => "rights_$world", world => $world,
    owner => $world eq 'super' ? 'rights_super' : 'rights_mig', only => $only);
$script->make_database;
my $judge = Judge->new($script);
my @runs = $script->runs;
$script->prepare(@runs);
my $text = join '', map { $script->text($_) } @runs;
print $text if $show;
$judge->read($script->run($text), \@runs);
$judge->completeness if $only eq '';
exit($judge->finish ? 0 : 1);
