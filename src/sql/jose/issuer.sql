
-- External identity providers. Operators add, disable and remove them, set their keys, and link their subjects to users.

CREATE FUNCTION bastion_internal.issuer_check(issuer text, keys jsonb, options jsonb, required_claims jsonb, mapping jsonb) RETURNS void
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_issuer_check';
COMMENT ON FUNCTION bastion_internal.issuer_check(text, jsonb, jsonb, jsonb, jsonb) IS
'Refuses values that are not valid in bastion.issuers. SQLSTATE 22023; 0A000 and 54000 as jws_verify().';

CREATE FUNCTION bastion_internal.issuer_key_set(keys jsonb) RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_issuer_key_set';
COMMENT ON FUNCTION bastion_internal.issuer_key_set(jsonb) IS
'The public halves of one key or of the usable keys of a set, as a set, and beside them the skipped keys: {"keys": [...], "skipped": [{"key": position, "kid": ..., "reason": ...}]}. SQLSTATE 22023, also if no key is usable; 0A000 and 54000 as jwk_public().';

CREATE FUNCTION bastion_internal.require_issuer(issuer text) RETURNS bastion.issuers
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_issuer bastion.issuers;
BEGIN
    SELECT * INTO found_issuer FROM bastion.issuers i WHERE i.issuer = require_issuer.issuer FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'issuer does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    RETURN found_issuer;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_issuer(text) IS 'Finds and locks the row of an issuer. SQLSTATE 42704 for an unknown issuer.';

CREATE FUNCTION bastion_internal.issuer_event(kind text, issuer text, detail jsonb DEFAULT '{}') RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.record_event(kind, 'success', NULL, NULL,
        jsonb_build_object('issuer', issuer, 'by', session_user) || detail)
$$;
COMMENT ON FUNCTION bastion_internal.issuer_event(text, text, jsonb) IS 'Records a change of an issuer.';

CREATE FUNCTION bastion_internal.kids_of(keys jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT jsonb_build_object('kids', jsonb_path_query_array(keys, '$.keys[*].kid')) $$;
COMMENT ON FUNCTION bastion_internal.kids_of(jsonb) IS 'The key ids of a JWK Set, for the log of events.';

CREATE FUNCTION bastion.issuer_add(issuer text, keys jsonb, audiences text[], algorithms text[], leeway integer DEFAULT 60,
                                   max_age integer DEFAULT NULL, required_claims jsonb DEFAULT '{}', typ text DEFAULT NULL,
                                   mapping jsonb DEFAULT '{}', create_users boolean DEFAULT false)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    read jsonb;
    key_set jsonb;
    options jsonb := jsonb_strip_nulls(jsonb_build_object('aud', audiences, 'algorithms', algorithms, 'leeway', leeway,
                                                          'max_age', max_age, 'typ', typ));
BEGIN
    IF issuer IS NULL OR keys IS NULL OR required_claims IS NULL OR mapping IS NULL OR create_users IS NULL
       OR array_position(audiences, NULL) IS NOT NULL OR array_position(algorithms, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'arguments of an issuer must not be null' USING ERRCODE = 'null_value_not_allowed';
    ELSIF issuer = bastion_internal.setting('bastion.issuer') THEN
        RAISE EXCEPTION 'cannot add the issuer of the extension''s own tokens' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    read := bastion_internal.issuer_key_set(keys);
    key_set := read - 'skipped';
    PERFORM bastion_internal.issuer_check(issuer, key_set, options, required_claims, mapping);
    INSERT INTO bastion.issuers (issuer, keys, skipped_keys, options, required_claims, mapping, create_users)
    VALUES (issuer_add.issuer, key_set, read -> 'skipped', options, issuer_add.required_claims, issuer_add.mapping, issuer_add.create_users);
    PERFORM bastion_internal.issuer_event('issuer_added', issuer, bastion_internal.kids_of(key_set));
    RETURN read -> 'skipped';
END
$$;
COMMENT ON FUNCTION bastion.issuer_add(text, jsonb, text[], text[], integer, integer, jsonb, text, jsonb, boolean) IS
'Accepts the tokens of an identity provider.
A token must name it as iss and one of audiences as aud. One of its keys must have signed the token with one of algorithms (keys as for jws_verify(); public halves are stored, symmetric keys are refused). The token must have exp, and satisfy leeway and max_age (seconds), typ and required_claims: {"claim": value}, where the claim may also be an array that contains the value, and null accepts any value. mapping names the claims for user (default sub), tenant (uuid or slug), role, email and name, and a default_role. The issuer and the claim for user together identify a subject in user_identities. With create_users, authenticate() creates a user for an unknown subject and, if the token names tenant and role, a membership; never in a READ ONLY transaction or on a standby. The e-mail address is taken from the token if it says email_verified and no other user has the address; existing users are never linked by it.
Keys of a set that cannot verify a token are skipped (RFC 7517 section 5): malformed, weak or unknown ones, those for encryption, and those with the kid of an earlier key of the same type. Returns them as an array of {"key": position in the set, "kid", "reason"}; lint() names them, too. At least one key must be left.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22004 for NULL, 22023 for invalid values, 0A000 and 54000 as jws_verify(), 23505 for an issuer that exists already, 23514 for an invalid name.';
SELECT bastion_internal.event_kind('issuer_added');

CREATE FUNCTION bastion.issuer_keys_set(issuer text, keys jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known bastion.issuers := bastion_internal.require_issuer(issuer);
    read jsonb := bastion_internal.issuer_key_set(keys);
    key_set jsonb := read - 'skipped';
BEGIN
    PERFORM bastion_internal.issuer_check(known.issuer, key_set, known.options, known.required_claims, known.mapping);
    UPDATE bastion.issuers i SET keys = key_set, skipped_keys = read -> 'skipped', keys_changed_at = now()
    WHERE i.issuer = known.issuer;
    PERFORM bastion_internal.issuer_event('issuer_keys_set', known.issuer, bastion_internal.kids_of(key_set));
    RETURN read -> 'skipped';
END
$$;
COMMENT ON FUNCTION bastion.issuer_keys_set(text, jsonb) IS
'Replaces the keys of an issuer.
One set may hold old and new keys while the provider changes over. A key that is left out no longer verifies tokens, in every backend from the next statement after the commit, on a standby after replay. Returns the skipped keys, as issuer_add(). A NULL argument gives NULL and changes nothing.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42704 for an unknown issuer, 22023, 0A000 and 54000 as jws_verify().';
SELECT bastion_internal.event_kind('issuer_keys_set');

CREATE FUNCTION bastion.issuer_disable(issuer text, disabled boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known bastion.issuers := bastion_internal.require_issuer(issuer);
BEGIN
    UPDATE bastion.issuers i SET enabled = NOT issuer_disable.disabled WHERE i.issuer = known.issuer;
    PERFORM bastion_internal.issuer_event(CASE WHEN issuer_disable.disabled THEN 'issuer_disabled' ELSE 'issuer_enabled' END, known.issuer);
END
$$;
COMMENT ON FUNCTION bastion.issuer_disable(text, boolean) IS
'Disables an issuer, or with false enables it again. The tokens of a disabled issuer are refused from the next statement on; its users stay. A NULL argument gives NULL and changes nothing.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42704 for an unknown issuer.';
SELECT bastion_internal.event_kind('issuer_disabled', 'issuer_enabled');

CREATE FUNCTION bastion.issuer_remove(issuer text) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known bastion.issuers := bastion_internal.require_issuer(issuer);
BEGIN
    DELETE FROM bastion.issuers i WHERE i.issuer = known.issuer;
    PERFORM bastion_internal.issuer_event('issuer_removed', known.issuer);
END
$$;
COMMENT ON FUNCTION bastion.issuer_remove(text) IS
'Removes an issuer and the links of its subjects to users; the users stay. A NULL argument gives NULL and changes nothing.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42704 for an unknown issuer.';
SELECT bastion_internal.event_kind('issuer_removed');

CREATE FUNCTION bastion.identity_add(issuer text, subject text, user_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known bastion.issuers := bastion_internal.require_issuer(issuer);
BEGIN
    INSERT INTO bastion.user_identities (issuer, subject, user_id) VALUES (known.issuer, identity_add.subject, identity_add.user_id);
    PERFORM bastion_internal.record_event('identity_added', 'success', identity_add.user_id, NULL,
        jsonb_build_object('issuer', known.issuer, 'by', session_user));
END
$$;
COMMENT ON FUNCTION bastion.identity_add(text, text, uuid) IS
'Links a subject of an issuer to a user. A NULL argument gives NULL and changes nothing.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42704 for an unknown issuer, 23503 for an unknown user, 23505 for a subject that is linked already, 23514 for an invalid subject.';
SELECT bastion_internal.event_kind('identity_added');

CREATE FUNCTION bastion.identity_add(issuer text, subject text, for_user text)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT bastion.identity_add(issuer, subject, bastion_internal.any_user_named(for_user));
END;
COMMENT ON FUNCTION bastion.identity_add(text, text, text) IS
'identity_add() for a user who is named by uuid, e-mail address or user name.
A NULL argument gives NULL and changes nothing.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42704 for an unknown issuer, 23503 for an unknown user, 23505 for a subject that is linked already, 23514 for an invalid subject.';

CREATE FUNCTION bastion.identity_remove(issuer text, subject text) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    old_user uuid;
BEGIN
    DELETE FROM bastion.user_identities u WHERE u.issuer = identity_remove.issuer AND u.subject = identity_remove.subject
    RETURNING u.user_id INTO old_user;
    IF old_user IS NULL THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.record_event('identity_removed', 'success', old_user, NULL,
        jsonb_build_object('issuer', identity_remove.issuer, 'by', session_user));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.identity_remove(text, text) IS
'Removes the link of a subject of an issuer to its user; false if there was none. Tokens of the subject are refused from the next statement on, in transactions that began with one too, even if the user has other subjects. The user stays.
For operators: EXECUTE is granted to nobody.';
SELECT bastion_internal.event_kind('identity_removed');

CREATE FUNCTION bastion_internal.identity_email(email text, user_id uuid) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN bastion.is_email(wanted) IS TRUE AND NOT EXISTS (SELECT FROM bastion.users u WHERE u.email = wanted)
           THEN wanted ELSE user_id::text || '@identity.invalid' END
    FROM (SELECT lower(btrim(email) COLLATE "C")) w (wanted)
$$;
COMMENT ON FUNCTION bastion_internal.identity_email(text, uuid) IS
'The e-mail address for a new user: the one that the issuer verified, if no other user has it; else one under .invalid (RFC 2606), which receives no mail.';

CREATE FUNCTION bastion_internal.identity_create(token jsonb) RETURNS uuid
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    new_user uuid := gen_random_uuid();
    joined uuid;
    tenant uuid := bastion_internal.find_tenant(token ->> 'tenant');
    label text := btrim(token ->> 'name');
BEGIN
    IF bastion_internal.hook_refuses('before_signup', jsonb_build_object('email', token -> 'email', 'username', NULL, 'display_name', label, 'issuer', token -> 'issuer')) THEN
        RETURN NULL;
    END IF;
    -- If another transaction linked the subject first, the new user is rolled back, not deleted: no foreign key action fires.
    BEGIN
        INSERT INTO bastion.users (id, email, display_name)
        VALUES (new_user, bastion_internal.identity_email(token ->> 'email', new_user), bastion_internal.label_or_null(label));
        INSERT INTO bastion.user_identities (issuer, subject, user_id) VALUES (token ->> 'issuer', token ->> 'subject', new_user)
        ON CONFLICT DO NOTHING RETURNING user_id INTO joined;
        IF joined IS NULL THEN
            RAISE EXCEPTION 'another transaction was first' USING ERRCODE = 'BA999';
        END IF;
    EXCEPTION WHEN SQLSTATE 'BA999' THEN
        RETURN (SELECT i.user_id FROM bastion.user_identities i WHERE i.issuer = token ->> 'issuer' AND i.subject = token ->> 'subject');
    END;
    INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
    SELECT new_user, tenant, r.id FROM bastion.roles r
    WHERE tenant IS NOT NULL AND r.name = token ->> 'role' AND (r.system OR r.tenant_id = tenant)
    ORDER BY r.system LIMIT 1;
    PERFORM bastion_internal.record_event('signup', 'success', new_user, tenant, jsonb_build_object('issuer', token ->> 'issuer'));
    RETURN new_user;
END
$$;
COMMENT ON FUNCTION bastion_internal.identity_create(jsonb) IS
'Creates the user of an unknown subject, links the two, and adds a membership if the token names tenant and role. NULL when the hook before sign-ups refuses. authenticate() and login_id_token() call it for a verified token of an issuer with create_users.';

CREATE FUNCTION bastion_internal.lint_issuers() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'warning', format('issuer %s', i.issuer),
           format('key %s%s of its set was skipped: %s', s ->> 'key', ' (' || (s ->> 'kid') || ')', s ->> 'reason'),
           format('SELECT bastion.issuer_keys_set(i.issuer, i.keys) FROM bastion.issuers i WHERE i.issuer = %L;', i.issuer)
    FROM bastion.issuers i, jsonb_array_elements(i.skipped_keys) s
$$;
COMMENT ON FUNCTION bastion_internal.lint_issuers() IS
'Findings about keys of issuers that verify nothing. The fix accepts the set without them.';
