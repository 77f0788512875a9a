
-- Mail that waits to be sent, and the one-time tokens that leave with it. The tokens themselves are stored nowhere: they are derived
-- from their rows under a pepper (one_time_token.sql).
--
-- Users, tenants and invitations are named without foreign keys. The check of a key would lock the row of a known user and no row for
-- an unknown address, so the two would differ in cost. Triggers remove what belongs to a deleted user, tenant or invitation.

CREATE TABLE bastion.one_time_tokens (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    purpose text NOT NULL,
    user_id uuid,
    address text COLLATE "C" NOT NULL,
    invitation_id uuid,
    pepper integer NOT NULL,
    generation integer NOT NULL DEFAULT 1,
    payload jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    mailed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT one_time_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT one_time_tokens_purpose_check CHECK (purpose IN ('verify_email', 'reset_password', 'magic_link', 'code', 'invitation',
                                                                'email_change', 'email_undo', 'delete_cancel', 'account_recovery')),
    CONSTRAINT one_time_tokens_address_check CHECK (bastion.is_email(address)),
    CONSTRAINT one_time_tokens_payload_check CHECK (jsonb_typeof(payload) = 'object'),
    CONSTRAINT one_time_tokens_expires_at_check CHECK (expires_at > created_at),
    CONSTRAINT one_time_tokens_pepper_fkey FOREIGN KEY (pepper) REFERENCES bastion.peppers (version)
);
CREATE UNIQUE INDEX one_time_tokens_open_idx ON bastion.one_time_tokens (address, purpose, user_id, invitation_id) NULLS NOT DISTINCT
    WHERE used_at IS NULL;
CREATE INDEX one_time_tokens_user_id_idx ON bastion.one_time_tokens (user_id);
COMMENT ON TABLE bastion.one_time_tokens IS 'What was or will be mailed as a link or code, without the link or code; granted to nobody';
COMMENT ON COLUMN bastion.one_time_tokens.id IS 'Identifier, which is part of the token';
COMMENT ON COLUMN bastion.one_time_tokens.purpose IS 'verify_email, reset_password, magic_link, code, invitation, email_change, email_undo, delete_cancel or account_recovery';
COMMENT ON COLUMN bastion.one_time_tokens.user_id IS 'The user for whom it acts; NULL for an invitation, and for an address that no user has';
COMMENT ON COLUMN bastion.one_time_tokens.address IS 'The e-mail address that it is sent to, and that it proves';
COMMENT ON COLUMN bastion.one_time_tokens.invitation_id IS 'The invitation that it accepts';
COMMENT ON COLUMN bastion.one_time_tokens.pepper IS 'The pepper from which it is derived; it is refused when another one is active';
COMMENT ON COLUMN bastion.one_time_tokens.generation IS 'How often it was replaced by another one';
COMMENT ON COLUMN bastion.one_time_tokens.payload IS 'What the function that takes it needs';
COMMENT ON COLUMN bastion.one_time_tokens.created_at IS 'When it was made, or last replaced';
COMMENT ON COLUMN bastion.one_time_tokens.mailed_at IS 'When mail with it was last queued';
COMMENT ON COLUMN bastion.one_time_tokens.expires_at IS 'When it is no longer accepted';
COMMENT ON COLUMN bastion.one_time_tokens.used_at IS 'When it was used, or ended by another use; NULL: it is open';
SELECT pg_extension_config_dump('bastion.one_time_tokens', '');
ALTER TABLE bastion.one_time_tokens ENABLE ROW LEVEL SECURITY;

CREATE TABLE bastion.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    user_id uuid,
    tenant_id uuid,
    address text COLLATE "C" NOT NULL,
    locale text NOT NULL,
    payload jsonb NOT NULL DEFAULT '{}',
    token_id uuid,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    available_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    claimed_by text,
    claimed_until timestamptz,
    done_at timestamptz,
    dead_at timestamptz,
    error text,
    CONSTRAINT outbox_pkey PRIMARY KEY (id),
    CONSTRAINT outbox_kind_check CHECK (bastion_internal.is_word(kind)),
    CONSTRAINT outbox_address_check CHECK (bastion.is_email(address)),
    CONSTRAINT outbox_payload_check CHECK (jsonb_typeof(payload) = 'object'),
    CONSTRAINT outbox_claimed_check CHECK ((claimed_by IS NULL) = (claimed_until IS NULL)),
    CONSTRAINT outbox_end_check CHECK (num_nonnulls(done_at, dead_at) <= 1)
);
CREATE INDEX outbox_available_at_idx ON bastion.outbox (available_at, id) WHERE done_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_user_id_idx ON bastion.outbox (user_id);
COMMENT ON TABLE bastion.outbox IS 'Mail for the sender, without the links and codes in it; granted to nobody';
COMMENT ON COLUMN bastion.outbox.id IS 'Identifier for the sender';
COMMENT ON COLUMN bastion.outbox.kind IS 'What the mail says: the name of its template';
COMMENT ON COLUMN bastion.outbox.user_id IS 'The user to whom it belongs, if any';
COMMENT ON COLUMN bastion.outbox.tenant_id IS 'The tenant to which it belongs, if any';
COMMENT ON COLUMN bastion.outbox.address IS 'The e-mail address that it is sent to';
COMMENT ON COLUMN bastion.outbox.locale IS 'The language of the request that caused it, as a tag such as de or pt-BR';
COMMENT ON COLUMN bastion.outbox.payload IS 'What the template shows';
COMMENT ON COLUMN bastion.outbox.token_id IS 'The one-time token that the sender gets with it';
COMMENT ON COLUMN bastion.outbox.created_at IS 'When it was queued';
COMMENT ON COLUMN bastion.outbox.available_at IS 'When it may be sent';
COMMENT ON COLUMN bastion.outbox.attempts IS 'How often it was claimed';
COMMENT ON COLUMN bastion.outbox.claimed_by IS 'The sender that has claimed it';
COMMENT ON COLUMN bastion.outbox.claimed_until IS 'When another sender may claim it';
COMMENT ON COLUMN bastion.outbox.done_at IS 'When it was sent; for mail that nobody gets, when it was queued';
COMMENT ON COLUMN bastion.outbox.dead_at IS 'When its last attempt had failed';
COMMENT ON COLUMN bastion.outbox.error IS 'Why the last attempt failed, as the sender says';
SELECT pg_extension_config_dump('bastion.outbox', '');
SELECT pg_extension_config_dump('bastion.outbox_id_seq', '');
ALTER TABLE bastion.outbox ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION bastion_internal.forget_mail_of_user() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM bastion.one_time_tokens t WHERE t.user_id = OLD.id;
    DELETE FROM bastion.outbox o WHERE o.user_id = OLD.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.forget_mail_of_user() IS 'Trigger: deletes the mail and the one-time tokens of a deleted user.';

CREATE TRIGGER users_forget_mail AFTER DELETE ON bastion.users
FOR EACH ROW EXECUTE FUNCTION bastion_internal.forget_mail_of_user();
COMMENT ON TRIGGER users_forget_mail ON bastion.users IS 'Deletes the mail and the one-time tokens of a deleted user';
