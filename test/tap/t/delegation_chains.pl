# Random chains of delegations, with random scopes, units and times, of users with more and with fewer rights, and rights that are taken away
# meanwhile: none has a permission, a unit or a moment more than the one before it, nor more than its user. With tools/test --long a hundred
# thousand chains.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{BASTION_SEED} // int time;
note("BASTION_SEED=$seed");
my $chains = $ENV{BASTION_LONG} ? 100_000 : 120;
my $server = new_server('chains', "bastion.allow_identity_switch = on\nlog_statement = none\nfsync = off\nsynchronous_commit = off\n");
$server->safe_psql('postgres', <<'SQL');
SELECT bastion.resource_register('files', '{read,update,delete}'), bastion.resource_register('files.notes', '{read,update}');
INSERT INTO bastion.units (tenant_id, kind, name, slug) SELECT (signup #>> '{tenant,id}')::uuid, 'team', u, u FROM people, unnest('{west,coast,east}'::text[]) u WHERE name = 'ann';
INSERT INTO bastion.unit_parents (unit_id, tenant_id, parent_id) SELECT c.id, c.tenant_id, w.id FROM bastion.units c JOIN bastion.units w USING (tenant_id) WHERE c.slug = 'coast' AND w.slug = 'west';
-- Ann owns the tenant. Bob may read, and change what a coin decides.
SELECT bastion.membership_force((SELECT signup #>> '{user,id}' FROM people WHERE name = 'bob')::uuid, (SELECT signup #>> '{tenant,id}' FROM people WHERE name = 'ann'), 'viewer');
CREATE TABLE starts AS SELECT name, (signup #>> '{user,id}')::uuid AS id, NULL::text AS token FROM people;
CREATE TABLE wider (seed int, chain int, hop int, what text);
CREATE TABLE counts (what text PRIMARY KEY, n bigint NOT NULL);
-- What a token is good for. Nothing when it is refused.
CREATE FUNCTION good_for(token text, OUT permissions text[], OUT unit uuid, OUT delegation uuid) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM bastion.authenticate(token);
    permissions := ARRAY(SELECT bastion.permissions());
    unit := bastion.unit_id();
    delegation := bastion.delegation_id();
EXCEPTION WHEN invalid_authorization_specification THEN
    permissions := '{}';
END
$$;
CREATE FUNCTION is_inside(inner_unit uuid, outer_unit uuid) RETURNS boolean LANGUAGE sql AS
$$ SELECT outer_unit IS NULL OR EXISTS (SELECT FROM bastion.unit_closure c WHERE c.ancestor_id = outer_unit AND c.descendant_id = inner_unit) $$;
CREATE FUNCTION any_of(choices anyarray) RETURNS anyelement LANGUAGE sql VOLATILE AS $$ SELECT choices[1 + floor(random() * cardinality(choices))::int] $$;
CREATE PROCEDURE run_chains(seed int, chains int) LANGUAGE plpgsql AS $$
DECLARE
    pool text[] := '{*,files.*,*.read,files.read,files.update,files.notes.*,files.notes.read,documents.*,documents.delete,tenant.members.read,files.delete}';
    start starts;
    token text;
    before record;
    now_good record;
    made jsonb;
    scopes text[];
    held text[];
    role text;
    expires timestamptz;
    expires_before timestamptz;
BEGIN
    PERFORM setseed((seed % 1000) / 1000.0);
    FOR number IN 1 .. chains LOOP
        SELECT * INTO start FROM starts ORDER BY random() LIMIT 1;
        token := start.token;
        before := good_for(token);
        held := pool;
        expires_before := 'infinity';
        FOR hop IN 1 .. 10 LOOP
            -- Often what the hop before has, without which most would be refused.
            scopes := ARRAY(SELECT DISTINCT any_of(CASE WHEN random() < 0.8 THEN held ELSE pool END) FROM generate_series(1, 1 + floor(random() * 4)::int));
            PERFORM bastion.authenticate(token);
            made := bastion_api.delegate((SELECT s.id::text FROM starts s ORDER BY random() LIMIT 1), scopes, any_of('{NULL,NULL,NULL,NULL,NULL,west,coast,east}'::text[]),
                                         any_of('{10 minutes,1 hour,1 day}'::text[])::interval);
            INSERT INTO counts VALUES (coalesce(made ->> 'error', 'made'), 1) ON CONFLICT (what) DO UPDATE SET n = counts.n + 1;
            CONTINUE WHEN made ? 'error';
            token := made ->> 'access_token';
            held := scopes;
            -- The right of a user may end between two hops, and come back.
            IF random() < 0.1 THEN
                role := any_of('{viewer,member}'::text[]);
                UPDATE bastion.memberships m SET role_id = (SELECT r.id FROM bastion.roles r WHERE r.tenant_id IS NULL AND r.name = role)
                WHERE m.user_id = (SELECT s.id FROM starts s WHERE s.name = 'bob') AND m.role_id IN (SELECT r.id FROM bastion.roles r WHERE r.tenant_id IS NULL AND r.name IN ('viewer', 'member'));
                before := good_for((SELECT CASE WHEN d.parent_id IS NULL THEN start.token ELSE h.token END FROM bastion.delegations d LEFT JOIN hops_made h ON h.id = d.parent_id
                                    WHERE d.id = (made ->> 'delegation')::uuid));
            END IF;
            now_good := good_for(token);
            expires := (SELECT d.expires_at FROM bastion.delegations d WHERE d.id = (made ->> 'delegation')::uuid);
            INSERT INTO hops_made VALUES ((made ->> 'delegation')::uuid, token);
            INSERT INTO wider SELECT run_chains.seed, number, hop, w.what FROM (VALUES
                ('permission', NOT now_good.permissions <@ before.permissions),
                ('more than its scopes', EXISTS (SELECT FROM unnest(now_good.permissions) p WHERE NOT EXISTS (SELECT FROM unnest(scopes) s WHERE p LIKE replace(s, '*', '%')))),
                ('unit', NOT is_inside(now_good.unit, before.unit)), ('time', expires > expires_before), ('depth', hop > 8 AND (SELECT d.depth > 8 FROM bastion.delegations d WHERE d.id = now_good.delegation)),
                ('not the token', now_good.delegation IS DISTINCT FROM (made ->> 'delegation')::uuid AND now_good.permissions <> '{}')) w (what, is_so) WHERE w.is_so;
            before := now_good;
            expires_before := expires;
        END LOOP;
        DELETE FROM hops_made;
        COMMIT;
    END LOOP;
END
$$;
CREATE TABLE hops_made (id uuid, token text);
SQL
# In parts, each with tokens of its own: they expire.
my $part = 2_000;
for (my $done = 0; $done < $chains; $done += $part) {
    $server->safe_psql('postgres', <<'SQL');
UPDATE starts SET token = bastion_api.login(name || '@tap.example', 'correct horse', (SELECT signup #>> '{tenant,id}' FROM people WHERE name = 'ann')) ->> 'access_token';
SQL
    my $some = $chains < $part ? $chains : $part;
    $server->safe_psql('postgres', 'SET statement_timeout = 0; CALL run_chains(' . ($seed + $done / $part) . ", $some)", timeout => 3_600);
}
is($server->safe_psql('postgres', 'SELECT what, count(*), min(chain) FROM wider GROUP BY 1 ORDER BY 1'), '', "$chains chains: no hop is wider than the one before it");
note($server->safe_psql('postgres', 'SELECT what, n FROM counts ORDER BY 1'));
cmp_ok($server->safe_psql('postgres', q{SELECT n FROM counts WHERE what = 'made'}), '>', $chains, 'many hops were made');
is($server->safe_psql('postgres', q{SELECT string_agg(what, ' ' ORDER BY what) FROM counts WHERE what IN ('invalid_scope', 'invalid_request')}), 'invalid_request invalid_scope', 'and wider ones refused');
is($server->safe_psql('postgres', q{SELECT max(depth) <= 8 AND max(depth) > 3 FROM bastion.delegations}), 't', 'at most eight in a chain');

done_testing();
