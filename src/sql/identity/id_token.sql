
-- Login with an ID token of a registered issuer (OpenID Connect Core 1.0). A challenge is the secret of the client that asks for the
-- token: its hash is the nonce, so that a token which somebody else intercepted or asked for is of no use. Nothing is stored before it
-- is used. Users are known by issuer and subject; an address links only where the issuer is the authority of its domain.

CREATE FUNCTION bastion.issuer_login_set(issuer text, audiences text[], email_domains text[] DEFAULT '{}', second_factors text[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known bastion.issuers := bastion_internal.require_issuer(issuer);
    words text[];
BEGIN
    IF array_ndims(audiences) > 1 OR array_ndims(email_domains) > 1 OR array_ndims(second_factors) > 1 THEN
        RAISE EXCEPTION 'arguments of an issuer have one dimension' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    words := audiences || email_domains || second_factors;
    IF email_domains IS NULL OR second_factors IS NULL OR array_position(words, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'arguments of an issuer must not be null' USING ERRCODE = 'null_value_not_allowed';
    ELSIF cardinality(audiences) = 0 OR cardinality(words) > 100 OR EXISTS (SELECT FROM unnest(words) w WHERE octet_length(w) NOT BETWEEN 1 AND 255) THEN
        RAISE EXCEPTION 'an issuer has 1 to 100 audiences, domains and second factors of at most 255 bytes' USING ERRCODE = 'invalid_parameter_value';
    ELSIF EXISTS (SELECT FROM unnest(email_domains) d WHERE bastion.is_email('x@' || d) IS NOT TRUE) THEN
        RAISE EXCEPTION 'a domain of addresses is invalid' USING ERRCODE = 'invalid_parameter_value', HINT = 'Write it in lower case, without @.';
    ELSIF known.options -> 'aud' ?| audiences THEN
        RAISE EXCEPTION 'an audience of ID tokens cannot be one of access tokens' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'authenticate() would accept the ID token of a login as an access token.';
    END IF;
    UPDATE bastion.issuers i
    SET login = CASE WHEN audiences IS NOT NULL THEN jsonb_build_object('audiences', audiences, 'email_domains', email_domains, 'second_factors', second_factors) END
    WHERE i.issuer = known.issuer;
    PERFORM bastion_internal.issuer_event('issuer_login_set', known.issuer, jsonb_build_object('audiences', audiences, 'email_domains', email_domains));
END
$$;
COMMENT ON FUNCTION bastion.issuer_login_set(text, text[], text[], text[]) IS
'Lets users log in with ID tokens of an issuer (OpenID Connect), through login_id_token(); NULL for audiences ends that.
audiences are the client ids of the application there, all of them; none may be one of issuer_add(). email_domains are the domains of addresses for which the issuer is the authority, as a provider of mail is: an account with a verified address there belongs to its subject. second_factors are values of the claims acr and amr with which the issuer says that the user presented a second factor. Among them, phr and phrh in acr say that it was a passkey or a certificate (OpenID Connect EAP ACR Values 1.0): the session meets rules of the level phr.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22004 for NULL among or in place of the others, 22023 for invalid values, 42704 for an unknown issuer.';
SELECT bastion_internal.event_kind('issuer_login_set');

CREATE FUNCTION bastion_internal.text_claim(claims jsonb, name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE jsonb_typeof(claims -> name) WHEN 'string' THEN claims ->> name END $$;
COMMENT ON FUNCTION bastion_internal.text_claim(jsonb, text) IS 'A claim that is text; NULL for one of another type, and without it.';

CREATE FUNCTION bastion_internal.claim_values(claims jsonb, name text) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE jsonb_typeof(claims -> name) WHEN 'array' THEN claims -> name ELSE jsonb_build_array(claims -> name) END WHERE claims ? name $$;
COMMENT ON FUNCTION bastion_internal.claim_values(jsonb, text) IS 'The values of a claim, which may be one or an array; NULL without it.';

CREATE FUNCTION bastion_internal.jws_type(token text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT convert_from(decode(rpad(translate(h, '-_', '+/'), (length(h) + 3) / 4 * 4, '='), 'base64'), 'UTF8')::jsonb ->> 'typ'
    FROM split_part(token, '.', 1) h
$$;
COMMENT ON FUNCTION bastion_internal.jws_type(text) IS 'The member typ in the header of a token that jwt_verify() accepted; NULL without one.';

CREATE FUNCTION bastion_internal.id_token_read(token text, source bastion.issuers, nonce text, OUT claims jsonb, OUT reason text) RETURNS record
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    audiences jsonb := source.login -> 'audiences';
    type text;
BEGIN
    BEGIN
        claims := bastion.jwt_verify(token, source.keys, source.options - '{typ,max_age}'::text[]
                                                         || jsonb_build_object('iss', source.issuer, 'aud', audiences, 'max_age', 600));
        type := bastion_internal.jws_type(token);
    EXCEPTION WHEN invalid_authorization_specification OR untranslatable_character OR character_not_in_repertoire THEN
        claims := NULL;
    END;
    -- OpenID Connect Core 1.0 section 3.1.3.7. An access token (RFC 9068) and a logout token have types of their own.
    reason := CASE
        WHEN claims IS NULL THEN 'token'
        WHEN type IS NOT NULL AND upper(type COLLATE "C") <> 'JWT' THEN 'typ'
        WHEN (bastion_internal.claim_values(claims, 'aud') <@ audiences) IS NOT TRUE THEN 'aud'
        WHEN claims ? 'azp' AND (audiences ? bastion_internal.text_claim(claims, 'azp')) IS NOT TRUE THEN 'azp'
        WHEN jsonb_array_length(bastion_internal.claim_values(claims, 'aud')) > 1 AND NOT claims ? 'azp' THEN 'azp'
        WHEN bastion_internal.text_claim(claims, 'nonce') IS DISTINCT FROM nonce THEN 'nonce'
        WHEN (octet_length(bastion_internal.text_claim(claims, coalesce(source.mapping ->> 'user', 'sub'))) BETWEEN 1 AND 255) IS NOT TRUE THEN 'sub'
        WHEN EXISTS (SELECT FROM jsonb_each(source.required_claims) r
                     WHERE (r.value = 'null' OR bastion_internal.claim_values(claims, r.key) @> jsonb_build_array(r.value)) IS NOT TRUE OR NOT claims ? r.key)
            THEN 'required_claims' END;
END
$$;
COMMENT ON FUNCTION bastion_internal.id_token_read(text, bastion.issuers, text) IS
'The claims of an ID token of an issuer with this nonce, made within ten minutes; or why it is none.';

CREATE FUNCTION bastion_internal.id_token_user(source bastion.issuers, claims jsonb, OUT user_id uuid, OUT email text) RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    subject_name text := bastion_internal.text_claim(claims, coalesce(source.mapping ->> 'user', 'sub'));
    address text := lower(btrim(bastion_internal.text_claim(claims, coalesce(source.mapping ->> 'email', 'email'))) COLLATE "C");
    decides boolean;
    holder bastion.users;
BEGIN
    SELECT i.user_id INTO id_token_user.user_id FROM bastion.user_identities i WHERE i.issuer = source.issuer AND i.subject = subject_name;
    IF FOUND THEN
        RETURN;
    END IF;
    -- Some issuers write the word. An address that the issuer did not verify could be anybody's.
    address := CASE WHEN claims ->> 'email_verified' = 'true' AND bastion.is_email(address) THEN address END;
    decides := coalesce(source.login -> 'email_domains' ? split_part(address, '@', 2), false);
    SELECT * INTO holder FROM bastion.users u WHERE u.email = address AND u.email_verified_at IS NOT NULL FOR NO KEY UPDATE;
    IF FOUND AND NOT decides THEN
        email := address;
    ELSIF FOUND THEN
        INSERT INTO bastion.user_identities (issuer, subject, user_id) VALUES (source.issuer, subject_name, holder.id)
        ON CONFLICT ON CONSTRAINT user_identities_pkey DO NOTHING;
        IF FOUND THEN
            user_id := holder.id;
            PERFORM bastion_internal.record_event('identity_added', 'success', holder.id, NULL, jsonb_build_object('issuer', source.issuer, 'by', 'address'));
            PERFORM bastion_internal.mail_notice('identity_added', holder.id);
        END IF;
    ELSIF source.create_users THEN
        user_id := bastion_internal.identity_create(jsonb_strip_nulls(jsonb_build_object(
            'issuer', source.issuer, 'subject', subject_name, 'email', address,
            'name', bastion_internal.text_claim(claims, coalesce(source.mapping ->> 'name', 'name')),
            'tenant', bastion_internal.text_claim(claims, source.mapping ->> 'tenant'),
            'role', coalesce(bastion_internal.text_claim(claims, source.mapping ->> 'role'), source.mapping ->> 'default_role'))));
        IF decides AND user_id IS NOT NULL THEN
            PERFORM bastion_internal.address_prove(user_id, address, true);
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.id_token_user(bastion.issuers, jsonb) IS
'The user of an ID token: whom the subject is linked to; else, where the issuer is the authority of the address, the user who verified the address, linked from now on; else with create_users a new one. Of an unverified account with the address nothing is taken: it loses the address when the issuer is its authority.
Without that authority, the address of a user who verified it is returned in place of the user.
SQLSTATE 40001 when another transaction changed what this depends on and the isolation level is not READ COMMITTED.';

CREATE FUNCTION bastion_internal.id_token_amr(source bastion.issuers, claims jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN bool_or(f IN ('phr', 'phrh') AND bastion_internal.claim_values(claims, 'acr') ? f) THEN ARRAY['fed', 'pop', 'mfa']
                WHEN bool_or(bastion_internal.claim_values(claims, 'amr') ? f OR bastion_internal.claim_values(claims, 'acr') ? f) THEN ARRAY['fed', 'mfa']
                ELSE ARRAY['fed'] END
    FROM jsonb_array_elements_text(source.login -> 'second_factors') f
$$;
COMMENT ON FUNCTION bastion_internal.id_token_amr(bastion.issuers, jsonb) IS
'How the issuer authenticated the user: fed, which is of our own, and mfa if it names a second factor that the operator registered; pop, too, if that is one of the levels phr and phrh of OpenID Connect EAP ACR Values 1.0.';

CREATE FUNCTION bastion_internal.login_issuer(issuer text) RETURNS bastion.issuers
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT i FROM bastion.issuers i WHERE i.issuer = login_issuer.issuer AND i.enabled AND i.login IS NOT NULL $$;
COMMENT ON FUNCTION bastion_internal.login_issuer(text) IS 'The issuer if users may log in with its ID tokens; else NULL.';

CREATE FUNCTION bastion_api.id_token_options(issuer text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source bastion.issuers := bastion_internal.login_issuer(id_token_options.issuer);
    challenge text;
BEGIN
    IF source.issuer IS NULL THEN
        RETURN bastion_internal.refusal('unknown_issuer', 'nobody logs in with this issuer');
    END IF;
    challenge := bastion_internal.challenge_make('id_token', jsonb_build_object('issuer', source.issuer), '', bastion_internal.challenge_lifetime(),
                                                 bastion_internal.pepper('challenge'));
    RETURN bastion_internal.answer(jsonb_build_object('challenge', challenge, 'nonce', bastion_internal.passkey_challenge(challenge),
                                                      'expires_in', bastion_internal.challenge_lifetime()));
END
$$;
COMMENT ON FUNCTION bastion_api.id_token_options(text) IS
'Begins a login with an issuer of issuer_login_set(). It reads nothing of any user, and stores nothing.
Returns {"challenge": for login_id_token(), which the client keeps to itself, "nonce": for the authentication request to the issuer, "expires_in": 300}.
Refusal: unknown_issuer.
SQLSTATE BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.id_token_options(text)', 'application');

CREATE FUNCTION bastion_api.login_id_token(challenge text, id_token text, tenant text DEFAULT NULL, unit text DEFAULT NULL, device text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    terms jsonb := bastion_internal.challenge_open(login_id_token.challenge, 'id_token');
    source bastion.issuers := bastion_internal.login_issuer(terms ->> 'issuer');
    nonce text := bastion_internal.passkey_challenge(login_id_token.challenge);
    refused_at timestamptz := clock_timestamp();
    read record;
    person record;
    amr text[];
    next_challenge text;
BEGIN
    PERFORM bastion_internal.require_writable('a login');
    IF source.issuer IS NULL THEN
        RETURN bastion_internal.refuse_login(NULL, 'challenge', refused_at);
    END IF;
    read := bastion_internal.id_token_read(login_id_token.id_token, source, nonce);
    IF read.reason IS NOT NULL THEN
        RETURN bastion_internal.refuse_login(NULL, read.reason, refused_at);
    ELSIF NOT bastion_internal.challenge_spend(login_id_token.challenge) THEN
        RETURN bastion_internal.refuse_login(NULL, 'challenge', refused_at);
    END IF;
    person := bastion_internal.id_token_user(source, read.claims);
    IF person.email IS NOT NULL THEN
        next_challenge := bastion_internal.challenge_make('identity_link', jsonb_build_object('issuer', source.issuer, 'email', person.email,
            'subject', bastion_internal.text_claim(read.claims, coalesce(source.mapping ->> 'user', 'sub'))), '',
            bastion_internal.challenge_lifetime(), bastion_internal.pepper('challenge'));
        RETURN bastion_internal.refusal('link_required', 'an account has this address: log in to it as before, then link it')
            || jsonb_build_object('challenge', next_challenge, 'expires_in', bastion_internal.challenge_lifetime());
    ELSIF person.user_id IS NULL THEN
        RETURN bastion_internal.refuse_login(NULL, 'subject', refused_at);
    END IF;
    amr := bastion_internal.id_token_amr(source, read.claims);
    next_challenge := bastion_internal.login_challenge('tenant', person.user_id, bastion_internal.login_state(person.user_id), amr, NULL,
                                                       login_id_token.unit, login_id_token.device);
    RETURN bastion_internal.login_place(person.user_id, NULL, login_id_token.tenant, login_id_token.unit, login_id_token.device, next_challenge,
                                        amr, refused_at);
END
$$;
COMMENT ON FUNCTION bastion_api.login_id_token(text, text, text, text, text) IS
'Logs in with an ID token (OpenID Connect Core 1.0) that an issuer of issuer_login_set() made for the nonce of id_token_options(): challenge of that answer, and the token. tenant, unit and device are those of login().
The token must be signed by the issuer, not have expired, and have no character that the encoding of the database lacks. It is not older than ten minutes, and of no type or of JWT. Its audiences are all registered, so is azp, which several audiences need; and nonce is that of the challenge. A challenge is good once and for five minutes.
The subject of the issuer is the user. An unknown subject whose address the issuer verified may get the account with that address. For that, the issuer is the authority of its domain and the account verified it. Other subjects get a new account with create_users of issuer_add(). Other issuers get {"error": "link_required", "error_description", "challenge", "expires_in"} for the verified address of an account: the user logs in to it as before, and identity_link() takes the challenge. An account that never verified the address is linked to nobody.
The session has level aal1, or aal2 when the token names a registered second factor. Returns what login() returns, mfa_required and tenant_required included. Refusals are returned and recorded: {"error": "invalid_grant", "error_description"}, the same for every other reason.
SQLSTATE 25006 in a READ ONLY transaction, 40001 when another transaction changed what the login depends on and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.login_id_token(text, text, text, text, text)', 'application');

CREATE FUNCTION bastion_api.identity_link(challenge text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    terms jsonb := bastion_internal.challenge_open(identity_link.challenge, 'identity_link');
    source bastion.issuers := bastion_internal.login_issuer(terms ->> 'issuer');
    refused jsonb;
    person uuid;
    is_new boolean;
BEGIN
    PERFORM bastion_internal.require_writable('a link to an issuer');
    refused := bastion_internal.factor_change_refusal();
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    person := bastion.user_id();
    IF source.issuer IS NULL OR NOT EXISTS (SELECT FROM bastion.users u WHERE u.id = person AND u.email = terms ->> 'email' AND u.email_verified_at IS NOT NULL)
       OR NOT bastion_internal.challenge_spend(identity_link.challenge) THEN
        RETURN bastion_internal.refusal('invalid_request', 'the challenge has expired, was used, or is of another account');
    END IF;
    INSERT INTO bastion.user_identities (issuer, subject, user_id) VALUES (source.issuer, terms ->> 'subject', person)
    ON CONFLICT ON CONSTRAINT user_identities_pkey DO NOTHING;
    is_new := FOUND;
    IF is_new THEN
        PERFORM bastion_internal.record_event('identity_added', 'success', person, NULL, jsonb_build_object('issuer', source.issuer, 'by', 'user'));
        PERFORM bastion_internal.mail_notice('identity_added', person);
    END IF;
    RETURN bastion_internal.answer(jsonb_build_object('linked', is_new));
END
$$;
COMMENT ON FUNCTION bastion_api.identity_link(text) IS
'Links the subject of a login that was answered with link_required to the user of this transaction, who has the address in question. From then on login_id_token() logs them in. The user gets mail about it, if bastion.outbox is on.
Needs a login within ten minutes, or where the user has a second factor a confirmation with it.
Returns {"linked": boolean}; false if the subject was linked meanwhile.
Refusals: invalid_request for a challenge that is unknown, used, expired or of another address, insufficient_user_authentication with acr_values and max_age, unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, 40001 when another transaction changed the user and the isolation level is not READ COMMITTED, BA001 without a root key.';
SELECT bastion_internal.callable_by('bastion_api.identity_link(text)', 'application');

-- The user's own links

CREATE FUNCTION bastion_api.identity_links() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    person uuid;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    person := bastion.user_id();
    RETURN bastion_internal.answer((
        SELECT jsonb_build_object('identities', coalesce(jsonb_agg(jsonb_build_object(
            'issuer', l.issuer, 'subject', l.subject, 'enabled', i.enabled, 'created_at', l.created_at) ORDER BY l.created_at, l.issuer, l.subject), '[]'))
        FROM bastion.user_identities l JOIN bastion.issuers i ON i.issuer = l.issuer WHERE l.user_id = person));
END
$$;
COMMENT ON FUNCTION bastion_api.identity_links() IS
'Lists the accounts at issuers that are linked to the user of this transaction, and log in: {"identities": [{issuer, subject: the identifier of the user there, enabled: whether tokens of the issuer are accepted, created_at}]}, the oldest first. identity_unlink() removes one.
Refusals: unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25000 when the transaction has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.identity_links()', 'application');

CREATE FUNCTION bastion_api.identity_unlink(issuer text, subject text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb;
    person uuid;
BEGIN
    PERFORM bastion_internal.require_writable('a link to an issuer');
    refused := bastion_internal.factor_change_refusal();
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    person := bastion.user_id();
    IF NOT EXISTS (SELECT FROM bastion.user_identities l WHERE l.issuer = identity_unlink.issuer AND l.subject = identity_unlink.subject AND l.user_id = person) THEN
        RETURN bastion_internal.refusal('unknown_identity', 'there is no such link');
    END IF;
    refused := bastion_internal.last_login_refusal(person, issuer => identity_unlink.issuer, subject => identity_unlink.subject);
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    -- The identity may end with the link: nothing reads it after the deletion.
    PERFORM bastion_internal.record_event('identity_removed', 'success', person, NULL, jsonb_build_object('issuer', identity_unlink.issuer, 'by', 'user'));
    PERFORM bastion_internal.mail_notice('identity_removed', person);
    PERFORM bastion_internal.end_logins(person);
    DELETE FROM bastion.user_identities l WHERE l.issuer = identity_unlink.issuer AND l.subject = identity_unlink.subject AND l.user_id = person;
    RETURN bastion_internal.answer('{"unlinked": true}');
END
$$;
COMMENT ON FUNCTION bastion_api.identity_unlink(text, text) IS
'Removes a link of identity_links(): the account at the issuer does not log in to that of the user of this transaction any more. Its tokens are refused from the next statement on, and logins whose next step is open end. Sessions go on: logout(''others'') ends those. The user gets mail about it, if bastion.outbox is on.
Needs a login within ten minutes, or where the user has a second factor a confirmation with it.
Returns {"unlinked": true}. Refusals: unknown_identity, last_login when no other way to log in is left; insufficient_user_authentication with acr_values and max_age (RFC 9470), unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation. A password counts beside a user name or address, and a passkey that lets in alone. So do another link and, with bastion.outbox, a verified address.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already, 40001 when another transaction changed the user and the isolation level is not READ COMMITTED.';
SELECT bastion_internal.callable_by('bastion_api.identity_unlink(text, text)', 'application');
