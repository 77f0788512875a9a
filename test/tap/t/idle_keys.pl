# A key that is shredded, disabled or deleted leaves the memory of idle backends at once: the change reaches them with a signal, and
# not with their next statement. A session in a transaction is reached too.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $server = new_server('idle_keys', "log_line_prefix = '[%p] '\nmax_prepared_transactions = 5\n");
$server->safe_psql('postgres', <<'SQL');
SELECT bastion.resource_register('kept', '{open}');
INSERT INTO bastion.tenants (name, slug) SELECT 'Tenant ' || i, 't' || i FROM generate_series(1, 6) i;
CREATE FUNCTION seal_it(slug text) RETURNS text LANGUAGE sql AS $$
    SELECT bastion.open_text_for(t.id, bastion.seal_for(t.id, 'x', 'kept')) FROM bastion.tenants t WHERE t.slug = seal_it.slug
$$;
SQL

# An idle session that holds the keys of two tenants in memory, and says in the log when it accepts messages.
my $idle = $server->background_psql('postgres');
my $pid = $idle->query('SELECT pg_backend_pid()');
my $offset;
sub hold {
    $idle->query_safe("SELECT seal_it('t1'), seal_it('t2'); SET log_min_messages = debug4");
    $offset = -s $server->logfile;
    return;
}
sub answer { my ($sql) = @_; return $server->safe_psql('postgres', $sql); }
sub accepted { return substr(slurp_file($server->logfile), $offset) =~ /\[$pid\] DEBUG:  ProcessCatchupEvent (inside|outside) transaction/ ? $1 : 'nothing'; }
sub until_accepted {
    for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default) {
        return accepted() if accepted() ne 'nothing';
        usleep(100_000);
    }
    die 'no message is accepted';
}
sub entries { return $idle->query(q{SELECT bastion.cache_stats() #>> '{data_keys,entries}'}); }

hold();
is(entries(), 2, 'a session holds two keys');
is(accepted(), 'nothing', 'and nothing reaches it yet');

my @changes = (
    ['tenant_shred()', q{SELECT bastion.tenant_shred('t1')}],
    ['min_decryption_version_set()', q{SELECT bastion.data_key_rotate('kept', 't2'); SELECT bastion.min_decryption_version_set('kept', 2, 't2', force => true)}],
    ['a tenant that is deleted', q{SELECT bastion.tenant_delete('t3')}],
    ['keys_discard()', 'SELECT bastion.keys_discard()'],
);
answer(q{SELECT seal_it('t3')});
for (@changes) {
    my ($name, $sql) = @$_;
    hold();
    answer($sql);
    is(until_accepted(), 'outside', "$name reaches an idle session");
    is(entries(), 0, 'which holds no key any more');
}

# Nothing leaves before the change is committed, or when it is rolled back.
hold();
answer(q{BEGIN; SELECT bastion.tenant_shred('t4'); SELECT bastion.tenant_shred('t1'); ROLLBACK});
is(entries(), 2, 'a change that is rolled back takes no key');
is(accepted(), 'nothing', 'and wakes no session');

# A session in a transaction; one in another database is none of its business.
answer('CREATE DATABASE other');
my $other = $server->background_psql('other');
my $other_pid = $other->query('SELECT pg_backend_pid()');
$other->query_safe('SET log_min_messages = debug4');
hold();
$idle->query_safe('BEGIN; SELECT 1');
answer(q{SELECT bastion.tenant_shred('t1')});
is(until_accepted(), 'inside', 'a session that is idle in a transaction is reached as well');
is(entries(), 0, 'and holds no key any more');
unlike(substr(slurp_file($server->logfile), $offset), qr/\[$other_pid\] DEBUG:  ProcessCatchupEvent/, 'a session of another database is not');
$idle->query_safe('ROLLBACK');

# What a prepared transaction changed, and what a standby replays, reaches idle sessions with their next statement.
hold();
answer(q{BEGIN; SELECT bastion.tenant_shred('t1'); PREPARE TRANSACTION 'shred'});
is(entries(), 2, 'a prepared change takes no key');
answer(q{COMMIT PREPARED 'shred'});
is(entries(), 0, 'once it is committed, the next statement does');
hold();
my $standby = standby_of($server);
my $value = answer(q{SELECT bastion.seal_for(id, 'x', 'kept') FROM bastion.tenants WHERE slug = 't1'});
$server->wait_for_catchup($standby);
my $reader = $standby->background_psql('postgres');
my $open = "SELECT try(format('SELECT bastion.open_text_for(%L, ''$value'')', id)) FROM bastion.tenants WHERE slug = 't1'";
is($reader->query($open), 'x', 'a session of a standby holds a key');
answer(q{SELECT bastion.tenant_shred('t1')});
$server->wait_for_catchup($standby);
is($reader->query($open), 'BA003', 'and opens nothing any more once the change is replayed');
$_->quit for $idle, $other, $reader;
$standby->stop;
$server->stop;
done_testing();
