-- What a warm authenticate() costs with the token of a delegation, of one hop and of eight, beside that of a login: at most 1.2 times as
-- much, alone and with the first reader after it. The token of eight hops is twice as long. The blocks alternate, and an empty loop
-- is taken off.
\ir lib/compare.sql
SET bastion.allow_identity_switch = on;
\o /dev/null
SELECT bastion.resource_register('documents', '{create,read,update,delete}');
CREATE TABLE bench.hops (hops integer PRIMARY KEY, token text);
CREATE FUNCTION bench.make_hops() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    ann jsonb := bastion_api.signup('ann@bench.example', 'correct horse battery', 'Bench');
    token text := ann ->> 'access_token';
BEGIN
    INSERT INTO bench.hops VALUES (0, token);
    FOR n IN 1 .. 8 LOOP
        PERFORM bastion.authenticate(token);
        token := bastion_api.delegate(ann #>> '{user,id}', '{documents.*,tenant.members.read}') ->> 'access_token';
        INSERT INTO bench.hops VALUES (n, token);
    END LOOP;
END
$$;
SELECT bench.make_hops();
\o
CREATE FUNCTION bench.authenticating(with_reader boolean, rounds integer, calls integer)
RETURNS TABLE (hops integer, nanoseconds numeric, ratio numeric, at_most numeric) LANGUAGE plpgsql AS $$
DECLARE
    spent double precision[] := array_fill(0, ARRAY[10], ARRAY[0]);
    h bench.hops;
    began double precision;
BEGIN
    FOR i IN 1 .. rounds LOOP
        FOR h IN SELECT * FROM bench.hops b WHERE b.hops IN (0, 1, 8) UNION ALL SELECT 9, NULL LOOP
            began := bench.processor_time();
            IF h.token IS NULL THEN
                PERFORM i FROM generate_series(1, calls);
            ELSIF with_reader THEN
                PERFORM bastion.has_permission('documents.read') FROM generate_series(1, calls) WHERE bastion.authenticate(h.token) IS NOT NULL;
            ELSE
                PERFORM bastion.authenticate(h.token) FROM generate_series(1, calls);
            END IF;
            spent[h.hops] := spent[h.hops] + bench.processor_time() - began;
        END LOOP;
    END LOOP;
    RETURN QUERY SELECT n, round(((spent[n] - spent[9]) / rounds / calls * 1e6)::numeric),
                        round(((spent[n] - spent[9]) / (spent[0] - spent[9]))::numeric, 2), 1.2
                 FROM unnest(ARRAY[0, 1, 8]) n;
END
$$;
BEGIN;
\echo bastion.authenticate(), by hops
SELECT * FROM bench.authenticating(false, 20, 10000);
\echo the same, and the first reader of the identity
SELECT * FROM bench.authenticating(true, 20, 10000);
COMMIT;
