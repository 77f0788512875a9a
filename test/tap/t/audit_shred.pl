# Erasing a person from the log of changes: what was personal is in no file of the log, and in no WAL; the log verifies as before without a
# key; and no session, of a standby either, reads the values afterwards, though it had the key.
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
my $server = new_server('audit_shred', "shared_preload_libraries = 'pg_bastion'\nbastion.audit_seal_interval = 0\nwal_level = replica\nmax_wal_senders = 5\nfull_page_writes = on\n");
my $token = token_of($server, 'ann');
sub answer { my ($sql, $of) = @_; return ($of // $server)->safe_psql('postgres', $sql) }

# The audited table itself has the values: an unlogged one is in no WAL, and its files are not searched.
my ($ann, $bob, $cat) = map { $_ x 8 . '-1111-4111-8111-' . $_ x 12 } 1 .. 3;
my %marker = map { $_ => "Marker\u$_" . join('', map { chr(ord('a') + rand 26) } 1 .. 20) } qw(personal large plain);
answer(<<"SQL");
CREATE UNLOGGED TABLE customers (id int PRIMARY KEY, tenant_id uuid, person uuid, name text, note text);
SELECT bastion.protect('customers');
SELECT bastion.audit_table('customers', personal => '{name}', subject => 'person');
GRANT SELECT, INSERT, UPDATE, DELETE ON customers TO app;
SQL
answer(<<"SQL");
SET ROLE app;
BEGIN;
SELECT bastion.authenticate('$token');
INSERT INTO customers SELECT i, bastion.tenant_id(), '$ann', '$marker{personal}' || i, '$marker{plain}' FROM generate_series(1, 500) i;
INSERT INTO customers VALUES (1000, bastion.tenant_id(), '$bob', '$marker{personal}', 'x'), (1001, bastion.tenant_id(), '$ann', repeat('$marker{large}', 900), 'x'), (1002, bastion.tenant_id(), '$ann', repeat('$marker{large}', 9000), 'x');
UPDATE customers SET name = name || '!' WHERE id < 10;
UPDATE customers SET person = '$bob' WHERE id = 5;
DELETE FROM customers WHERE id = 6;
COMMIT;
SQL
is(answer(q{SELECT count(*) FROM bastion.audit WHERE kind = 'row' AND new ->> 'name' LIKE 'Marker%'}), 512, 'an operator reads the values');

# The files of the log, of its keys and seals.
answer('SELECT bastion.audit_seal(); VACUUM bastion.audit_rows; CHECKPOINT');
my @files = split /\n/, answer(q{SELECT DISTINCT pg_relation_filepath(f) FROM pg_class c, LATERAL (SELECT c.oid UNION SELECT nullif(c.reltoastrelid, 0)) r (f)
    WHERE c.relnamespace = 'bastion'::regnamespace AND c.relkind IN ('r', 'i', 'S') AND f IS NOT NULL});
sub files_with {
    my ($text) = @_;
    my ($out) = run_command([ 'grep', '-rlaF', $text, $server->data_dir . '/pg_wal', grep { -e } map { $server->data_dir . "/$_" } @files ]);
    return $out;
}
cmp_ok(scalar(grep { -e } map { $server->data_dir . "/$_" } @files), '>', 50, 'files are searched');
like(files_with($marker{plain}), qr{pg_wal.*base/|base/.*pg_wal}s, 'what is not personal is in files of the log, and in the WAL');
is(files_with($marker{$_}), '', "$_: in none") for qw(personal large);

# A standby, and sessions that have read, so that they have the key.
my $standby = standby_of($server);
my $reads = qq{SELECT coalesce(string_agg(DISTINCT left(new ->> 'name', 6), ' '), 'none') FROM bastion.audit WHERE kind = 'row' AND op = 'INSERT' AND new ->> 'person' = '%s' AND key <> '{"id": "1002"}'};
my ($idle, $there) = map { $_->background_psql('postgres') } $server, $standby;
for my $session ($idle, $there) {
    is(last_line($session->query_safe(sprintf $reads, $ann)), 'Marker', 'read on ' . ($session == $idle ? 'the primary' : 'the standby'));
}
$idle->query_safe("BEGIN; INSERT INTO customers VALUES (2000, (SELECT id FROM bastion.tenants LIMIT 1), '$cat', 'of an open transaction', 'x'); ROLLBACK");

sub export { my ($folder) = @_; command_ok([ "$tools/audit-export", "$work/$folder", '-h', $server->host, '-p', $server->port, '-d', 'postgres' ], "export to $folder"); return }
sub verify { my ($folder, @more) = @_; command_ok([ "$tools/audit-verify", "$work/$folder", @more ], "$folder verifies"); return }
my $key = answer('SELECT bastion.audit_verifier_key()');
append_to_file("$work/kept", answer('SELECT bastion.audit_checkpoint()'));
my $proof = answer('SELECT bastion.audit_inclusion_proof(7)');
export('before');
verify('before', '--key', $key);
my $bytes = answer(q{SELECT md5(string_agg(entry::text, '' ORDER BY era, xid, seq)) FROM bastion.audit_rows WHERE relation = 'public.customers'});

is(answer("SELECT bastion.audit_shred('$ann')"), 't', 'shredded');
is(answer(sprintf $reads, $ann), '{"shre', 'nobody reads the values');
is(last_line($idle->query_safe(sprintf $reads, $ann)), '{"shre', 'nor a session that had read them');
is(last_line($idle->query_safe(sprintf $reads, $bob)), 'Marker', 'those of another person stay');
$server->wait_for_catchup($standby);
is(last_line($there->query_safe(sprintf $reads, $ann)), '{"shre', 'nor a session of the standby');
like(answer_of($standby, "SELECT bastion.audit_shred('$bob')"), qr/^ERROR:  25006/, 'a standby shreds nothing');
answer("UPDATE customers SET name = '$marker{personal}' || 'later' WHERE id = 7; DELETE FROM customers WHERE person = '$ann'");
is(answer(q{SELECT md5(string_agg(r.entry::text, '' ORDER BY r.era, r.xid, r.seq)) FROM bastion.audit_rows r JOIN bastion.audit_seals s ON pg_visible_in_snapshot(r.xid, s.after) WHERE r.relation = 'public.customers'}), $bytes, 'the bytes are the same');
is(answer('SELECT bastion.audit_inclusion_proof(7, (SELECT s.first_index + s.count FROM bastion.audit_seals s ORDER BY s.first_index LIMIT 1))'), $proof, 'and a proof');
answer('SELECT bastion.audit_seal(); CHECKPOINT');
export('after');
verify('after', '--key', $key, '--checkpoint', "$work/kept");
is(files_with($marker{personal}), '', 'what deletes the rows brings nothing back');

# After a crash, an erased person stays erased.
$_->quit for $idle, $there;
$server->stop('immediate');
$server->start;
is(answer(sprintf $reads, $ann), '{"shre', 'after a crash too');
is(answer(sprintf $reads, $bob), 'Marker', 'and the others stay');
is(answer('SELECT count(*) FROM bastion.audit_subjects'), 1, 'one subject is shredded');
done_testing();
