# The assertions of the matrix. Foreign code runs as the caller or as a role whose privileges the caller has; in a function for
# operators it runs as the owner of the table; a SECURITY DEFINER function may also run as its owner. Exactly the places that a
# call reaches run. The call has the expected outcome, and leaves user, role and settings unchanged; a later ordinary cascade
# behaves as PostgreSQL's own, and COMMIT succeeds. A planted fault shows every place running as another role, and every
# function of the extension that a role may call is in the matrix or declared to touch no foreign code.
package Judge;
use strict;
use warnings;
use utf8;

sub new {
    my ($class, $script) = @_;
    my %self = (script => $script, n => 0, failed => 0, seen => {}, bitten => {});
    $self{privileges}{$_->{a}}{$_->{b}} = 1 for $script->rows("SELECT a.rolname AS a, b.rolname AS b FROM pg_roles a, pg_roles b WHERE pg_has_role(a.oid, b.oid, 'USAGE')");
    $self{places}{$_->{place}} = $_ for $script->rows("SELECT place, code, owner_too, signature = 'rogue' AS rogue FROM rights.places");
    ($self{version}) = map { $_->{v} } $script->rows("SELECT current_setting('server_version_num') AS v");
    return bless \%self, $class;
}

sub say_result {
    my ($self, $ok, $name, @why) = @_;
    ++$self->{n};
    ++$self->{failed} unless $ok;
    print +($ok ? 'ok' : 'not ok'), " $self->{n} - $name\n";
    print map { "#   $_\n" } grep { !$ok } @why;
}

sub read {
    my ($self, $lines, $runs) = @_;
    my %by_number = map { $_->{n} => $_ } @$runs;
    my $run;
    while (my $line = <$lines>) {
        chomp $line;
        if ($line =~ /^\@run (\d+)/) {
            $self->judge($run) if $run;
            $run = $by_number{$1};
            next;
        }
        push @{$run->{log}}, $line;
    }
    $self->judge($run) if $run;
    close $lines;
}

sub judge {
    my ($self, $run) = @_;
    my (%said, %probes, @errors);
    for my $line (@{delete $run->{log} // []}) {
        if ($line =~ /^INFO:\s+\w+: probe\|(.*)$/) {
            my %p;
            @p{qw(phase place user session super path owner trick)} = split /\|/, $1, -1;
            push @{$probes{$p{place}}}, \%p;
        } elsif ($line =~ /^INFO:\s+\w+: (plain|caught)\|(.*)$/) { $said{$1 . '_user'} = $2 }
        elsif ($line =~ /^\@(\w+) ?(.*)$/) { $said{$1} = $2 }
        elsif ($line =~ /(ERROR|FATAL|PANIC|WARNING): / && $line !~ / 25P0[12]: /) { push @errors, $line }
    }
    $self->{seen}{$_} = 1 for keys %probes;
    return $self->judge_planted($run, \%probes) if $run->{function}{world} eq 'planted';
    my %must = map { $_ => 1 } $self->must($run);
    my ($outcome) = ($said{outcome} // 'none') =~ /^(\S+)/;
    my $expected = $self->expected($run);
    for my $place (sort keys %{{%probes, %must}}) {
        my %once;
        my @wrong = grep { !$once{$_}++ } map { $self->wrong($run, $_) } @{$probes{$place} // []};
        push @wrong, 'was not seen' if $must{$place} && !$probes{$place} && $outcome eq '00000';
        push @wrong, 'is not among the places that the call reaches' if !$must{$place} && !$self->may($run, $place);
        $self->say_result(!@wrong, "$place × $run->{name}", @wrong);
    }
    $self->say_result(scalar($outcome =~ /^(?:$expected)$/), "outcome × $run->{name}", "outcome $outcome, not $expected", @errors);
    $self->judge_afterwards($run, %said) if $outcome eq '00000';
}

# The SQLSTATEs that a call may end with.
sub expected {
    my ($self, $run) = @_;
    my $function = $run->{function};
    return $function->{refused} if $function->{refused};
    return '55000' if $self->is_guarded($run);
    # refusals of PostgreSQL in a restricted operation, and in the function of an index
    return '42501' if $run->{caller}{name} =~ /refreshes|indexes/ && $function->{fires} =~ /deferred/ && $function->{callers} eq 'app';
    return '0A000' if $run->{caller}{name} =~ /refreshes|indexes/ && $function->{callers} eq 'statement';
    return '00000';
}

# Whether the extension refuses to run what the call reaches.
sub is_guarded {
    my ($self, $run) = @_;
    return $self->{script}{world} eq 'ours' && $run->{state} eq 'temporary' && $run->{function}{fires} ne '{}';
}

# Folded calls run while no plan is cached, and may run afterwards; no policy applies to a superuser.
sub must {
    my ($self, $run) = @_;
    return () if $self->is_guarded($run);
    return grep { !/folded/ || $run->{state} =~ /cold|honest/ } grep { $_ ne 'policy' || $run->{caller}{user} ne 'postgres' } split /,/, $run->{function}{fires} =~ s/[{}"]//gr;
}

sub may {
    my ($self, $run, $place) = @_;
    return 1 if $self->{places}{$place}{rogue} eq 't' && $run->{state} ne 'honest';
    return 1 if $place =~ /^folded/;
    return 1 if $self->{script}{world} eq 'ours';
    return $run->{function}{may} =~ /\Q$place\E/ || $run->{function}{fires} =~ /\Q$place\E/;
}

# The fault of a probe's line, if any.
sub wrong {
    my ($self, $run, $p) = @_;
    my ($function, $caller) = @$run{qw(function caller)};
    my $as_caller = $function->{callers} =~ /app|plain|role|administrator|statement/ || $p->{place} =~ /^event trigger/;
    my %allowed = %{$self->{privileges}{$as_caller ? $caller->{user} : $self->{script}{owner}}};
    $allowed{$p->{owner}} = 1 if $self->{places}{$p->{place}}{owner_too} eq 't';
    # Up to 17, PostgreSQL fires deferred triggers as the user at COMMIT, not as the role that queued them.
    $allowed{postgres} = 1 if $p->{phase} eq 'commit' && $caller->{wrapper} && $self->{version} < 180000 && $as_caller;
    # SET ROLE does not protect a session from code that a statement of PostgreSQL's own runs, nor from the code of the
    # caller's own table.
    return () if $p->{trick} ne '' && $function->{callers} =~ /table|statement/ && $caller->{user} eq $self->{script}{owner};
    return () if $allowed{$p->{user}};
    my $how = $p->{trick} ne '' ? " after it reset $p->{trick}" : '';
    return "ran as $p->{user}$how, called by $caller->{user}, session of $p->{session}" . ($p->{phase} eq 'commit' ? ', at COMMIT' : '');
}

sub judge_afterwards {
    my ($self, $run, %said) = @_;
    my @steps = $run->{function}{whole} eq 't' ? 'end' : qw(free plain commit end);
    push @steps, grep { exists $said{$_} } qw(state warm);
    my @after = map { "$_: " . ($said{$_} // 'nothing') } grep { ($said{$_} // 'missing') !~ /^(00000)?\s*$/ } @steps;
    push @after, "an ordinary cascade ran as " . ($said{plain_user} // 'nobody') if $run->{function}{whole} ne 't' && ($said{plain_user} // '') ne $self->{script}{owner};
    push @after, "after a caught error the user was $1" if ($said{caught_user} // '') =~ /\|([^|]*)$/ && $1 ne ($run->{caller}{wrapper} ? 'postgres' : $run->{caller}{user});
    $self->say_result(!@after, "afterwards × $run->{name}", @after);
}

sub judge_planted {
    my ($self, $run, $probes) = @_;
    my $trick = $run->{caller}{role} ? 1 : 0;
    my @bitten = grep {
        my $place = $_;
        grep { !$self->{privileges}{$run->{caller}{user}}{$_->{user}} && ($_->{trick} ne '') == $trick } @{$probes->{$place}}
    } sort keys %$probes;
    $self->{bitten}{$_} = 1 for @bitten;
    $self->say_result(scalar @bitten, "$run->{name}", 'no foreign code was seen running as somebody else');
}

# Places that never ran or never showed a planted fault, functions missing from the files, and privileges that would let other
# roles attach code to the extension's tables.
sub completeness {
    my ($self) = @_;
    my $ours = $self->{script}{world} eq 'ours';
    for my $place (sort keys %{$self->{places}}) {
        next if $ours != ($self->{places}{$place}{code} eq 'on_ours');
        $self->say_result($self->{seen}{$place}, "place is reached: $place");
        $self->say_result($self->{bitten}{$place}, "planted fault is seen: $place") unless $self->{places}{$place}{owner_too} eq 't' && !$ours;
    }
    return if $ours;
    my @missing = map { $_->{problem} } $self->{script}->rows('SELECT problem FROM rights.incomplete()');
    $self->say_result(!@missing, "every function that somebody may call is in the matrix or touches nothing foreign × $self->{script}{owner}", @missing);
    my @granted = map { $_->{grant} } $self->{script}->rows('SELECT "grant" FROM rights.code_on_ours()');
    $self->say_result(!@granted, "REFERENCES and TRIGGER on the extension's tables are granted to nobody × $self->{script}{owner}", @granted);
}

sub finish {
    my ($self) = @_;
    print "1..$self->{n}\n# $self->{n} cells, $self->{failed} failed\n";
    return !$self->{failed};
}

1;
