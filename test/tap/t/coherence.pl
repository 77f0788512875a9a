# A change of rights by another backend, a prepared transaction, a replica writer, a logical subscriber's apply worker, a
# primary or a TRUNCATE counts at the next statement of an open transaction. An old snapshot neither hides it nor keeps the
# old rights. And 10,000 changes of other users' roles cost unaffected users nothing.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $server = new_server('one', "wal_level = logical\nmax_prepared_transactions = 5\nbastion.allow_identity_switch = off\n");
$server->safe_psql('postgres', <<'SQL');
INSERT INTO people SELECT n, bastion_api.signup(n || '@tap.example', 'correct horse', initcap(n)) FROM unnest(ARRAY['cat', 'dan']) n;
GRANT SELECT ON people TO app;
CREATE FUNCTION id_of(who text) RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT (signup #>> '{user,id}')::uuid FROM people WHERE name = who $$;
CREATE FUNCTION ann_tenant() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT (signup #>> '{tenant,id}')::uuid FROM people WHERE name = 'ann' $$;
CREATE FUNCTION role_named(wanted text) RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT id FROM bastion.roles WHERE name = wanted AND (tenant_id IS NULL OR tenant_id = ann_tenant()) $$;
INSERT INTO bastion.roles (tenant_id, name) VALUES (ann_tenant(), 'editor'), (ann_tenant(), 'parent');
INSERT INTO bastion.role_permissions (role_id, pattern) VALUES (role_named('editor'), 'documents.read');
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
VALUES (id_of('bob'), ann_tenant(), role_named('member')), (id_of('cat'), ann_tenant(), role_named('viewer')),
       (id_of('dan'), ann_tenant(), role_named('editor'));
CREATE TABLE files (id int PRIMARY KEY, tenant_id uuid NOT NULL, owner_id uuid NOT NULL);
GRANT SELECT ON files TO app;
SELECT bastion.protect('files', owner_column => 'owner_id', sharing => 'cross_tenant', visibility => 'owner');
INSERT INTO files VALUES (1, ann_tenant(), id_of('ann')), (2, ann_tenant(), id_of('ann')), (3, ann_tenant(), id_of('bob'));
-- a list of file 1 alone
SET session_replication_role = replica; -- past the trigger that keeps lists
WITH l AS (INSERT INTO bastion.acls (tenant_id, kind, base_acl_id, relation, row_key)
           SELECT tenant_id, 'row', acl_id, 'files', '1' FROM files WHERE id = 1 RETURNING id)
UPDATE files SET acl_id = l.id FROM l WHERE files.id = 1;
RESET session_replication_role;
CREATE FUNCTION list_1() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT acl_id FROM files WHERE id = 1 $$;
CREATE FUNCTION give(who text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level) VALUES (list_1(), 'user', id_of(who), 1)
$$;
CREATE FUNCTION take(who text) RETURNS void LANGUAGE sql AS $$ DELETE FROM bastion.acl_entries WHERE subject_id = id_of(who) $$;
CREATE FUNCTION become(who text, wanted text) RETURNS void LANGUAGE sql AS $$
    UPDATE bastion.memberships SET role_id = role_named(wanted) WHERE user_id = id_of(who) AND tenant_id = ann_tenant()
$$;
-- what the transaction may: update documents, and which files it reads
CREATE FUNCTION state() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT concat_ws(' ', CASE WHEN bastion.has_permission('documents.update') THEN 'updates' ELSE 'reads' END,
                     (SELECT string_agg(id::text, ' ' ORDER BY id) FROM files))
$$;
CREATE FUNCTION loads() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT concat_ws(' ', s -> 'rights' -> 'loads', s -> 'sets' -> 'loads') FROM bastion.cache_stats() s
$$;
-- the rights of a user in the tenant as the session has them, and as the tables have them
CREATE FUNCTION cached() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN concat_ws(' | ', (SELECT string_agg(p, ' ' ORDER BY p) FROM bastion.permissions() p), bastion.acl_set_anywhere('files.read')::text,
                     bastion.tenant_set('files.read')::text);
EXCEPTION WHEN invalid_authorization_specification THEN
    RETURN 'refused';
END
$$;
CREATE FUNCTION truth(who uuid, place uuid) RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    IF (bastion_internal.resolve_identity(who, place::text, NULL)).status <> 'ok' THEN
        RETURN 'refused';
    END IF;
    RETURN concat_ws(' | ', (SELECT string_agg(p.permission, ' ' ORDER BY p.permission) FROM bastion_internal.effective_permissions(who, place, NULL) p),
        ARRAY(SELECT DISTINCT x FROM bastion_internal.acl_grants(who, place) g, unnest(g.acl_ids) x WHERE 'files.read' = ANY (g.permissions) ORDER BY 1)::text,
        ARRAY(SELECT DISTINCT x FROM bastion_internal.tenant_grants(who) g, unnest(g.tenant_ids) x WHERE 'files.read' = ANY (g.permissions) ORDER BY 1)::text);
END
$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO app;
SQL
my %token = map { $_ => token_of($server, $_) } qw(ann bob cat dan);
my $tenant = $server->safe_psql('postgres', 'SELECT ann_tenant()');
my %id = map { $_ => $server->safe_psql('postgres', "SELECT id_of('$_')") } qw(ann bob cat dan);

sub admin { return $server->safe_psql('postgres', $_[0]) }

# session(NODE, BEGIN, WHO, DATABASE): as app, with a transaction that works for WHO in ann's tenant.
sub session {
    my ($node, $begin, $who, $database) = @_;
    my $session = $node->background_psql($database // 'postgres', extra_params => [ '-U', 'app' ]);
    work($session, $begin, $who) if defined $who;
    return $session;
}

sub work {
    my ($session, $begin, $who) = @_;
    $session->query_safe("$begin; SELECT bastion.authenticate('$token{$who}', '$tenant')");
}

sub state_of { return $_[0]->query_safe('SELECT state()') }

# Another backend.
my $bob = session($server, 'BEGIN', 'bob');
is(state_of($bob), 'updates 3', 'an open transaction');
admin(q{SELECT give('bob')});
is(state_of($bob), 'updates 1 3', 'sees a share at its next statement');
admin(q{SELECT take('bob')});
is(state_of($bob), 'updates 3', 'and its end');
admin(q{SELECT become('bob', 'viewer')});
is(state_of($bob), 'reads 3', 'and another role');
admin(q{INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES (id_of('bob'), ann_tenant(), 'files.*', 'deny')});
is(state_of($bob), 'reads', 'and a deny, of the own rows too');
admin(q{DELETE FROM bastion.user_permissions; SELECT become('bob', 'member')});
is(state_of($bob), 'updates 3', 'and what is given back');
$bob->query_safe('COMMIT');

# Snapshots that are older than the change. The session reads rights only after it.
work($bob, 'BEGIN ISOLATION LEVEL REPEATABLE READ', 'bob');
$bob->query_safe('COMMIT');
foreach my $level ('REPEATABLE READ', 'SERIALIZABLE') {
    foreach my $step ([ 'give', 'updates 1 3', 'updates 3' ], [ 'take', 'updates 3', 'updates 1 3' ]) {
        my ($change, $now) = @$step;
        $bob->query_safe("BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM people");
        admin("SELECT $change('bob')");
        $bob->query_safe("SELECT bastion.authenticate('$token{bob}', '$tenant')");
        is(state_of($bob), $now, "$level: an older snapshot has the rights of now after $change");
        $bob->query_safe('COMMIT');
        work($bob, 'BEGIN', 'bob');
        is(state_of($bob), $now, 'and leaves no others in the cache');
        $bob->query_safe('COMMIT');
    }
}

# Savepoints. A superuser's session, which may change rights itself.
my $self = $server->background_psql('postgres');
my $as_bob = "SELECT bastion.authenticate('$token{bob}', '$tenant'); SET LOCAL ROLE app";
$self->query_safe("BEGIN; $as_bob");
is(state_of($self), 'updates 3', 'before the savepoint');
$self->query_safe(q{SAVEPOINT s; RESET ROLE; SELECT give('bob'); SELECT become('bob', 'viewer'); SET LOCAL ROLE app});
is(state_of($self), 'reads 1 3', 'a transaction sees its own changes');
$self->query_safe('ROLLBACK TO s');
is(state_of($self), 'updates 3', 'and not what it rolled back to a savepoint, though rights were read in between');
$self->query_safe(q{RESET ROLE; SAVEPOINT s2; SELECT give('bob'); RELEASE s2; SET LOCAL ROLE app});
is(state_of($self), 'updates 1 3', 'what a released savepoint changed stays');
$self->query_safe('ROLLBACK');
$self->query_safe("BEGIN; $as_bob");
is(state_of($self), 'updates 3', 'until the transaction is rolled back');
$self->query_safe('ROLLBACK');

# Prepared transactions.
work($bob, 'BEGIN', 'bob');
foreach my $end ([ 'ROLLBACK', 'updates 3' ], [ 'COMMIT', 'reads 1 3' ]) {
    my ($command, $then) = @$end;
    $self->query_safe(q{BEGIN; SELECT give('bob'); SELECT become('bob', 'viewer')});
    $self->query_safe($as_bob);
    is(state_of($self), 'reads 1 3', 'the preparing transaction sees its changes');
    $self->query_safe(q{RESET ROLE; PREPARE TRANSACTION 'p'});
    is(state_of($bob), 'updates 3', 'a prepared transaction shows nowhere');
    $self->query_safe("BEGIN; $as_bob");
    is(state_of($self), 'updates 3', 'not in the backend that prepared it either');
    $self->query_safe('ROLLBACK');
    admin("$command PREPARED 'p'");
    is(state_of($bob), $then, "$command PREPARED by another backend");
    $self->query_safe("BEGIN; $as_bob");
    is(state_of($self), $then, 'and what the one that prepared it has afterwards');
    $self->query_safe('ROLLBACK');
}
$bob->query_safe('COMMIT');

# Writers that fire no ordinary trigger.
work($bob, 'BEGIN', 'bob');
admin(q{SET session_replication_role = replica; SELECT become('bob', 'member'); SELECT take('bob')});
is(state_of($bob), 'updates 3', 'session_replication_role = replica');
admin(q{SET session_replication_role = replica;
        INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level, tenant_id, acl_kind) VALUES (list_1(), 'user', id_of('bob'), 1, ann_tenant(), 'row')});
is(state_of($bob), 'updates 1 3', 'and a share that it wrote');
admin(q{SELECT take('bob')});
$bob->query_safe('COMMIT');

# 10,000 changes of other users' roles. Cat is a viewer of the same tenant.
my $cat = session($server, 'BEGIN', 'cat');
my $dan = session($server, 'BEGIN', 'dan');
work($bob, 'BEGIN', 'bob');
is(state_of($cat) . ', ' . state_of($dan) . ', ' . state_of($bob), 'reads, reads, updates 3', 'before the changes');
my $before = $cat->query_safe('SELECT loads()');
my $before_bob = $bob->query_safe('SELECT loads()');
my ($begin, $same) = (time, 0);
foreach my $round (1 .. 10) {
    admin("SET synchronous_commit = off;\n" . join('', map {
        my $role = $_ % 2 ? 'viewer' : 'member';
        my $change = $_ % 2 ? q{INSERT INTO bastion.role_permissions (role_id, pattern) VALUES (role_named('editor'), 'documents.update')}
                            : q{DELETE FROM bastion.role_permissions WHERE pattern = 'documents.update'};
        "SELECT become('bob', '$role');\n$change;\n" } 1 .. 500));
    ++$same if $cat->query_safe('SELECT loads()') eq $before && state_of($cat) eq 'reads';
}
note(sprintf('10,000 changes in %.1f s', time - $begin));
is($same, 10, 'a user whose rights do not depend on 10,000 changes reads nothing again, in an open transaction');
admin(q{SELECT become('bob', 'viewer'); INSERT INTO bastion.role_permissions (role_id, pattern) VALUES (role_named('editor'), 'documents.update')});
$cat->query_safe('COMMIT');
work($cat, 'BEGIN', 'cat');
is(state_of($cat), 'reads', 'nor in the next one');
is($cat->query_safe('SELECT loads()'), $before, 'as the counters say');
is(state_of($bob) . ', ' . state_of($dan), 'reads 3, updates', 'a user whose rights depend on them sees the last of them');
isnt($bob->query_safe('SELECT loads()'), $before_bob, 'for which rights were read again');
admin(q{SELECT become('bob', 'member'); DELETE FROM bastion.role_permissions WHERE pattern = 'documents.update'});
$_->query_safe('COMMIT') for ($bob, $cat, $dan);

# TRUNCATE of each table, in a copy of the database each.
$_->quit for ($bob, $cat, $dan, $self);
admin(q{SELECT give('bob');
    INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level) SELECT list_1(), 'unit', id, 2 FROM bastion.units WHERE tenant_id = ann_tenant();
    INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
    SELECT id_of('cat'), tenant_id, id, role_named('member') FROM bastion.units WHERE tenant_id = ann_tenant();
    INSERT INTO bastion.role_parents (role_id, parent_id) VALUES (role_named('editor'), role_named('parent'));
    INSERT INTO bastion.role_permissions (role_id, pattern) VALUES (role_named('parent'), 'files.update');
    INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES (id_of('dan'), ann_tenant(), 'files.read', 'grant');
    INSERT INTO bastion.platform_roles (user_id, role_id) VALUES (id_of('cat'), role_named('operator'))});
foreach my $table (qw(users memberships tenants units unit_parents unit_closure roles role_permissions role_parents user_permissions
    platform_roles acls acl_entries level_actions permissions)) {
    $server->safe_psql('template1', 'DROP DATABASE IF EXISTS copy');
    $server->safe_psql('template1', 'CREATE DATABASE copy TEMPLATE postgres');
    # Between transactions, because a transaction that reads rights holds locks until its end.
    my @sessions = map { [ $_, session($server, undef, undef, 'copy') ] } qw(ann bob cat dan);
    my $present = "BEGIN; SELECT set_config('bastion.token', '%s', true), set_config('bastion.tenant', '$tenant', true)";
    my ($cached, $is, $expected) = ('') x 3;
    foreach (@sessions) {
        my ($who, $session) = @$_;
        $session->query_safe(sprintf($present, $token{$who}));
        $cached .= "$who: " . $session->query_safe('SELECT cached()') . "\n";
        $session->query_safe('COMMIT');
    }
    unlike($cached, qr/refused/, "$table: all have rights");
    # The history of settings, which ends with its tenant, refuses to be emptied.
    $server->safe_psql('copy', "ALTER TABLE bastion.setting_changes DISABLE TRIGGER setting_changes_append_only_truncate; TRUNCATE bastion.$table CASCADE");
    # If the TRUNCATE also removed the sessions of logins, all tokens are refused.
    my $sessions = $server->safe_psql('copy', 'SELECT count(*) FROM bastion.sessions');
    foreach (@sessions) {
        my ($who, $session) = @$_;
        $session->query_safe(sprintf($present, $token{$who}));
        $is .= "$who: " . $session->query_safe('SELECT cached()') . "\n";
        $expected .= "$who: " . ($sessions ? $session->query_safe("SELECT truth('$id{$who}', '$tenant')") : 'refused') . "\n";
        $session->quit;
    }
    is($is, $expected, "TRUNCATE of $table counts at once");
    isnt($is, $cached, 'and changes something') unless $table eq 'unit_parents';
}
$server->safe_psql('template1', 'DROP DATABASE copy');

# A hot standby.
my $standby = standby_of($server);
my $there = session($standby, 'BEGIN', 'bob');
is(state_of($there), 'updates 1 3', 'on a standby');
admin(q{SELECT take('bob')});
$server->wait_for_catchup($standby);
is(state_of($there), 'updates 3', 'the end of a share counts after replay');
admin(q{SELECT become('bob', 'viewer'); SELECT give('bob')});
$server->wait_for_catchup($standby);
is(state_of($there), 'reads 1 3', 'so do a role and a share');
admin(q{DELETE FROM bastion.memberships WHERE user_id = id_of('bob') AND tenant_id = ann_tenant()});
$server->wait_for_catchup($standby);
is($there->query_safe('SELECT cached()'), 'refused', 'and the end of a membership');
$there->quit;
$standby->stop;
admin(q{INSERT INTO bastion.memberships (user_id, tenant_id, role_id) VALUES (id_of('bob'), ann_tenant(), role_named('member'))});

# A logical subscriber: a copy that diverges.
$server->backup('own');
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init_from_backup($server, 'own');
$subscriber->start;
admin('CREATE PUBLICATION rights FOR TABLE ' . join(', ', map { "bastion.$_" } qw(users memberships tenants units unit_parents roles
    role_permissions role_parents user_permissions platform_roles acls acl_entries permissions)));
$subscriber->safe_psql('postgres', sprintf(
    q{CREATE SUBSCRIPTION rights CONNECTION '%s' PUBLICATION rights WITH (copy_data = false)}, $server->connstr('postgres') =~ s/'/''/gr));
$there = session($subscriber, 'BEGIN', 'bob');
is(state_of($there), 'updates 1 3', 'on a subscriber');
admin(q{SELECT take('bob')});
$server->wait_for_catchup('rights');
is(state_of($there), 'updates 3', 'what it applies counts: the end of a share');
admin(q{SELECT give('bob'); SELECT become('bob', 'viewer')});
$server->wait_for_catchup('rights');
is(state_of($there), 'reads 1 3', 'a share and a role');
admin(q{INSERT INTO bastion.role_permissions (role_id, pattern) VALUES (role_named('editor'), '*');
        SELECT become('bob', 'editor'); INSERT INTO bastion.units (tenant_id, kind, name) VALUES (ann_tenant(), 'team', 'Another');
        INSERT INTO bastion.unit_parents (unit_id, tenant_id, parent_id)
        SELECT u.id, u.tenant_id, p.id FROM bastion.units u JOIN bastion.units p USING (tenant_id) WHERE u.name = 'Another' AND p.id <> u.id});
$server->wait_for_catchup('rights');
is(state_of($there), 'updates 1 2 3', 'a role with more permissions, in a tenant with one more unit');
my $tree = q{SELECT string_agg(concat_ws(' ', ancestor_id, descendant_id, depth), ', ' ORDER BY ancestor_id, descendant_id) FROM bastion.unit_closure};
is($subscriber->safe_psql('postgres', $tree), admin($tree), 'which is below another');
is($there->query_safe('SELECT cached()'), $there->query_safe("SELECT truth('$id{bob}', '$tenant')"), 'all of it');
admin(q{SELECT become('bob', 'viewer')});
$server->wait_for_catchup('rights');
is(state_of($there), 'reads 1 3', 'a role with less, so that the share counts');
# A transaction that reads rights holds locks until its end.
$there->query_safe('COMMIT');
admin('TRUNCATE bastion.acl_entries');
$server->wait_for_catchup('rights');
work($there, 'BEGIN', 'bob');
is(state_of($there), 'reads 3', 'and a TRUNCATE');
is($there->query_safe('SELECT cached()'), $there->query_safe("SELECT truth('$id{bob}', '$tenant')"), 'of all shares');
admin(q{UPDATE bastion.users SET status = 'disabled' WHERE id = id_of('bob')});
$server->wait_for_catchup('rights');
is($there->query_safe('SELECT cached()'), 'refused', 'and a user who was disabled');
$there->quit;
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION rights');
$subscriber->stop;
$server->stop;
done_testing();
