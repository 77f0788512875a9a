# Entries of the log of changes that the worker of the queue writes: a refusal and a secret that was read stay on record when their
# transaction rolls back, and name the role, application and user of the session that did it, not those of the worker.
use strict;
use warnings FATAL => 'all';

use BastionServer;
use Test::More;

my $node = new_server('node', "shared_preload_libraries = 'pg_bastion'\nlog_statement = none\n");
sub answer { my ($sql) = @_; return $node->safe_psql('postgres', $sql); }
my $token = answer("SELECT bastion_api.signup('ann\@queue.example', 'correct horse', 'Queue', 'Ann', 'ann') ->> 'access_token'");
answer("CREATE ROLE clerk LOGIN; SELECT bastion.allow_app_role('clerk'); CREATE TABLE kept (id int PRIMARY KEY); GRANT INSERT ON kept TO clerk; SELECT bastion.audit_table('kept')");
my $begin = "SET application_name = 'the client'; BEGIN; SELECT FROM bastion.authenticate('$token');";
answer("$begin SELECT bastion.secret_put('mail', 'attack ' || 'at dawn'); COMMIT");

my @clerk = (extra_params => [ '-U', 'clerk' ]);
$node->safe_psql('postgres', "$begin SELECT bastion.secret_get('mail', 'a job'); INSERT INTO kept VALUES (1); ROLLBACK", @clerk);
$node->safe_psql('postgres', "SET application_name = 'the client'; BEGIN; SELECT bastion_api.login('ann', 'wrong'); ROLLBACK", @clerk);
ok($node->poll_query_until('postgres', "SELECT count(*) >= 2 FROM bastion.audit WHERE op IN ('secret_get', 'login_refused')"), 'the worker adds entries');
my $columns = q{concat_ws('|', op, kind, role, application, method, (SELECT u.username FROM bastion.users u WHERE u.id = actor_id), new ->> 'outcome', (new ->> 'details')::jsonb ->> 'purpose',
    (new ->> 'details')::jsonb ->> 'reason')};
is(answer("SELECT string_agg($columns, E'\\n' ORDER BY op) FROM bastion.audit WHERE op IN ('secret_get', 'login_refused')"),
    "login_refused|event|clerk|the client|refused|password\nsecret_get|event|clerk|jwt|ann|success|a job", 'about the session, not about the worker');
is(answer("SELECT count(*) FROM bastion.audit WHERE relation = 'public.kept' AND kind = 'row'"), '0', 'a row that was rolled back has none');
is(answer("SELECT count(*) FROM bastion.audit_rows WHERE position('dawn' IN encode(entry, 'escape')) + position('wrong' IN encode(entry, 'escape')) > 0"), '0', 'none has a secret');
is(answer('SELECT count(*) FROM (SELECT era, xid, seq FROM bastion.audit_rows GROUP BY 1, 2, 3 HAVING count(*) > 1) d'), '0', 'each has a place of its own');

done_testing();
