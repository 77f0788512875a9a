# The record of secrets when a transaction cannot write it: each get writes a line to the server log before the value leaves,
# at any level of logging, in transactions that roll back or are read-only, and on a hot standby, where sealed values and
# secrets open. No line, and no message to a client, holds a value.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = new_server('primary', "max_connections = 80\nlog_min_messages = panic\nlog_statement = none");
my $token = token_of($primary, 'ann');
my $as_ann = "SELECT FROM bastion.authenticate('$token');";
$primary->safe_psql('postgres', q{SELECT bastion.resource_register('smtp', '{open}'); CREATE TABLE sealed (value bastion.sealed, found bytea); GRANT SELECT, INSERT ON sealed TO app});
my ($out, $err) = run_psql($primary, "BEGIN; $as_ann SELECT bastion.secret_put('mail', 'attack ' || 'at dawn', 'smtp');
    INSERT INTO sealed VALUES (bastion.seal('attack ' || 'at dawn', 'smtp'), bastion.blind_index('attack ' || 'at dawn', 'smtp')); COMMIT");
like($out, qr/^1$/m, 'put');
is($err, '', 'without a word');

# lines(SERVER, SQL): what the server log gained while app ran it, and what the client got.
sub lines {
    my ($server, $sql) = @_;
    my $offset = -s $server->logfile;
    my ($out, $err) = run_psql($server, $sql);
    my $log = substr slurp_file($server->logfile), $offset;
    return ([ $log =~ /^.*secret access: (\{.*\})$/gm ], $out, $err);
}
my $count = q{SELECT count(*) FROM bastion.secret_access_log WHERE action = 'get'};
my $value = qr/attack at dawn/;

my ($lines, $shown, $errors) = lines($primary, "SET client_min_messages = debug5; BEGIN; $as_ann SELECT bastion.secret_get('mail', E'job\\n1'); COMMIT");
like($shown, $value, 'a get gives the value');
is(scalar @$lines, 1, 'and one line in the log, though log_min_messages is panic');
like($lines->[0], qr/"action": "get".*"purpose": "job 1"/, 'which says what was done, on one line');
unlike($errors, qr/secret access/, 'and not to the client');
is($primary->safe_psql('postgres', $count), 1, 'and a row');

($lines, $shown) = lines($primary, "BEGIN; $as_ann SELECT bastion.secret_get('mail'); ROLLBACK");
is(scalar @$lines, 1, 'a rollback leaves the line');
is($primary->safe_psql('postgres', $count), 1, 'and takes the row');
($lines) = lines($primary, "BEGIN READ ONLY; $as_ann SELECT bastion.secret_get('mail'); COMMIT");
is(scalar @$lines, 1, 'so does a read-only transaction');
($lines, $shown, $errors) = lines($primary, "BEGIN; $as_ann SELECT bastion.secret_get('no such secret'); COMMIT");
is(scalar @$lines, 0, 'nothing is recorded of what is not there');
like($errors, qr/secret does not exist/, 'which is an error');

# Sixty-four writers read the version and write the next one: of each version one succeeds, and no value is lost.
my $check_and_set = qq{BEGIN;
SELECT FROM bastion.authenticate('$token');
DO \$\$
DECLARE
    known integer;
BEGIN
    FOR round IN 1 .. 3 LOOP
        known := (SELECT s.version FROM bastion.secrets s WHERE s.name = 'contended');
        BEGIN
            PERFORM bastion.secret_put('contended', 'from ' || pg_backend_pid() || ' after ' || known, expected_version => known);
            INSERT INTO written VALUES (known + 1, 'from ' || pg_backend_pid() || ' after ' || known);
            EXIT;
        EXCEPTION WHEN object_not_in_prerequisite_state THEN
            NULL;
        END;
    END LOOP;
END \$\$;
COMMIT;
};
$primary->safe_psql('postgres', 'CREATE TABLE written (version integer PRIMARY KEY, value text); GRANT INSERT ON written TO app');
run_psql($primary, "BEGIN; $as_ann SELECT bastion.secret_put('contended', 'first'); COMMIT");
$primary->pgbench('-n -c 64 -j 2 -t 2 -U app', 0, [qr/processed: 128\/128/], [qr/^(?:pgbench: .*\n?)*$/], 'writers with check-and-set', {writers => $check_and_set});
my $versions = $primary->safe_psql('postgres', q{SELECT s.version FROM bastion.secrets s WHERE s.name = 'contended'});
is($primary->safe_psql('postgres', 'SELECT count(*) + 1, max(version) FROM written'), "$versions|$versions", 'each version has one writer');
cmp_ok($versions, '>', 2, 'and there were several');
($out) = run_psql($primary, "BEGIN; $as_ann SELECT value = bastion.secret_get('contended', version => version) FROM written; COMMIT");
unlike($out, qr/^f$/m, 'every version opens to what its writer wrote');

# A thousand versions, of which ten are kept.
($out, $err) = run_psql($primary, "BEGIN; $as_ann SELECT count(bastion.secret_put('long', 'value ' || n)) FROM generate_series(1, 1000) n; SELECT bastion.secret_get('long', version => 1); "
    . "SELECT bastion.secret_update('long', max_versions => 10); SELECT count(*), min(version) FROM bastion.secret_version_list('long'); SELECT bastion.secret_get('long'); COMMIT");
is($err, '', 'a thousand versions');
like($out, qr/^1000\nvalue 1\n\n10\|991\nvalue 1000$/m, 'of which ten are kept');

my $standby = standby_of($primary);
($lines, $shown, $errors) = lines($standby, "BEGIN; $as_ann SELECT bastion.secret_get('mail'); COMMIT");
like($shown, $value, 'on a standby, a secret opens');
is(scalar @$lines, 1, 'with a line in the log');
($lines, $shown) = lines($standby, "BEGIN; $as_ann SELECT bastion.open_text(value), found = bastion.blind_index('attack ' || 'at dawn', 'smtp') FROM sealed; COMMIT");
like($shown, qr/attack at dawn\|t/, 'a sealed value opens there, and is found');
(undef, undef, $errors) = lines($standby, "BEGIN; $as_ann SELECT bastion.secret_put('mail', 'x'); COMMIT");
like($errors, qr/ERROR: .*(read-only transaction|during recovery)/, 'nothing is put there');
$standby->append_conf('postgresql.conf', 'bastion.secret_log = strict');
reload($standby);
(undef, $shown, $errors) = lines($standby, "BEGIN; $as_ann SELECT bastion.secret_get('mail'); COMMIT");
like($errors, qr/could not record access to a secret/, 'in strict mode nothing opens that cannot be recorded');
unlike($shown, $value, 'and no value leaves');
# The standby drops a revoked key after replay.
$primary->safe_psql('postgres', q{UPDATE bastion.data_keys SET state = 'disabled' WHERE purpose = 'smtp'});
$primary->wait_for_catchup($standby);
(undef, $shown, $errors) = lines($standby, "BEGIN; $as_ann SELECT bastion.open_text(value) FROM sealed; COMMIT");
like($errors, qr/sealed value cannot be opened/, 'a disabled key opens nothing there');

unlike(slurp_file($_->logfile), $value, $_->name . ': no value is in the log') for $primary, $standby;
$_->stop for $primary, $standby;
done_testing();
