#!/usr/bin/perl
# usage: includes.pl [--problems], for tools/includes and lint.sh
#
# The modules of src/ (a header and the source beside it are one) and which they include: each with its floor, which is one above
# the highest module that it includes. Then, or only these with --problems, the problems: cycles, modules that include one of a
# forbidden room, includes by a relative path, which hide the room, and files outside the rooms. Fails when there is a problem.

use strict;
use warnings;

die "usage: includes.pl [--problems]\n" if @ARGV > 1 || (@ARGV && $ARGV[0] ne '--problems');
my $problems_alone = @ARGV;

# The rooms that a room may use, besides those that these may use.
my %may_use = (
    base => [],
    cache => ['base'],
    event => ['base'],
    key => [qw(cache event)],
    right => [qw(cache event)],
    jose => ['key'],
    session => [qw(jose right throttle)],
    context => ['session'],
    throttle => ['event'],
    identity => ['context'],
    door => ['rate_limit'],
    map { $_ => ['context'] } qw(protect planner vault mfa outbox audit setting flag quota rate_limit),
);

sub rooms_below {
    my ($room) = @_;
    return map { ($_, rooms_below($_)) } @{ $may_use{$room} };
}
my %below = map { my $room = $_; $room => { map { $_ => 1 } $room, rooms_below($room) } } keys %may_use;

# The files outside all rooms: they may use all of them, and no room may use them.
my %above_the_rooms = map { $_ => 1 } qw(src/pg/module.cpp src/pg/status_fn.cpp src/sql/header.sql);

my (%uses, @problems);
for my $file (glob 'src/core/*.[ch]pp src/core/*/*.[ch]pp src/pg/*.[ch]pp src/pg/*/*.[ch]pp') {
    my ($module) = $file =~ m{^src/(.+)\.[ch]pp$};
    $uses{$module} //= {};
    open my $source, '<', $file or die "$file: $!\n";
    while (<$source>) {
        push @problems, "$file:$.: an include by a relative path; write it from src, as core/... or pg/..." if m{^\s*#\s*include\s*["<](?:[^">]*/)?\.\.?/};
        $uses{$module}{$1} = 1 if m{^\s*#\s*include\s*["<]((?:core|pg)/[^">]+)\.hpp[">]} && $1 ne $module;
    }
}

# Tarjan's strongly connected components; those come out in the order of their floors.
my ($counter, @stack, %index, %low, %on_stack, %floor, @cycles) = (0);

sub visit {
    my ($module) = @_;
    $index{$module} = $low{$module} = $counter++;
    push @stack, $module;
    $on_stack{$module} = 1;
    for my $used (grep { exists $uses{$_} } sort keys %{ $uses{$module} }) {
        if (!defined $index{$used}) {
            visit($used);
            $low{$module} = $low{$used} if $low{$used} < $low{$module};
        } elsif ($on_stack{$used} && $index{$used} < $low{$module}) {
            $low{$module} = $index{$used};
        }
    }
    return if $low{$module} != $index{$module};
    my @members;
    do { push @members, pop @stack; delete $on_stack{ $members[-1] } } until $members[-1] eq $module;
    my %inside = map { $_ => 1 } @members;
    my $floor = 0;
    for my $member (@members) {
        for my $used (grep { exists $uses{$_} && !$inside{$_} } keys %{ $uses{$member} }) {
            $floor = $floor{$used} + 1 if $floor{$used} >= $floor;
        }
    }
    $floor{$_} = $floor for @members;
    push @cycles, [sort @members] if @members > 1;
}

visit($_) for grep { !defined $index{$_} } sort keys %uses;

push @problems, map { "cycle of modules: @$_; let one of them take what it needs as an argument, or register with the other" } @cycles;
for my $file (grep { -f } glob 'src/{core,pg,sql}/* test/unit/*') {
    push @problems, "$file is outside the rooms; move it into one" if $file =~ /\.([ch]pp|sql)$/ && !$above_the_rooms{$file};
}
for my $folder (glob 'src/{core,pg,sql}/*/ test/unit/*/') {
    my ($room) = $folder =~ m{(\w+)/$};
    push @problems, "$folder: the room $room is new; say in tools/lib/includes.pl which rooms it may use" if !$below{$room} && $folder ne 'src/sql/upgrade/';
}
for my $module (sort keys %uses) {
    my ($room) = $module =~ m{/(\w+)/} or next;
    next if !$below{$room};
    for my $used (sort keys %{ $uses{$module} }) {
        my ($other) = $used =~ m{/(\w+)/};
        next if $other && $below{$room}{$other};
        push @problems, "src/$module includes $used: $room may use only " . join(', ', sort keys %{ $below{$room} })
            . '; move one of them, pass what is needed as an argument, or register with the lower room';
    }
}

if (!$problems_alone) {
    for my $module (sort { $floor{$a} <=> $floor{$b} || $a cmp $b } keys %uses) {
        printf "%2d %-32s %s\n", $floor{$module}, $module, join ' ', grep { exists $uses{$_} } sort keys %{ $uses{$module} };
    }
    printf "%d modules on %d floors, %d cycles\n", scalar keys %uses, 1 + (sort { $b <=> $a } values %floor)[0], scalar @cycles;
}
print "$_\n" for @problems;
exit(@problems ? 1 : 0);
