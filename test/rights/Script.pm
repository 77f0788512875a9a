# The runs of the matrix and their statements. A run is one function, caller and state; the places and calls come from the
# tables of places.sql and calls.sql. All input of the judge comes over stderr, as \warn, INFO and errors, so that it is in
# order.
package Script;
use strict;
use warnings;
use utf8;
use File::Temp;

sub new {
    my ($class, %self) = @_;
    $self{files} = File::Temp->newdir;
    return bless {%self}, $class;
}

# The rows of a query, as hashes of the column names.
sub rows {
    my ($self, $query) = @_;
    open my $out, '-|:encoding(UTF-8)', 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $self->{database}, '-c', "COPY ($query) TO STDOUT WITH (HEADER, NULL '')" or die;
    my @lines = map { chomp; [map { s/\\n/\n/g; s/\\t/\t/g; s/\\\\/\\/g; $_ } split /\t/, $_, -1] } <$out>;
    close $out or die "a query failed: $query\n";
    my $head = shift @lines;
    return map { my $line = $_; +{map { $head->[$_] => $line->[$_] } 0 .. $#$head} } @lines;
}

sub psql {
    my ($self, @arguments) = @_;
    local $ENV{PGOPTIONS} = '-c client_min_messages=error';
    system('psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $self->{database}, '-v', "owner=$self->{owner}", '-v', "world=$self->{world}", '-o', '/dev/null', @arguments) == 0 or die "no database\n";
}

sub make_database {
    my ($self) = @_;
    my $database = $self->{database};
    system('createdb', $database) == 0 or die "createdb failed\n";
    $self->psql('-c', "ALTER DATABASE $database SET rights.owner = '$self->{owner}'", '-c', "ALTER DATABASE $database SET bastion.access_token_lifetime = '2 h'",
        '-c', 'CREATE EXTENSION pg_bastion', '-c', "DO 'BEGIN PERFORM bastion.root_key_id(); EXCEPTION WHEN SQLSTATE ''BA001'' THEN PERFORM bastion.init(); END'");
    $self->psql(map { ('-f', "$self->{folder}/$_.sql") } qw(probe places shop tables fixtures calls planted ours complete));
    $self->{$_->{name}} = $_ for $self->rows('SELECT * FROM rights.people');
}

# The callers of a function: name, login role, the role that is then set, the code that calls in its name, and the role that the
# function runs as.
sub callers {
    my ($self, $kind) = @_;
    my $low = $kind =~ /app|plain/ ? 'rights_app' : $kind eq 'operator' ? 'rights_operator' : $kind =~ /table|statement/ ? 'rights_mig' : undef;
    my $name = {rights_app => 'app', rights_operator => 'operator', rights_mig => 'table owner'};
    my @direct = ([superuser => 'postgres'], ['superuser through SET ROLE', 'rights_deputy', 'postgres']);
    unshift @direct, [$name->{$low}, $low], ["$name->{$low} through SET ROLE", 'postgres', $low] if $low;
    splice @direct, 2, 0, ['table owner', $self->{owner}], ['table owner through SET ROLE', 'postgres', $self->{owner}] if $kind eq 'app';
    my @through = $low ? (['superuser through a definer of a low role', "SELECT rogue.definer_of_$low()"], ['superuser who refreshes a view of a low role', "REFRESH MATERIALIZED VIEW rogue.view_of_$low"],
        ['superuser who indexes a table of a low role', "CREATE INDEX ON rogue.table_of_$low (rogue.indexed_by_$low(n))"]) : ();
    return map { +{name => $_->[0], login => $_->[1], role => $_->[2], user => $_->[2] // $_->[1]} } grep { !$_->[2] } @direct if $kind eq 'plain';
    return ((map { +{name => $_->[0], login => $_->[1], role => $_->[2], user => $_->[2] // $_->[1]} } @direct),
        (map { +{name => $_->[0], login => 'postgres', wrapper => $_->[1], user => $low} } @through));
}

# The states of a caller's session; those in one array follow each other in the same session.
sub sessions {
    my ($self, $function, $caller) = @_;
    return (['cold']) if $function->{once} eq 't' || $function->{world} eq 'planted';
    return $caller->{role} || $caller->{wrapper} ? (['cold']) : (['cold', 'warmed'], ['honest']) if $function->{whole} eq 't';
    return $caller->{role} || $caller->{wrapper} ? (['cold']) : (['cold', 'caught'], ['honest']) if $function->{every_state} ne 't';
    return (['cold', 'caught']) if $caller->{wrapper};
    return (['cold', 'nested', 'caught']) if $caller->{role};
    return (['cold', 'nested', 'caught', 'warmed'], ['honest']);
}

# The callers whose functions a database tests. If the owner of the tables is a superuser, only functions for applications could
# gain rights. A change of a table's definition uses separate tables for each run, without which other calls are faster.
my $changes = "callers IN ('table', 'statement', 'administrator')";
my %kinds = (mig => "NOT $changes", ddl => $changes, super => "callers IN ('app', 'plain', 'role')");

sub runs {
    my ($self) = @_;
    my ($n, @runs) = (1000);
    return $self->runs_on_ours if $self->{world} eq 'ours';
    for my $function ($self->rows("SELECT * FROM rights.functions WHERE world = 'planted' OR world = 'shop' AND $kinds{$self->{world}} ORDER BY world <> 'planted', label")) {
        for my $caller ($function->{world} eq 'planted' ? $self->planted_caller($function) : $self->callers($function->{callers})) {
            next if $function->{once} eq 't' && ($caller->{role} || $caller->{wrapper}) || $function->{whole} eq 't' && $caller->{wrapper};
            push @runs, $self->session_runs(\$n, map { [$function, $caller, $_] } @$_) for $self->sessions($function, $caller);
        }
    }
    return @runs;
}

# On the extension's tables: all functions one after the other in the session of a state.
sub runs_on_ours {
    my ($self) = @_;
    my ($n, @runs) = (1000);
    my @functions = $self->rows("SELECT * FROM rights.functions WHERE world IN ('ours', 'planted') ORDER BY world <> 'planted', label");
    my ($app, $definer) = (grep { !$_->{role} && $_->{user} eq 'rights_app' } $self->callers('app'))[0, 1];
    for my $session ([$app, 'temporary'], [$definer, 'temporary'], [$app, 'honest'], [$app, 'pinned']) {
        my ($caller, $state) = @$session;
        push @runs, $self->session_runs(\$n, map { [$_, $caller, $state] } grep { $_->{world} ne 'planted' || $state eq 'temporary' && !$caller->{wrapper} } @functions);
    }
    return @runs;
}

# The selected runs of one session. Numbers begin at $$n and do not depend on the selection. The first run begins the session.
sub session_runs {
    my ($self, $n, @lines) = @_;
    my ($first, @runs) = (1);
    for my $line (@lines) {
        my ($function, $caller, $state) = @$line;
        my %run = (n => ++$$n, function => $function, caller => $caller, state => $state, name => "$function->{label} × $caller->{name} × $self->{owner} × $state");
        next unless $run{name} =~ /(?:$self->{only})/;
        push @runs, {%run, first => $first};
        $first = $function->{cleanup} ? 1 : 0;
    }
    return @runs;
}

# A planted fault: by the application's role, or by a superuser who is that role through SET ROLE.
sub planted_caller {
    my ($self, $function) = @_;
    return $function->{callers} eq 'role' ? {name => 'app through SET ROLE', login => 'postgres', role => 'rights_app', user => 'rights_app'} : {name => 'app', login => 'rights_app', user => 'rights_app'};
}

sub prepare {
    my ($self, @runs) = @_;
    my %numbers;
    for my $run (grep { $_->{function}{fixture} } @runs) {
        push @{$numbers{$run->{function}{fixture}}}, $run->{n}, $run->{state} eq 'warmed' ? 100000 + $run->{n} : ();
    }
    for my $fixture (sort keys %numbers) {
        my $list = join ',', @{$numbers{$fixture}};
        my $prepare = $self->{world} eq 'ours' ? 'prepare_ours' : 'prepare';
        $self->psql('-c', "SELECT rights.$prepare('$fixture', ARRAY[$list])");
    }
}

# Runs statements and returns the handle to read the output of psql.
sub run {
    my ($self, $text) = @_;
    my $file = "$self->{files}/script.sql";
    open my $out, '>:encoding(UTF-8)', $file or die;
    print $out $text;
    close $out;
    open my $psql, '-|:encoding(UTF-8)', "psql -XqAt -d $self->{database} <$file 2>&1 >/dev/null" or die;
    return $psql;
}

# The beginning of a session. A superuser's pg_temp is its own, unless a weaker role runs there.
sub session_text {
    my ($self, $run) = @_;
    my ($function, $caller, $state) = @$run{qw(function caller state)};
    my $honest = $state =~ /honest/;
    my @lines = ("\\connect - $caller->{login}", '\\set ON_ERROR_STOP off', '\\set VERBOSITY verbose', '\\set SHOW_CONTEXT never', 'SET client_min_messages = warning;', 'DO \'BEGIN END\';');
    push @lines, 'SELECT rights.hostile();' if !$honest && ($caller->{user} ne 'postgres' || $function->{callers} =~ /operator|superuser/);
    push @lines, $honest ? 'SET search_path = shop, public;' : 'SET search_path = rogue, pg_catalog, shop;';
    push @lines, "SET rights.leak = 'work_mem';"
        if !$honest && ($function->{callers} =~ /operator|superuser/ || $function->{callers} eq 'table' && $caller->{user} ne $self->{owner});
    push @lines, "SET ROLE $caller->{role};" if $caller->{role};
    return @lines;
}

sub text {
    my ($self, $run) = @_;
    my ($n, $function, $caller, $state) = @$run{qw(n function caller state)};
    my $call = $function->{call} =~ s/\{n\}/$n/gr =~ s/\{far\}/1000000000 + $n/gre =~ s/\{([a-z]+)_(\w+)\}/$self->{$1}{$2}/gr;
    my $statement = $caller->{wrapper} // $call;
    my $person = $function->{callers} =~ /app|plain|role/ && $function->{person};
    my $whole = $function->{whole} eq 't';
    my @lines = ("\\warn \@run $n");
    push @lines, '\\connect - postgres', 'ALTER FUNCTION shop.on_ours() SET search_path = shop, pg_temp;' if $run->{first} && $state eq 'pinned';
    push @lines, '\\connect - postgres', $function->{setup} =~ s/\{n\}/$n/gr . ';' if $function->{setup};
    push @lines, $self->session_text($run) if $run->{first} || $function->{setup};
    push @lines, 'RESET work_mem;' unless $run->{first};
    push @lines, "SELECT rights.warm('$function->{fixture}', $n);", '\\warn @warm :SQLSTATE' if $state eq 'warmed' && $function->{fixture};
    push @lines, 'SELECT rights.settings() AS outside \\gset';
    push @lines, 'BEGIN;' unless $whole;
    push @lines, "SELECT pg_catalog.left(bastion.authenticate('$self->{$person}{token}')::text, 0);" if $person;
    push @lines, "SET rights.call = \$call\$$call\$call\$;" if $caller->{wrapper};
    push @lines, 'SAVEPOINT one;' if $state eq 'nested';
    push @lines, 'SELECT rights.settings() AS before \\gset' if $person;
    push @lines, "SET rights.phase = 'call';";
    push @lines, "DO \$do\$ BEGIN EXECUTE \$text\$$statement\$text\$; RAISE EXCEPTION 'failed on purpose' USING ERRCODE = 'RI001'; "
        . "EXCEPTION WHEN OTHERS THEN RAISE INFO 'caught|%|%', SQLSTATE, current_user; END \$do\$;" if $state eq 'caught';
    push @lines, $state eq 'nested' ? "DO \$do\$ BEGIN BEGIN EXECUTE \$text\$$statement\$text\$; EXCEPTION WHEN division_by_zero THEN RAISE; END; END \$do\$;" : "$statement;";
    push @lines, '\\warn @outcome :SQLSTATE', "SET rights.phase = '';";
    push @lines, 'RELEASE one;' if $state eq 'nested';
    push @lines, 'SELECT rights.changed(:\'before\') AS changed \\gset', '\\warn @state :changed' if $person;
    push @lines, "SELECT pg_catalog.set_config('role', pg_catalog.current_setting('role'), true);", '\\warn @free :SQLSTATE', "DELETE FROM shop.plain WHERE id OPERATOR(pg_catalog.=) $n;", '\\warn @plain :SQLSTATE',
        "SET rights.phase = 'commit';", 'COMMIT;', '\\warn @commit :SQLSTATE', "SET rights.phase = '';" unless $whole;
    push @lines, 'SELECT rights.changed(:\'outside\') AS changed \\gset', '\\warn @end :changed', "SET rights.call = '';";
    push @lines, '\\connect - postgres', $function->{cleanup} =~ s/\{n\}/$n/gr . ';' if $function->{cleanup};
    return join "\n", @lines, '';
}

1;
