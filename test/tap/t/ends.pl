# Every state of a backend at every end of a transaction. A state is changed in a transaction that then ends in one of the ways
# below: the next statement, the next transaction, the next user of the connection and another backend see what lasted, and
# nothing else. states.tsv says for each variable of the library which state it is.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server = new_server('ends', <<'CONF');
max_connections = 40
max_prepared_transactions = 5
bastion.last_used_interval = 0
CONF
$server->safe_psql('postgres', <<'SQL');
-- Constraints and triggers that fail: at once, and at the end of the transaction.
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'planned'; END $$;
CREATE TABLE fails (n int);
CREATE TRIGGER fails AFTER INSERT ON fails FOR EACH ROW EXECUTE FUNCTION fail();
CREATE TABLE fails_late (n int);
CREATE CONSTRAINT TRIGGER fails_late AFTER INSERT ON fails_late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail();
CREATE TABLE kept (state text);
CREATE TABLE once (n int UNIQUE DEFERRABLE INITIALLY DEFERRED);
-- A row of a table whose trigger refuses the change of its ACL.
CREATE TABLE files (id int PRIMARY KEY, tenant_id uuid NOT NULL, owner_id uuid NOT NULL);
GRANT SELECT, UPDATE ON files TO app;
SELECT bastion.protect('files', owner_column => 'owner_id', sharing => 'tenant', visibility => 'owner');
CREATE FUNCTION id_of(who text, what text) RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT (signup #>> ARRAY[what, 'id'])::uuid FROM people WHERE name = who $$;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT id_of('bob', 'user'), id_of('ann', 'tenant'), r.id FROM bastion.roles r WHERE r.name = 'member';
INSERT INTO files VALUES (1, id_of('ann', 'tenant'), id_of('ann', 'user')), (2, id_of('ann', 'tenant'), id_of('bob', 'user'));
CREATE TRIGGER refuses BEFORE UPDATE ON files FOR EACH ROW WHEN (OLD.id = 2) EXECUTE FUNCTION fail();
CREATE TABLE notes (id int GENERATED ALWAYS AS IDENTITY, body bastion.sealed);
GRANT INSERT, SELECT ON notes TO app;
SELECT bastion.resource_register('ends', '{open}');
SELECT bastion.rate_limit_set('ends_rate', 'tenant', 1, 10), bastion.rate_limit_set('ends_rate', 'tenant', 1, 20, plan => 'gold');
SELECT bastion.setting_put_for(id_of('ann', 'tenant')::text, 'ends.limit', '10');
SELECT bastion.meter_set('ends'), bastion.plan_limit_set('ends', 'tenant', 'month', 10);
SELECT bastion.flag_set_for(id_of('ann', 'tenant')::text, 'ends_flag', '{"variants": {"on": true, "off": false}, "defaultVariant": "on"}');
SELECT bastion.meter_set('counted', 'gauge'), bastion.plan_limit_set('counted', 'tenant', 'total', 10);
CREATE TABLE counted (tenant_id uuid NOT NULL, id int);
SELECT bastion.protect('counted', quota => 'counted');
GRANT SELECT, INSERT ON counted TO app;
-- A user whose tenant lets a device stand in for the second factor, with a session that began so.
INSERT INTO people SELECT 'dee', bastion_api.signup('dee@tap.example', 'correct horse', 'Dee');
UPDATE bastion.tenants SET mfa = 'required', mfa_remember = '1 day' WHERE id = id_of('dee', 'tenant');
UPDATE bastion.sessions SET remembered_at = now() WHERE user_id = id_of('dee', 'user');
-- A table under audit with a column about a person, and the keys of another person.
CREATE TABLE personal (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id uuid NOT NULL DEFAULT bastion.tenant_id(), person uuid, name text);
SELECT bastion.audit_table('personal', personal => '{name}', subject => 'person');
GRANT INSERT ON personal TO app;
CREATE TABLE whose (person uuid);
GRANT SELECT ON whose TO app;
INSERT INTO whose VALUES (gen_random_uuid());
INSERT INTO personal (tenant_id, person, name) VALUES (id_of('ann', 'tenant'), '11111111-1111-4111-8111-111111111111', 'first');
CREATE TABLE kept_keys AS SELECT k.id, k.subject_id, k.tenant_id, k.sealed FROM bastion.audit_subject_keys k;
CREATE FUNCTION read_log() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
    SELECT coalesce(string_agg(a.new ->> 'name', ' ' ORDER BY a.xid, a.seq), 'none') FROM bastion.audit a
    WHERE a.kind = 'row' AND a.new ->> 'person' = '11111111-1111-4111-8111-111111111111'
$$;
GRANT EXECUTE ON FUNCTION read_log() TO app;
-- What plans depend on: the share of a tenant, and whether an operator is trusted.
CREATE TABLE sized (id int GENERATED ALWAYS AS IDENTITY, tenant_id uuid NOT NULL, body text COLLATE "C");
CREATE INDEX sized_body ON sized (body);
INSERT INTO sized (tenant_id, body) SELECT id_of(CASE WHEN g % 100 = 0 THEN 'ann' ELSE 'bob' END, 'tenant'), 'body ' || g FROM generate_series(1, 2000) g;
SELECT bastion.protect('sized');
GRANT SELECT ON sized TO app;
ANALYZE sized;
CREATE FUNCTION planned(query text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    RETURN plan -> 0 -> 'Plan';
END
$$;
CREATE TABLE made AS SELECT bastion.jwk_generate('EdDSA', 'k') AS key;
SELECT bastion.issuer_add('https://idp.example', key, '{app}', '{EdDSA}') FROM made;
SELECT bastion.identity_add('https://idp.example', 'bob', id_of('bob', 'user'));
CREATE FUNCTION from_issuer() RETURNS text LANGUAGE sql AS $$
    SELECT bastion.jwt_sign('{"iss": "https://idp.example", "aud": "app", "sub": "bob", "exp": 4000000000}', key) FROM made
$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO app;
CREATE PROCEDURE send_messages() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..1000 LOOP
        CREATE TEMP TABLE scratch ();
        DROP TABLE scratch;
        COMMIT;
    END LOOP;
END
$$;
SQL
my %token = map { $_ => token_of($server, $_) } qw(ann bob dee);
my %tenant = map { $_ => admin("SELECT id_of('$_', 'tenant')") } qw(ann bob);
my $issued = admin('SELECT from_issuer()');
my $api_key = last_line(admin(qq{BEGIN; SELECT bastion.authenticate('$token{bob}', '$tenant{ann}');
    SELECT bastion_api.api_key_create('ends', '{documents.read}') ->> 'key'; COMMIT}));

my $delegation = last_line(admin(qq{BEGIN; SELECT bastion.authenticate('$token{bob}', '$tenant{ann}');
    SELECT bastion_api.delegate(id_of('ann', 'user')::text, '{documents.read}') ->> 'access_token'; COMMIT}));

sub admin { return $server->safe_psql('postgres', $_[0]) }

my $as_bob = "SELECT try(\$\$SELECT bastion.authenticate('$token{bob}', '$tenant{ann}') IS NOT NULL\$\$)";
my $kid = admin("SELECT convert_from(decode(rpad(translate(h, '-_', '+/'), (length(h) + 3) / 4 * 4, '='), 'base64'), 'UTF8')::json ->> 'kid' FROM split_part('$token{bob}', '.', 1) h");
my $key_id = admin(q{SELECT id FROM bastion.api_keys WHERE name = 'ends'});

# A state that belongs to the transaction: how it is made, and what `SELECT seen()` says then.
my %transient = (
    'identity' => { make => "SELECT bastion.authenticate('$token{ann}')", within => 'ann sees ann' },
    'token' => { make => "SELECT set_config('bastion.token', '$token{ann}', true)", within => 'ann sees ann' },
    'session token' => { make => "SELECT set_config('bastion.token', '$token{ann}', false)", within => 'ann sees ann' },
    'tenant' => { make => "SELECT set_config('bastion.tenant', '$tenant{bob}', false); SELECT bastion.authenticate('$token{ann}')", within => 'ann sees ann' },
    'actor' => { make => "SELECT bastion.authenticate('$delegation')", within => 'bob sees ann by delegation' },
    'nobody' => { make => "SELECT bastion.authenticate('$token{ann}'); SELECT bastion.context_drop()", within => 'nobody sees nothing' },
    'impersonation' => { make => "RESET ROLE; SELECT bastion.impersonate('ann\@tap.example', '$tenant{ann}', 'a test'); SET LOCAL ROLE app", within => 'ann sees ann' },
);

# A state that a transaction changes for others: `change` by a superuser, what `probe` answers without and with it, and how the
# change is taken back. Each change is followed by the probe, which fills the caches.
my %lasting = (
    'rights' => {
        change => q{UPDATE bastion.memberships SET role_id = (SELECT id FROM bastion.roles WHERE name = 'viewer') WHERE user_id = id_of('bob', 'user') AND tenant_id = id_of('ann', 'tenant')},
        undo => q{UPDATE bastion.memberships SET role_id = (SELECT id FROM bastion.roles WHERE name = 'member') WHERE user_id = id_of('bob', 'user') AND tenant_id = id_of('ann', 'tenant')},
        probe => "$as_bob; SELECT bastion.has_permission('documents.update')", before => 't', after => 'f' },
    'step-up rule' => {
        change => q{SELECT bastion.platform_step_up_rule_set('documents.update')},
        undo => q{DELETE FROM bastion.step_up_rules},
        probe => "$as_bob; SELECT bastion.has_permission('documents.update')", before => 't', after => 'f' },
    'rate limit' => {
        change => q{SELECT bastion.rate_limit_set('ends_rate', 'tenant', 1, 5)},
        undo => q{SELECT bastion.rate_limit_set('ends_rate', 'tenant', 1, 10)},
        probe => "$as_bob; SELECT bastion.rate_limit_state('ends_rate') ->> 'limit'", before => '10', after => '5' },
    'stored setting' => {
        change => q{SELECT bastion.setting_put_for(id_of('ann', 'tenant')::text, 'ends.limit', '5')},
        undo => q{SELECT bastion.setting_put_for(id_of('ann', 'tenant')::text, 'ends.limit', '10')},
        probe => "$as_bob; SELECT bastion.setting_integer('ends.limit')", before => '10', after => '5' },
    'quota' => {
        change => q{SELECT bastion.plan_limit_set('ends', 'tenant', 'month', 5)},
        undo => q{SELECT bastion.plan_limit_set('ends', 'tenant', 'month', 10)},
        probe => "$as_bob; SELECT u.amount FROM bastion.quota_usage('ends') u", before => '10', after => '5' },
    'row quota' => {
        init => 'SELECT 1',  # a standby adds no row
        change => q{SELECT bastion.plan_limit_set('counted', 'tenant', 'total', 0)},
        undo => q{SELECT bastion.plan_limit_set('counted', 'tenant', 'total', 10)},
        probe => "$as_bob; SELECT try('INSERT INTO counted (id) VALUES (1) RETURNING id')", before => '1', after => 'BA006' },
    'flag' => {
        change => q{SELECT bastion.flag_set_for(id_of('ann', 'tenant')::text, 'ends_flag', '{"variants": {"on": true, "off": false}, "defaultVariant": "off"}')},
        undo => q{SELECT bastion.flag_set_for(id_of('ann', 'tenant')::text, 'ends_flag', '{"variants": {"on": true, "off": false}, "defaultVariant": "on"}')},
        probe => "$as_bob; SELECT bastion.flag_boolean('ends_flag', NULL)", before => 't', after => 'f' },
    'remembered device' => {
        change => q{UPDATE bastion.sessions SET remembered_at = '-infinity' WHERE user_id = id_of('dee', 'user')},
        undo => q{UPDATE bastion.sessions SET remembered_at = now() WHERE user_id = id_of('dee', 'user')},
        probe => "SELECT bastion.authenticate('$token{dee}'); SELECT bastion.has_permission('documents.update')", before => 't', after => 'f' },
    'plan of a tenant' => {
        change => q{UPDATE bastion.tenants SET plan = 'gold' WHERE id = id_of('ann', 'tenant')},
        undo => q{UPDATE bastion.tenants SET plan = 'free' WHERE id = id_of('ann', 'tenant')},
        probe => "$as_bob; SELECT bastion.rate_limit_state('ends_rate') ->> 'limit'", before => '10', after => '20' },
    'lists of rows' => {
        change => q{INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level) SELECT acl_id, 'user', id_of('bob', 'user'), 1 FROM files WHERE id = 1},
        undo => q{DELETE FROM bastion.acl_entries WHERE subject_id = id_of('bob', 'user')},
        probe => "$as_bob; SELECT string_agg(id::text, ' ' ORDER BY id) FROM files", before => '2', after => '1 2' },
    'session' => {
        change => q{UPDATE bastion.sessions SET revoked_at = now(), revoked_reason = 'logout' WHERE user_id = id_of('bob', 'user')},
        undo => q{UPDATE bastion.sessions SET revoked_at = NULL, revoked_reason = NULL WHERE user_id = id_of('bob', 'user');
                  UPDATE bastion.delegations SET revoked_at = NULL, revoked_reason = NULL},  # which ended with it
        probe => $as_bob, before => 'true', after => '28000' },
    'API key' => {
        change => "UPDATE bastion.api_keys SET disabled = true WHERE id = '$key_id'",
        undo => "UPDATE bastion.api_keys SET disabled = false WHERE id = '$key_id'",
        probe => "SELECT try(\$\$SELECT bastion.authenticate('$api_key') IS NOT NULL\$\$)", before => 'true', after => '28000' },
    'imported API key' => {
        change => q{SELECT bastion.api_key_scheme_add('ends', 'sha256'); SELECT bastion.import_api_keys(jsonb_build_array(jsonb_build_object('scheme', 'ends', 'hash', encode(sha256('an old key'), 'hex'),
                        'user', id_of('bob', 'user'), 'tenant', id_of('ann', 'tenant'), 'name', 'imported', 'scopes', '["documents.read"]'::jsonb)))},
        undo => q{DELETE FROM bastion.api_keys WHERE name = 'imported'; SELECT bastion.api_key_scheme_delete('ends')},
        probe => q{SELECT try($$SELECT bastion.authenticate('an old key') IS NOT NULL$$)}, before => '28000', after => 'true' },
    'delegation' => {
        change => q{UPDATE bastion.delegations SET revoked_at = now(), revoked_reason = 'revoked'},
        undo => q{UPDATE bastion.delegations SET revoked_at = NULL, revoked_reason = NULL},
        probe => "SELECT try(\$\$SELECT bastion.authenticate('$delegation') IS NOT NULL\$\$)", before => 'true', after => '28000' },
    # Written at COMMIT, by nobody when the transaction is prepared.
    'use of an API key' => {
        change => "SET LOCAL ROLE app; SELECT bastion.authenticate('$api_key'); RESET ROLE",
        undo => "UPDATE bastion.api_keys SET last_used_at = NULL WHERE id = '$key_id'",
        probe => "RESET ROLE; SELECT last_used_at IS NOT NULL FROM bastion.api_keys WHERE id = '$key_id'",
        before => 'f', within => 'f', after => 't', lost => 'COMMIT PREPARED', outlives => 't' },
    # Forgotten at COMMIT, by nobody when the transaction is prepared.
    'attempts to forget' => {
        init => 'SELECT 1',  # a standby counts none
        change => q{SELECT bastion_internal.throttle_clear_at_commit('device', 'ends')},
        undo => q{SELECT count(bastion_internal.throttle_try('device', 'ends')) FROM generate_series(1, 10)},
        probe => q{RESET ROLE; SELECT bastion_internal.throttle_try('device', 'ends') > 0},
        before => 't', within => 't', after => 'f', lost => 'COMMIT PREPARED', outlives => 't' },
    # The list of places ends with the transaction: another one, which would believe it, takes a place of its own.
    'places' => {
        init => q{SELECT count(bastion.rate_limit_set('ends', 'route', concurrent => 64)) WHERE NOT pg_is_in_recovery()},
        change => q{SELECT bastion.concurrency_limit('ends')},
        undo => 'SELECT 1',
        probe => q{SELECT bastion.concurrency_limit('ends'); SELECT count(*) FROM pg_locks WHERE locktype = 'userlock' AND pid = pg_backend_pid()},
        before => '1', within => '1', after => '1', outlives => '1' },
    'issuer' => {
        change => q{SELECT bastion.issuer_disable('https://idp.example')},
        undo => q{SELECT bastion.issuer_disable('https://idp.example', false)},
        probe => "SELECT try(\$\$SELECT bastion.authenticate('$issued', '$tenant{ann}') IS NOT NULL\$\$)", before => 'true', after => '28000' },
    'verified token' => {
        change => "INSERT INTO kept SELECT state FROM bastion.signing_keys WHERE kid = '$kid'; UPDATE bastion.signing_keys SET state = 'retired' WHERE kid = '$kid'",
        undo => "UPDATE bastion.signing_keys SET state = (SELECT state FROM kept) WHERE kid = '$kid'; DELETE FROM kept",
        probe => $as_bob, before => 'true', after => '28000' },
    'foreign code' => {
        init => 'SET client_min_messages = error; CREATE TEMP TABLE IF NOT EXISTS scratch ()',
        change => 'CREATE TRIGGER of_others BEFORE DELETE ON bastion.unit_parents FOR EACH ROW EXECUTE FUNCTION fail()',
        undo => 'DROP TRIGGER of_others ON bastion.unit_parents',
        probe => "SELECT bastion.authenticate('$token{ann}'); SELECT coalesce(nullif(try(\$\$SELECT bastion.unit_move('default')\$\$), ''), 'done')",
        before => 'done', after => '55000' },
    'plan' => {
        init => 'SET plan_cache_mode = force_generic_plan; DEALLOCATE ALL; PREPARE sized AS SELECT FROM sized',
        change => q{INSERT INTO sized (tenant_id) SELECT id_of('ann', 'tenant') FROM generate_series(1, 2000); ANALYZE sized},
        undo => q{DELETE FROM sized WHERE body IS NULL; ANALYZE sized},
        probe => "$as_bob; SELECT (planned('EXECUTE sized') ->> 'Plan Rows')::int > 1000", before => 'f', after => 't' },
    'shredded subject' => {
        change => q{SELECT bastion.audit_shred('11111111-1111-4111-8111-111111111111')},
        undo => q{DELETE FROM bastion.audit_subjects; DELETE FROM bastion.audit_subject_keys; INSERT INTO bastion.audit_subject_keys (id, subject_id, tenant_id, sealed) SELECT * FROM kept_keys},
        probe => 'SELECT read_log()', before => 'first', after => '{"shredded": true}' },
    'trusted operator' => {
        change => q{SELECT bastion.search_operator_trust('~(text,text)', 'a test')},
        undo => q{SELECT bastion.search_operator_distrust('~(text,text)')},
        probe => "$as_bob; SELECT planned('SELECT FROM sized WHERE body ~ ''^body 7\$''')::text LIKE '%sized_body%'", before => 'f', after => 't' },
);

# A thing that the transaction makes and uses at once: what the session writes afterwards, another backend can read.
my $reads_notes = q{SELECT count(bastion.open_text_for(t.id, n.body)) = count(*) FROM notes n, bastion.tenants t WHERE t.id = id_of('ann', 'tenant')};
my %keys = (
    # The first statement makes the key, and the second keeps which one is active.
    'data key' => {
        make => $as_bob . q{; INSERT INTO notes (body) SELECT bastion.seal('x', 'ends')} x 2,
        undo => q{DELETE FROM notes; DELETE FROM bastion.data_keys WHERE purpose = 'ends'},
        judge => $reads_notes },
    # The second entry of each transaction uses the cached key.
    'key of a subject' => {
        make => $as_bob . q{; INSERT INTO personal (person, name) SELECT w.person, 'x' FROM whose w} x 2,
        undo => q{UPDATE whose SET person = gen_random_uuid()},
        judge => q{SELECT count(*) = count(*) FILTER (WHERE a.new ->> 'name' = 'x') FROM bastion.audit a, whose w WHERE a.kind = 'row' AND a.new ->> 'person' = w.person::text} },
    'pepper' => {
        make => 'RESET ROLE; SELECT bastion.pepper_create(); SET LOCAL ROLE app; ' . $as_bob . q{; SELECT bastion_api.api_key_create('made', '{documents.read}') ->> 'key'},
        undo => q{DELETE FROM bastion.api_keys WHERE name = 'made'},
        returns => 'SELECT try($$SELECT bastion.authenticate(%L) IS NOT NULL$$)' },
    'signing key' => {
        make => 'RESET ROLE; SELECT bastion.signing_key_rotate(); ' . "SELECT bastion.token_issue(id_of('bob', 'user'), '$tenant{ann}')",
        undo => 'SELECT 1',
        returns => 'SELECT try($$SELECT bastion.authenticate(%L) IS NOT NULL$$)' },
);

# The ends. Each gets the session, and answers whether what the transaction changed lasts, and the session to go on with.
sub in_error { my ($session, $statement) = @_; $session->query($statement); $session->query('ROLLBACK'); return (0, $session) }
my %end = (
    'COMMIT' => sub { $_[0]->query_safe('COMMIT'); return (1, $_[0]) },
    'ROLLBACK' => sub { $_[0]->query_safe('ROLLBACK'); return (0, $_[0]) },
    'COMMIT AND CHAIN' => sub { $_[0]->query_safe('COMMIT AND CHAIN; COMMIT'); return (1, $_[0]) },
    'COMMIT PREPARED' => sub { $_[0]->query_safe(q{PREPARE TRANSACTION 'p'}); admin(q{COMMIT PREPARED 'p'}); return (1, $_[0]) },
    'ROLLBACK PREPARED' => sub { $_[0]->query_safe(q{PREPARE TRANSACTION 'p'}); admin(q{ROLLBACK PREPARED 'p'}); return (0, $_[0]) },
    'an error' => sub { return in_error($_[0], 'SELECT 1/0') },
    'an error that COMMIT ends' => sub { $_[0]->query('SELECT 1/0'); $_[0]->query('COMMIT'); return (0, $_[0]) },
    'an error in a trigger' => sub { return in_error($_[0], 'RESET ROLE; INSERT INTO fails VALUES (1)') },
    'an error in a deferred trigger' => sub { return in_error($_[0], 'RESET ROLE; INSERT INTO fails_late VALUES (1); COMMIT') },
    'a constraint at COMMIT' => sub { return in_error($_[0], 'RESET ROLE; INSERT INTO once VALUES (1), (1); COMMIT') },
    'a cancelled statement' => sub { return in_error($_[0], 'RESET ROLE; SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(60)') },
    'a statement timeout' => sub { return in_error($_[0], q{SET LOCAL statement_timeout = '1ms'; SELECT pg_sleep(60)}) },
    'DISCARD ALL' => sub { $_[0]->query_safe('COMMIT; DISCARD ALL'); return (1, $_[0]) },
    'DISCARD ALL after ROLLBACK' => sub { $_[0]->query_safe('ROLLBACK; DISCARD ALL'); return (0, $_[0]) },
    'the end of the backend' => sub {
        my $pid = last_line($_[0]->query('SELECT pg_backend_pid()'));
        admin("SELECT pg_terminate_backend($pid, 60000)");
        eval { $_[0]->quit };
        return (0, undef);
    },
);

sub open_session {
    my ($init) = @_;
    my $session = $server->background_psql('postgres', on_error_stop => 0);
    $session->query_safe('SET client_min_messages = error');
    begin($session, $init);
    return $session;
}

# What a new user of the connection does first.
sub begin {
    my ($session, $init) = @_;
    $session->{stderr} = '';  # of errors that were planned
    $session->query_safe($init) if defined $init;
}

# The last answer in a transaction of its own, as app.
sub ask { my ($session, $probe) = @_; return last_line($session->query("BEGIN; SET LOCAL ROLE app; $probe; ROLLBACK") =~ s/\n?ROLLBACK$//r) }
sub fresh { my ($init, $probe) = @_; return last_line(admin(($init // 'SELECT 1') . "; BEGIN; SET LOCAL ROLE app; $probe")) }

foreach my $name (sort keys %transient) {
    my $state = $transient{$name};
    my $session = open_session();
    foreach my $how (sort keys %end) {
        $session->query('BEGIN; SET LOCAL ROLE app; ' . $state->{make});
        my $within = last_line($session->query('SELECT seen()'));
        my ($lasts, $next) = $end{$how}->($session);
        $session = $next // open_session();
        my @then = ($within, ask($session, 'SELECT seen()'), ask($session, "SELECT bastion.authenticate('$token{bob}'); SELECT seen()"),
            ask($session, "SHOW transaction_read_only"), fresh(undef, 'SELECT seen()'));
        is_deeply(\@then, [ $state->{within}, 'nobody sees nothing', 'bob sees bob', 'off', 'nobody sees nothing' ], "$name: $how");
    }
    # Within the transaction, the identity stays what it was once.
    $session->query('BEGIN; SET LOCAL ROLE app; SAVEPOINT s; ' . $state->{make});
    my @then = (last_line($session->query('SELECT seen()')));
    push @then, last_line($session->query('ROLLBACK TO s; SELECT seen()'));
    push @then, last_line($session->query("SELECT try(\$\$SELECT bastion.authenticate('$token{bob}')\$\$)"));
    $session->query('ROLLBACK');
    push @then, ask($session, "SELECT bastion.authenticate('$token{bob}'); SELECT seen()");
    is_deeply(\@then, [ $state->{within}, 'nobody sees nothing', '25000', 'bob sees bob' ], "$name: ROLLBACK TO");
    $session->quit;
}

foreach my $name (sort keys %lasting) {
    my $state = $lasting{$name};
    my ($before, $after) = @$state{qw(before after)};
    my $within = $state->{within} // $after;
    admin($state->{undo}) if defined $state->{outlives};
    my $session = open_session($state->{init});
    foreach my $how (sort keys %end) {
        my @then = (ask($session, $state->{probe}));
        $session->query("BEGIN; $state->{change}; SET LOCAL ROLE app");
        push @then, last_line($session->query($state->{probe}));
        my ($lasts, $next) = $end{$how}->($session);
        $session = $next // open_session();
        begin($session, $state->{init});
        my $truth = fresh($state->{init}, $state->{probe});
        push @then, ask($session, $state->{probe}), $truth;
        my $is = $lasts && $how ne ($state->{lost} // '') ? $after : $before;
        is_deeply(\@then, [ $before, $within, $is, $is ], "$name: $how");
        admin($state->{undo}) if $lasts;
    }
    $session->query("BEGIN; SAVEPOINT s; $state->{change}; SET LOCAL ROLE app");
    my @then = (last_line($session->query($state->{probe})));
    push @then, last_line($session->query("ROLLBACK TO s; SET LOCAL ROLE app; $state->{probe}"));
    $session->query('COMMIT');
    push @then, ask($session, $state->{probe});
    is_deeply(\@then, [ $within, $before, $state->{outlives} // $before ], "$name: ROLLBACK TO");
    admin($state->{undo}) if defined $state->{outlives};
    $session->quit;
}

# Makes the thing in a session, and answers the query by which another backend says that it is good.
sub judge_of {
    my ($name, $session) = @_;
    my $state = $keys{$name};
    my $made = last_line($session->query_safe("BEGIN; SET LOCAL ROLE app; $state->{make}; COMMIT"));
    return defined $state->{judge} ? "RESET ROLE; $state->{judge}" : last_line(admin("SELECT format('$state->{returns}', '$made')"));
}

foreach my $name (sort keys %keys) {
    my $state = $keys{$name};
    my $session = open_session();
    foreach my $how (sort keys %end, 'ROLLBACK TO') {
        if ($how eq 'ROLLBACK TO') {
            $session->query("BEGIN; SAVEPOINT s; SET LOCAL ROLE app; $state->{make}");
            $session->query("ROLLBACK TO s; SET LOCAL ROLE app; $state->{make}");
            $session->query('COMMIT');
        }
        else {
            $session->query("BEGIN; SET LOCAL ROLE app; $state->{make}");
            my ($lasts, $next) = $end{$how}->($session);
            $session = $next // open_session();
        }
        begin($session);
        like(fresh(undef, judge_of($name, $session)), qr/^t(rue)?$/, "$name: $how");
        admin($state->{undo});
    }
    $session->quit;
}

# What happens to others while the state is kept: more messages about changes than the server's queue holds, and a reload.
my ($lock, $admin) = (open_session(), open_session());
sub overflow {
    my ($session, $change) = @_;
    $lock->query_safe('SELECT pg_advisory_lock(1)');
    # A backend that waits does not read its messages.
    $session->query_until(qr/waits/, "\\echo waits\nSELECT pg_advisory_lock_shared(1);\n");
    $admin->query_safe("$change; CALL send_messages()");
    $lock->query_safe('SELECT pg_advisory_unlock(1)');
    $session->query_safe('SELECT pg_advisory_unlock_shared(1)');
}

my $reloads = 0;
sub reload_in {
    my ($session) = @_;
    $server->append_conf('postgresql.conf', 'ends.reloads = ' . ++$reloads);
    $server->reload;
    1 until last_line($session->query("SELECT coalesce(current_setting('ends.reloads', true), '')")) eq $reloads;
}

foreach my $name (sort keys %transient) {
    my $state = $transient{$name};
    my $session = open_session();
    my $make = "BEGIN; SET LOCAL log_min_messages = debug4; SET LOCAL ROLE app; $state->{make}; SELECT seen()";
    $session->query($make);
    my $log = -s $server->logfile;
    overflow($session, 'SELECT 1');
    like(substr(slurp_file($server->logfile), $log), qr/cache state reset/, "$name: the queue of messages overflows") if $name eq 'identity';
    is(last_line($session->query('SELECT seen()')), $state->{within}, "$name: kept in an overflow of messages");
    reload_in($session);
    is(last_line($session->query('SELECT seen()')), $state->{within}, "$name: kept in a reload");
    $session->query('COMMIT');
    is(ask($session, 'SELECT seen()'), 'nobody sees nothing', "$name: and then ends");
    $session->quit;
}

foreach my $name (sort grep { $_ ne 'use of an API key' } keys %lasting) {
    my $state = $lasting{$name};
    my $session = open_session($state->{init});
    my @then = (ask($session, $state->{probe}));
    overflow($session, $state->{change});
    push @then, ask($session, $state->{probe});
    is_deeply(\@then, [ @$state{qw(before after)} ], "$name: a change whose message is lost in an overflow");
    admin($state->{undo});
    is(ask($session, $state->{probe}), $state->{before}, "$name: and back");
    reload_in($session);
    @then = (ask($session, $state->{probe}));
    admin("BEGIN; $state->{change}; COMMIT");
    push @then, ask($session, $state->{probe});
    is_deeply(\@then, [ @$state{qw(before after)} ], "$name: before and after a change, once the configuration is read again");
    admin($state->{undo});
    $session->quit;
}

foreach my $name (sort keys %keys) {
    my $session = open_session();
    $session->query("BEGIN; SET LOCAL ROLE app; $keys{$name}{make}; COMMIT");
    overflow($session, 'SELECT 1');
    reload_in($session);
    like(fresh(undef, judge_of($name, $session)), qr/^t(rue)?$/, "$name: after an overflow of messages and a reload");
    admin($keys{$name}{undo});
    $session->quit;
}

# The root key: a session that used it, when the file changes.
{
    my $session = open_session();
    my $file = $server->data_dir . '.bastion-root-key';
    my $probe = "$as_bob; SELECT try(\$\$SELECT bastion.seal('x', 'ends') IS NOT NULL\$\$)";
    my @then = (last_line($session->query("BEGIN; SET LOCAL ROLE app; $probe; COMMIT") =~ s/\n?COMMIT$//r));
    rename($file, "$file.away") or die "cannot rename: $!";
    push @then, ask($session, $probe);
    reload_in($session);
    push @then, ask($session, $probe);
    rename("$file.away", $file) or die "cannot rename: $!";
    reload_in($session);
    push @then, ask($session, $probe);
    is_deeply(\@then, [ 'true', 'true', 'BA001', 'true' ], 'root key: read again after a reload, and not before');
    $session->quit;
    admin(q{DELETE FROM bastion.data_keys WHERE purpose = 'ends'});
}

# A vault that takes the place of the one that the session has used, as no message tells.
{
    my $session = open_session();
    my $seal = "INSERT INTO notes (body) SELECT bastion.seal('x', '%s'); COMMIT";
    my $vault = admin('SELECT id FROM bastion.vault');
    admin(q{SELECT bastion.resource_register('ends_too', '{open}')});
    $session->query_safe("BEGIN; SET LOCAL ROLE app; $as_bob; " . sprintf($seal, 'ends'));
    admin('TRUNCATE notes; UPDATE bastion.vault SET id = gen_random_uuid()');
    $session->query_safe("BEGIN; SET LOCAL ROLE app; $as_bob; " . sprintf($seal, 'ends_too'));
    is(admin($reads_notes), 't', 'vault: another one, whose keys others can read');
    $session->quit;
    admin("TRUNCATE notes; UPDATE bastion.vault SET id = '$vault'; DELETE FROM bastion.data_keys WHERE purpose LIKE 'ends%'");
}

# A decision that an error interrupts is made again.
{
    my $session = open_session();
    $lock->query_safe('BEGIN; LOCK TABLE bastion.users, bastion.memberships, bastion.sessions');
    my @then = ask($session, "SET LOCAL lock_timeout = '1ms'; $as_bob");
    push @then, last_line($session->query("BEGIN; SET LOCAL ROLE app; SET LOCAL lock_timeout = '1ms'; SELECT set_config('bastion.token', '$token{bob}', true) \\; SELECT try('SELECT bastion.user_id()')"));
    $lock->query_safe('COMMIT');
    push @then, last_line($session->query('SELECT seen()'));
    $session->query('ROLLBACK');
    push @then, ask($session, "$as_bob; SELECT seen()");
    is_deeply(\@then, [ '55P03', '55P03', 'bob sees bob', 'bob sees ann' ], 'deciding: interrupted, and made again');
    $session->quit;
}

# A change of a row's ACL that a trigger refuses leaves no permit and no scope.
{
    my $session = open_session();
    my $share = "SELECT try(\$\$SELECT bastion.share('files', '2', with_tenant => bastion.tenant_id())\$\$)";
    my $list = admin('SELECT acl_id FROM files WHERE id = 1');
    my $alone = "UPDATE files SET acl_id = $list WHERE id = 2 RETURNING id";
    admin('ALTER TABLE files DISABLE TRIGGER refuses');
    my $refused = ask($session, "$as_bob; SELECT try(\$\$$alone\$\$)");
    admin('ALTER TABLE files ENABLE TRIGGER refuses');
    my @then = (ask($session, "$as_bob; $share"));
    $session->query("BEGIN; SET LOCAL ROLE app; $as_bob");
    push @then, last_line($session->query($share));
    $session->query('RESET ROLE; ALTER TABLE files DISABLE TRIGGER refuses; SET LOCAL ROLE app');
    push @then, last_line($session->query("SELECT try(\$\$$alone\$\$)"));
    push @then, last_line($session->query('SELECT current_user'));
    $session->query('ROLLBACK');
    isnt($refused, '2', 'sharing: the ACL of a row cannot be written');
    is_deeply(\@then, [ 'P0001', 'P0001', $refused, 'app' ], 'sharing: nor after a share that failed');
    $session->quit;
}
my @others = ('root key', 'deciding', 'sharing');

# The promotion of a standby under sessions that have each state from there. What follows is done on the new primary.
{
    my $primary = $server;
    $_->quit foreach $lock, $admin;
    $server = standby_of($primary);
    my %session = map { $_ => open_session() } keys %transient, keys %lasting, keys %keys;
    delete $transient{impersonation};  # which a standby cannot record
    $session{$_}->query("BEGIN; SET LOCAL ROLE app; $transient{$_}{make}") foreach keys %transient;
    my %there = map { $_ => ask($session{$_}, $lasting{$_}{probe}) } keys %lasting;
    ask($session{$_}, $keys{$_}{make}) foreach keys %keys;
    $primary->stop;
    $server->promote;

    foreach my $name (sort keys %transient) {
        my @then = (last_line($session{$name}->query('SELECT seen()')));
        $session{$name}->query('COMMIT');
        push @then, ask($session{$name}, 'SELECT seen()'), ask($session{$name}, "$as_bob; SELECT seen()");
        is_deeply(\@then, [ $transient{$name}{within}, 'nobody sees nothing', 'bob sees ann' ], "$name: promotion");
    }
    foreach my $name (sort keys %lasting) {
        my $state = $lasting{$name};
        begin($session{$name}, $state->{init});
        my @then = ($state->{init} ? $state->{before} : $there{$name}, ask($session{$name}, $state->{probe}));
        admin("BEGIN; $state->{change}; COMMIT");
        push @then, ask($session{$name}, $state->{probe});
        is_deeply(\@then, [ @$state{qw(before before after)} ], "$name: promotion");
        admin($state->{undo});
    }
    foreach my $name (sort keys %keys) {
        begin($session{$name});
        like(fresh(undef, judge_of($name, $session{$name})), qr/^t(rue)?$/, "$name: promotion");
        admin($keys{$name}{undo});
    }
    $_->quit foreach values %session;
}

# The extension dropped and created again under a session that has used all of it.
{
    my $session = open_session();
    my @probes = ($as_bob, "SELECT try(\$\$SELECT bastion.authenticate('$api_key') IS NOT NULL\$\$)", "SELECT try(\$\$SELECT bastion.authenticate('$issued') IS NOT NULL\$\$)", 'SELECT seen()');
    my @before = map { ask($session, $_) } @probes;
    is_deeply(\@before, [ 'true', 'true', 'true', 'nobody sees nothing' ], 'before DROP EXTENSION');
    my @states = grep { !defined $lasting{$_}{init} } sort keys %lasting;
    is_deeply([ map { ask($session, $lasting{$_}{probe}) } @states ], [ map { $lasting{$_}{before} } @states ], 'with every state');
    $session->query(q{CREATE SCHEMA IF NOT EXISTS s; DROP EXTENSION pg_bastion CASCADE});
    $session->query(q{CREATE EXTENSION pg_bastion; SELECT bastion.allow_app_role('app')});
    my @after = map { ask($session, $_) } @probes[0 .. 2];
    my @fresh = map { fresh(undef, $_) } @probes[0 .. 2];
    is_deeply(\@after, [ ('28000') x 3 ], 'after CREATE EXTENSION, no identity of the old one is good');
    is_deeply(\@after, \@fresh, 'and the session knows no more than a new one');
    my @known = map { ask($session, $lasting{$_}{probe}) } @states;
    my @new = map { my $other = open_session(); my $answer = ask($other, $lasting{$_}{probe}); $other->quit; $answer } @states;
    is_deeply(\@known, \@new, 'in any state');
    is_deeply([ grep { $known[$_] eq $lasting{$states[$_]}{before} and $known[$_] !~ /^(?:f|28000)$/ } 0 .. $#states ], [], 'and none of the old answers');
    $session->query('SELECT bastion.init()');
    my $new = last_line($session->query(q{SELECT bastion_api.signup('cid@tap.example', 'correct horse', 'Cid') ->> 'access_token'}));
    is(fresh(undef, "SELECT bastion.authenticate('$new') IS NOT NULL"), 't', 'what it makes in the new one, others can read');
    $session->quit;
}

# Every variable of the library is in the table, and every state in the table is in this file.
SKIP: {
    my @objects = glob("$ENV{BASTION_SOURCE}/src/pg/*.o $ENV{BASTION_SOURCE}/src/pg/*/*.o");
    skip 'no objects', 2 unless @objects;
    my %found;
    foreach my $object (@objects) {
        my $file = $object =~ s{.*/src/pg/(.*)\.o$}{$1}r;
        foreach (split /\n/, `nm --demangle --format=sysv $object`) {
            my ($variable, undef, $class, undef, undef, undef, $section) = map { s/^\s+|\s+$//gr } split /\|/;
            next if !defined $section or $class !~ /^[bdBD]$/ or $section =~ /rel\.ro/ or $variable =~ /^(?:guard variable|DW\.ref)/;
            $variable =~ s/bastion::pg::|bastion::|\(anonymous namespace\):://g;
            $found{"$file\t$variable"} = 1 unless $variable =~ /^(?:table(?:::.*)?|\w+_statement|(?:previous|next)_\w+)$/;
        }
    }
    my %listed = map { /^([^\t]+\t[^\t]+)\t([^\t]+)$/ ? ($1 => $2) : () } grep { !/^#/ } split /\n/, slurp_file("$ENV{BASTION_SOURCE}/test/tap/states.tsv");
    is_deeply([ sort keys %listed ], [ sort keys %found ], 'states.tsv lists the variables of the library');
    my %here = map { $_ => 1 } keys %transient, keys %lasting, keys %keys, @others;
    my %named = map { $_ => 1 } grep { !/^(?:server|setting|pure|call)$/ } values %listed;
    is_deeply([ sort keys %named ], [ sort grep { !/^(?:nobody|impersonation|actor|lists of rows|step-up rule|plan of a tenant|row quota|remembered device)$/ } keys %here ], 'and each is one of the states');
}

$server->stop;
done_testing();
