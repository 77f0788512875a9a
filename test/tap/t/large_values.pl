# Large values: sealed, opened and sealed again under a newer key, in memory that depends on the largest value and not on how many
# there are. With tools/test --long one of the greatest length too, 1 GB less 1 KiB.
use strict;
use warnings FATAL => 'all';

use BastionServer qw(answer_of new_server);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'memory is measured where /proc is' unless -r '/proc/self/status';

my $mebibyte = 1024 * 1024;
my $server = new_server('large', "shared_buffers = 16MB\nmax_wal_size = 4GB\n");
$server->safe_psql('postgres', <<'SQL');
CREATE TABLE kept (id int PRIMARY KEY, value bastion.sealed);
ALTER TABLE kept ALTER value SET STORAGE EXTERNAL;
SELECT bastion.sealed_column_add('kept', 'value', 'id::text');
-- the first bytes tell values apart
CREATE FUNCTION plain(n int, size int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT overlay(repeat('x', size) PLACING lpad(n::text, 8, '0') FROM 1) $$;
SQL

# The greatest memory of a new session that runs a statement, in kB, without the pages that it shares with others.
sub peak {
    my ($statement) = @_;
    my $status = $server->safe_psql('postgres', "$statement; SELECT pg_read_file('/proc/self/status')");
    my %kb = $status =~ /^(VmHWM|RssFile|RssShmem):\s+(\d+) kB$/mg;
    return $kb{VmHWM} - $kb{RssFile} - $kb{RssShmem};
}

# Fills the table, rotates, and measures.
sub sealed_again {
    my ($name, $number, $size) = @_;
    $server->safe_psql('postgres', "TRUNCATE kept");
    my $sealing = peak("INSERT INTO kept SELECT n, bastion.seal_for(NULL, plain(n, $size), 'kept', n::text) FROM generate_series(1, $number) n");
    my $version = $server->safe_psql('postgres', "SELECT bastion.data_key_rotate('kept')");
    my $memory = peak('CALL bastion.rewrap_all()');
    is($server->safe_psql('postgres', 'SELECT count(*) FROM bastion.rewrap_failures'), 0, "$name: no failure") or diag $server->safe_psql('postgres', 'TABLE bastion.rewrap_failures');
    is($server->safe_psql('postgres', q{SELECT string_agg(state || ' ' || sealed_values, ', ') FROM bastion.key_usage() WHERE purpose = 'kept' AND sealed_values > 0}),
        "active $number", "$name: all are under the newest key");
    my $opening = peak("SELECT count(bastion.open_text_for(NULL, value, id::text)) FROM kept");
    is($server->safe_psql('postgres', "SELECT count(*) FROM kept WHERE octet_length(value::bytea) = $size + 80 AND bastion.open_text_for(NULL, value, id::text) = plain(id, $size)"),
        $number, "$name: each opens, and is what it was");
    note "$name: " . join ', ', map { sprintf '%s %.2f', $_->[0], $_->[1] * 1024 / $size } [ sealing => $sealing ], [ 'sealing again' => $memory ], [ opening => $opening ];
    return $memory;
}

my $size = 16 * $mebibyte;
sealed_again('warm-up', 1, $size);
my $one = sealed_again('one value of 16 MB', 1, $size);
my $many = sealed_again('twelve values of 16 MB', 12, $size);
# What one value takes and what the session takes, apart: a second value at the same time would take as much again.
cmp_ok($many - $one, '<', $size / 1024, 'memory does not grow with the number of values');
cmp_ok($one * 1024, '<', 8 * $size, 'it holds a few copies of one value');

SKIP: {
    skip 'a value of 1 GB: tools/test --long', 5 unless $ENV{BASTION_LONG};
    my $greatest = 1024 * $mebibyte - 1024;
    my $memory = sealed_again('the greatest value', 1, $greatest);
    cmp_ok($memory * 1024, '<', 8 * $greatest, 'it holds a few copies of it');
    like(answer_of($server, "SELECT bastion.seal_for(NULL, plain(1, $greatest + 1), 'kept')"), qr/^ERROR:  54000: value is too long to be sealed/m, 'a longer one is refused');
}
$server->stop;
# Under audit, a large value is recorded by its digest, and not read when it does not change.
SKIP: {
    skip 'audited values of 200 MB: tools/test --long', 5 unless $ENV{BASTION_LONG};
    my $length = 200 * $mebibyte;
    $server->safe_psql('postgres', <<'SQL');
CREATE TABLE audited (id int PRIMARY KEY, note text, t text, b bytea);
ALTER TABLE audited ALTER t SET STORAGE EXTERNAL, ALTER b SET STORAGE EXTERNAL;
SELECT bastion.audit_table('audited');
SQL
    my $inserting = peak("INSERT INTO audited SELECT 1, 'first', plain(1, $length), convert_to(plain(2, $length), 'UTF8')");
    my $recorded = sub {
        $server->safe_psql('postgres', q{SELECT a.op, (SELECT string_agg(k, ' ' ORDER BY k) FROM jsonb_object_keys(a.new) k), a.new #>> '{t,sha256}' = encode(sha256(convert_to(v.t, 'UTF8')), 'hex'),
            a.new #>> '{b,sha256}' = encode(sha256(convert_to(v.b::text, 'UTF8')), 'hex') FROM bastion.audit a, audited v WHERE a.relation = 'public.audited' ORDER BY a.xid DESC LIMIT 1});
    };
    is($recorded->(), 'INSERT|b id note t|t|t', 'digests of the text and of the bytes as hexadecimal text');
    cmp_ok($inserting * 1024, '<', 12 * $length, 'in a few copies of the values');
    my $updating = peak(q{UPDATE audited SET note = 'second'});
    is($recorded->(), 'UPDATE|note||', 'what changed alone');
    cmp_ok($updating * 1024, '<', $length / 4, 'without a look at the values that did not');
    $server->safe_psql('postgres', "UPDATE audited SET t = plain(3, $length)");
    is($recorded->(), 'UPDATE|t|t|', 'a new digest');
}

done_testing();
