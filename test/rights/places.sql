-- The places where foreign code runs. One line each: a line added here adds the place to the matrix. The code of each is one
-- function of the probe, shop.<code>, which the table's owner owns unless stated otherwise.
--
-- signature: the shape of the function. decorate: the statement that attaches it to a table, run by rights.decorate(); if
-- NULL, shop.sql attaches it. on_columns: the columns of the table that decorate needs. owner_too: a SECURITY DEFINER
-- function, which its owner lets run as the owner.
CREATE TABLE rights.places (place text PRIMARY KEY, code text NOT NULL, signature text NOT NULL, decorate text, owner_too boolean NOT NULL DEFAULT false);

INSERT INTO rights.places (place, code, signature, decorate) VALUES
    ('before row', 'before_row', 'trigger', 'CREATE TRIGGER before_row BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {code}'),
    ('before statement', 'before_statement', 'trigger', 'CREATE TRIGGER before_statement BEFORE INSERT OR UPDATE OR DELETE ON {table} EXECUTE FUNCTION {code}'),
    ('after row', 'after_row', 'trigger', 'CREATE TRIGGER after_row AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {code}'),
    ('after statement', 'after_statement', 'trigger', 'CREATE TRIGGER after_statement AFTER INSERT OR UPDATE OR DELETE ON {table} EXECUTE FUNCTION {code}'),
    ('transition tables of an update', 'transition_update', 'trigger', 'CREATE TRIGGER transition_update AFTER UPDATE ON {table} REFERENCING OLD TABLE AS o NEW TABLE AS n EXECUTE FUNCTION {code}'),
    ('transition table of a delete', 'transition_delete', 'trigger', 'CREATE TRIGGER transition_delete AFTER DELETE ON {table} REFERENCING OLD TABLE AS o EXECUTE FUNCTION {code}'),
    ('deferred trigger', 'deferred', 'trigger', 'CREATE CONSTRAINT TRIGGER deferred AFTER INSERT OR UPDATE OR DELETE ON {table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {code}'),
    ('WHEN', 'in_when', 'text', 'CREATE TRIGGER in_when BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW WHEN (shop.in_when(old.title)) EXECUTE FUNCTION shop.quiet()'),
    ('operator of an element', 'pair_equal', 'custom', 'CREATE TRIGGER in_when_array BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW WHEN (old.pairs = ARRAY[ROW(1, 1)::shop.pair]) EXECUTE FUNCTION shop.quiet()'),
    ('trigger with an exception block', 'catching', 'trigger', 'CREATE TRIGGER catching BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {code}'),
    ('unqualified names in a trigger', 'careless', 'trigger', 'CREATE TRIGGER careless AFTER UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {code}'),
    ('CHECK', 'in_check', 'text', 'ALTER TABLE {table} ADD CHECK (shop.in_check(title || coalesce({changed}::text, '''')))'),
    ('folded CHECK', 'in_folded_check', 'text', 'ALTER TABLE {table} ADD CHECK (shop.in_folded_check(''constant'') OR title IS NOT NULL)'),
    ('inlined SQL function', 'in_inlined', 'inlined', 'ALTER TABLE {table} ADD CHECK (shop.in_inlined(title || coalesce({changed}::text, '''')))'),
    ('generated column', 'in_generated', 'text', 'ALTER TABLE {table} ADD generated boolean GENERATED ALWAYS AS (shop.in_generated({changed}::text)) STORED'),
    ('index expression', 'in_index', 'text', 'CREATE INDEX ON {table} ((shop.in_index(title)))'),
    ('index predicate', 'in_predicate', 'text', 'CREATE INDEX ON {table} (title) WHERE shop.in_predicate(title)'),
    ('folded index expression', 'in_folded_index', 'text', 'CREATE INDEX ON {table} ((shop.in_folded_index(''constant'')))'),
    ('operator class of an index', 'pair_compare', 'custom', 'CREATE INDEX ON {table} (pair, {changed})'),
    ('exclusion constraint', 'span_equal', 'custom', 'ALTER TABLE {table} ADD EXCLUDE (span WITH OPERATOR(shop.=#=))'),
    ('policy', 'in_policy', 'text', 'ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; '
     'CREATE POLICY in_policy ON {table} AS RESTRICTIVE USING (shop.in_policy(title))'),
    ('DEFAULT', 'in_default', 'uuid', NULL),
    ('rule', 'in_rule', 'text', NULL),
    ('cast of the key', 'text_to_code', 'custom', NULL),
    ('operator of the key', 'label_equal', 'custom', NULL),
    ('operator class of the key', 'label_compare', 'custom', NULL),
    ('domain of the key', 'in_domain', 'text', NULL),
    ('operator class of a partition key', 'part_compare', 'custom', NULL),
    ('bound_to of a sealed column', 'in_bound', 'texttext', NULL),
    ('statement trigger of an empty child', 'on_empty', 'trigger', NULL),
    ('grandchild', 'grandchild', 'trigger', NULL),
    ('partition of another owner', 'neighbour', 'trigger', NULL),
    ('event trigger at the start', 'at_start', 'event_trigger', NULL),
    ('event trigger at the end', 'at_end', 'event_trigger', NULL),
    ('event trigger of a drop', 'at_drop', 'event_trigger', NULL),
    ('event trigger of a rewrite', 'at_rewrite', 'event_trigger', NULL),
    -- objects prepared by the attacker
    ('DEFAULT of a temporary table', 'temp_default', 'rogue', NULL),
    ('temporary view', 'temp_view', 'rogue', NULL),
    ('temporary domain', 'temp_domain', 'rogue', NULL),
    ('operator first in the path', 'path_operator', 'rogue', NULL),
    ('function first in the path', 'path_function', 'rogue', NULL),
    ('type first in the path', 'path_type', 'rogue', NULL);
INSERT INTO rights.places (place, code, signature, decorate, owner_too) VALUES
    ('definer trigger', 'definer', 'trigger', 'CREATE TRIGGER definer BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {code}', true),
    ('helper of a definer trigger', 'helper', 'custom', NULL, true),
    ('foreign trigger on our table', 'on_ours', 'custom', NULL, true);
