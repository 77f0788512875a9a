#!/usr/bin/perl
# usage: matrix.pl mig|super|ours [--only REGEX] [--show]
#
# One database of the matrix, that of tables which belong to rights_mig or to a superuser, or that of foreign triggers on the extension's own: makes it, calls every function of
# calls.sql from every caller in every state, and prints a line of TAP for each place where foreign code ran, for the outcome,
# and for what the session is like afterwards. The name of a line is place × function × caller × owner × state. --only takes the
# runs whose "function × caller × owner × state" it matches, --show prints their statements first. PGHOST and PGUSER say where the
# server is; tools/test rights calls this.
use strict;
use warnings;
use utf8;
use FindBin;
use lib $FindBin::Bin;
use Judge;
use Script;

binmode STDOUT, ':encoding(UTF-8)';
binmode STDERR, ':encoding(UTF-8)';
my ($only, $show, $owner) = ('', 0);
while (@ARGV) {
    my $word = shift @ARGV;
    if ($word eq '--only') { $only = shift @ARGV }
    elsif ($word eq '--show') { $show = 1 }
    else { $owner = $word }
}
utf8::decode($only);
die "usage: matrix.pl mig|super|ours [--only REGEX] [--show]\n" unless $owner && $owner =~ /^(mig|super|ours)$/;

my $database = "rights_$owner";
my $script = Script->new(folder => $FindBin::Bin, database => $database, world => $owner eq 'ours' ? 'ours' : 'shop',
    owner => $owner eq 'super' ? 'rights_super' : 'rights_mig');
$script->make_database;
my $judge = Judge->new($script);
my @runs = grep { $_->{name} =~ /(?:$only)/ } $script->runs;
# Tables that are made for one run each come later: what reads every protected table is quicker without them.
for my $late (0, 1) {
    my @part = grep { ($_->{function}{callers} =~ /table|statement|administrator/ ? 1 : 0) == $late } @runs;
    $script->prepare(@part);
    my $text = join '', map { $script->text($_) } @part;
    print $text if $show;
    $judge->read($script->run($text), \@part);
}
$judge->completeness if $only eq '';
exit($judge->finish ? 0 : 1);
