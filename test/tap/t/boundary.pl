# The error boundary, with functions that misbehave on purpose: exceptions become errors, objects are destroyed, and
# 100,000 errors in one session neither crash it nor make it grow.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = PostgreSQL::Test::Cluster->new('boundary');
$server->init;
$server->append_conf('postgresql.conf', "log_min_error_statement = panic\nrestart_after_crash = off\n");
$server->start;
$server->safe_psql('postgres', <<'SQL');
CREATE FUNCTION misbehave(how text) RETURNS int LANGUAGE c VOLATILE STRICT AS 'boundary_test', 'bastion_test_misbehave';
CREATE FUNCTION live_objects() RETURNS int LANGUAGE c VOLATILE AS 'boundary_test', 'bastion_test_live_objects';
CREATE FUNCTION caught(how text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text; hint text;
BEGIN
    RETURN misbehave(how) || ' live objects';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN format('%s %s/%s/%s, %s live objects', SQLSTATE, SQLERRM, detail, hint, live_objects());
END $$;
CREATE FUNCTION many_errors(how text, times int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    errors int := 0;
BEGIN
    FOR i IN 1..times LOOP
        BEGIN
            PERFORM misbehave(how);
        EXCEPTION WHEN OTHERS THEN
            errors := errors + 1;
        END;
    END LOOP;
    RETURN errors;
END $$;
-- memory of the process, in kB, that is not shared
CREATE FUNCTION resident() RETURNS int LANGUAGE sql VOLATILE AS $$
    SELECT (f[2]::int - f[3]::int) * 4 FROM string_to_array(pg_read_file('/proc/self/statm', 0, 1000), ' ') f
$$;
CREATE FUNCTION context_bytes() RETURNS bigint LANGUAGE sql VOLATILE AS
    'SELECT sum(used_bytes)::bigint FROM pg_backend_memory_contexts';
SQL

sub caught { return $server->safe_psql('postgres', "SELECT caught('$_[0]')"); }
is(caught('none'), '0 live objects', 'no error');
is(caught('bad_alloc'), '53200 out of memory//, 0 live objects', 'std::bad_alloc');
is(caught('huge'), '53200 out of memory//, 0 live objects', 'an allocation that cannot be');
is(caught('exception'), 'XX000 unexpected internal error//, 0 live objects', 'a standard exception');
is(caught('int'), 'XX000 unexpected internal error//, 0 live objects', 'an exception of no known type');
is(caught('store'), '0 live objects', 'storing a result');
my $long = caught('error');
like($long, qr{^22023 m{255}/(?:\xC3\xBC){255}/a hint, 0 live objects$}, 'an error of the core, cut to size between two characters');
unlike($long, qr/for the log alone/, 'without what is for the log');

my $session = $server->background_psql('postgres');
foreach my $how (qw(bad_alloc exception int error)) {
    is($session->query("SELECT many_errors('$how', 1000)"), '1000', "warm up: $how");
}
my ($before, $contexts_before) = split /\|/, $session->query('SELECT resident(), context_bytes()');
foreach my $how (qw(bad_alloc exception int error)) {
    is($session->query("SELECT many_errors('$how', 25000)"), '25000', "25,000 errors: $how");
}
my ($after, $contexts_after) = split /\|/, $session->query('SELECT resident(), context_bytes()');
# One kept object of 4 kB per error would be 100,000 times as much as a byte.
cmp_ok($after - $before, '<', 4096, "resident memory grew by less than 4 MB ($before to $after kB)");
cmp_ok($contexts_after - $contexts_before, '<', 1024 * 1024, "memory contexts did not grow ($contexts_before to $contexts_after)");
is($session->query('SELECT live_objects()'), '0', 'no object is left');
# Errors that nobody catches.
my $uncaught = $server->background_psql('postgres', on_error_stop => 0);
$uncaught->query("SELECT misbehave('int');" x 200);
is($uncaught->query('SELECT live_objects()'), '0', 'nor after errors that end the transaction');
$uncaught->quit;
$session->quit;
unlike(slurp_file($server->logfile), qr/terminated by signal|PANIC/, 'no backend crashed');
is($server->safe_psql('postgres', 'SELECT 1'), '1', 'the server runs');
$server->stop;
done_testing();
