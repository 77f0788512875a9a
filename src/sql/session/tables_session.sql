
-- Sessions, which a login begins and a logout, a limit or an administrator ends, the refresh tokens that continue them, and the used
-- challenges of logins.

CREATE TABLE bastion.sessions (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    tenant_id uuid,
    unit_id uuid,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    authenticated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    idle_limit interval NOT NULL,
    device text,
    ip inet,
    user_agent text,
    level text NOT NULL DEFAULT 'aal1',
    amr text[] NOT NULL DEFAULT '{pwd}',
    phishing_resistant_at timestamptz,
    remembered_at timestamptz,
    revoked_at timestamptz,
    revoked_reason text,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_device_check CHECK (bastion_internal.is_label(device)),
    CONSTRAINT sessions_level_check CHECK (level IN ('aal0', 'aal1', 'aal2', 'aal3')),
    CONSTRAINT sessions_phishing_resistant_at_check CHECK (CASE level WHEN 'aal2' THEN true WHEN 'aal3' THEN phishing_resistant_at IS NOT NULL ELSE phishing_resistant_at IS NULL END),
    CONSTRAINT sessions_idle_limit_check CHECK (idle_limit > '0'),
    CONSTRAINT sessions_revoked_check CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL)),
    CONSTRAINT sessions_revoked_reason_check CHECK (bastion_internal.is_word(revoked_reason)),
    CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES bastion.users (id) ON DELETE CASCADE,
    CONSTRAINT sessions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE,
    CONSTRAINT sessions_unit_id_fkey FOREIGN KEY (tenant_id, unit_id) REFERENCES bastion.units (tenant_id, id)
        ON DELETE CASCADE
);
CREATE INDEX sessions_user_id_idx ON bastion.sessions (user_id);
CREATE INDEX sessions_tenant_id_unit_id_idx ON bastion.sessions (tenant_id, unit_id);
COMMENT ON TABLE bastion.sessions IS 'Sessions, each begun by a login and kept until session_prune() deletes it; granted to nobody';
COMMENT ON COLUMN bastion.sessions.id IS 'Identifier in tokens (claim sid) and contexts';
COMMENT ON COLUMN bastion.sessions.user_id IS 'The user who logged in';
COMMENT ON COLUMN bastion.sessions.tenant_id IS 'The tenant of the login; NULL for a user without one';
COMMENT ON COLUMN bastion.sessions.unit_id IS 'The unit of the login';
COMMENT ON COLUMN bastion.sessions.created_at IS 'When it began';
COMMENT ON COLUMN bastion.sessions.last_seen_at IS 'The login or the last refresh';
COMMENT ON COLUMN bastion.sessions.authenticated_at IS 'When the user last proved who they are: the login, or step_up()';
COMMENT ON COLUMN bastion.sessions.expires_at IS 'When it ends, even if it is refreshed';
COMMENT ON COLUMN bastion.sessions.idle_limit IS 'Time after last_seen_at when it ends without a refresh';
COMMENT ON COLUMN bastion.sessions.device IS 'Name of the device, as the client gives it';
COMMENT ON COLUMN bastion.sessions.ip IS 'The address of the client at last_seen_at';
COMMENT ON COLUMN bastion.sessions.user_agent IS 'The user agent of the HTTP client at last_seen_at';
COMMENT ON COLUMN bastion.sessions.level IS 'Assurance level (NIST SP 800-63B): aal0 (an anonymous user), aal1 (one factor), aal2 (two factors) or aal3 (an attested passkey); see confirmed_until()';
COMMENT ON COLUMN bastion.sessions.amr IS 'Authentication methods of the login (RFC 8176)';
COMMENT ON COLUMN bastion.sessions.phishing_resistant_at IS 'When the user last proved who they are with a passkey, which no page of another origin can ask for; NULL: never, or the level of then has ended';
COMMENT ON COLUMN bastion.sessions.remembered_at IS
'For a session that began without the second factor of its user, because the device is remembered: when that factor was last presented on it; -infinity after the device ceased to be known. NULL for all others';
COMMENT ON COLUMN bastion.sessions.revoked_at IS 'When it was ended before it expired';
COMMENT ON COLUMN bastion.sessions.revoked_reason IS
'Why it was ended: logout, admin, token, user_disabled, tenant_suspended, membership, password, address, recovery, refresh_reuse, expired, idle, keys_discarded';
SELECT pg_extension_config_dump('bastion.sessions', '');
ALTER TABLE bastion.sessions ENABLE ROW LEVEL SECURITY;
-- A new session is in no cache, and a refresh changes no cached value.
CREATE TRIGGER sessions_invalidate AFTER DELETE ON bastion.sessions
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('session', 'id');
CREATE TRIGGER sessions_invalidate_update AFTER UPDATE ON bastion.sessions
FOR EACH ROW WHEN (ROW(OLD.id, OLD.user_id, OLD.authenticated_at, OLD.expires_at, OLD.level, OLD.phishing_resistant_at,
                       OLD.remembered_at, OLD.revoked_at) IS DISTINCT FROM
                   ROW(NEW.id, NEW.user_id, NEW.authenticated_at, NEW.expires_at, NEW.level, NEW.phishing_resistant_at,
                       NEW.remembered_at, NEW.revoked_at))
EXECUTE FUNCTION bastion_internal.invalidate('session', 'id');
CREATE TRIGGER sessions_invalidate_truncate AFTER TRUNCATE ON bastion.sessions
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('sessions');
ALTER TABLE bastion.sessions ENABLE ALWAYS TRIGGER sessions_invalidate;
ALTER TABLE bastion.sessions ENABLE ALWAYS TRIGGER sessions_invalidate_update;
ALTER TABLE bastion.sessions ENABLE ALWAYS TRIGGER sessions_invalidate_truncate;

CREATE TABLE bastion.refresh_tokens (
    hash bytea NOT NULL,
    session_id uuid NOT NULL,
    issued_at timestamptz NOT NULL,
    access_jti uuid NOT NULL DEFAULT gen_random_uuid(),
    used_at timestamptz,
    successor_pepper integer,
    CONSTRAINT refresh_tokens_pkey PRIMARY KEY (hash),
    CONSTRAINT refresh_tokens_hash_check CHECK (octet_length(hash) = 32),
    CONSTRAINT refresh_tokens_used_check CHECK ((used_at IS NULL) = (successor_pepper IS NULL)),
    CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES bastion.sessions (id) ON DELETE CASCADE,
    CONSTRAINT refresh_tokens_successor_pepper_fkey FOREIGN KEY (successor_pepper) REFERENCES bastion.peppers (version)
);
CREATE INDEX refresh_tokens_session_id_idx ON bastion.refresh_tokens (session_id);
COMMENT ON TABLE bastion.refresh_tokens IS
'The refresh tokens of every session, used ones too, so that reuse is detected; granted to nobody';
COMMENT ON COLUMN bastion.refresh_tokens.hash IS 'SHA-256 of the token, which itself is not stored';
COMMENT ON COLUMN bastion.refresh_tokens.session_id IS 'The session that it continues: the token family';
COMMENT ON COLUMN bastion.refresh_tokens.issued_at IS 'When it was issued, with an access token of the same second';
COMMENT ON COLUMN bastion.refresh_tokens.access_jti IS 'The id (jti) of that access token';
COMMENT ON COLUMN bastion.refresh_tokens.used_at IS 'When its successor was issued';
COMMENT ON COLUMN bastion.refresh_tokens.successor_pepper IS 'The pepper with which its successor is derived';
SELECT pg_extension_config_dump('bastion.refresh_tokens', '');
ALTER TABLE bastion.refresh_tokens ENABLE ROW LEVEL SECURITY;

CREATE TABLE bastion.spent_tokens (
    hash bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT spent_tokens_pkey PRIMARY KEY (hash),
    CONSTRAINT spent_tokens_hash_check CHECK (octet_length(hash) = 32)
);
CREATE INDEX spent_tokens_expires_at_idx ON bastion.spent_tokens (expires_at);
COMMENT ON TABLE bastion.spent_tokens IS
'Challenges that were used, until session_prune() deletes them; one that was only issued has no row. Granted to nobody';
COMMENT ON COLUMN bastion.spent_tokens.hash IS 'SHA-256 of the challenge, which itself is not stored';
COMMENT ON COLUMN bastion.spent_tokens.expires_at IS 'When the challenge is refused for its age too';
SELECT pg_extension_config_dump('bastion.spent_tokens', '');
ALTER TABLE bastion.spent_tokens ENABLE ROW LEVEL SECURITY;

CREATE TABLE bastion.session_settings (
    tenant_id uuid NOT NULL,
    access_lifetime interval,
    session_lifetime interval,
    idle_limit interval,
    reuse_window interval,
    CONSTRAINT session_settings_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT session_settings_access_lifetime_check CHECK (bastion_internal.lasts(access_lifetime, '10 s', '30 days')),
    CONSTRAINT session_settings_session_lifetime_check CHECK (bastion_internal.lasts(session_lifetime, '10 s', '366 days')),
    CONSTRAINT session_settings_idle_limit_check CHECK (bastion_internal.lasts(idle_limit, '10 s', '366 days')),
    CONSTRAINT session_settings_reuse_window_check CHECK (bastion_internal.lasts(reuse_window, '0', '5 minutes')),
    CONSTRAINT session_settings_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id) ON DELETE CASCADE
);
COMMENT ON TABLE bastion.session_settings IS
'The limits that tenants set for their sessions; NULL or no row means the setting of the server. Granted to nobody';
COMMENT ON COLUMN bastion.session_settings.tenant_id IS 'The tenant';
COMMENT ON COLUMN bastion.session_settings.access_lifetime IS 'Replaces bastion.access_token_lifetime';
COMMENT ON COLUMN bastion.session_settings.session_lifetime IS 'Replaces bastion.session_lifetime';
COMMENT ON COLUMN bastion.session_settings.idle_limit IS 'Replaces bastion.session_idle_limit';
COMMENT ON COLUMN bastion.session_settings.reuse_window IS 'Replaces bastion.refresh_reuse_window';
SELECT pg_extension_config_dump('bastion.session_settings', '');
ALTER TABLE bastion.session_settings ENABLE ROW LEVEL SECURITY;
