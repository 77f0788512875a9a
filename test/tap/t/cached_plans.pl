# Cached plans in sessions that regress cannot have: pipelines of the protocol, libraries with hooks of the planner before and after this one,
# extensions that are dropped and made again.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = new_server('plans', "shared_preload_libraries = 'pg_bastion'\nautovacuum = off\njit = off\n");
$server->safe_psql('postgres', <<'SQL');
CREATE TABLE papers (id int PRIMARY KEY, tenant_id uuid NOT NULL, price numeric, weight numeric, flag boolean);
GRANT SELECT ON papers TO app;
SELECT bastion.protect('papers', resource => 'documents');
INSERT INTO papers
SELECT g, (SELECT (signup #>> '{tenant,id}')::uuid FROM people WHERE name = CASE WHEN g % 100 = 0 THEN 'bob' ELSE 'ann' END), g, g, g % 100 <> 0
FROM generate_series(1, 20000) g;
CREATE INDEX papers_price ON papers (price);
ANALYZE papers;
CREATE SEQUENCE plannings;
CREATE SEQUENCE calls;
GRANT USAGE ON SEQUENCE plannings, calls TO app;
CREATE FUNCTION planned() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM nextval('plannings'); RETURN 0; END $$;
CREATE FUNCTION told() RETURNS boolean LANGUAGE plpgsql STABLE COST 0.0001 AS $$ BEGIN PERFORM nextval('calls'); RETURN true; END $$;
-- What each step of a pipeline sees: the rows that it finds, how often its statement has been planned, and for which share.
CREATE TABLE orders (n int PRIMARY KEY, name text, token text);
INSERT INTO orders SELECT n, name, (SELECT signup ->> 'access_token' FROM people p WHERE p.name = o.name)
FROM unnest('{nobody,ann,bob,bob,ann,nobody,bob,ann,ann,ann,nobody,bob}'::text[]) WITH ORDINALITY o (name, n);
CREATE SEQUENCE step;
CREATE TABLE steps (n int, statement text, name text, rows bigint, plannings bigint, note text);
GRANT SELECT ON orders TO app;
GRANT INSERT ON steps TO app;
GRANT USAGE, SELECT ON step, plannings TO app;
CREATE FUNCTION next_step() RETURNS text LANGUAGE sql VOLATILE AS
$$ SELECT set_config('bastion.token', coalesce(token, ''), true) FROM orders WHERE n = (SELECT nextval('step')) $$;
CREATE FUNCTION note(statement text, rows bigint) RETURNS void LANGUAGE sql VOLATILE AS $$
    INSERT INTO steps
    SELECT o.n, statement, o.name, rows, (SELECT last_value FROM plannings), (SELECT substring(note, '[0-9.]+') FROM bastion.plan_notes() WHERE relation = 'papers'::regclass)
    FROM orders o WHERE o.n = (SELECT last_value FROM step)
$$;
-- How often a query calls told(), and which indexes it uses.
CREATE FUNCTION calls_of(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    before bigint := nextval('calls');
BEGIN
    EXECUTE query;
    RETURN nextval('calls') - before - 1;
END
$$;
CREATE FUNCTION indexes_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    RETURN coalesce((SELECT string_agg(DISTINCT i #>> '{}', ' ') FROM jsonb_path_query(plan, '$.**."Index Name"') i), 'none');
END
$$;
SQL
my %token = map { $_ => token_of($server, $_) } qw(ann bob);

# In a pipeline the client waits for no answer: two transactions with an identity each, and a named statement that outlives them.
my $script = PostgreSQL::Test::Utils::tempdir() . '/pipeline';
my @transactions = map { ('BEGIN;', 'SELECT next_step();', "SELECT note('$_', count(*)) FROM papers WHERE id > planned();", 'COMMIT;') } qw(first second);
append_to_file($script, join "\n", '\startpipeline', @transactions, '\endpipeline', '');
$server->command_ok([ qw(pgbench -n -M prepared -c 1 -t 6 -U app -f), $script, $server->connstr('postgres') ], 'pipelines run');
is($server->safe_psql('postgres', 'SELECT n, statement, name, rows, plannings, note FROM steps ORDER BY n'), <<'STEPS' =~ s/\n\z//r, 'a plan serves the tenants of its size alone');
1|first|nobody|0|1|1
2|second|ann|19800|2|0.99
3|first|bob|200|3|0.01
4|second|bob|200|4|0.01
5|first|ann|19800|5|0.99
6|second|nobody|0|6|1
7|first|bob|200|7|0.01
8|second|ann|19800|8|0.99
9|first|ann|19800|9|0.99
10|second|ann|19800|9|0.99
11|first|nobody|0|9|
12|second|bob|200|10|0.01
STEPS

# A session with a cached plan, and another one that changes the statistics.
my $session = $server->background_psql('postgres');
sub share_of { return $session->query_safe("BEGIN; SET LOCAL ROLE app; SET LOCAL bastion.token = '$token{$_[0]}'; EXECUTE kept; SELECT substring(note, '[0-9.]+') FROM bastion.plan_notes(); COMMIT") }
$session->query_safe('SET plan_cache_mode = force_generic_plan; PREPARE kept AS SELECT count(*) FROM papers');
is(share_of('bob'), "200\n0.01", 'a cached plan of a small tenant');
my $give = q{UPDATE papers SET tenant_id = (SELECT (signup #>> '{tenant,id}')::uuid FROM people WHERE name = 'NAME') WHERE id <= 18000 AND id % 100 <> 0};
$server->safe_psql('postgres', $give =~ s/NAME/bob/r);
is(share_of('bob'), "18020\n0.01", 'a cached plan stays while the statistics do');
$server->safe_psql('postgres', 'ANALYZE papers');
is(share_of('bob'), "18020\n0.901", 'ANALYZE of another session plans it again');
$server->safe_psql('postgres', ($give =~ s/NAME/ann/r) . '; ANALYZE papers');
is(share_of('bob'), "200\n0.01", 'and again');
$session->quit;

# Other libraries with hooks of the planner, loaded before this one and after it.
sub as_bob { return run_psql($server, "BEGIN; SET LOCAL bastion.token = '$token{bob}'; " . join('; ', @_) . '; COMMIT')}
my $search = 'SELECT id FROM papers WHERE price = 700';
my $hidden = 'SELECT id FROM papers WHERE CASE WHEN flag THEN told() END';
my $weighed = 'SELECT id FROM papers WHERE weight = 700';
my $hypothetical = q{SELECT indexname ~ 'papers' FROM hypopg_create_index('CREATE INDEX ON papers (weight)')};
$server->safe_psql('postgres', 'CREATE EXTENSION hypopg');
foreach my $case (
    [ 'hypopg, pg_bastion', 'papers_price', 'hypothetical' ],
    [ 'pg_bastion, hypopg', 'papers_price', 'hypothetical' ],
    [ 'auto_explain, pg_stat_statements, pg_bastion', 'papers_price' ],
    [ 'pg_bastion, auto_explain, pg_stat_statements', 'papers_price' ],
    # plans alone, without the hooks before it: those after it are called
    [ 'rude_hooks_test, pg_bastion', 'papers_price' ],
    [ 'pg_bastion, rude_hooks_test', 'papers_tenant_id_idx' ])
{
    my ($libraries, @indexes) = @$case;
    $server->append_conf('postgresql.conf', "shared_preload_libraries = '$libraries'\nauto_explain.log_min_duration = 0\n");
    $server->restart;
    my ($out, $err) = as_bob($search, "SELECT indexes_of('$search')", "SELECT calls_of('$hidden')",
        @indexes > 1 ? ($hypothetical, "SELECT regexp_replace(indexes_of('$weighed'), '<.*', 'hypothetical')") : ());
    is("$out$err", join("\n", 700, $indexes[0], 0, @indexes > 1 ? ('t', $indexes[1]) : ()), "$libraries: the row, its index, no call for rows of others");
}

# Without preload, a statement that was planned before the library came is planned again with it.
$server->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$server->restart;
my $kept = 'EXECUTE kept; SELECT substring(note, \'[0-9.]+\') FROM bastion.plan_notes()';
my ($late) = run_psql($server, "SET plan_cache_mode = force_generic_plan; PREPARE kept AS SELECT count(*) FROM papers; EXECUTE kept; "
    . join '', map { "BEGIN; SET LOCAL bastion.token = '$token{$_}'; $kept; COMMIT; " } qw(ann bob));
is($late, join("\n", 0, 19800, 0.99, 200, 0.01), 'a plan from before the library is made again');

# Plans that outlive the extension, and its policies: no row until the table is protected again.
$server->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_bastion'\n");
$server->restart;
my $people = q{SELECT x ->> 'access_token' AS NAME, x #>> '{tenant,id}' AS NAME_tenant FROM bastion_api.signup('NAME@again.example', 'correct horse', 'NAME') x \gset};
my ($out, $err) = run_psql($server, <<"SQL", user => $ENV{USER} // getpwuid($<));
SET client_min_messages = error;
CREATE EXTENSION pg_trgm;
ALTER TABLE papers ADD title text;
UPDATE papers SET title = 'title ' || id;
SET plan_cache_mode = force_generic_plan;
PREPARE cheap AS SELECT count(*) FROM papers WHERE price < 1000;
PREPARE alike AS SELECT count(*) FROM papers WHERE title % 'title 100';
SELECT count(*) FROM bastion.search_operator_trust('%(text,text)', 'titles are short');
BEGIN; SET LOCAL ROLE app; SET LOCAL bastion.token = '$token{bob}'; EXECUTE cheap; EXECUTE alike; COMMIT;
DROP EXTENSION pg_trgm;
BEGIN; SET LOCAL ROLE app; SET LOCAL bastion.token = '$token{bob}'; EXECUTE alike; ROLLBACK;
CREATE EXTENSION pg_trgm;
BEGIN; SET LOCAL ROLE app; SET LOCAL bastion.token = '$token{bob}'; EXECUTE alike; SELECT subject FROM bastion.plan_notes() WHERE relation IS NULL; COMMIT;
DROP EXTENSION pg_bastion CASCADE;
BEGIN; SET LOCAL ROLE app; EXECUTE cheap; EXECUTE alike; COMMIT;
CREATE EXTENSION pg_bastion;
SELECT bastion.init() IS NOT NULL FROM bastion.allow_app_role('app');
@{[ join "\n", map { $people =~ s/NAME/$_/gr } qw(ann bob) ]}
UPDATE papers SET tenant_id = CASE WHEN id % 100 = 0 THEN :'bob_tenant' ELSE :'ann_tenant' END::uuid;
SELECT count(*) > 0 FROM bastion.protect('papers', resource => 'documents');
ANALYZE papers;
BEGIN; SET LOCAL ROLE app; SET LOCAL bastion.token = :'ann'; EXECUTE cheap; SELECT note FROM bastion.plan_notes() WHERE relation IS NOT NULL; COMMIT;
BEGIN; SET LOCAL ROLE app; SET LOCAL bastion.token = :'bob'; EXECUTE cheap; SELECT note FROM bastion.plan_notes() WHERE relation IS NOT NULL; EXECUTE alike; COMMIT;
SELECT count(*) FROM bastion.plan_notes();
SQL
is($out, <<'OUT' =~ s/\n\z//r, 'plans outlive DROP EXTENSION without a row, and serve after CREATE EXTENSION');
1
9
200
200
similarity_op(text,text)
0
0
t
t
990
estimated for a tenant with 0.99 of the rows
9
estimated for a tenant with 0.01 of the rows
200
0
OUT
like($err, qr/^psql:<stdin>:11: ERROR:  operator does not exist: text % unknown\nHINT:[^\n]*$/, 'an operator that was dropped is missed, and nothing else');

$server->stop;
done_testing();
