# The order of steps of docs/ADOPTING.md under load: an application that knows nothing of tenants writes while adopt_plan()'s columns come
# and are filled; then one that presents a token writes while the tables are protected and their keys changed. No request fails, every
# row has its tenant, and no tenant sees another's.
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('adopting');
$node->init;
$node->append_conf('postgresql.conf', "bastion.throttle_exempt_networks = '0.0.0.0/0'\n");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pg_bastion;
SELECT bastion.init();
CREATE ROLE app LOGIN;
CREATE ROLE migrator;
SELECT bastion.allow_app_role('app'), bastion.allow_migration_role('migrator');
CREATE SCHEMA shop AUTHORIZATION migrator;
GRANT USAGE ON SCHEMA shop TO app;
SET ROLE migrator;
CREATE TABLE shop.organizations (id bigint PRIMARY KEY, slug text UNIQUE, name text);
CREATE TABLE shop.projects (id bigint PRIMARY KEY, org_id bigint NOT NULL REFERENCES shop.organizations);
CREATE TABLE shop.tasks (id bigserial PRIMARY KEY, project_id bigint NOT NULL REFERENCES shop.projects, title text);
CREATE TABLE shop.comments (id bigserial PRIMARY KEY, task_id bigint NOT NULL REFERENCES shop.tasks, body text);
INSERT INTO shop.organizations SELECT o, 'org-' || o, 'Organization ' || o FROM generate_series(101, 104) o;
INSERT INTO shop.projects SELECT p, 101 + p % 4 FROM generate_series(1, 100) p;
INSERT INTO shop.tasks (project_id, title) SELECT 1 + t % 100, 'Task ' || t FROM generate_series(1, 60000) t;
INSERT INTO shop.comments (task_id, body) SELECT c, 'Comment ' || c FROM generate_series(1, 60000) c;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA shop TO app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA shop TO app;
RESET ROLE;
SELECT count(*) FROM bastion.import_users((SELECT jsonb_agg(jsonb_build_object('email', 'user@' || slug || '.example', 'memberships',
    jsonb_build_array(jsonb_build_object('tenant', slug, 'tenant_name', name, 'tenant_number', id, 'role', 'owner')))) FROM shop.organizations));
SQL

my $folder = PostgreSQL::Test::Utils::tempdir();
my @loads;
END { my $status = $?; $_->kill_kill(grace => 1) for @loads; $? = $status }
# Starts clients of the application; end() stops them, and returns what pgbench says.
sub begin {
    my ($name, $script) = @_;
    append_to_file("$folder/$name.sql", $script);
    my %load = (out => '', err => '');
    $load{run} = IPC::Run::start([ 'pgbench', '-n', '-c', '3', '-T', '600', '-U', 'app', '-h', $node->host, '-p', $node->port, '-f', "$folder/$name.sql", 'postgres' ],
        '>', \$load{out}, '2>', \$load{err});
    push @loads, $load{run};
    $node->poll_query_until('postgres', "SELECT count(*) >= 1 FROM shop.tasks WHERE title = 'of $name'") or die $load{err};
    return \%load;
}
sub end {
    my ($load, $name) = @_;
    my $done = $node->safe_psql('postgres', "SELECT count(*) FROM shop.tasks WHERE title = 'of $name'");
    ok($load->{run}->pumpable, "$name: its clients still run");
    # A process that was started in the background ignores INT.
    $load->{run}->signal('TERM');
    eval { $load->{run}->finish };
    @loads = ();
    unlike($load->{err}, qr/ERROR|aborted|FATAL/, "$name: no request failed") or diag $load->{err};
    note "$name: $done requests";
    cmp_ok($done, '>', 20, "$name: it wrote meanwhile");
    return;
}
# The statements of the plan that match, each on its own, as the owner of the tables.
sub run_plan {
    my ($pattern) = @_;
    my $plan = $node->safe_psql('postgres', "SET ROLE migrator; SELECT encode(statement::bytea, 'base64') || '.' FROM bastion.adopt_plan('shop') WHERE statement ~ '$pattern' ORDER BY step");
    my @statements = map { s/\s//gr } split /[.]/, $plan;
    my $count = 0;
    for (grep { length } @statements) {
        my $statement = $node->safe_psql('postgres', "SELECT convert_from(decode('$_', 'base64'), 'UTF8')");
        $node->safe_psql('postgres', "SET client_min_messages = warning; SET ROLE migrator; SET lock_timeout = '20s';\n$statement");
        $count++;
    }
    return $count;
}

my $old = begin('the old application', <<'SQL');
\set project random(1, 100)
\set task random(1, 60000)
INSERT INTO shop.tasks (project_id, title) VALUES (:project, 'of the old application');
INSERT INTO shop.comments (task_id, body) VALUES (:task, 'written meanwhile');
UPDATE shop.tasks SET title = 'changed' WHERE id = :task AND title LIKE 'Task%';
SELECT count(*) FROM shop.comments WHERE id = :task;
SQL
is(run_plan('^(ALTER TABLE .* ADD COLUMN|CREATE FUNCTION)'), 4, 'columns and triggers of two tables');
is(run_plan('^DO '), 2, 'both are filled');
end($old, 'the old application');
is($node->safe_psql('postgres', <<'SQL'), '0|0', 'every row has the tenant of its parent');
SELECT (SELECT count(*) FROM shop.tasks t JOIN shop.projects p ON p.id = t.project_id WHERE t.org_id IS DISTINCT FROM p.org_id),
       (SELECT count(*) FROM shop.comments c JOIN shop.tasks t ON t.id = c.task_id WHERE c.org_id IS DISTINCT FROM t.org_id)
SQL

# A user's token, in the organization 101, whose projects are 4, 8, 12 and so on.
my $token = $node->safe_psql('postgres', "SELECT bastion.token_issue(u.id, t.id) FROM bastion.users u, bastion.tenants t WHERE t.slug = 'org-101' AND u.email = 'user\@org-101.example'");
my $new = begin('the new application', <<"SQL");
\\set project random(1, 25)
BEGIN;
SELECT set_config('bastion.token', '$token', true);
INSERT INTO shop.tasks (project_id, title) VALUES (4 * :project, 'of the new application');
SELECT count(*) FROM shop.tasks WHERE project_id = 4 * :project AND id < 1000;
COMMIT;
SQL
is(run_plan('^SELECT bastion[.]protect'), 4, 'four tables are protected');
is(run_plan('^DROP TRIGGER'), 2, 'their triggers go');
is(run_plan('composite_keys_create'), 2, 'and their keys begin with the tenant');
end($new, 'the new application');
is($node->safe_psql('postgres', "SELECT count(*) FROM shop.tasks t JOIN shop.projects p ON p.id = t.project_id WHERE t.org_id IS DISTINCT FROM p.org_id"), '0', 'no row is in another tenant than its parent');
is($node->safe_psql('postgres', "SELECT string_agg(DISTINCT status, ' ') FROM bastion.protection"), 'ok', 'the protection is whole');
is($node->safe_psql('postgres', "SET ROLE app; BEGIN; SELECT set_config('bastion.token', '$token', true) \\g /dev/null\nSELECT string_agg(DISTINCT org_id::text, ' ') FROM shop.comments; COMMIT"), '101', 'a user sees the own tenant alone');
is($node->safe_psql('postgres', "SET ROLE app; SELECT count(*) FROM shop.comments"), '0', 'and nobody sees a row without a token');
$node->stop;
done_testing();
