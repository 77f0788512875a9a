# The first seals of many tenants and purposes at once. With the library preloaded, a key is made by the worker of the queue of
# events: nobody waits for the transaction of another, and what rolls back leaves a key that serves the next. Without the worker, one
# transaction at a time makes keys, and those in opposite orders are in no deadlock.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $server = new_server('first_seal', "shared_preload_libraries = 'pg_bastion'\nmax_prepared_transactions = 5\n");
$server->safe_psql('postgres', <<'SQL');
SELECT bastion.resource_register('p' || i, '{open}') FROM generate_series(1, 40) i;
INSERT INTO bastion.tenants (name, slug) SELECT 'Tenant ' || i, 't' || i FROM generate_series(1, 8) i;
CREATE TABLE kept (tenant_id uuid, note text, value bastion.sealed);
CREATE FUNCTION seal_it(slug text, purpose text, note text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO kept SELECT t.id, note, bastion.seal_for(t.id, note, purpose) FROM bastion.tenants t WHERE t.slug = seal_it.slug
$$;
CREATE VIEW lost AS SELECT k.note FROM kept k WHERE try(format('SELECT bastion.open_text_for(%L, %L)', k.tenant_id, k.value)) <> k.note;
SQL

sub answer { my ($sql) = @_; return $server->safe_psql('postgres', $sql); }
sub keys_of { my ($purpose) = @_; return answer("SELECT count(*), min(state) FROM bastion.data_keys WHERE purpose = '$purpose'"); }
sub session { my $session = $server->background_psql('postgres'); $session->query_safe("SET statement_timeout = '60s'; BEGIN"); return $session; }

# Two open transactions, which would wait for each other for ever.

my ($one, $two) = (session(), session());
$one->query_safe(q{SELECT seal_it('t1', 'p1', 'one')});
is(keys_of('p1'), '1|active', 'the key is there before the transaction ends');
$two->query_safe(q{SELECT seal_it('t1', 'p2', 'two')});
$one->query_safe(q{SELECT seal_it('t1', 'p2', 'one')});
$two->query_safe(q{SELECT seal_it('t1', 'p1', 'two')});
pass('two transactions seal first in opposite orders, and neither waits');
$one->query_safe('ROLLBACK');
$two->query_safe('COMMIT');
is(answer('SELECT count(*) FROM kept'), 2, 'one of them was rolled back');
is(answer('SELECT count(*) FROM lost'), 0, 'the values of the other open');
is(keys_of('p1'), '1|active', 'and the key that the first one requested serves both');
is(answer(q{SELECT count(*), count(DISTINCT detail ->> 'id') FROM bastion.events WHERE kind = 'key_created' AND detail ->> 'purpose' IN ('p1', 'p2')}), '2|2', 'each new key is on record once');

# The event names who sealed.

my $token = token_of($server, 'ann');
answer("BEGIN; SELECT FROM bastion.authenticate('$token'); SELECT bastion.seal('x', 'p3') IS NOT NULL; ROLLBACK");
is(answer(q{SELECT u.email, e.tenant_id IS NOT NULL FROM bastion.events e LEFT JOIN bastion.users u ON u.id = e.actor_id WHERE e.kind = 'key_created' AND e.detail ->> 'purpose' = 'p3'}),
    'ann@tap.example|t', 'the record names the user, though the transaction was rolled back');

# An older snapshot, a savepoint, a prepared transaction.

$one->query_safe('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM kept');
$one->query_safe(q{SELECT seal_it('t1', 'p4', 'serializable'); SAVEPOINT s; SELECT seal_it('t1', 'p5', 'savepoint'); ROLLBACK TO s; SELECT seal_it('t1', 'p5', 'after it')});
$one->query_safe('COMMIT');
is(keys_of('p5'), '1|active', 'a key that was made inside a savepoint stays');
answer(q{BEGIN; SELECT seal_it('t1', 'p6', 'prepared'); PREPARE TRANSACTION 'later'});
$two->query_safe(q{BEGIN; SELECT seal_it('t1', 'p6', 'beside it'); COMMIT});
answer(q{COMMIT PREPARED 'later'});
is(answer('SELECT count(*) FROM lost'), 0, 'all values open');

# What the worker cannot see or may not do, the transaction does itself.

$one->query_safe(q{BEGIN; INSERT INTO bastion.tenants (name, slug) VALUES ('New', 'new'); SELECT seal_it('new', 'p1', 'new tenant')});
is(keys_of('p1'), '1|active', 'the key of a new tenant belongs to the transaction that made the tenant');
$two->query_safe(q{BEGIN; SELECT seal_it('t2', 'p1', 'meanwhile'); COMMIT});
$one->query_safe('COMMIT');
is(keys_of('p1'), '3|active', 'and is there with it');
is(answer('SELECT count(*) FROM lost'), 0, 'all values open');
is(answer(q{SELECT try('SELECT bastion.seal_for(gen_random_uuid(), ''x'', ''p1'')')}), '23503', 'a tenant that does not exist has no key');
is(answer(q{SELECT try(format('SELECT bastion.seal_for(%L, ''x'', ''no_purpose'')', id)) FROM bastion.tenants WHERE slug = 't1'}), '22023', 'nor a purpose that does not');
is(answer(q{SELECT try(format('SELECT bastion.seal_for(%L, ''x'', ''p7'')', id)) FROM bastion.tenants WHERE slug = 't1'}) =~ /^\\x/, 1, 'a first seal without an error');
is(answer(q{BEGIN READ ONLY; SELECT try(format('SELECT bastion.seal_for(%L, ''x'', ''p8'')', id)) FROM bastion.tenants WHERE slug = 't1'}), '25006', 'a READ ONLY transaction makes no key');
is(answer(q{BEGIN READ ONLY; SELECT try(format('SELECT bastion.blind_index_for(%L, ''x'', ''p8'')', id)) FROM bastion.tenants WHERE slug = 't1'}), 'nothing', 'nor one of a blind index');
is(keys_of('p8'), '0|', 'there is none');
like(answer(q{BEGIN READ ONLY; SELECT try(format('SELECT bastion.seal_for(%L, ''x'', ''p7'')', id)) FROM bastion.tenants WHERE slug = 't1'}), qr/^\\x/, 'but seals under one that exists');

# A transaction that rotates, or shreds, sees its own change.
answer(q{BEGIN; SELECT bastion.data_key_rotate('p1', 't1'); SELECT seal_it('t1', 'p1', 'rotated'); COMMIT});
answer(q{BEGIN; SELECT bastion.tenant_shred('t3'), seal_it('t3', 'p1', 'after shredding'); COMMIT});
is(answer(q{SELECT count(*), max(k.version) FROM bastion.data_keys k JOIN bastion.tenants t ON t.id = k.tenant_id WHERE t.slug = 't1' AND k.purpose = 'p1'}), '2|2', 'a rotation in the same transaction counts');
is(answer('SELECT count(*) FROM lost'), 0, 'all values open');

# A lock of the transaction that the worker would need: it gives up at once.
my $began = time;
answer(q{BEGIN; SELECT FROM bastion.tenants WHERE slug = 't4' FOR UPDATE; SELECT seal_it('t4', 'p9', 'own lock'); COMMIT});
cmp_ok(time - $began, '<', 20, 'a transaction is not kept waiting by its own lock');
is(keys_of('p9'), '1|active', 'and makes the key');

# Eight sessions, each beside open transactions that made keys.

$_->query_safe('BEGIN') for $one, $two;
$one->query_safe(q{SELECT seal_it('t' || i, 'p20', 'open') FROM generate_series(1, 8) i});
$two->query_safe(q{SELECT seal_it('t' || i, 'p21', 'open') FROM generate_series(1, 8) i});
my $seed = $ENV{BASTION_SEED} // int time;
note("BASTION_SEED=$seed");
$server->pgbench("-n -c 8 -j 2 -t 40 --random-seed=$seed", 0, [qr/number of transactions actually processed: 320\/320/, qr/number of failed transactions: 0/], [qr/^(?:pgbench: )?.*$/s], 'many first seals',
    {
        'first_seals' => q{\set t random(1, 8)
\set a random(11, 40)
\set b random(11, 40)
\set c random(11, 40)
BEGIN;
SET LOCAL statement_timeout = '60s';
SELECT seal_it('t' || :t, 'p' || :a, 'a');
SELECT seal_it('t' || :t, 'p' || :b, 'b');
SELECT seal_it('t' || :t, 'p' || :c, 'c');
END;
},
    });
$_->query_safe('COMMIT') for $one, $two;
is(answer('SELECT count(*) > 900 FROM kept'), 't', 'all of them sealed');
is(answer('SELECT count(*) FROM lost'), 0, 'and all values open');
is(answer(q{SELECT max(n) FROM (SELECT count(*) AS n FROM bastion.data_keys WHERE state = 'active' GROUP BY tenant_id, purpose) k}), 1, 'each tenant and purpose has one key');
unlike(slurp_file($server->logfile), qr/deadlock detected/, 'no deadlock was detected');

# A standby makes no key, and seals under those of the primary.

my $standby = standby_of($server);
sub on_standby { my ($purpose) = @_; return $standby->safe_psql('postgres', "SELECT try(format('SELECT bastion.seal_for(%L, ''x'', ''$purpose'')', id)) FROM bastion.tenants WHERE slug = 't1'"); }
is(on_standby('p10'), '25006', 'a standby makes no key');
like(on_standby('p1'), qr/^\\x/, 'and uses those of the primary');
$standby->stop;

# Without the library preloaded: one transaction at a time makes keys.

$_->quit for $one, $two;
$server->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$server->restart;
($one, $two) = (session(), session());
my $two_pid = $two->query('SELECT pg_backend_pid()');
$one->query_safe(q{SELECT seal_it('t5', 'p1', 'in order')});
$two->query_until(qr/sent/, qq{\\echo sent\nSELECT seal_it('t5', 'p2', 'in order');\n});
ok($server->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $two_pid"), 'without the worker, the second transaction that makes a key waits');
$one->query_safe(q{SELECT seal_it('t5', 'p2', 'in order')});
$one->query_safe('COMMIT');
$two->query_safe(q{SELECT seal_it('t5', 'p1', 'in order')});
$two->query_safe('COMMIT');
is(answer(q{SELECT count(*) FROM kept WHERE note = 'in order'}), 4, 'and neither meets a deadlock');
is(answer('SELECT count(*) FROM lost'), 0, 'all values open');
$_->quit for $one, $two;
$server->stop;
done_testing();
