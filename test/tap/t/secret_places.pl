# The ways in which a secret gets into a statement × the places that keep statements and their values: no cell shows the secret,
# except those that the table in docs/THREAT_MODEL.md lists. Those are shown, so page and server agree. Each way has a marker of its
# own, which is looked for in every place. To prove the search, a marker that is no secret is found in each place.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = new_server('primary', <<'CONF');
shared_preload_libraries = 'pg_bastion,auto_explain,pg_stat_statements'
restart_after_crash = on
logging_collector = on
log_directory = 'log'
log_filename = 'all.log'
log_destination = 'stderr,csvlog,jsonlog'
wal_level = logical
pg_stat_statements.track = all
CONF

# Markers are made in the server, so that preparing them leaks none. NNN is the number of the way.
$server->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pg_stat_statements;
CREATE FUNCTION marker(n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT format('Marker%sSecret', lpad(n::text, 3, '0')) $$;
CREATE TABLE opened AS SELECT n AS id, bastion.seal_for(NULL, marker(n), 'house') AS value FROM generate_series(1, 200) n;
CREATE TABLE activity (n int, query text);
CREATE TABLE notes (id int CHECK (id > 1), note text NOT NULL);
CREATE TABLE others (note text PRIMARY KEY);
CREATE TABLE once (note text UNIQUE);
CREATE TABLE late (note text UNIQUE DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE referring (note text REFERENCES others);
CREATE TABLE parted (note text) PARTITION BY LIST (note);
CREATE TABLE parted_other PARTITION OF parted FOR VALUES IN ('other');
INSERT INTO once SELECT marker(n) FROM generate_series(1, 200) n;
INSERT INTO late SELECT note FROM once;
CREATE TYPE colour AS ENUM ('red');
CREATE DOMAIN short AS text CHECK (length(VALUE) < 3);
CREATE TABLE locked AS SELECT n AS id, ''::text AS note FROM generate_series(1, 8) n;
-- what an application may have of its own
CREATE VIEW own_view AS SELECT id, bastion.open_text_for(NULL, value) AS note FROM opened;
CREATE FUNCTION own_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE opened SET value = bastion.seal_for(NULL, NEW.note, 'house') WHERE id = OLD.id;
    PERFORM NEW.note::int;
    RETURN NEW;
END
$$;
CREATE TRIGGER own_write INSTEAD OF UPDATE ON own_view FOR EACH ROW EXECUTE FUNCTION own_write();
CREATE TABLE own_table (note text, sealed bastion.sealed);
CREATE FUNCTION own_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.sealed := bastion.seal_for(NULL, NEW.note, 'house');
    NEW.note := NEW.note::int;
    RETURN NEW;
END
$$;
CREATE TRIGGER own_seal BEFORE INSERT ON own_table FOR EACH ROW EXECUTE FUNCTION own_seal();
CREATE VIEW named_view AS SELECT * FROM own_view;
CREATE TRIGGER own_write INSTEAD OF UPDATE ON named_view FOR EACH ROW EXECUTE FUNCTION own_write();
CREATE FUNCTION own_open(n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    SELECT bastion.open_text_for(NULL, o.value) INTO found FROM opened o WHERE o.id = n;
    RETURN found;
END
$$;
CREATE FUNCTION own_cast(n int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    found text := own_open(n);
BEGIN
    RETURN found::int;
END
$$;
CREATE FUNCTION own_put(secret text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    PERFORM bastion.seal_for(NULL, secret, 'house');
    RETURN secret::int;
END
$$;
CREATE FUNCTION own_length(secret text) RETURNS int LANGUAGE sql AS $$ SELECT octet_length(bastion.seal_for(NULL, secret, 'house')::bytea) $$;
CREATE FUNCTION named_put(secret text) RETURNS int LANGUAGE sql AS $$ SELECT own_put(secret) $$;
CREATE FUNCTION own_raise(n int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not for %', own_open(n); END $$;
CREATE FUNCTION own_again(n int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM own_cast(n);
EXCEPTION WHEN invalid_text_representation THEN
    RAISE;
END
$$;
CREATE FUNCTION own_cursor(c refcursor, n int) RETURNS refcursor LANGUAGE plpgsql AS $$
BEGIN
    OPEN c FOR SELECT own_open(n)::int;
    RETURN c;
END
$$;
CREATE FUNCTION keep_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO once VALUES (NEW.note); RETURN NEW; END $$;
CREATE TABLE triggering (note text);
CREATE TRIGGER keep_note BEFORE INSERT ON triggering FOR EACH ROW EXECUTE FUNCTION keep_note();
CREATE PROCEDURE own_procedure(n int) LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    FOR found IN SELECT own_open(n) LOOP
        COMMIT;
        PERFORM found::int;
    END LOOP;
END
$$;
SELECT pg_create_logical_replication_slot('decoded', 'test_decoding') IS NOT NULL;
SQL

$server->append_conf('postgresql.conf', $talkative . <<'CONF');
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
auto_explain.log_analyze = on
auto_explain.log_triggers = on
auto_explain.log_verbose = on
bastion.redacted_names = 'named_put, named_view'
deadlock_timeout = 10ms
CONF
$server->restart;

# The ways. MARKER is the marker of the way, NUMBER its number. A list runs in one session, one statement after the other.

my $seal = "bastion.seal_for(NULL, 'MARKER', 'house')";
my $open = 'bastion.open_text_for(NULL, value)';
my $row = 'FROM opened WHERE id = NUMBER';
my $long = join ' + ', ('length(repeat(version(), 2))') x 40;    # 1,200 bytes
my @ways = (
    # [kind, name, statements]; the kind is the first column of the page's table
    [ 'a literal', 'a literal', "SELECT $seal" ],
    [ 'a literal', 'a literal of secret_put_for()', "SELECT bastion.secret_put_for(NULL, 'house', 'MARKER')" ],
    [ 'a literal', 'a mailed link', "SELECT bastion_api.login_link('MARKER')" ],
    [ 'a literal', 'a mailed link in a statement that fails', "SELECT bastion_api.email_undo('MARKER'), 'MARKER'::int" ],
    [ 'a literal', 'a mailed code', "SELECT bastion_api.login_code(gen_random_uuid(), 'MARKER')" ],
    [ 'a literal', 'a password beside a mailed link', "SELECT bastion_api.reset_password('x', 'MARKER')" ],
    [ 'a literal', 'a literal in a statement that fails', "SELECT $seal, 'MARKER'::int" ],
    [ 'a literal', 'several statements in one text', "SELECT 1\\; SELECT $seal\\; SELECT 'MARKER'::int" ],
    [ 'a literal', 'a name in quotes', "SELECT bastion.\"seal_for\"(NULL, 'MARKER', 'house'), 1 / 0" ],
    [ 'a literal', 'a comment behind the name', "SELECT bastion.seal_for /* a /* nested */ comment */ (NULL, 'MARKER', 'house'), 1 / 0" ],
    [ 'a literal', 'a comment with the end of a line', "SELECT bastion.seal_for -- (\n (NULL, 'MARKER', 'house'), 1 / 0" ],
    [ 'a literal', 'a name with escapes', "SELECT bastion.U&\"\\0073eal_for\"(NULL, 'MARKER', 'house'), 1 / 0" ],
    [ 'a literal', 'upper case', "SELECT BASTION.SEAL_FOR(NULL, 'MARKER', 'house'), 1 / 0" ],
    [ 'a literal', 'a CTE', "WITH s AS (SELECT 'MARKER' AS t) SELECT bastion.seal_for(NULL, t, 'house'), t::int FROM s" ],
    [ 'a literal', 'a function that bastion.redacted_names names', "SELECT named_put('MARKER')" ],
    [ 'a literal', 'a view that bastion.redacted_names names', "UPDATE named_view SET note = 'MARKER' WHERE id = NUMBER" ],
    [ 'a literal', 'a text beyond the size of pg_stat_activity', "SELECT 'MARKER', $long, $seal, 1 / 0" ],
    [ 'a literal in a utility statement', 'DO', "DO \$\$ BEGIN PERFORM $seal, 1 / 0; END \$\$" ],
    [ 'a literal in a utility statement', 'a variable of DO', "DO \$\$ DECLARE x text := 'MARKER'; y bastion.sealed := bastion.seal_for(NULL, x, 'house'); BEGIN PERFORM x::int; END \$\$" ],
    [ 'a literal in a utility statement', 'a statement of DO as text', "DO \$\$ BEGIN EXECUTE format('SELECT bastion.seal_for(NULL, %L, %L), 1 / 0', 'MARKER', 'house'); END \$\$" ],
    [ 'a literal in a utility statement', 'EXECUTE', [ "PREPARE p (text) AS SELECT bastion.seal_for(NULL, \$1, 'house'), \$1::int", "EXECUTE p('MARKER')", 'DEALLOCATE p' ] ],
    [ 'a literal in a utility statement', 'EXECUTE and DEALLOCATE', [ "PREPARE p (text) AS SELECT bastion.seal_for(NULL, \$1, 'house')", "EXECUTE p('MARKER')\\; DEALLOCATE p" ] ],
    [ 'a literal in a utility statement', 'EXECUTE behind a comment', [ "PREPARE p (text) AS SELECT bastion.seal_for(NULL, \$1, 'house')", "EXECUTE /* c */ p -- c\n ('MARKER')", 'DEALLOCATE p' ] ],
    [ 'a literal in a utility statement', 'EXECUTE of an unknown statement', "EXECUTE unknown('MARKER')" ],
    [ 'a literal in a utility statement', 'EXPLAIN EXECUTE', [ "PREPARE p (text) AS SELECT bastion.seal_for(NULL, \$1, 'house')", "EXPLAIN (ANALYZE, VERBOSE) EXECUTE p('MARKER')", 'DEALLOCATE p' ] ],
    [ 'a literal in a utility statement', 'PREPARE', [ "PREPARE p AS SELECT $seal, 1 / 0", 'EXECUTE p', 'DEALLOCATE p' ] ],
    [ 'a literal in a utility statement', 'a cursor', [ 'BEGIN', "DECLARE c CURSOR FOR SELECT $seal, 'MARKER' || 1 / (SELECT 0)", 'FETCH c', 'ROLLBACK' ] ],
    [ 'a literal in a utility statement', 'COPY of a query', "COPY (SELECT $seal, 1 / 0) TO STDOUT" ],
    [ 'a literal in a utility statement', 'CREATE TABLE AS', "CREATE TABLE made AS SELECT $seal, 'MARKER'::int" ],
    [ 'a literal in a utility statement', 'DO that succeeds', "DO \$\$ BEGIN PERFORM $seal; END \$\$" ],
    [ 'a literal in a utility statement', 'SET', [ 'BEGIN', "SET LOCAL bastion.token = 'MARKER'", 'ROLLBACK' ] ],
    [ 'an opened value', 'a cast', "SELECT $open\::int $row" ],
    [ 'an opened value', 'a cast to jsonb', "SELECT $open\::jsonb $row" ],
    [ 'an opened value', 'a cast to an enumeration', "SELECT $open\::colour $row" ],
    [ 'an opened value', 'a domain', "SELECT $open\::short $row" ],
    [ 'an opened value', 'a unique constraint', "INSERT INTO once SELECT $open $row" ],
    [ 'an opened value', 'a check', "INSERT INTO notes SELECT 0, $open $row" ],
    [ 'an opened value', 'a column that is not null', "INSERT INTO notes (id, note) SELECT 2, NULLIF($open, marker(NUMBER)) $row" ],
    [ 'an opened value', 'a foreign key', "INSERT INTO referring SELECT $open $row" ],
    [ 'an opened value', 'a table without a partition for it', "INSERT INTO parted SELECT $open $row" ],
    [ 'an opened value', 'a trigger', "INSERT INTO triggering SELECT $open $row" ],
    [ 'an opened value', 'a MERGE', "MERGE INTO notes n USING (SELECT $open AS note $row) s ON n.note = s.note WHEN NOT MATCHED THEN INSERT VALUES (0, s.note)" ],
    [ 'an opened value', 'a deferred constraint at COMMIT', [ 'BEGIN', "INSERT INTO late SELECT $open $row", 'COMMIT' ] ],
    [ 'an opened value', 'a deferred constraint at SET CONSTRAINTS', [ 'BEGIN', "INSERT INTO late SELECT $open $row", 'SET CONSTRAINTS ALL IMMEDIATE', 'ROLLBACK' ] ],
    [ 'an opened value', 'a cursor', [ 'BEGIN', "DECLARE c CURSOR FOR SELECT $open\::int $row", 'FETCH c', 'ROLLBACK' ] ],
    [ 'an opened value', 'a cursor WITH HOLD', [ 'BEGIN', "DECLARE c CURSOR WITH HOLD FOR SELECT $open\::int $row", 'COMMIT' ] ],
    [ 'an opened value', 'a cursor WITH HOLD over a view', [ 'BEGIN', 'DECLARE c CURSOR WITH HOLD FOR SELECT note::int FROM own_view WHERE id = NUMBER', 'COMMIT' ] ],
    [ 'an opened value', 'a cursor of a function', [ 'BEGIN', "SELECT own_cursor('c', NUMBER)", 'FETCH c', 'ROLLBACK' ] ],
    [ 'an opened value', 'a cursor that opened it for an earlier row', [ 'BEGIN',
        'DECLARE c CURSOR FOR SELECT CASE WHEN n = 2 THEN note::int END FROM (SELECT max(note) AS note FROM own_view WHERE id = NUMBER) s, generate_series(1, 2) n',
        'FETCH c', 'FETCH c', 'ROLLBACK' ] ],
    [ 'an opened value', 'a variable of a function', 'SELECT own_cast(NUMBER)' ],
    [ 'an opened value', 'a variable of DO', 'DO $$ DECLARE x text := own_open(NUMBER); BEGIN PERFORM x::int; END $$' ],
    [ 'an opened value', 'a function in a function', 'SELECT abs(own_cast(NUMBER))' ],
    [ 'an opened value', 'an error that is raised again', 'SELECT own_again(NUMBER)' ],
    [ 'an opened value', 'a procedure that commits', 'CALL own_procedure(NUMBER)' ],
    [ 'an opened value', 'a view of the application', 'SELECT note::int FROM own_view WHERE id = NUMBER' ],
    [ 'an opened value', 'a CTE', "WITH s AS MATERIALIZED (SELECT note FROM own_view WHERE id = NUMBER) SELECT note::int FROM s" ],
    [ 'an opened value', 'COPY of a query', 'COPY (SELECT note::int FROM own_view WHERE id = NUMBER) TO STDOUT' ],
    [ 'an opened value', 'a parallel worker', [ 'BEGIN', "SELECT set_config(name, 'on', true) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')",
        'SELECT note::int FROM own_view WHERE id = NUMBER', 'ROLLBACK' ] ],
    [ 'an opened value', 'a prepared statement', [ "PREPARE p AS SELECT own_cast(NUMBER)", 'EXECUTE p', 'DEALLOCATE p' ] ],
    [ 'a function or view of the application', 'a function', "SELECT own_put('MARKER')" ],
    [ 'a function or view of the application', 'a function that succeeds', "SELECT own_length('MARKER')" ],
    [ 'a function or view of the application', 'a view', "UPDATE own_view SET note = 'MARKER' WHERE id = NUMBER" ],
    [ 'a function or view of the application', 'a table with a trigger', "INSERT INTO own_table VALUES ('MARKER')" ],
    [ 'a message of the application', 'RAISE', 'SELECT own_raise(NUMBER)' ],
    [ 'pg_logical_emit_message()', 'a message', "SELECT pg_logical_emit_message(true, 'note', $open) IS NOT NULL $row" ],
    # a driver, with parameters
    [ 'a parameter', 'a parameter', "SELECT bastion.seal_for(NULL, \$1, 'house')" ],
    [ 'a parameter', 'a mailed link', 'SELECT bastion_api.verify_email($1)' ],
    [ 'a parameter', 'a parameter of a statement that fails', "SELECT bastion.seal_for(NULL, \$1, 'house'), \$1::int" ],
    [ 'a parameter', 'a parameter that is opened again', "SELECT bastion.open_text_for(NULL, bastion.seal_for(NULL, \$1, 'house'))::int" ],
    [ 'a parameter', 'a parameter of a function that bastion.redacted_names names', 'SELECT named_put($1)' ],
    [ 'a parameter', 'a parameter of a search', "SELECT FROM opened WHERE bastion.blind_index_for(NULL, \$1, 'house') = \$1::bytea OR \$1::int = 1" ],
    [ 'a parameter of a function or view of the application', 'a parameter', 'SELECT own_put($1)' ],
);
my ($number, %kind, %name) = (0);
sub numbered {
    my ($kind, $name) = @_;
    ($kind{ ++$number }, $name{$number}) = ($kind, "$kind: $name");
    return $number;
}
sub marker { return sprintf 'Marker%03dSecret', $_[0] }
sub filled {
    my ($sql, $id) = @_;
    my $marker = marker($id);
    return $sql =~ s/MARKER/$marker/gr =~ s/NUMBER/$id/gr;
}

# Logged before it runs; or not, so that its duration is logged with it.
my @settings = (q(SET log_statement = 'all'), q(SET log_statement = 'none'; SET debug_print_parse = off; SET debug_print_rewritten = off; SET debug_print_plan = off));

# The last statement of each session, as others see it.
my @sessions = map { $server->background_psql('postgres', on_error_stop => 0) } @settings;
my @pids = map { $sessions[$_]->query_safe("$settings[$_]; SELECT pg_backend_pid()") } 0, 1;
my $watching = $server->background_psql('postgres');
sub say {
    my ($which, @statements) = @_;
    for (@statements) {
        $sessions[$which]->query($_);
        $sessions[$which]{stderr} = '';
        $watching->query_safe("INSERT INTO activity SELECT $number, query FROM pg_stat_activity WHERE pid = $pids[$which]");
    }
    return;
}

# pgbench sends variables as parameters.
my $script = PostgreSQL::Test::Utils::tempdir() . '/script';
sub bind_as {
    my ($which, $protocol, $marker, $sql) = @_;
    unlink $script;
    append_to_file($script, join '', map { "$_;\n" } split(/; /, $settings[$which]), $sql =~ s/\$1/CAST(:secret AS text)/gr);
    run_command([ 'pgbench', '-n', '-M', $protocol, '-t', 1, '-D', "secret=$marker", '-f', $script, $server->connstr('postgres') ]);
    return;
}

for (@ways) {
    my ($kind, $name, $sql) = @$_;
    if ($kind =~ /parameter/) {
        for my $protocol (qw(extended prepared)) {
            my $id = numbered($kind, "$name, $protocol protocol");
            bind_as($_, $protocol, marker($id), $sql) for 0, 1;
        }
    }
    else {
        my $id = numbered($kind, $name);
        for my $which (0, 1) { say($which, map { filled($_, $id) } ref $sql ? @$sql : $sql) }
    }
}

# What quotes the statements of other sessions, or of earlier times, each with a proof that it shows others.

# The text of pg_stat_activity ends before what makes it secret.
my $cut = "SELECT 'MARKER', $long, bastion.seal_for(NULL, 'MARKER', 'house') FROM";
sub deadlock {
    my ($prepare, $statement) = @_;
    my @both = map { $server->background_psql('postgres', on_error_stop => 0) } 1 .. 2;
    $_->query_safe($prepare) for grep { $prepare } @both;
    $both[$_]->query_safe("BEGIN; UPDATE locked SET note = 'x' WHERE id = $_ + 1") for 0, 1;
    $both[0]->query_until(qr/sent/, "\\echo sent\n" . $statement =~ s/ROW/2/gr . ";\n");
    $both[1]->query($statement =~ s/ROW/1/gr . ';');
    $_->quit for @both;
    return;
}
my $update = "PREPARE up (int, text) AS UPDATE locked SET note = bastion.seal_for(NULL, \$2, 'house') WHERE id = \$1";
my $proof = 'ProofOfSearch';
deadlock('', "UPDATE locked SET note = '$proof deadlock' WHERE id = ROW");
deadlock($update, filled("EXECUTE up(ROW, 'MARKER')", numbered('a literal', 'EXECUTE in a deadlock')));
deadlock('', filled("$cut (SELECT FROM locked WHERE id = ROW FOR UPDATE) x", numbered('a literal', 'a text that is cut, in a deadlock')));

# Statements in memory, cut after 100 bytes.
my $idle = $server->background_psql('postgres', on_error_stop => 0);
my $idle_pid = $idle->query_safe('SELECT pg_backend_pid()');
my $pause = ' ' x 30;
$idle->query_safe("PREPARE p0 AS SELECT '$proof memory'");
$idle->query_safe(filled("PREPARE p1 AS SELECT 'MARKER', length('$pause$pause$pause'), $seal", numbered('a literal', 'the memory of a prepared statement')));
$idle->query_safe("SELECT pg_log_backend_memory_contexts($idle_pid)");
$idle->quit;

# What is no secret is shown in every place.
run_psql($server, $_, user => 'postgres') for ("SELECT '$proof'", "SELECT '$proof'::int", "INSERT INTO others VALUES ('$proof'), ('$proof')",
    "DO \$\$ BEGIN PERFORM '$proof'::int; END \$\$", "PREPARE q AS SELECT \$1::text; EXECUTE q('$proof')", "COPY notes FROM STDIN;\n2\n$proof\n\\.\n",
    "SELECT pg_logical_emit_message(true, 'note', '$proof')", "SET application_name = '$proof'");
for my $which (0, 1) {
    bind_as($which, $_, $proof, 'SELECT $1') for qw(extended prepared);
    say($which, "SELECT '$proof'", 'BEGIN', 'SELECT own_open(1)', "SELECT '$proof in a transaction'::int", 'ROLLBACK', 'SELECT own_open(1)', "SELECT '$proof after another'::int");
    $sessions[$which]->quit;
}
$watching->quit;

my %place = ('pg_stat_statements' => $server->safe_psql('postgres', 'SELECT query FROM pg_stat_statements'),
    'pg_stat_activity' => $server->safe_psql('postgres', 'SELECT query FROM activity'),
    'logical decoding' => $server->safe_psql('postgres', q(SELECT data FROM pg_logical_slot_get_changes('decoded', NULL, NULL) WHERE data !~ 'table public.activity')));

# lint() proposes the names that bastion.redacted_names lacks.
my $quiet = 'SET debug_print_parse = off; SET debug_print_rewritten = off; SET debug_print_plan = off; SET auto_explain.log_min_duration = -1';
sub proposed { return $server->safe_psql('postgres', "$quiet; SELECT $_[0] FROM bastion.lint() WHERE object = 'setting bastion.redacted_names'") }
is(proposed('severity, problem'),
    'warning|statements are logged before they run, and these pass secrets on: own_length, own_open, own_put, own_table, own_view', 'lint() finds what passes secrets on');
# Those that call them come next.
for my $names ('own_length, own_open, own_put, own_table, own_view', 'own_cast, own_cursor, own_procedure, own_raise', 'own_again') {
    my $fix = proposed('fix');
    like($fix, qr/, $names'; SELECT pg_reload_conf\(\);$/, "the fix names $names");
    $server->safe_psql('postgres', $_) for split /; /, $fix;
    $server->poll_query_until('postgres', "SELECT current_setting('bastion.redacted_names') LIKE '%$names'") or die;
}
is(proposed('count(*)'), 0, 'and then there is none');

# The postmaster reports what a process ran that failed.
sub fail_process {
    my ($prepare, $statement) = @_;
    my $running = $server->background_psql('postgres', on_error_stop => 0);
    my $running_pid = $running->query_safe('SELECT pg_backend_pid()');
    $running->query_safe($prepare) if $prepare;
    $running->query_until(qr/sent/, "\\echo sent\n$statement;\n");
    $server->poll_query_until('postgres', "SELECT state = 'active' FROM pg_stat_activity WHERE pid = $running_pid") or die;
    kill 'KILL', $running_pid;
    $running->{run}->finish;
    $server->poll_query_until('postgres', 'SELECT true');
    return;
}
fail_process('', "SELECT '$proof' FROM pg_sleep(600)");
# The postmaster has no cursors to look for.
fail_process('BEGIN; DECLARE sleeping CURSOR FOR SELECT pg_sleep(600)', 'FETCH FROM sleeping');
fail_process("PREPARE p (text) AS SELECT bastion.seal_for(NULL, \$1, 'house') FROM pg_sleep(600)",
    filled("EXECUTE p('MARKER')", numbered('a literal', 'EXECUTE in a process that fails')));
fail_process('', filled("$cut pg_sleep(600)", numbered('a literal', 'a text that is cut, in a process that fails')));

# Before a client has a session, there are no cursors either.
my ($out, $err) = run_command([ 'psql', '-XAtc', 'SELECT 1', $server->connstr('postgres') . " replication='fetch x'" ]);
like($err, qr/invalid value for parameter "replication": "fetch x"/, 'a message about a client without a session');
is($server->safe_psql('postgres', 'SELECT 1'), 1, 'the server goes on');
$server->stop;

# The places in the log.
# A line is one object of strings and numbers. JSON::PP would take longer than the rest of this test.
my %escaped = (n => "\n", t => "\t", r => "\r", b => "\b", f => "\f");
sub entry_of {
    my ($line) = @_;
    my %entry;
    while ($line =~ /\G[{,]"(\w+)":(?:"((?:[^"\\]++|\\.)*+)"|([-\d]+))/gc) {
        my ($key, $value) = ($1, $2 // $3);
        $value =~ s{\\(?:u([[:xdigit:]]{4})|(.))}{defined $1 ? chr hex $1 : $escaped{$2} // $2}ge;
        $entry{$key} = $value;
    }
    $line =~ /\G\}$/gc or die "not understood: $line";
    return \%entry;
}
my $raised_in_worker = 0;
for my $line (split /\n/, slurp_file($server->data_dir . '/log/all.json')) {
    my $entry = entry_of($line);
    my $message = $entry->{message} // '';
    my $detail = $entry->{detail} // '';
    my $of_detail =
          $entry->{state_code} && $entry->{state_code} eq '40P01' ? 'deadlock report'
        : $message =~ /was terminated by signal/ ? 'failed process'
        : $message =~ /^(?:parse tree|rewritten parse tree|plan):/ ? 'debug_print'
        : 'DETAIL';
    my $of_message =
          $message =~ /^(?:statement|execute [^:]*):/ ? 'statement'
        : $message =~ /^duration: [^\n]*plan:/ ? 'auto_explain'
        : $message =~ /^duration:/ ? 'duration'
        : $message =~ /^level: \d/ ? 'memory contexts'
        : 'message';
    $place{$of_detail} .= "$detail\n";
    $place{$of_message} .= "$message\n";
    $raised_in_worker ||= ($entry->{backend_type} // '') eq 'parallel worker' && $message =~ /invalid input syntax/;
    $place{STATEMENT} .= ($entry->{statement} // '') . "\n";
    $place{CONTEXT} .= join "\n", map { $entry->{$_} // '' } qw(context internal_query hint), '';
}
ok($raised_in_worker, 'a parallel worker raised an error, of which the log has the format');
# debug_print_* writes the bytes of constants in decimal, and ends lines anywhere between.
$place{debug_print} =~ s/\s+/ /g;
sub shows {
    my ($place, $text) = @_;
    my $bytes = join ' ', unpack 'C*', $text;
    return grep { index($place{$place}, $_) >= 0 } $place eq 'debug_print' ? ($text, $bytes) : $text;
}
ok(shows('message', "$proof $_"), "an error without a secret keeps its message, $_ that opened one") for 'in a transaction', 'after another';
my %format = map { $_ => slurp_file($server->data_dir . "/log/all.$_") } qw(log csv);

# The page: which kinds of ways show the secret in which places.
my ($table) = slurp_file("$ENV{BASTION_SOURCE}/docs/THREAT_MODEL.md") =~ /^\| way \| still shown in \|.*?\n\|[-|]+\n(.*?)\n\n/ms or die 'no table';
my %listed;
for (split /\n/, $table) {
    my ($kind, $places) = /^\| ([^|]+) \| ([^|]+) \|/ or die "no row: $_";
    $listed{$kind} = { map { $_ => 1 } $places =~ /`([^`]+)`/g };
}
my %has_way = map { $_ => 1 } values %kind;
is(join(', ', grep { !$has_way{$_} } sort keys %listed), '', 'each row of the page is about ways of this test');

for my $place (sort keys %place) {
    ok(shows($place, $proof), "$place: what is no secret is shown");
    my (%shown, @leaks);
    for my $n (sort { $a <=> $b } keys %kind) {
        next unless shows($place, marker($n));
        $shown{ $kind{$n} } = 1;
        push @leaks, $name{$n} unless $listed{ $kind{$n} }{$place};
    }
    is(join("\n", @leaks), '', "$place: no secret that the page does not list");
    is(join(', ', grep { $listed{$_}{$place} && !$shown{$_} } sort keys %listed), '', "$place: what the page lists is shown");
}
my @listed_in_log = grep { my $kind = $kind{$_}; grep { !/^pg_stat|^logical/ } keys %{ $listed{$kind} // {} } } keys %kind;
for my $format (sort keys %format) {
    my %expected = map { $_ => 1 } @listed_in_log;
    my @leaks = map { $name{$_} } grep { !$expected{$_} && index($format{$format}, marker($_)) >= 0 } sort { $a <=> $b } keys %kind;
    is(join("\n", @leaks), '', "all.$format: the same as in JSON");
    like($format{$format}, qr/\Q$proof\E/, "all.$format: what is no secret is shown");
}
done_testing();
