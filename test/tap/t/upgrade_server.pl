# pg_upgrade preserves everything: values, secrets and their columns open in the new cluster with a copy of the root key,
# tokens are valid, and new values are sealed under the same keys. The log of changes goes on in a new log that continues the old one.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $tools = abs_path(dirname(abs_path(__FILE__)) . '/../../../tools');
my $work = PostgreSQL::Test::Utils::tempdir();
my $old = new_server('old');
my $token = token_of($old, 'ann');
$old->safe_psql('postgres', q{SELECT bastion.resource_register('smtp', '{open}');
    CREATE TABLE sealed (id int PRIMARY KEY, value bastion.sealed, found bytea); GRANT SELECT, INSERT ON sealed TO app;
    SELECT bastion.sealed_column_add('public.sealed', 'value', 'id::text')});
my $as_ann = "BEGIN; SELECT FROM bastion.authenticate('$token');";
my (undef, $err) = run_psql($old, "$as_ann INSERT INTO sealed VALUES (1, bastion.seal('attack at dawn', 'smtp', '1'), bastion.blind_index('attack at dawn', 'smtp'));
    SELECT bastion.secret_put('mail', 'attack at dusk'); COMMIT");
is($err, '', 'sealed and put');
# Sealed entries, and one that is not sealed when the old server ends.
$old->safe_psql('postgres', q{CREATE TABLE audited (id int PRIMARY KEY, body text); SELECT bastion.audit_table('audited');
    INSERT INTO audited VALUES (1, 'before')});
$old->safe_psql('postgres', 'SELECT bastion.audit_seal()');
my $checkpoint = $old->safe_psql('postgres', 'SELECT bastion.audit_checkpoint()');
my $key = $old->safe_psql('postgres', 'SELECT bastion.audit_verifier_key()');
append_to_file("$work/kept", $checkpoint);
$old->safe_psql('postgres', q{INSERT INTO audited VALUES (2, 'unsealed')});
my $rows = $old->safe_psql('postgres', q{SELECT md5(string_agg(k::text, ',' ORDER BY id)) FROM bastion.data_keys k});
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init(extra => [ '-E', 'UTF8', '--locale=C.UTF-8' ]);
my $bindir = $new->config_data('--bindir');
chdir PostgreSQL::Test::Utils::tempdir() or die 'chdir';
command_ok([ 'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bindir, '-B', $bindir, '-s', $new->host,
    '-p', $old->port, '-P', $new->port ], 'pg_upgrade');
system('cp', '-p', $old->data_dir . '.bastion-root-key', $new->data_dir . '.bastion-root-key') == 0 or die 'cp';
$new->start;

is($new->safe_psql('postgres', q{SELECT md5(string_agg(k::text, ',' ORDER BY id)) FROM bastion.data_keys k}), $rows, 'the same keys');
my ($out) = run_psql($new, "$as_ann SELECT bastion.open_text(value, id::text), found = bastion.blind_index('attack at dawn', 'smtp'), bastion.secret_get('mail') FROM sealed; COMMIT");
like($out, qr/^attack at dawn\|t\|attack at dusk$/m, 'a value opens and is found, a secret opens, for the old token');
($out) = run_psql($new, "$as_ann SELECT bastion_internal.sealed_key(bastion.seal('x', 'smtp')) = bastion_internal.sealed_key(value) FROM sealed; COMMIT", user => $ENV{USER} // (getpwuid $<)[0]);
like($out, qr/^t$/m, 'what is sealed now goes under the same key');
is($new->safe_psql('postgres', 'SELECT relation, column_name, bound_to FROM bastion.sealed_columns'), 'sealed|value|id::text', 'registered columns are the same tables');
$new->safe_psql('postgres', q{SELECT bastion.data_key_rotate('smtp')});
$new->safe_psql('postgres', 'CALL bastion.rewrap_all()');
($out) = run_psql($new, "$as_ann SELECT bastion.open_text(value, id::text) FROM sealed; COMMIT");
like($out, qr/^attack at dawn$/m, 'and sealed anew');
is($new->safe_psql('postgres', q{SELECT string_agg(status, ',') FROM bastion.protection}), 'ok', 'what was protected is');

$new->safe_psql('postgres', q{INSERT INTO audited VALUES (3, 'after')});
$new->safe_psql('postgres', 'SELECT bastion.audit_seal()');
is($new->safe_psql('postgres', q{SELECT string_agg(convert_from(opening, 'UTF8')::jsonb ->> 'reason', ', ' ORDER BY number) FROM bastion.audit_logs}),
    'the first log, another server or database', 'a new log says why it was opened');
is($new->safe_psql('postgres', q{SELECT l.number, count(*) FROM bastion.audit_rows r, bastion.audit_entry_index(r.era, r.xid, r.seq) i
    JOIN bastion.audit_logs l USING (era) WHERE r.relation = 'public.audited' AND r.op = 'INSERT' GROUP BY 1 ORDER BY 1}), "1|1\n2|2", 'each row is sealed once, the unsealed one of the old server in the new log');
command_ok([ "$tools/audit-export", "$work/export", '-h', $new->host, '-p', $new->port, '-d', 'postgres' ], 'an export');
my ($verified, $problem) = ('', '');
IPC::Run::run([ "$tools/audit-verify", "$work/export", '--key', $key, '--checkpoint', "$work/kept" ], '>', \$verified, '2>', \$problem);
like($verified . $problem, qr/^(pg-bastion.*\n){2}verified/, 'the link to the old log verifies, from a checkpoint that was kept before');
$new->stop;
done_testing();
