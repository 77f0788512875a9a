# A server whose counter of oids is above 2^31, and one whose counter has reached the ids of the extension's messages: the ordinary
# DDL of others is no message to its caches in the former, and at most costs a new look at the tables in the latter.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = new_server('high');
my %token = map { $_ => token_of($server, $_) } qw(ann bob);
$server->safe_psql('postgres', q{INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
    SELECT (b.signup #>> '{user,id}')::uuid, (a.signup #>> '{tenant,id}')::uuid, r.id
    FROM people a, people b, bastion.roles r WHERE a.name = 'ann' AND b.name = 'bob' AND r.name = 'viewer' AND r.system});

sub move_oids {
    my ($next) = @_;
    $server->stop;
    command_ok([ 'pg_resetwal', '-o', $next, '-D', $server->data_dir ], "the next oid is $next");
    $server->start;
    return;
}

# ddl(COUNT): tables with indexes, in another session; the lowest oid among them.
sub ddl {
    my ($count) = @_;
    return $server->safe_psql('postgres', "DO \$\$ BEGIN FOR i IN 1..$count LOOP EXECUTE format('CREATE TABLE made_%s (id int PRIMARY KEY, t text)', i); END LOOP; END \$\$;
        SELECT min(oid::bigint) FROM pg_class WHERE relname ~ '^made_';
        DO \$\$ BEGIN FOR i IN 1..$count LOOP EXECUTE format('DROP TABLE made_%s', i); END LOOP; END \$\$");
}

my $received = 'SELECT (bastion.cache_stats() ->> $$invalidations$$)::bigint';
my $seen = "BEGIN; SELECT FROM bastion.authenticate('$token{bob}', 'ann'); SELECT string_agg(of, ' ') FROM documents; COMMIT";

move_oids(3_000_000_000);
my $session = $server->background_psql('postgres', on_error_stop => 0);
$session->query_safe('SET ROLE app');
is(last_line($session->query_safe($seen)), 'ann', 'bob sees the row of the tenant');
my $before = $session->query_safe($received);
cmp_ok(ddl(3), '>=', 3_000_000_000, 'tables have oids above 2^31');
is($session->query_safe($received), $before, 'their DDL is no message to the caches');
my $loads = $session->query_safe('SELECT bastion.cache_stats() -> $$rights$$ -> $$loads$$');
is(last_line($session->query_safe($seen)), 'ann', 'the rights still stand');
is($session->query_safe('SELECT bastion.cache_stats() -> $$rights$$ -> $$loads$$'), $loads, 'and nothing was loaded again');
$server->safe_psql('postgres', q{UPDATE bastion.memberships SET valid_until = now() FROM people b WHERE user_id = (b.signup #>> '{user,id}')::uuid AND b.name = 'bob'
    AND tenant_id <> (b.signup #>> '{tenant,id}')::uuid});
is($session->query($seen), '', 'a membership that ends counts at the next statement');
$session->quit;
$server->safe_psql('postgres', q{UPDATE bastion.memberships SET valid_until = NULL});

# In the range of the messages themselves.
move_oids(0xF8000000);
$session = $server->background_psql('postgres', on_error_stop => 0);
$session->query_safe('SET ROLE app');
is(last_line($session->query_safe($seen)), 'ann', 'bob sees the row of the tenant');
$before = $session->query_safe($received);
cmp_ok(ddl(3), '>=', 0xF8000000, 'tables have oids of messages');
cmp_ok($session->query_safe($received), '>', $before, 'their DDL is taken for messages');
is(last_line($session->query_safe($seen)), 'ann', 'which change no answer');
$server->safe_psql('postgres', q{UPDATE bastion.memberships SET valid_until = now() FROM people b WHERE user_id = (b.signup #>> '{user,id}')::uuid AND b.name = 'bob'
    AND tenant_id <> (b.signup #>> '{tenant,id}')::uuid});
is($session->query($seen), '', 'a membership that ends counts at the next statement');
is($server->safe_psql('postgres', 'CREATE TABLE late (id int PRIMARY KEY); INSERT INTO late VALUES (1); SELECT count(*) FROM late'), '1', 'and tables work');
$session->quit;
$server->stop;

done_testing();
