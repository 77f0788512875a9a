# No plaintext at rest: values that are sealed and put as a parameter, opened, sealed again, rotated, refused by a constraint
# and shredded are afterwards in no file of the data directory (tables, WAL, temporary files), not in the most verbose server
# log with parameters, and not in pg_stat_activity and pg_stat_statements. To prove the search, it finds a plain column.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = new_server('primary', $talkative . <<'CONF');
log_min_messages = debug5
log_temp_files = 0
work_mem = 64kB
shared_preload_libraries = 'pg_bastion,pg_stat_statements'
track_activity_query_size = 8192
wal_level = logical
full_page_writes = on
CONF
my $token = token_of($server, 'ann');
$server->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pg_stat_statements;
SELECT bastion.resource_register('smtp', '{open}');
CREATE TABLE sealed (id int PRIMARY KEY, value bastion.sealed, found bytea, note text CHECK (note <> 'bad'));
CREATE TABLE plain (value text);
GRANT SELECT, INSERT, UPDATE ON sealed, plain TO app;
SELECT bastion.sealed_column_add('public.sealed', 'value', 'id::text');
SQL

# pgbench sends variables as parameters of prepared statements.
my $run = 0;
sub run_with {
    my ($marker, $script, $expected) = @_;
    my $file = PostgreSQL::Test::Utils::tempdir() . '/script';
    append_to_file($file, "BEGIN;\nSELECT bastion.authenticate(:token);\n$script\nCOMMIT;\n");
    my ($out, $err) = run_command([ 'pgbench', '-n', '-M', 'prepared', '-t', 1, '-U', 'app', '-D', "token=$token", '-D', "marker=$marker",
        '-f', $file, $server->connstr('postgres') ]);
    if (defined $expected) { like($err, $expected, "refused: $expected") }
    else { unlike($err, qr/ERROR|aborted/, 'script ' . ++$run) }
}

my %marker = map { $_ => "Marker\u$_" . join('', map { chr(ord('a') + rand 26) } 1 .. 20) } qw(sealed secret refused mistaken plain);
run_with($marker{sealed}, <<'SQL');
INSERT INTO sealed SELECT i, bastion.seal(:marker || i, 'smtp', i::text), bastion.blind_index(:marker || i, 'smtp') FROM generate_series(1, 3000) i;
UPDATE sealed SET value = bastion.rewrap(value, id::text) WHERE id < 10;
SELECT count(*) FROM sealed WHERE bastion.blind_index(bastion.open_text(value, id::text), 'smtp') = bastion.blind_index(:marker || id, 'smtp');
SELECT bastion.open_text(value, id::text) FROM sealed WHERE found = bastion.blind_index(:marker || '7', 'smtp');
SQL
run_with($marker{secret}, <<'SQL');
SELECT bastion.secret_put('mail', :marker || 1);
SELECT bastion.secret_put('mail', :marker || 2, 'smtp', 'password');
SELECT bastion.secret_get('mail', 'test');
SQL
run_with($marker{refused}, q{INSERT INTO sealed VALUES (0, bastion.seal(:marker, 'smtp', '0'), NULL, 'bad');}, qr/violates check constraint/);
run_with($marker{refused}, q{INSERT INTO sealed VALUES (0, bastion.seal(:marker, 'unheard'));}, qr/purpose is not registered/);
run_with($marker{refused}, q{SELECT bastion.secret_put('', :marker);}, qr/invalid secret/);
run_with($marker{mistaken}, q{SELECT bastion.open_text(:marker);}, qr/invalid input for type bastion\.sealed/);
run_with($marker{refused}, q{INSERT INTO sealed VALUES (0, bastion.sealed(:marker::bytea));}, qr/invalid input for type bastion\.sealed/);
$server->safe_psql('postgres', q{SELECT bastion.data_key_rotate('smtp'), bastion.data_key_rotate('bastion.secrets')});
$server->safe_psql('postgres', 'CALL bastion.rewrap_all(100)');
is($server->safe_psql('postgres', q{SELECT count(*) FROM sealed WHERE starts_with(bastion.open_text_for((SELECT tenant_id FROM bastion.data_keys k
    WHERE k.id = bastion_internal.sealed_key(value)), value, id::text), 'Marker')}), 3000, 'everything opens');
run_with($marker{plain}, q{INSERT INTO plain VALUES (:marker);});

my $seen = $server->safe_psql('postgres', q{SELECT string_agg(query, E'\n') FROM (SELECT query FROM pg_stat_activity UNION ALL SELECT query FROM pg_stat_statements) q});
like($seen, qr/secret_put/, 'the statements are seen');
unlike($seen, qr/Marker[SR]/, 'without their parameters');
$server->safe_psql('postgres', 'CHECKPOINT');
$server->stop;

sub files_with {
    my ($text, @folders) = @_;
    my ($out) = run_command([ 'grep', '-rlaF', $text, @folders ]);
    return $out;
}
my @everywhere = ($server->data_dir, $server->logfile);
isnt(files_with($marker{plain}, $server->data_dir), '', 'a plain value is found in the data directory');
like(files_with($marker{plain}, $server->data_dir . '/pg_wal'), qr/./, 'and in the WAL');
is(files_with($marker{$_}, @everywhere), '', "no file holds what was $_") for qw(sealed secret refused);
is(files_with($marker{mistaken}, $server->data_dir), '', 'nor a plaintext that was taken for a sealed value');
like(slurp_file($server->logfile), qr/secret access: /, 'the log is talkative');

$server->start;
$server->safe_psql('postgres', q{SELECT bastion.tenant_shred(signup #>> '{tenant,id}') FROM people});
my ($out, $err) = run_psql($server, "BEGIN; SELECT FROM bastion.authenticate('$token'); SELECT bastion.secret_get('mail'); COMMIT");
like($err, qr/sealed value cannot be opened/, 'after shredding nothing opens');
$server->stop;
done_testing();
