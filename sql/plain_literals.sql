-- What the extension's functions mean does not depend on the caller's standard_conforming_strings: no plain literal in them has
-- a backslash. A fresh session, because PL/pgSQL keeps what it has parsed.
\c -
\set VERBOSITY terse
SET client_min_messages = warning;
SET escape_string_warning = off;
SET standard_conforming_strings = off;
SELECT bastion.is_email(E'x@evil.example\nbcc:v@x.example') AS two_lines, bastion.is_email('x@evil,example') AS comma,
       bastion.is_email('x@good.example') AS email;
SELECT bastion_internal.is_label(E'a\nb') AS line, bastion_internal.is_label(E'a\u007fb') AS control, bastion_internal.is_label('unicode 001f') AS label;
SELECT bastion.is_permission_pattern('x,uplans.read,y') AS commas, bastion.is_permission_pattern('xyread') AS nothing,
       bastion.is_permission_pattern('*.read') AS star, bastion.is_permission_pattern('plans.*') AS action;
SELECT bastion_internal.pattern_covers('*.read', 'plans.x.read') AS covers, bastion_internal.pattern_covers('*.ead', 'plansread') AS covers_less;
CREATE TABLE test.plain (id int PRIMARY KEY, tenant_id uuid, owner_id uuid);
SELECT count(*) > 0 AS protected FROM bastion.protect('test.plain', owner_column => 'owner_id', sharing => 'tenant', visibility => 'unit');
SELECT relation, status FROM bastion.protection WHERE relation = 'test.plain'::regclass;
SELECT severity, problem FROM bastion.lint() WHERE object LIKE '%test.plain%' ORDER BY 1, 2;
SELECT count(*) > 0 AS unprotected FROM bastion.unprotect('test.plain');
RESET standard_conforming_strings;
DROP TABLE test.plain;
-- the same of every function, as lint has it of the sources
SELECT DISTINCT p.oid::regprocedure::text
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang,
     regexp_matches(p.prosrc, '--[^\n]*|\mE''(?:[^''\\]|\\.)*''(?:\s*\n\s*''(?:[^''\\]|\\.)*'')*|''(?:[^'']|'''')*''', 'g') m
WHERE n.nspname IN ('bastion', 'bastion_api', 'bastion_internal', 'bastion_test') AND l.lanname <> 'c' AND m[1] LIKE '''%' AND strpos(m[1], '\') > 0;
