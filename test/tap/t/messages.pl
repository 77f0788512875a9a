# A server whose messages are in another language: no answer and no SQLSTATE depends on them. The translations are PostgreSQL's own.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $server;
{
    # With a language, C.UTF-8 has translations, and C has none.
    local $ENV{LANGUAGE} = 'de';
    $server = new_server('messages', "lc_messages = 'C'\n");
}
$server->safe_psql('postgres', q{CREATE TABLE keyed (id int PRIMARY KEY, tenant_id text, owner_id uuid, name text UNIQUE);
    CREATE FUNCTION message(statement text) RETURNS text LANGUAGE plpgsql AS
        $$ BEGIN EXECUTE statement; RETURN 'nothing'; EXCEPTION WHEN OTHERS THEN RETURN SQLERRM; END $$;
    CREATE FUNCTION fails(event jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb(1 / 0)'; GRANT EXECUTE ON FUNCTION fails(jsonb) TO app;
    GRANT SELECT, INSERT ON keyed TO app; SELECT bastion.resource_register('house', '{open}')});
my $token = token_of($server, 'ann');

sub answers {
    my ($language, $function, @statements) = @_;
    return map {
        last_line($server->safe_psql('postgres', "BEGIN; SET LOCAL lc_messages = '$language'; SELECT FROM bastion.authenticate('$token');
            SELECT $function(\$statement\$$_\$statement\$); ROLLBACK"))
    } @statements;
}

my @statements = (
    q{SELECT bastion_api.login('ann@tap.example', 'wrong') ->> 'error'},
    q{SELECT bastion_api.signup('ann@tap.example', 'correct horse', 'Ann') ->> 'error'},
    q{SELECT bastion_api.signup('cy@tap.example', 'correct horse', 'Cy') ? 'access_token'},
    q{SELECT bastion_api.refresh('x') ->> 'error'},
    q{SELECT bastion_api.tenant_rename(repeat('x', 1000)) ->> 'error'},
    q{SELECT bastion_api.invitation_accept('x'::text) ->> 'error'},
    q{SELECT bastion_api.profile_update('{"username": "!"}') ->> 'error'},
    q{SELECT bastion_api.me() #>> '{tenant,slug}'},
    q{SELECT bastion.has_permission('documents.read')},
    q{SELECT bastion.permission_matrix(NULL)},
    q{SELECT bastion.jwt_verify('a.b.c', bastion.jwks())},
    q{SELECT bastion.open_text(bastion.seal('x', 'house'))},
    q{SELECT bastion.password_verify('x', '$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW')},
    q{SELECT count(*) FROM bastion.protect('keyed')},
    q{INSERT INTO keyed VALUES (1, 'x'); SELECT bastion.protect('keyed')},
    q{SELECT bastion.protect('keyed', 'name'), bastion.protect('keyed', 'owner_id')},
    q{SELECT bastion.protect('nowhere')},
    q{ALTER TABLE documents RENAME tenant_id TO org_id},
    q{ALTER TABLE documents DROP COLUMN tenant_id CASCADE},
    q{SELECT string_agg(problem, ' ' ORDER BY problem) FROM bastion.lint()},
    q{SELECT string_agg(concat_ws(' ', relation, policies, status), ' ') FROM bastion.protection},
    q{SELECT count(*) FROM bastion.root_key_check()},
    q{SELECT bastion.init() ->> 'in_use'},
    q{SELECT count(*) FROM bastion.tenant_delete('bob')},
    q{SELECT bastion.hook_set('before_login', 'fails(jsonb)', 'app')},
    q{DO $$ BEGIN PERFORM bastion.hook_set('before_login', 'fails(jsonb)', 'app'); PERFORM bastion_api.login('bob@tap.example', 'correct horse'); END $$},
    q{CALL bastion.rewrap_all()},
    q{SELECT unit::text FROM bastion_api.units() unit},
    q{SET LOCAL bastion.token = 'x'},
    q{SET LOCAL bastion.context = 'x'},
);
SKIP: {
    my ($message) = answers('C.UTF-8', 'message', 'SELECT 1 / 0');
    skip 'the translations of PostgreSQL are not installed', scalar @statements if $message eq 'division by zero';
    my @before = answers('C', 'try', @statements);
    my @after = answers('C.UTF-8', 'try', @statements);
    is($after[$_], $before[$_], $statements[$_]) for 0 .. $#statements;
    # The check bites.
    $server->safe_psql('postgres', q{CREATE FUNCTION planted() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN message('SELECT 1 / 0') = 'division by zero'; END $$});
    isnt((answers('C.UTF-8', 'try', 'SELECT planted()'))[0], (answers('C', 'try', 'SELECT planted()'))[0], 'what depends on a message is seen');
    cmp_ok((grep { length $_ != 5 } @before), '>', 8, 'many answer');
}
$server->stop;
done_testing();
