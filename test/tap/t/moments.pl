# Every condition of being let in, ceasing at every moment after it was checked. Between two statements of a transaction it
# counts at once, on a standby after replay; a statement that has begun keeps the rights of its start, and so does its cursor.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = new_server('primary', <<'CONF');
parallel_setup_cost = 0
parallel_tuple_cost = 0
min_parallel_table_scan_size = 0
parallel_leader_participation = off
bastion.last_used_interval = '1h'
CONF
$primary->safe_psql('postgres', <<'SQL');
INSERT INTO people SELECT n, bastion_api.signup(n || '@tap.example', 'correct horse', initcap(n)) FROM unnest(ARRAY['cat', 'dan', 'eli', 'fay', 'gus']) n;
CREATE FUNCTION id_of(who text, what text DEFAULT 'user') RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT (signup #>> ARRAY[what, 'id'])::uuid FROM people WHERE name = who $$;
CREATE FUNCTION role_named(wanted text) RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT id FROM bastion.roles WHERE name = wanted $$;
INSERT INTO bastion.roles (tenant_id, name) VALUES (id_of('ann', 'tenant'), 'reader');
INSERT INTO bastion.role_permissions (role_id, pattern) VALUES (role_named('reader'), 'documents.read'), (role_named('reader'), 'documents.update'), (role_named('reader'), 'ends.open');
-- Bob is a member of the tenant, dan of one of its units. Fay acts for eli, and gus for fay.
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT id_of(n), id_of('ann', 'tenant'), role_named('reader') FROM unnest(ARRAY['bob', 'eli', 'fay', 'gus']) n;
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
SELECT id_of('dan'), u.tenant_id, u.id, role_named('member') FROM bastion.units u WHERE u.tenant_id = id_of('ann', 'tenant');
INSERT INTO documents VALUES (3, id_of('ann', 'tenant'), 'ann'), (4, id_of('ann', 'tenant'), 'ann');
-- of another tenant, so that parallel workers are worth it
INSERT INTO documents SELECT n, id_of('cat', 'tenant'), 'cat' FROM generate_series(5, 20000) n;
ANALYZE documents;
CREATE TABLE files (id int PRIMARY KEY, tenant_id uuid NOT NULL, owner_id uuid NOT NULL);
GRANT SELECT ON files TO app;
SELECT bastion.protect('files', owner_column => 'owner_id', sharing => 'tenant', visibility => 'owner');
INSERT INTO files SELECT n, id_of('ann', 'tenant'), id_of('ann') FROM generate_series(1, 3) n;
SELECT bastion.resource_register('ends', '{open}');
CREATE TABLE made AS SELECT bastion.jwk_generate('EdDSA', 'k') AS key;
SELECT bastion.issuer_add('https://idp.example', key, '{app}', '{EdDSA}') FROM made;
SELECT bastion.identity_add('https://idp.example', 'bob', id_of('bob'));
CREATE TABLE notes AS SELECT bastion.seal_for(id_of('ann', 'tenant'), 'a note', 'ends') AS body FROM generate_series(1, 3);
SELECT bastion.data_key_rotate('ends', 'ann');
GRANT SELECT ON notes, people TO app;
SELECT bastion.api_key_scheme_add('moments', 'sha256');
SELECT bastion.import_api_keys(jsonb_build_array(jsonb_build_object('scheme', 'moments', 'hash', encode(sha256('an old key'), 'hex'),
    'user', id_of('bob'), 'tenant', id_of('ann', 'tenant'), 'name', 'imported', 'scopes', '["documents.read", "documents.update"]'::jsonb)));
CREATE TABLE kept (state text);
CREATE TABLE kept_secrets (LIKE bastion.api_key_secrets);
-- The probe before and after the caller waits: in one expression, which keeps its call sites, and in statements of a function.
CREATE FUNCTION twice(probe text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answers text[];
BEGIN
    FOR i IN 1..2 LOOP
        answers := answers || concat_ws(' ', bastion.has_permission('documents.update'), bastion.user_id() IS NOT NULL, try(probe));
        IF i = 1 THEN
            PERFORM pg_advisory_xact_lock_shared(1);
        END IF;
    END LOOP;
    RETURN CASE WHEN answers[1] = answers[2] THEN 'the same' ELSE answers::text END;
END
$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO app;
SQL

sub admin { return $primary->safe_psql('postgres', $_[0]) }

my $tenant = admin(q{SELECT id_of('ann', 'tenant')});
my $issue = "SELECT bastion.token_issue(id_of('%s'), '$tenant')";
my $bob = admin(sprintf $issue, 'bob');
my $with_session = token_of($primary, 'bob');
my $remembered = admin("SELECT bastion_internal.session_begin(id_of('bob'), '$tenant', NULL, NULL, '{pwd}') ->> 'access_token'");
my $sid = admin("SELECT id FROM bastion.sessions WHERE user_id = id_of('bob') AND tenant_id = '$tenant'");
my $remembers = "UPDATE bastion.tenants SET mfa = 'required', mfa_remember = '1 day' WHERE id = '$tenant'; UPDATE bastion.sessions SET remembered_at = now(), revoked_at = NULL, revoked_reason = NULL WHERE id = '$sid'";
my $requires_nothing = "UPDATE bastion.tenants SET mfa = 'off', mfa_remember = NULL WHERE id = '$tenant'; UPDATE bastion.sessions SET remembered_at = NULL WHERE id = '$sid'";
my $with_issuer = admin(q{SELECT bastion.jwt_sign('{"iss": "https://idp.example", "aud": "app", "sub": "bob", "exp": 4000000000}', key) FROM made});
my $cat = admin(q{SELECT bastion.token_issue(id_of('cat'), id_of('cat', 'tenant'))});
my $dan = admin("SELECT bastion.token_issue(id_of('dan'), '$tenant', id) FROM bastion.units WHERE tenant_id = '$tenant'");
my $unit = admin("SELECT id FROM bastion.units WHERE tenant_id = '$tenant'");
sub new_api_key { return last_line(admin("BEGIN; SELECT bastion.authenticate('$bob', '$tenant'); SELECT bastion_api.api_key_create('$_[0]', '{documents.read,documents.update}') ->> 'key'; COMMIT")) }
my $api_key = new_api_key('moments');
my $key_id = admin(q{SELECT id FROM bastion.api_keys WHERE name = 'moments'});
my $kid = admin("SELECT convert_from(decode(rpad(translate(h, '-_', '+/'), (length(h) + 3) / 4 * 4, '='), 'base64'), 'UTF8')::json ->> 'kid' FROM split_part('$bob', '.', 1) h");

my $agent = token_of($primary, 'eli');
$agent = last_line(admin(qq{BEGIN; SELECT bastion.authenticate('$agent', '$tenant'); SELECT bastion_api.delegate(id_of('$_')::text, '{documents.*,ends.open}') ->> 'access_token'; COMMIT})) foreach qw(fay gus);

# Hops in units: the second one is in a unit inside that of the first one.
my $ann = admin(sprintf $issue, 'ann');
sub as_ann { return "WITH a AS MATERIALIZED (SELECT bastion.authenticate('$ann')) SELECT $_[0] FROM a" }
admin(as_ann("bastion.unit_create('team', 'Outer', 'outer')"));
admin(as_ann("bastion.unit_create('team', 'Other', 'other')"));
admin(as_ann("bastion.unit_create('team', 'Inner', 'inner', 'outer')"));
my $in_unit = q{'} . token_of($primary, 'eli') . qq{', '$tenant'};
foreach (['fay', 'outer'], ['gus', 'inner']) {
    my ($actor, $place) = @$_;
    $in_unit = q{'} . last_line(admin(qq{BEGIN; SELECT bastion.authenticate($in_unit); SELECT bastion_api.delegate(id_of('$actor')::text, '{documents.*}', '$place') ->> 'access_token'; COMMIT})) . q{'};
}

my $as_bob = "SELECT bastion.authenticate('$bob', '$tenant')";
my $documents = 'SELECT count(*) FROM documents';
my $hops_back = 'UPDATE bastion.delegations SET revoked_at = NULL, revoked_reason = NULL';
my $is_bobs = q{user_id = id_of('bob') AND tenant_id = id_of('ann', 'tenant')};
# A condition: how the caller enters, how the condition ends and comes back, a query, and what its answer is without the
# condition: refused, unless stated. With it, the query returns three rows. What it needs beside others is made before, and taken back.
my %condition = (
    'user' => { end => q{UPDATE bastion.users SET status = 'disabled' WHERE id = id_of('bob')}, back => q{UPDATE bastion.users SET status = 'active' WHERE id = id_of('bob')} },
    'actor' => {
        enter => "RESET ROLE; SELECT bastion.authenticate('$cat'); SELECT bastion.impersonate('bob\@tap.example', '$tenant', 'a test'); SET LOCAL ROLE app", primary_only => 1,
        end => q{UPDATE bastion.users SET status = 'disabled' WHERE id = id_of('cat')}, back => q{UPDATE bastion.users SET status = 'active' WHERE id = id_of('cat')} },
    # API keys end with it, and others of these need the keys.
    'membership' => { end => "DELETE FROM bastion.memberships WHERE $is_bobs",
        back => "INSERT INTO bastion.memberships (user_id, tenant_id, role_id) VALUES (id_of('bob'), '$tenant', role_named('reader')); UPDATE bastion.api_keys SET revoked_at = NULL WHERE $is_bobs" },
    # before the message began, whose statements have one time
    'validity' => { end => "UPDATE bastion.memberships SET valid_until = clock_timestamp() - interval '1 min' WHERE $is_bobs", back => "UPDATE bastion.memberships SET valid_until = NULL WHERE $is_bobs; UPDATE bastion.api_keys SET revoked_at = NULL WHERE $is_bobs" },
    'tenant' => { end => "UPDATE bastion.tenants SET status = 'suspended' WHERE id = '$tenant'", back => "UPDATE bastion.tenants SET status = 'active' WHERE id = '$tenant'" },
    'unit' => { enter => "SELECT bastion.authenticate('$dan')", query => 'SELECT n FROM generate_series(1, 3) n WHERE bastion.unit_id() IS NOT NULL',
        end => q{DELETE FROM bastion.memberships WHERE user_id = id_of('dan') AND unit_id IS NOT NULL},
        back => "INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id) VALUES (id_of('dan'), '$tenant', '$unit', role_named('member'))" },
    'session' => { enter => "SELECT bastion.authenticate('$with_session', '$tenant')",
        end => q{UPDATE bastion.sessions SET revoked_at = now(), revoked_reason = 'logout' WHERE user_id = id_of('bob')},
        back => q{UPDATE bastion.sessions SET revoked_at = NULL, revoked_reason = NULL WHERE user_id = id_of('bob')} },
    'first hop of a delegation' => { enter => "SELECT bastion.authenticate('$agent')",
        end => q{UPDATE bastion.delegations SET revoked_at = now(), revoked_reason = 'revoked' WHERE depth = 1}, back => $hops_back },
    'delegation' => { enter => "SELECT bastion.authenticate('$agent')",
        end => q{UPDATE bastion.delegations SET revoked_at = now(), revoked_reason = 'revoked' WHERE depth = 2}, back => $hops_back },
    'unit of a delegation' => { enter => "SELECT bastion.authenticate($in_unit)", query => 'SELECT n FROM generate_series(1, 3) n WHERE bastion.unit_id() IS NOT NULL',
        end => as_ann("bastion.unit_move('inner', 'other')"), back => as_ann("bastion.unit_move('inner', 'outer')") },
    'session of a delegation' => { enter => "SELECT bastion.authenticate('$agent')",
        end => q{UPDATE bastion.sessions SET revoked_at = now(), revoked_reason = 'logout' WHERE user_id = id_of('eli')},
        back => "UPDATE bastion.sessions SET revoked_at = NULL, revoked_reason = NULL WHERE user_id = id_of('eli'); $hops_back" },
    'last actor of a delegation' => { enter => "SELECT bastion.authenticate('$agent')",
        end => q{UPDATE bastion.users SET status = 'disabled' WHERE id = id_of('gus')},
        back => "UPDATE bastion.users SET status = 'active' WHERE id = id_of('gus'); $hops_back" },
    'membership of an actor' => { enter => "SELECT bastion.authenticate('$agent')",
        end => q{DELETE FROM bastion.memberships WHERE user_id = id_of('fay') AND tenant_id = id_of('ann', 'tenant')},
        back => "INSERT INTO bastion.memberships (user_id, tenant_id, role_id) VALUES (id_of('fay'), '$tenant', role_named('reader')); $hops_back" },
    'first actor of a delegation' => { enter => "SELECT bastion.authenticate('$agent')",
        end => q{UPDATE bastion.users SET status = 'disabled' WHERE id = id_of('fay')},
        back => "UPDATE bastion.users SET status = 'active' WHERE id = id_of('fay'); $hops_back" },
    'imported API key' => { enter => "SELECT bastion.authenticate('an old key')",
        end => q{UPDATE bastion.api_keys SET disabled = true WHERE name = 'imported'}, back => q{UPDATE bastion.api_keys SET disabled = false WHERE name = 'imported'} },
    'API key' => { enter => "SELECT bastion.authenticate('$api_key')",
        end => "UPDATE bastion.api_keys SET disabled = true WHERE id = '$key_id'", back => "UPDATE bastion.api_keys SET disabled = false WHERE id = '$key_id'" },
    'secret of an API key' => { enter => "SELECT bastion.authenticate('$api_key')",
        end => "UPDATE bastion.api_key_secrets SET expires_at = now() WHERE key_id = '$key_id'", back => "UPDATE bastion.api_key_secrets SET expires_at = NULL WHERE key_id = '$key_id'" },
    # Only an update tells that a secret came back.
    'removed secret of an API key' => { enter => "SELECT bastion.authenticate('$api_key')",
        end => "WITH gone AS (DELETE FROM bastion.api_key_secrets WHERE key_id = '$key_id' RETURNING *) INSERT INTO kept_secrets SELECT * FROM gone",
        back => "WITH kept AS (DELETE FROM kept_secrets RETURNING *) INSERT INTO bastion.api_key_secrets SELECT * FROM kept; UPDATE bastion.api_key_secrets SET expires_at = NULL WHERE key_id = '$key_id'" },
    'networks' => { enter => "SELECT bastion.authenticate('$api_key')",
        end => "UPDATE bastion.api_keys SET cidrs = '{203.0.113.0/24}' WHERE id = '$key_id'", back => "UPDATE bastion.api_keys SET cidrs = '{}' WHERE id = '$key_id'" },
    'scope' => { enter => "SELECT bastion.authenticate('$api_key')", gone => '0',
        end => "UPDATE bastion.api_keys SET scopes = '{documents.delete}' WHERE id = '$key_id'", back => "UPDATE bastion.api_keys SET scopes = '{documents.read,documents.update}' WHERE id = '$key_id'" },
    'issuer' => { enter => "SELECT bastion.authenticate('$with_issuer', '$tenant')", end => q{SELECT bastion.issuer_disable('https://idp.example')}, back => q{SELECT bastion.issuer_disable('https://idp.example', false)} },
    'signing key' => {
        end => "INSERT INTO kept SELECT state FROM bastion.signing_keys WHERE kid = '$kid'; UPDATE bastion.signing_keys SET state = 'retired' WHERE kid = '$kid'",
        back => "UPDATE bastion.signing_keys SET state = (SELECT state FROM kept) WHERE kid = '$kid'; DELETE FROM kept" },
    'signing key of a presented token' => { enter => "SELECT set_config('bastion.token', '$bob', true), set_config('bastion.tenant', '$tenant', true)" },
    'permission' => { gone => '0', end => q{DELETE FROM bastion.role_permissions WHERE role_id = role_named('reader') AND pattern = 'documents.read'},
        back => q{INSERT INTO bastion.role_permissions (role_id, pattern) VALUES (role_named('reader'), 'documents.read')} },
    'deny' => { gone => '0', end => q{INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES (id_of('bob'), id_of('ann', 'tenant'), 'documents.read', 'deny')},
        back => q{DELETE FROM bastion.user_permissions WHERE user_id = id_of('bob')} },
    'step-up rule' => { gone => '0', end => q{INSERT INTO bastion.step_up_rules (permission, level) VALUES ('documents.read', 'aal2')}, back => q{DELETE FROM bastion.step_up_rules} },
    'step-up rule of the tenant' => { gone => '0', end => "INSERT INTO bastion.step_up_rules (tenant_id, permission, level) VALUES ('$tenant', 'documents.read', 'aal2')",
        back => q{DELETE FROM bastion.step_up_rules} },
    'second factor that the tenant requires' => { gone => '0', enter => "SELECT bastion.authenticate('$with_session', '$tenant')",
        end => "UPDATE bastion.tenants SET mfa = 'required' WHERE id = '$tenant'", back => "UPDATE bastion.tenants SET mfa = 'off' WHERE id = '$tenant'" },
    'login that resists phishing, which the tenant requires' => { gone => '0', enter => "SELECT bastion.authenticate('$with_session', '$tenant')",
        end => "UPDATE bastion.tenants SET mfa = 'phishing_resistant' WHERE id = '$tenant'", back => "UPDATE bastion.tenants SET mfa = 'off' WHERE id = '$tenant'" },
    'login that resists phishing, for which a rule asks' => { gone => '0', enter => "SELECT bastion.authenticate('$with_session', '$tenant')",
        end => q{INSERT INTO bastion.step_up_rules (permission, level) VALUES ('documents.read', 'phr')}, back => q{DELETE FROM bastion.step_up_rules} },
    'remembered device' => { gone => '0', enter => "SELECT bastion.authenticate('$remembered')", before => $remembers, after => $requires_nothing,
        end => "UPDATE bastion.sessions SET remembered_at = '-infinity' WHERE id = '$sid'", back => "UPDATE bastion.sessions SET remembered_at = now() WHERE id = '$sid'" },
    'tenant that remembers devices' => { gone => '0', enter => "SELECT bastion.authenticate('$remembered')", before => $remembers, after => $requires_nothing,
        end => "UPDATE bastion.tenants SET mfa_remember = NULL WHERE id = '$tenant'", back => "UPDATE bastion.tenants SET mfa_remember = '1 day' WHERE id = '$tenant'" },
    'share' => { gone => '0', query => 'SELECT id FROM files', prepare => 1,
        end => q{DELETE FROM bastion.acl_entries WHERE subject_id = id_of('bob')},
        back => q{INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level) SELECT DISTINCT acl_id, 'user', id_of('bob'), 1 FROM files} },
    # Nothing is cached of a key that may not open any more.
    'data key' => { gone => 'BA003', running => '{"t t 3","t t BA003"}', query => q{SELECT bastion.open_text(body) FROM notes},
        end => q{SELECT bastion.min_decryption_version_set('ends', 2, 'ann', force => true)}, back => q{SELECT bastion.min_decryption_version_set('ends', 1, 'ann', force => true)} },
);
$condition{'signing key of a presented token'}{$_} = $condition{'signing key'}{$_} foreach qw(end back);
foreach my $condition (values %condition) {
    $condition->{enter} //= $as_bob;
    $condition->{query} //= 'SELECT id FROM documents';
    $condition->{gone} //= '28000';
    $condition->{count} = "SELECT count(*) FROM ($condition->{query} OFFSET 0) q" . ($condition->{query} =~ /open_text/ ? ' WHERE open_text IS NOT NULL' : '');
    $condition->{probe} = "SELECT try(\$probe\$$condition->{count}\$probe\$)";
    admin($condition->{back}) if $condition->{prepare};
}

my $standby = standby_of($primary);

sub session {
    my ($node) = @_;
    return $node->background_psql('postgres', on_error_stop => 0);
}

sub enter {
    my ($session, $condition) = @_;
    $session->query("BEGIN; SET LOCAL ROLE app; $condition->{enter}");
    return last_line($session->query($condition->{probe}));
}

sub change {
    my ($sql) = @_;
    admin($sql);
    $primary->wait_for_catchup($standby);
}

my $lock = session($primary);
my %session = (primary => session($primary), standby => session($standby));
foreach my $name (sort keys %condition) {
    my $condition = $condition{$name};
    my $gone = $condition->{gone};
    my $one = $session{primary};
    # What the condition before changed last, the standby may not have replayed yet.
    change($condition->{before} // 'SELECT');

    # between two statements, here and on a standby
    my @nodes = $condition->{primary_only} ? 'primary' : ('primary', 'standby');
    my @then = map { enter($session{$_}, $condition) } @nodes;
    change($condition->{end});
    push @then, map { last_line($session{$_}->query($condition->{probe})) } @nodes;
    change($condition->{back});
    push @then, map { last_line($session{$_}->query($condition->{probe})) } @nodes;
    $session{$_}->query('COMMIT') foreach @nodes;
    is_deeply(\@then, [ map { ($_) x @nodes } '3', $gone, '3' ], "$name: ends between two statements on @nodes, and comes back");

    # between two statements of one message
    @then = (enter($one, $condition));
    $lock->query_safe('SELECT pg_advisory_lock(1)');
    $one->query_until(qr/waits/, "\\echo waits\n$condition->{probe} \\; SELECT pg_advisory_xact_lock_shared(1) \\; $condition->{probe};\n");
    $primary->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}) or die 'nobody waits';
    admin($condition->{end});
    $lock->query_safe('SELECT pg_advisory_unlock(1)');
    push @then, last_line($one->query(''));
    $one->query('COMMIT');
    admin($condition->{back});
    is_deeply(\@then, [ '3', $gone ], "$name: ends between two statements of one message");

    # within a function, in one expression and in statements; the next statement is refused
    @then = (enter($one, $condition));
    $lock->query_safe('SELECT pg_advisory_lock(1)');
    $one->query_until(qr/waits/, "\\echo waits\nSELECT twice(\$twice\$$condition->{count}\$twice\$);\n");
    $primary->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}) or die 'nobody waits';
    admin($condition->{end});
    $lock->query_safe('SELECT pg_advisory_unlock(1)');
    push @then, last_line($one->query('')), last_line($one->query($condition->{probe}));
    $one->query('COMMIT');
    admin($condition->{back});
    is_deeply(\@then, [ '3', $condition->{running} // 'the same', $gone ], "$name: ends while a function runs");

    # in mid-cursor: the cursor goes on or ends, the next statement is refused
    $one->query("BEGIN; SET LOCAL ROLE app; $condition->{enter}; DECLARE c CURSOR FOR $condition->{query}");
    @then = (length last_line($one->query('FETCH 1 FROM c')) > 0 ? 'a row' : 'none');
    admin($condition->{end});
    $one->query('SAVEPOINT s');
    $one->query('FETCH 1 FROM c');
    $one->query('ROLLBACK TO s');
    push @then, last_line($one->query($condition->{probe}));
    $one->query('COMMIT');
    admin($condition->{back});
    is_deeply(\@then, [ 'a row', $gone ], "$name: ends in mid-cursor");

    # while it is read: the first read waits for a table that the change holds
    my $other = session($primary);
    $lock->query_safe("BEGIN; LOCK TABLE bastion.user_permissions, bastion.role_permissions IN ACCESS EXCLUSIVE MODE; $condition->{end}");
    $other->query_until(qr/begins/, "\\echo begins\nBEGIN; SET LOCAL ROLE app; $condition->{enter}; $condition->{probe};\n");
    $primary->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_locks WHERE NOT granted}) or die 'nobody waits' unless $name =~ /issuer|signing|data key/;
    $lock->query_safe('COMMIT');
    $other->query('');
    @then = (last_line($other->query($condition->{probe})));
    $other->query('COMMIT');
    push @then, last_line($other->query("BEGIN; SET LOCAL ROLE app; SELECT try(\$try\$$condition->{enter}\$try\$); $condition->{probe}; ROLLBACK")) if $condition->{enter} !~ /;/;
    $other->quit;
    admin($condition->{back});
    is_deeply([ grep { $_ eq '3' } @then ], [], "$name: ends while it is read");

    # in parallel workers
    @then = (enter($one, $condition));
    my $parallel = 'SELECT count(*) FROM documents';
    $one->query('SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off');
    push @then, $one->query("EXPLAIN (COSTS OFF) $parallel") =~ /Workers Planned/ ? 'parallel' : 'serial' if $condition->{query} =~ /documents/ and $name ne 'actor';
    admin($condition->{end});
    push @then, last_line($one->query("SELECT try('$parallel')")) if $condition->{query} =~ /documents/ and $name ne 'actor';
    $one->query('COMMIT');
    admin($condition->{back});
    is_deeply(\@then, [ '3', 'parallel', $gone ], "$name: ends before parallel workers start") if @then == 3;
    change($condition->{after}) if defined $condition->{after};
}

# Time passes, and no message arrives. Each limit lies ahead when it is read.
my %limit = (
    'a token' => { token => 1 },
    'a membership' => { end => "UPDATE bastion.memberships SET valid_until = clock_timestamp() + '2 s' WHERE $is_bobs", back => $condition{validity}{back} },
    'a session' => { enter => $condition{session}{enter}, end => q{UPDATE bastion.sessions SET expires_at = clock_timestamp() + '2 s' WHERE user_id = id_of('bob')},
        back => q{UPDATE bastion.sessions SET expires_at = now() + '1 day' WHERE user_id = id_of('bob')} },
    'an API key' => { enter => $condition{'API key'}{enter}, end => "UPDATE bastion.api_keys SET expires_at = clock_timestamp() + '2 s' WHERE id = '$key_id'", back => "UPDATE bastion.api_keys SET expires_at = NULL WHERE id = '$key_id'" },
    'a secret of an API key' => { enter => $condition{'API key'}{enter}, end => "UPDATE bastion.api_key_secrets SET expires_at = clock_timestamp() + '2 s' WHERE key_id = '$key_id'",
        back => $condition{'secret of an API key'}{back} },
    'a delegation' => { enter => $condition{delegation}{enter}, end => q{UPDATE bastion.delegations SET expires_at = clock_timestamp() + '2 s' WHERE depth = 2},
        back => q{UPDATE bastion.delegations SET expires_at = now() + '1 hour'} },
    'the first hop of a delegation' => { enter => $condition{delegation}{enter}, end => q{UPDATE bastion.delegations SET expires_at = clock_timestamp() + '2 s' WHERE depth = 1},
        back => q{UPDATE bastion.delegations SET expires_at = now() + '1 hour'} },
    'an imported API key' => { enter => $condition{'imported API key'}{enter}, end => q{UPDATE bastion.api_keys SET expires_at = clock_timestamp() + '2 s' WHERE name = 'imported'},
        back => q{UPDATE bastion.api_keys SET expires_at = NULL WHERE name = 'imported'} },
    'a share' => { gone => '0', probe => $condition{share}{probe}, end => q{UPDATE bastion.acl_entries SET valid_until = clock_timestamp() + '2 s' WHERE subject_id = id_of('bob')},
        back => q{UPDATE bastion.acl_entries SET valid_until = NULL WHERE subject_id = id_of('bob')} },
    'the time for which a tenant remembers a device' => { gone => '0', enter => $condition{'remembered device'}{enter}, before => $remembers, back => $requires_nothing,
        end => "UPDATE bastion.sessions SET remembered_at = clock_timestamp() + '2 s' - interval '1 day' WHERE id = '$sid'" },
    'the age that a step-up rule asks for' => { gone => '0', enter => $condition{session}{enter}, back => q{DELETE FROM bastion.step_up_rules},
        end => q{UPDATE bastion.sessions SET authenticated_at = clock_timestamp() - interval '1 day' WHERE user_id = id_of('bob');
                 INSERT INTO bastion.step_up_rules (permission, level, max_age) VALUES ('documents.read', 'aal1', '1 day 2 s')} },
);
admin($condition{session}{back});  # which the end of the user ended
foreach my $name (sort keys %limit) {
    my $limit = $limit{$name};
    if ($limit->{token}) {
        my $token = last_line(admin("SET bastion.access_token_lifetime = '10 s'; SELECT bastion.token_issue(id_of('bob'), '$tenant')"));
        $limit->{enter} = "SELECT bastion.authenticate('$token')";
    }
    $limit->{enter} //= $as_bob;
    $limit->{probe} //= $condition{user}{probe};
    admin($limit->{before}) if defined $limit->{before};
    my @then = enter($session{primary}, $limit);
    admin($limit->{end}) if defined $limit->{end};
    $session{primary}->query($limit->{probe});
    my $passed = $limit->{token} ? '12 s' : '2 s';  # exp has whole seconds
    $primary->poll_query_until('postgres', "SELECT clock_timestamp() > '" . admin('SELECT clock_timestamp()') . "'::timestamptz + '$passed'") or die 'time stands still';
    push @then, last_line($session{primary}->query($limit->{probe}));
    $session{primary}->query('COMMIT');
    push @then, last_line($session{primary}->query("BEGIN; SET LOCAL ROLE app; SELECT try(\$try\$$limit->{enter}\$try\$); ROLLBACK")) unless defined $limit->{gone};
    admin($limit->{back}) if defined $limit->{back};
    is_deeply(\@then, [ '3', defined $limit->{gone} ? $limit->{gone} : ('28000') x 2 ], "$name ends as time passes");
}

$_->quit foreach $lock, values %session;
$standby->stop;
$primary->stop;
done_testing();
