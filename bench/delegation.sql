-- What a warm authenticate() costs with the token of a delegation, of one hop and of eight, beside that of a login: for one hop at most 1.2
-- times as much, alone and with the first reader after it. The token of eight hops is twice as long. The blocks alternate, and the fastest of each counts.
SET bastion.allow_identity_switch = on;
CREATE SCHEMA IF NOT EXISTS bench;
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
CREATE FUNCTION bench.authenticating(with_reader boolean, rounds integer, calls integer) RETURNS TABLE (hops integer, nanoseconds numeric, ratio numeric) LANGUAGE plpgsql AS $$
DECLARE
    best double precision[] := '{}';
    h bench.hops;
    began timestamptz;
    taken double precision;
BEGIN
    FOR i IN 1 .. rounds LOOP
        FOR h IN SELECT * FROM bench.hops b WHERE b.hops IN (0, 1, 8) LOOP
            began := clock_timestamp();
            IF with_reader THEN
                PERFORM bastion.has_permission('documents.read') FROM generate_series(1, calls) WHERE bastion.authenticate(h.token) IS NOT NULL;
            ELSE
                PERFORM bastion.authenticate(h.token) FROM generate_series(1, calls);
            END IF;
            taken := extract(epoch FROM clock_timestamp() - began);
            best[h.hops] := least(best[h.hops], taken);
        END LOOP;
    END LOOP;
    RETURN QUERY SELECT n, round((best[n] / calls * 1e9)::numeric), round((best[n] / best[0])::numeric, 2) FROM unnest(ARRAY[0, 1, 8]) n;
END
$$;
\echo bastion.authenticate(), by hops
SELECT * FROM bench.authenticating(false, 60, 500);
\echo the same, and the first reader of the identity
SELECT * FROM bench.authenticating(true, 60, 500);
