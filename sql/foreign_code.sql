-- Code that is not the extension's runs with no right that its caller does not have: triggers, casts, checks and foreign keys
-- of the tables that share(), explain_member_access() and unit_delete() reach.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA code;
CREATE ROLE regress_code_app;
CREATE ROLE regress_code_owner;
SELECT bastion.allow_app_role('regress_code_app');
SELECT bastion.allow_migration_role('regress_code_owner');
GRANT USAGE ON SCHEMA code, test TO regress_code_app, regress_code_owner;
GRANT CREATE ON SCHEMA code TO regress_code_app, regress_code_owner;
-- who runs what; a probe notes it in a frame of its own
CREATE TABLE code.ran (place text, who name, path text);
GRANT ALL ON code.ran TO PUBLIC;
CREATE FUNCTION code.note(place text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO code.ran VALUES (place, current_user, current_setting('search_path'));
    RETURN true;
END
$$;
CREATE FUNCTION code.pure_note(place text, value anyelement) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN code.note(place);
END
$$;
SELECT a ->> 'access_token' AS ann, a -> 'user' ->> 'id' AS ann_id, a -> 'tenant' ->> 'id' AS tenant
FROM bastion_api.signup('ann@code.example', 'correct horse', 'Code') a \gset
SELECT a -> 'user' ->> 'id' AS ben_id FROM bastion_api.signup('ben@code.example', 'correct horse', 'Code of Ben') a \gset
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT :'ben_id', :'tenant', r.id FROM bastion.roles r WHERE r.name = 'member' AND r.system;

-- a superuser's table with an ordinary audit trigger, whose name for the log the application captures
CREATE TABLE public.code_log (at timestamptz DEFAULT now(), what text);
GRANT INSERT ON public.code_log TO regress_code_app;
CREATE TABLE public.code_sheets (id bigint PRIMARY KEY, tenant_id uuid, owner_id uuid, title text);
SELECT count(*) > 0 AS protected FROM bastion.protect('public.code_sheets', owner_column => 'owner_id', sharing => 'tenant', visibility => 'owner');
GRANT SELECT, INSERT, UPDATE ON public.code_sheets TO regress_code_app;
CREATE FUNCTION code.audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO code_log (what) VALUES (concat_ws(' ', TG_TABLE_NAME, TG_WHEN, TG_LEVEL, TG_OP));
    RETURN coalesce(NEW, OLD);
END
$$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON public.code_sheets FOR EACH ROW EXECUTE FUNCTION code.audit();
CREATE FUNCTION code.boom() RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO code.ran VALUES ('default of pg_temp', current_user, current_setting('search_path'));
    RETURN pg_catalog.now();
END
$$;
ALTER FUNCTION code.boom() OWNER TO regress_code_app;

-- honest code first: with the caller's path, the trigger finds its log
SET ROLE regress_code_app;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
INSERT INTO public.code_sheets (id, title) VALUES (1, 'plan'), (2, 'other');
SELECT bastion.share('public.code_sheets', '1', with_user => :'ben_id');
SELECT subject_kind, level, granted_by = :'ann_id' AS by_ann FROM bastion.shares_of('public.code_sheets', '1');
COMMIT;
RESET ROLE;
SELECT what, count(*) FROM public.code_log GROUP BY what ORDER BY what;

-- the attack
SET ROLE regress_code_app;
CREATE TEMP TABLE code_log (at timestamptz DEFAULT code.boom(), what text);
GRANT ALL ON code_log TO PUBLIC;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
SELECT bastion.share('public.code_sheets', '2', with_user => :'ben_id', level => 'write');
SELECT bastion.unshare('public.code_sheets', '2', with_user => :'ben_id');
SELECT count(*) FROM bastion.shares_of('public.code_sheets', '2');
COMMIT;
RESET ROLE;
SELECT place, who, path, count(*) FROM code.ran GROUP BY place, who, path ORDER BY 1, 2;
TRUNCATE code.ran;

-- a key whose type is a domain with a check: reads run it as the caller, and never on a row of somebody else
CREATE DOMAIN code.label AS text CHECK (code.pure_note('check of the domain', VALUE));
CREATE TABLE code.labelled (name code.label PRIMARY KEY, tenant_id uuid);
SELECT count(*) > 0 AS protected FROM bastion.protect('code.labelled', sharing => 'tenant');
GRANT SELECT, INSERT, UPDATE ON code.labelled TO regress_code_app;
SELECT slug FROM bastion.tenants WHERE id <> :'tenant' AND slug LIKE 'code-of-ben%' \gset
INSERT INTO code.labelled SELECT 'secret of ben', t.id FROM bastion.tenants t WHERE t.slug = :'slug';
INSERT INTO code.labelled VALUES ('of ann', :'tenant');
ALTER TABLE code.labelled OWNER TO regress_code_owner;
TRUNCATE code.ran;
SET ROLE regress_code_app;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
SELECT bastion.share('code.labelled', 'of ann', with_user => :'ben_id');
SELECT count(*) > 0 AS explained FROM bastion.explain_member_access(:'ben_id', 'labelled.read', 'code.labelled', 'of ann');
SELECT text LIKE '%verdict granted%' AS granted FROM bastion.explain_member_access_text(:'ben_id', 'labelled.read', 'code.labelled', 'of ann') text
ORDER BY 1 DESC LIMIT 1;
SELECT bool_or(kind = 'row') AS rows, count(*) > 0 AS explained FROM bastion.explain_member_access(:'ben_id', 'labelled.read', 'code.labelled');
SELECT bool_or(kind = 'row') AS rows, count(*) > 0 AS explained FROM bastion.explain_member_access(:'ben_id', 'labelled.read');
SELECT test.error($$SELECT bastion.share('code.labelled', 'secret of ben', with_user => bastion.user_id())$$);
COMMIT;
RESET ROLE;
SELECT place, who, count(*) > 0 AS ran FROM code.ran GROUP BY place, who ORDER BY 1, 2;
TRUNCATE code.ran;

-- a key type of somebody else, whose equality tells what it sees: it sees rows of the caller's tenant alone
CREATE TYPE code.pair AS (a int, b int);
CREATE FUNCTION code.pair_eq(code.pair, code.pair) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0001 AS $$
BEGIN
    PERFORM code.note(format('equality saw %s', $1.a));
    RETURN $1.a = $2.a;
END
$$;
CREATE FUNCTION code.pair_lt(code.pair, code.pair) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT ($1).a < ($2).a';
CREATE FUNCTION code.pair_le(code.pair, code.pair) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT ($1).a <= ($2).a';
CREATE FUNCTION code.pair_cmp(code.pair, code.pair) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT pg_catalog.btint4cmp(($1).a, ($2).a)';
CREATE OPERATOR code.=# (leftarg = code.pair, rightarg = code.pair, function = code.pair_eq, restrict = eqsel);
CREATE OPERATOR code.<# (leftarg = code.pair, rightarg = code.pair, function = code.pair_lt);
CREATE OPERATOR code.<=# (leftarg = code.pair, rightarg = code.pair, function = code.pair_le);
CREATE OPERATOR code.>=# (leftarg = code.pair, rightarg = code.pair, function = code.pair_le, commutator = OPERATOR(code.<=#));
CREATE OPERATOR CLASS code.pair_ops DEFAULT FOR TYPE code.pair USING btree AS
    OPERATOR 1 code.<#, OPERATOR 2 code.<=#, OPERATOR 3 code.=#, FUNCTION 1 code.pair_cmp(code.pair, code.pair);
CREATE TABLE code.pairs (key code.pair PRIMARY KEY, tenant_id uuid);
SELECT count(*) > 0 AS protected FROM bastion.protect('code.pairs', sharing => 'tenant');
INSERT INTO code.pairs SELECT ROW(g, g)::code.pair, CASE WHEN g <= 2 THEN :'tenant'::uuid ELSE t.id END
FROM generate_series(1, 40) g, bastion.tenants t WHERE t.slug = :'slug';
ANALYZE code.pairs;
ALTER TABLE code.pairs OWNER TO regress_code_owner;
TRUNCATE code.ran;
SET ROLE regress_code_app;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
SELECT bastion.share('code.pairs', '(1,1)', with_user => :'ben_id');
SELECT test.error($$SELECT bastion.share('code.pairs', '(7,7)', with_user => bastion.user_id())$$);
COMMIT;
RESET ROLE;
SELECT DISTINCT place, who FROM code.ran WHERE place LIKE 'equality saw%' ORDER BY 1;
TRUNCATE code.ran;

-- triggers and rules that keep the row as it is, or make it something else
CREATE FUNCTION code.suppress() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE FUNCTION code.divert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.acl_id := 1; RETURN NEW; END $$;
CREATE FUNCTION code.abduct() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.tenant_id := gen_random_uuid(); RETURN NEW; END $$;
CREATE FUNCTION code.reuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO code.ran VALUES ('permit for another row: ' || test.error('UPDATE public.code_sheets SET acl_id = 1 WHERE id = 5'), current_user, '');
    INSERT INTO code.ran VALUES ('another user: ' || concat_ws(', ', test.error('RESET ROLE'), test.error('SET ROLE regress_code_owner'),
        test.error('SET SESSION AUTHORIZATION DEFAULT')), current_user, '');
    RETURN NEW;
END
$$;
-- before the permit is used
CREATE FUNCTION code.lend() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id = 3 THEN
        INSERT INTO code.ran VALUES ('permit for a row with the same list: ' || test.error(format('UPDATE public.code_sheets SET acl_id = %s WHERE id = 5', NEW.acl_id)), current_user, '');
    END IF;
    RETURN NEW;
END
$$;
SET ROLE regress_code_app;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
INSERT INTO public.code_sheets (id) VALUES (3), (4), (5);
COMMIT;
RESET ROLE;
CREATE FUNCTION code.share_under(trigger_function text, fires text DEFAULT 'BEFORE', key text DEFAULT '3', name text DEFAULT 'zz') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE format('CREATE TRIGGER %I %s UPDATE ON public.code_sheets FOR EACH ROW EXECUTE FUNCTION code.%I()', name, fires, trigger_function);
    SET LOCAL ROLE regress_code_app;
    answer := test.error(format('SELECT bastion.share(''public.code_sheets'', %L, with_user => %L)', key, current_setting('code.ben')));
    RESET ROLE;
    EXECUTE format('DROP TRIGGER %I ON public.code_sheets', name);
    RETURN answer;
END
$$;
BEGIN;
SELECT set_config('code.ben', :'ben_id', true) IS NOT NULL AS ben, bastion.authenticate(:'ann') IS NOT NULL AS ann;
SELECT f, code.share_under(f) FROM unnest(ARRAY['suppress', 'divert', 'abduct']) f;
SAVEPOINT s;
SELECT code.share_under('lend', name => 'aa') AS lend;
SELECT DISTINCT place, who FROM code.ran WHERE place LIKE 'permit%';
ROLLBACK TO s;
SELECT w, code.share_under('reuse', w, CASE w WHEN 'BEFORE' THEN '3' ELSE '4' END) FROM unnest(ARRAY['BEFORE', 'AFTER']) w;
COMMIT;
SELECT DISTINCT place, who FROM code.ran WHERE place NOT LIKE 'default%' ORDER BY 1;
TRUNCATE code.ran;
CREATE RULE nothing AS ON UPDATE TO public.code_sheets DO INSTEAD NOTHING;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
SET LOCAL ROLE regress_code_app;
SELECT test.error(format('SELECT bastion.share(''public.code_sheets'', ''5'', with_user => %L)', :'ben_id'));
COMMIT;
DROP RULE nothing ON public.code_sheets;
CREATE RULE also AS ON UPDATE TO public.code_sheets DO ALSO INSERT INTO code.ran VALUES ('rule', current_user, 'of the table');
CREATE RULE tell AS ON UPDATE TO public.code_sheets DO ALSO NOTIFY code_sheets_changed;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
SET LOCAL ROLE regress_code_app;
SELECT bastion.share('public.code_sheets', '5', with_user => :'ben_id');
COMMIT;
SELECT place, who FROM code.ran WHERE place = 'rule';
TRUNCATE code.ran;
DROP RULE also ON public.code_sheets;
DROP RULE tell ON public.code_sheets;

-- the owner of the table has no way around share() either, a superuser included
SELECT test.error('UPDATE public.code_sheets SET acl_id = 1 WHERE id = 1');
SELECT test.error(format('UPDATE public.code_sheets SET tenant_id = %L WHERE id = 1', gen_random_uuid()));
CREATE TABLE code.plain (a bigint, b uuid);
SELECT test.error('SELECT bastion_internal.keep_acl()');
CREATE TRIGGER t AFTER INSERT ON code.plain FOR EACH ROW EXECUTE FUNCTION bastion_internal.keep_acl('a', 'b');
SELECT test.error('INSERT INTO code.plain VALUES (1)');
DROP TRIGGER t ON code.plain;
CREATE TRIGGER t BEFORE UPDATE ON code.plain FOR EACH ROW EXECUTE FUNCTION bastion_internal.keep_acl('a', 'gone');
INSERT INTO code.plain VALUES (1);
SELECT test.error('UPDATE code.plain SET a = 2');

-- a rule of the table reads with its own policies: nothing of other tenants
CREATE TABLE code.notes (id int PRIMARY KEY, tenant_id uuid);
SELECT count(*) > 0 AS protected FROM bastion.protect('code.notes');
INSERT INTO code.notes SELECT 1, :'tenant' UNION ALL SELECT 2, t.id FROM bastion.tenants t WHERE t.slug = :'slug';
CREATE TABLE code.ruled (id int PRIMARY KEY, tenant_id uuid);
SELECT count(*) > 0 AS protected FROM bastion.protect('code.ruled', sharing => 'tenant');
GRANT SELECT, INSERT, UPDATE ON code.ruled TO regress_code_app;
ALTER TABLE code.notes OWNER TO regress_code_owner;
ALTER TABLE code.ruled OWNER TO regress_code_owner;
SET ROLE regress_code_owner;
CREATE RULE tells AS ON UPDATE TO code.ruled DO ALSO
    INSERT INTO code.ran SELECT 'rule saw notes ' || string_agg(id::text, ' ' ORDER BY id), current_user, '' FROM code.notes;
CREATE RULE tells_own AS ON UPDATE TO code.ruled DO ALSO
    INSERT INTO code.ran SELECT 'rule saw rows ' || count(*), current_user, '' FROM code.ruled;
RESET ROLE;
INSERT INTO code.ruled SELECT 1, :'tenant' UNION ALL SELECT 2, t.id FROM bastion.tenants t WHERE t.slug = :'slug';
SET ROLE regress_code_app;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
SELECT bastion.share('code.ruled', '1', with_user => :'ben_id');
COMMIT;
RESET ROLE;
SELECT place, who FROM code.ran WHERE place LIKE 'rule saw%' ORDER BY 1;
TRUNCATE code.ran;
-- foreign keys to the list act as the caller; a key in a schema that the caller may not use; one key in two rows
CREATE FUNCTION code.on_line() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO code.ran VALUES ('cascade of the list', current_user, ''); RETURN NEW; END $$;
ALTER TABLE public.code_sheets ADD UNIQUE (id, acl_id);
CREATE TABLE code.lines (sheet bigint, acl bigint, FOREIGN KEY (sheet, acl) REFERENCES public.code_sheets (id, acl_id) ON UPDATE CASCADE);
CREATE TRIGGER on_line BEFORE UPDATE ON code.lines FOR EACH ROW EXECUTE FUNCTION code.on_line();
SET ROLE regress_code_app;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
INSERT INTO public.code_sheets (id) VALUES (6);
COMMIT;
RESET ROLE;
INSERT INTO code.lines SELECT id, acl_id FROM public.code_sheets WHERE id = 6;
CREATE SCHEMA code_hidden;
CREATE TYPE code_hidden.color AS ENUM ('red', 'blue');
CREATE TABLE code.colored (id code_hidden.color PRIMARY KEY, tenant_id uuid);
SELECT count(*) > 0 AS protected FROM bastion.protect('code.colored', sharing => 'tenant');
INSERT INTO code.colored VALUES ('red', :'tenant');
CREATE TABLE code.child () INHERITS (code.ruled);
ALTER TABLE code.child OWNER TO regress_code_owner;
SELECT count(*) > 0 AS protected FROM bastion.protect('code.ruled', sharing => 'tenant');
INSERT INTO code.child SELECT 1, :'tenant';
SET ROLE regress_code_app;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
SELECT bastion.share('public.code_sheets', '6', with_user => :'ben_id');
SELECT bastion.share('code.colored', 'red', with_user => :'ben_id');
SELECT test.error($$SELECT bastion.shares_of('code.ruled', '1')$$);
COMMIT;
BEGIN READ ONLY;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
SELECT level FROM bastion.shares_of('public.code_sheets', '6');
COMMIT;
RESET ROLE;
SELECT place, who FROM code.ran WHERE place LIKE 'cascade%';
TRUNCATE code.ran;
-- a column that protect() named is gone
ALTER EVENT TRIGGER bastion_keep_columns DISABLE; ALTER EVENT TRIGGER bastion_keep_dropped_columns DISABLE;
ALTER TABLE code.colored DROP COLUMN tenant_id CASCADE;
ALTER EVENT TRIGGER bastion_keep_columns ENABLE; ALTER EVENT TRIGGER bastion_keep_dropped_columns ENABLE;
SET ROLE regress_code_app;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
SELECT test.error(s) FROM unnest(ARRAY[$$SELECT bastion.shares_of('code.colored', 'red')$$, $$SELECT bastion.unshare('code.colored', 'red', with_user => bastion.user_id())$$,
    $$SELECT bastion.share('code.colored', 'red', with_user => bastion.user_id())$$,
    $$SELECT bastion.explain_member_access(bastion.user_id(), 'colored.read', 'code.colored', 'red')$$]) s;
COMMIT;
RESET ROLE;
DROP SCHEMA code_hidden CASCADE;

-- foreign keys: tables of a superuser and of another role that refer to units, with each action and code in every place
CREATE FUNCTION code.probe() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO code.ran VALUES (concat_ws(' ', TG_TABLE_NAME, TG_WHEN, TG_LEVEL, TG_OP), current_user, '');
    INSERT INTO code_log (what) VALUES ('foreign key');
    RETURN coalesce(NEW, OLD);
END
$$;
CREATE FUNCTION code.forgiving_probe() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        PERFORM 1 / 0;
    EXCEPTION WHEN division_by_zero THEN
        INSERT INTO code.ran VALUES ('after an error', current_user, '');
    END;
    RETURN coalesce(NEW, OLD);
END
$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA code TO PUBLIC;
GRANT INSERT ON public.code_log TO PUBLIC;
CREATE TABLE code.cascading (id int PRIMARY KEY, unit_id uuid REFERENCES bastion.units ON DELETE CASCADE,
    CHECK (code.pure_note('check', id)));
CREATE INDEX ON code.cascading (code.pure_note('index', unit_id));
CREATE TABLE code.grandchild (id int REFERENCES code.cascading ON DELETE CASCADE);
CREATE TABLE code.nulled (unit_id uuid REFERENCES bastion.units ON DELETE SET NULL, CHECK (code.pure_note('check of nulled', unit_id)));
CREATE INDEX ON code.nulled (code.pure_note('index of nulled', unit_id));
CREATE TABLE code.defaulted (unit_id uuid DEFAULT NULL REFERENCES bastion.units ON DELETE SET DEFAULT);
CREATE FUNCTION code.hash_uuid(uuid, bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM code.note('partition support');
    RETURN 1;
END
$$;
CREATE OPERATOR CLASS code.uuid_hash FOR TYPE uuid USING hash AS OPERATOR 1 = (uuid, uuid), FUNCTION 2 code.hash_uuid(uuid, bigint);
CREATE TABLE code.parted (unit_id uuid REFERENCES bastion.units ON DELETE CASCADE) PARTITION BY HASH (unit_id code.uuid_hash);
CREATE TABLE code.parted_0 PARTITION OF code.parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE code.parted_1 PARTITION OF code.parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['cascading', 'grandchild', 'nulled', 'defaulted', 'parted'] LOOP
        EXECUTE format('CREATE TRIGGER b BEFORE UPDATE OR DELETE ON code.%I FOR EACH ROW EXECUTE FUNCTION code.probe()', t);
        EXECUTE format('CREATE TRIGGER bs BEFORE UPDATE OR DELETE ON code.%I FOR EACH STATEMENT EXECUTE FUNCTION code.probe()', t);
        EXECUTE format('CREATE TRIGGER a AFTER UPDATE OR DELETE ON code.%I FOR EACH ROW EXECUTE FUNCTION code.probe()', t);
        EXECUTE format('CREATE TRIGGER f BEFORE UPDATE OR DELETE ON code.%I FOR EACH ROW EXECUTE FUNCTION code.forgiving_probe()', t);
        EXECUTE format('CREATE CONSTRAINT TRIGGER d AFTER UPDATE OR DELETE ON code.%I DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION code.probe()', t);
    END LOOP;
END
$$;
ALTER TABLE code.nulled OWNER TO regress_code_owner;
ALTER TABLE code.grandchild OWNER TO regress_code_owner;
CREATE FUNCTION code.new_unit() RETURNS uuid LANGUAGE sql AS $$ SELECT bastion.unit_create('team', 'Code ' || gen_random_uuid()) $$;
CREATE FUNCTION code.refer(unit uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO code.cascading SELECT coalesce(max(id), 0) + 1, unit FROM code.cascading;
    INSERT INTO code.grandchild SELECT max(id) FROM code.cascading;
    INSERT INTO code.nulled VALUES (unit);
    INSERT INTO code.defaulted VALUES (unit);
    INSERT INTO code.parted VALUES (unit);
    DELETE FROM code.ran;
END
$$;
-- cold, then with everything cached, then after an error that was caught
SET ROLE regress_code_app;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
SELECT code.new_unit() AS unit \gset
SELECT code.refer(:'unit');
SELECT bastion.unit_delete(:'unit');
COMMIT;
SELECT place, who FROM code.ran GROUP BY place, who ORDER BY place COLLATE "C", who;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
SELECT code.new_unit() AS unit \gset
SELECT code.refer(:'unit');
SELECT bastion.unit_delete(:'unit');
SELECT current_user, session_user = current_user AS same;
COMMIT;
SELECT who, count(DISTINCT place) AS places FROM code.ran GROUP BY who;
RESET ROLE;
CREATE FUNCTION code.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
CREATE TRIGGER zz BEFORE DELETE ON code.cascading FOR EACH ROW EXECUTE FUNCTION code.refuse();
SET ROLE regress_code_app;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
SELECT code.new_unit() AS unit \gset
SELECT code.refer(:'unit');
SELECT test.error(format('SELECT bastion.unit_delete(%L)', :'unit'));
RESET ROLE;
DROP TRIGGER zz ON code.cascading;
SET ROLE regress_code_app;
SELECT bastion.unit_delete(:'unit');
COMMIT;
SELECT who, count(DISTINCT place) AS places FROM code.ran GROUP BY who;
RESET ROLE;
SELECT count(*) FILTER (WHERE unit_id IS NOT NULL) AS still_referring, count(*) FROM code.nulled;
SELECT count(*) FROM code.cascading;

-- a superuser behind the role: code of the tables does not become that superuser again
CREATE FUNCTION code.climb() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO code.ran VALUES (test.error('RESET ROLE'), current_user, '');
    INSERT INTO code.ran VALUES (test.error('SET SESSION AUTHORIZATION DEFAULT'), current_user, '');
    RETURN coalesce(NEW, OLD);
END
$$;
CREATE TRIGGER climb AFTER DELETE ON code.cascading FOR EACH ROW EXECUTE FUNCTION code.climb();
SET ROLE regress_code_app;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
SELECT code.new_unit() AS unit \gset
SELECT code.refer(:'unit');
SELECT bastion.unit_delete(:'unit');
SELECT place, who FROM code.ran WHERE place LIKE '42501%' OR place = 'no error' ORDER BY 1;
COMMIT;
RESET ROLE;

-- what a statement of a definer sets off is the definer's: a foreign key's action runs as the owner of its table there
CREATE TABLE code.above (id int PRIMARY KEY);
CREATE TABLE code.below (id int REFERENCES code.above ON DELETE CASCADE);
CREATE TRIGGER b BEFORE DELETE ON code.below FOR EACH ROW EXECUTE FUNCTION code.probe();
ALTER TABLE code.above OWNER TO regress_code_owner;
ALTER TABLE code.below OWNER TO regress_code_owner;
GRANT SELECT, INSERT, DELETE ON code.above, code.below TO regress_code_app;
CREATE FUNCTION code.deeper() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO code.above VALUES (1);
    INSERT INTO code.below VALUES (1);
    DELETE FROM code.above;
    RETURN OLD;
END
$$;
ALTER FUNCTION code.deeper() OWNER TO regress_code_owner;
CREATE TRIGGER deeper BEFORE DELETE ON code.cascading FOR EACH ROW EXECUTE FUNCTION code.deeper();
SET ROLE regress_code_app;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
SELECT code.new_unit() AS unit \gset
SELECT code.refer(:'unit');
SELECT bastion.unit_delete(:'unit');
SELECT place, who FROM code.ran WHERE place LIKE 'below %' OR place LIKE 'cascading BEFORE ROW%' ORDER BY place COLLATE "C";
COMMIT;
-- and after the scope so is everything
DELETE FROM code.ran;
INSERT INTO code.above VALUES (1);
INSERT INTO code.below VALUES (1);
DELETE FROM code.above;
SELECT place, who FROM code.ran WHERE place LIKE 'below %';
RESET ROLE;
DROP TRIGGER deeper ON code.cascading;

-- triggers of the extension's tables that keep a unit are noticed
CREATE TRIGGER keeps BEFORE DELETE ON bastion.units FOR EACH ROW EXECUTE FUNCTION code.suppress();
SET ROLE regress_code_app;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
SELECT code.new_unit() AS unit \gset
SELECT test.error(format('SELECT bastion.unit_delete(%L)', :'unit'));
COMMIT;
RESET ROLE;
DROP TRIGGER keeps ON bastion.units;

-- a library that takes the planner for itself is noticed before anything is deleted
LOAD 'rude_hooks_test';
SET ROLE regress_code_app;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
SELECT code.new_unit() AS unit \gset
SELECT test.error(format('SELECT bastion.unit_delete(%L)', :'unit'));
COMMIT;
RESET ROLE;

-- What the design relies on. Trigger functions of the extension's tables are definers, or in C; those that are neither ask
-- who the caller is. No table that a foreign key of ours changes evaluates a function that a caller could not execute.
SELECT DISTINCT p.oid::regprocedure FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE c.relnamespace = 'bastion'::regnamespace AND NOT t.tgisinternal AND NOT p.prosecdef
  AND p.prolang <> (SELECT l.oid FROM pg_language l WHERE l.lanname = 'c') ORDER BY 1;
SELECT DISTINCT d.refobjid::regprocedure
FROM pg_constraint k
JOIN (SELECT conrelid AS relid, 'pg_constraint'::regclass::oid AS classid, oid FROM pg_constraint WHERE contype = 'c'
      UNION ALL SELECT adrelid, 'pg_attrdef'::regclass, oid FROM pg_attrdef
      UNION ALL SELECT indrelid, 'pg_class'::regclass, indexrelid FROM pg_index
      -- of the action, which is an UPDATE
      UNION ALL SELECT tgrelid, 'pg_trigger'::regclass, oid FROM pg_trigger WHERE tgqual IS NOT NULL AND tgtype & 16 <> 0) o ON o.relid = k.conrelid
JOIN pg_depend d ON d.classid = o.classid AND d.objid = o.oid AND d.refclassid = 'pg_proc'::regclass
LEFT JOIN pg_trigger t ON o.classid = 'pg_trigger'::regclass AND t.oid = o.oid
WHERE k.contype = 'f' AND k.confdeltype IN ('n', 'd') AND k.connamespace = 'bastion'::regnamespace
  AND d.refobjid IS DISTINCT FROM t.tgfoid AND NOT has_function_privilege('regress_stranger', d.refobjid, 'EXECUTE');
-- the steps of share() and its sisters believe their caller, so they have none
SELECT p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace = 'bastion_internal'::regnamespace AND p.proname IN ('share_find', 'share_grant', 'shared_row', 'unshare_end', 'shares_on',
    'explained_member_row', 'explain_member_row', 'unit_to_delete', 'as_table_owner')
  AND (has_function_privilege('regress_code_app', p.oid, 'EXECUTE') OR has_function_privilege('regress_code_owner', p.oid, 'EXECUTE'));

DROP SCHEMA code CASCADE;
DROP TABLE public.code_sheets, public.code_log CASCADE;
SELECT bastion.disallow_app_role('regress_code_app');
SELECT bastion.disallow_app_role('regress_code_owner');
DROP OWNED BY regress_code_app, regress_code_owner;
DROP ROLE regress_code_app, regress_code_owner;
