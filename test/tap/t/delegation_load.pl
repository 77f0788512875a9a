# A hop that is revoked while many clients use what is below it: no transaction that begins after the answer to the revocation gets in.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = new_server('hops', "bastion.allow_identity_switch = on\n");
my $ann = token_of($server, 'ann');
$server->safe_psql('postgres', <<'SQL');
SELECT bastion.membership_force((signup #>> '{user,id}')::uuid, (SELECT signup #>> '{tenant,id}' FROM people WHERE name = 'ann'), 'viewer') FROM people WHERE name = 'bob';
CREATE TABLE hops (round int, depth int, id uuid, token text);
CREATE TABLE revoked (round int PRIMARY KEY);
-- A use: whether the round was over before this statement began, and whether the token is still good.
CREATE TABLE uses (round int, over boolean, good boolean);
CREATE INDEX ON uses (round);
GRANT SELECT ON hops, revoked TO app;
GRANT INSERT ON uses TO app;
CREATE FUNCTION use_hop(round int, token text, over boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    good boolean := true;
BEGIN
    BEGIN
        PERFORM bastion.authenticate(use_hop.token);
    EXCEPTION WHEN invalid_authorization_specification THEN
        good := false;
    END;
    INSERT INTO uses VALUES (use_hop.round, use_hop.over, good);
END
$$;
-- Eight hops, each of the one before.
CREATE FUNCTION make_round(round int, token text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    made jsonb;
BEGIN
    FOR depth IN 1 .. 8 LOOP
        PERFORM bastion.authenticate(token);
        made := bastion_api.delegate((SELECT signup #>> '{user,id}' FROM people WHERE name = CASE depth % 2 WHEN 1 THEN 'bob' ELSE 'ann' END), '{documents.read}');
        token := made ->> 'access_token';
        INSERT INTO hops VALUES (round, depth, (made ->> 'delegation')::uuid, token);
    END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION use_hop(int, text, boolean) TO app;
SQL
my $rounds = 20;
$server->safe_psql('postgres', "SELECT make_round(r, '$ann') FROM generate_series(1, $rounds) r");

# Four clients, 400 transactions a second: more would only take the processors from other tests.
# The client looks in one statement whether the revocation was answered, and uses the token in the next.
my $script = $server->basedir . '/use.sql';
append_to_file($script, <<"SQL");
\\set round random(1, $rounds)
BEGIN;
SELECT EXISTS (SELECT FROM revoked WHERE round = :round) AS over, (SELECT token FROM hops WHERE round = :round AND depth = 8) AS token \\gset
SELECT use_hop(:round, ':token', ':over');
COMMIT;
SQL
my $load = IPC::Run::start([ 'pgbench', '-n', '-c', 4, '-j', 1, '-R', 400, '-T', 600, '-f', $script, '-U', 'app', '-h', $server->host, '-p', $server->port, 'postgres' ],
    '>', \my $out, '2>', \my $err);
foreach my $round (1 .. $rounds) {
    my $depth = 1 + $round % 8;
    ok($server->poll_query_until('postgres', "SELECT count(*) >= 4 FROM uses WHERE round = $round AND good"), "round $round is used");
    $server->safe_psql('postgres', "BEGIN; SELECT bastion.authenticate('$ann'); SELECT bastion_api.delegation_revoke(id) FROM hops WHERE round = $round AND depth = $depth; COMMIT");
    $server->safe_psql('postgres', "INSERT INTO revoked VALUES ($round)");
    ok($server->poll_query_until('postgres', "SELECT count(*) >= 4 FROM uses WHERE round = $round AND over"), "round $round is used after hop $depth was revoked");
}
# A process that was started in the background ignores INT.
$load->signal('TERM');
$load->finish;
is($server->safe_psql('postgres', 'SELECT count(*) FROM uses WHERE over AND good'), 0, 'nobody got in after a hop was revoked');
cmp_ok($server->safe_psql('postgres', 'SELECT count(*) FROM uses WHERE NOT over AND good'), '>=', 4 * $rounds, 'before, everybody did');
unlike($server->safe_psql('postgres', 'SELECT bastion.whoami()') . $err, qr/ERROR/, 'and no client failed');
done_testing();
