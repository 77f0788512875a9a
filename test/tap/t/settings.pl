# Settings that sixteen writers change at once with check-and-set: of each version one succeeds, no value is lost, and every backend reads
# the newest one afterwards, on a standby too. What is sealed is in no log.
use strict;
use warnings;
use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = new_server('settings', "shared_preload_libraries = 'pg_bastion'\nlog_statement = all\n");
my $token = token_of($primary, 'ann');
my $as_ann = "SELECT FROM bastion.authenticate('$token');";
$primary->safe_psql('postgres', 'CREATE TABLE written (version integer PRIMARY KEY, value text); GRANT INSERT ON written TO app');
run_psql($primary, qq{BEGIN; $as_ann SELECT bastion.setting_put('contended', '"first"'); COMMIT});

my $check_and_set = qq{BEGIN;
SELECT FROM bastion.authenticate('$token');
DO \$\$
DECLARE
    known integer;
BEGIN
    FOR round IN 1 .. 3 LOOP
        known := (SELECT s.version FROM bastion.setting_list() s WHERE s.key = 'contended');
        BEGIN
            PERFORM bastion.setting_put('contended', to_jsonb('from ' || pg_backend_pid() || ' after ' || known), expected_version => known);
            INSERT INTO written VALUES (known + 1, 'from ' || pg_backend_pid() || ' after ' || known);
            EXIT;
        EXCEPTION WHEN SQLSTATE 'BA008' THEN
            NULL;
        END;
    END LOOP;
END \$\$;
COMMIT;
};
$primary->pgbench('-n -c 16 -j 2 -t 8 -U app', 0, [qr/processed: 128\/128/], [qr/^(?:pgbench: .*\n?)*$/], 'writers with check-and-set', {writers => $check_and_set});
my $versions = $primary->safe_psql('postgres', q{SELECT s.version FROM bastion.settings s WHERE s.key = 'contended'});
is($primary->safe_psql('postgres', 'SELECT count(*) + 1, max(version) FROM written'), "$versions|$versions", 'each version has one writer');
cmp_ok($versions, '>', 16, 'and there were several');
is($primary->safe_psql('postgres', q{SELECT count(*) FROM written w JOIN bastion.setting_versions v USING (version) JOIN bastion.settings s ON s.id = v.setting_id AND s.key = 'contended' WHERE v.value #>> '{}' <> w.value}),
    '0', 'every version has what its writer wrote');
is($primary->safe_psql('postgres', q{SELECT count(*), max(version) FROM bastion.setting_changes WHERE key = 'contended'}), "$versions|$versions", 'and a row of the history');

# Cached in a session, and changed by another.
my $reader = $primary->background_psql('postgres');
my $read = "BEGIN; $as_ann SELECT bastion.setting_text('contended'); COMMIT;";
my ($newest) = $primary->safe_psql('postgres', "SELECT value FROM written WHERE version = $versions");
like($reader->query($read), qr/^\Q$newest\E$/m, 'a session reads the newest');
run_psql($primary, qq{BEGIN; $as_ann SELECT bastion.setting_put('contended', '"later"'); COMMIT});
like($reader->query($read), qr/^later$/m, 'and the next one after the change of another');
$reader->quit;

# Sealed: the value is in the statement, and in no line of the log.
my $marker = join '', 'settings', 'marker', 'text';
run_psql($primary, qq{BEGIN; $as_ann SELECT bastion.setting_seal('password', '$marker'); SELECT bastion.setting_request('other', 'seal', '{"value": "$marker"}'); SELECT bastion.setting_open('password'); COMMIT});
run_psql($primary, qq{BEGIN; $as_ann SELECT bastion.setting_import('{"format": "pg_bastion.settings/1", "settings": [{"key": "third", "sensitive": true, "value": "$marker"}]}'); COMMIT});
unlike(slurp_file($primary->logfile), qr/$marker/, 'no log has what was sealed');

my $standby = standby_of($primary);
my ($out) = run_psql($standby, $read);
like($out, qr/^later$/m, 'a standby reads it');
my (undef, $err) = run_psql($standby, qq{BEGIN; $as_ann SELECT bastion.setting_put('contended', '1'); COMMIT});
like($err, qr/read-only transaction|during recovery/, 'and changes nothing');

done_testing();
