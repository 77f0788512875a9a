# Keys that are retired or shredded beside transactions that seal: prepared ones too, many at once, and a transaction with more keys than
# it holds single locks for. Nothing that was committed is lost. And columns of sealed values in logical replication.
use strict;
use warnings;
use BastionServer qw(answer_of last_line new_server);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = new_server('vault_rotation', "max_prepared_transactions = 10\nwal_level = logical\n");
$server->safe_psql('postgres', <<'SQL');
SELECT bastion.resource_register('kept', '{open}');
INSERT INTO bastion.tenants (name, slug) SELECT 'Tenant ' || i, 't' || i FROM generate_series(1, 200) i;
CREATE TABLE kept (id bigint GENERATED ALWAYS AS IDENTITY, tenant_id uuid NOT NULL, note text NOT NULL, value bastion.sealed NOT NULL);
CREATE FUNCTION seal_it(slug text, note text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO kept (tenant_id, note, value) SELECT t.id, note, bastion.seal_for(t.id, note, 'kept') FROM bastion.tenants t WHERE t.slug = seal_it.slug
$$;
CREATE VIEW opened AS SELECT k.id, k.note, try(format('SELECT bastion.open_text_for(%L, %L)', k.tenant_id, k.value)) AS text FROM kept k;
SELECT bastion.sealed_column_add('kept', 'value');
SELECT seal_it('t' || i, 'first') FROM generate_series(1, 200) i;
TRUNCATE kept;
SQL

my $retire = q{SET lock_timeout = '1s'; SELECT bastion.min_decryption_version_set('kept', %d, 't1')};
sub rotate { return $server->safe_psql('postgres', q{SELECT bastion.data_key_rotate('kept', 't1')}) }
sub retire { return answer_of($server, sprintf $retire, @_) }
sub newest { return $server->safe_psql('postgres', q{SELECT max(k.version) FROM bastion.data_keys k JOIN bastion.tenants t ON t.id = k.tenant_id WHERE t.slug = 't1' AND k.purpose = 'kept'}) }

# A prepared transaction.

$server->safe_psql('postgres', q{BEGIN; SELECT seal_it('t1', 'prepared'); PREPARE TRANSACTION 'later'});
rotate();
my $answer = retire(newest());
like($answer, qr/^ERROR:  55P03: transactions that sealed under these keys are still open$/m, 'a prepared transaction holds its key');
like($answer, qr/^DETAIL:  prepared transaction 'later' of postgres, prepared at \d{4}-/m, 'and is named');
like($answer, qr/^HINT:  .*: COMMIT PREPARED 'later'; or ROLLBACK PREPARED 'later';$/m, 'with what ends it');
$server->restart;
like(retire(newest()), qr/55P03/, 'also after a restart of the server');
$server->safe_psql('postgres', q{COMMIT PREPARED 'later'});
like(retire(newest()), qr/^ERROR:  55006: values are still sealed under older keys/m, 'once it is committed, its value counts');
$server->safe_psql('postgres', 'CALL bastion.rewrap_all()');
is(last_line(retire(newest())), '1', 'and after rewrap_all() the key is retired');
is($server->safe_psql('postgres', 'SELECT note, text FROM opened'), 'prepared|prepared', 'the value opens');

# A session.

my $session = $server->background_psql('postgres');
$session->query(q{SET application_name = 'the web'; BEGIN; SELECT seal_it('t1', 'open')});
my $pid = $session->query('SELECT pg_backend_pid()');
rotate();
$answer = retire(newest());
like($answer, qr/^DETAIL:  process $pid of postgres \(application 'the web', idle in transaction\), in a transaction since \d{4}-/m, 'an open transaction is named');
like($answer, qr/^HINT:  .*: SELECT pg_terminate_backend\($pid\);$/m, 'with what ends it');
$answer = answer_of($server, q{SET lock_timeout = '1s'; SELECT bastion.tenant_shred('t1')});
like($answer, qr/^ERROR:  55P03: .*\nDETAIL:  process $pid /m, 'shredding waits as well');
$answer = answer_of($server, q{SET lock_timeout = '1s'; SELECT bastion.keys_discard()});
like($answer, qr/^ERROR:  55P03: .*\nDETAIL:  process $pid /m, 'and the destruction of all keys');
$answer = answer_of($server, q{SET lock_timeout = '1s'; SELECT bastion.data_key_rotate('kept'), bastion.min_decryption_version_set('kept', 2)});
like($answer, qr/^ERROR:  55P03: .*\nDETAIL:  process $pid /m, 'and a retirement for more tenants than there are single locks');
$session->query('ROLLBACK');
$server->safe_psql('postgres', 'CALL bastion.rewrap_all()');
is(last_line(retire(newest())), '1', 'what was rolled back holds nothing');

# A transaction that seals for many tenants.

$session->query('BEGIN; SELECT count(seal_it(slug, slug)) FROM bastion.tenants WHERE slug ~ \'^t\d\'');
my $locks = $server->safe_psql('postgres', qq{SELECT count(*) FROM pg_locks WHERE pid = $pid AND classid = 'bastion.data_keys'::regclass});
cmp_ok($locks, '<=', 66, 'two hundred keys take a bounded number of locks');
$answer = answer_of($server, q{SET lock_timeout = '1s'; SELECT bastion.tenant_shred('t150')});
like($answer, qr/^ERROR:  55P03: .*\nDETAIL:  process $pid /m, 'and each key is held all the same');
$session->query('COMMIT');
is($server->safe_psql('postgres', q{SELECT count(*), bool_and(note = text) FROM opened WHERE note ~ '^t\d'}), '200|t', 'all values open');
$session->quit;

# Eight sessions that seal, rotate, rewrap, retire and shred at random: every committed value opens, or was shredded by name. Only t4 and
# t5 are shredded.

$server->safe_psql('postgres', <<'SQL');
CREATE PROCEDURE retire_any(slug text) LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL lock_timeout = '2s';
    PERFORM bastion.min_decryption_version_set('kept', (SELECT max(k.version) FROM bastion.data_keys k JOIN bastion.tenants t ON t.id = k.tenant_id
                                                        WHERE t.slug = retire_any.slug AND k.purpose = 'kept'), retire_any.slug);
EXCEPTION WHEN lock_not_available OR object_in_use OR invalid_parameter_value OR deadlock_detected THEN
    NULL;
END
$$;
CREATE PROCEDURE shred_any(slug text) LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL lock_timeout = '2s';
    PERFORM bastion.tenant_shred(shred_any.slug);
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    NULL;
END
$$;
CREATE VIEW lost AS
SELECT t.slug, bastion_internal.sealed_key(k.value) AS key, d.state FROM kept k JOIN bastion.tenants t ON t.id = k.tenant_id JOIN opened o ON o.id = k.id
LEFT JOIN bastion.data_keys d ON d.id = bastion_internal.sealed_key(k.value) WHERE o.note IS DISTINCT FROM o.text;
SQL
my $seed = $ENV{BASTION_SEED} // time;
note("BASTION_SEED=$seed");
$server->pgbench("-n -c 8 -j 2 -T 12 --random-seed=$seed", 0, [qr/number of failed transactions: 0|processed/], [qr{^(?!.*ERROR)}s], 'random seals and rotations',
    {
        'seal@8' => q{\set t random(1, 5)
BEGIN;
SELECT seal_it('t' || :t, 'a');
SAVEPOINT s;
SELECT seal_it('t' || :t, 'b');
ROLLBACK TO s;
SELECT seal_it('t' || (:t % 5 + 1), 'c');
END;
},
        'rotate@2' => q{\set t random(1, 5)
SELECT bastion.data_key_rotate('kept', 't' || :t);
},
        'retire@3' => q{\set t random(1, 5)
CALL retire_any('t' || :t);
},
        'shred@1' => q{\set t random(4, 5)
CALL shred_any('t' || :t);
},
        'rewrap@1' => 'CALL bastion.rewrap_all();',
    });
is($server->safe_psql('postgres', q{SELECT count(*) > 100 FROM opened WHERE note = text}), 't', 'committed values open');
is($server->safe_psql('postgres', q{SELECT count(*) FROM lost WHERE slug NOT IN ('t4', 't5')}), 0, 'all of those whose tenant was not shredded');
is($server->safe_psql('postgres', q{SELECT count(*) FROM lost WHERE state IS DISTINCT FROM 'shredded'}), 0, 'and of the others all whose key was not shredded');
is($server->safe_psql('postgres', q{SELECT count(DISTINCT t.slug) > 0, bool_and(t.slug IN ('t4', 't5')) FROM bastion.events e JOIN bastion.tenants t ON t.id = e.tenant_id WHERE e.kind = 'keys_shredded'}),
    't|t', 'and the shredding is on record by the name of the tenant');
cmp_ok($server->safe_psql('postgres', q{SELECT count(*) FROM bastion.data_keys WHERE state = 'disabled'}), '>', 3, 'and keys were retired meanwhile');

# Logical replication of a table whose rows are found by all their columns.

my $subscriber = PostgreSQL::Test::Cluster->new('vault_subscriber');
$subscriber->init;
$subscriber->start;
$_->safe_psql('postgres', 'CREATE TABLE copied (id int, value bastion.sealed)') for map { $_ == $subscriber && $_->safe_psql('postgres', 'CREATE EXTENSION pg_bastion'); $_ } $server, $subscriber;
$server->safe_psql('postgres', <<'SQL');
ALTER TABLE copied REPLICA IDENTITY FULL;
INSERT INTO copied SELECT row_number() OVER (), value FROM kept LIMIT 10;
CREATE PUBLICATION copies FOR TABLE copied;
SQL
my $connection = $server->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION copies CONNECTION '$connection' PUBLICATION copies");
$subscriber->wait_for_subscription_sync($server, 'copies');
$server->safe_psql('postgres', q{UPDATE copied SET id = id + 100 WHERE id <= 5; DELETE FROM copied WHERE id = 6; UPDATE copied SET value = (SELECT value FROM kept WHERE note = 'c' LIMIT 1) WHERE id = 7});
$server->wait_for_catchup('copies');
my $rows = 'SELECT id, md5(value::text) FROM copied ORDER BY 1, 2';
is($subscriber->safe_psql('postgres', $rows), $server->safe_psql('postgres', $rows), 'updates and deletions of rows with sealed values are replicated');
$subscriber->stop;
$server->stop;
done_testing();
