
-- External identity providers, and the users whom their subjects are linked to.

CREATE TABLE bastion.issuers (
    issuer text COLLATE "C" NOT NULL,
    keys jsonb NOT NULL,
    skipped_keys jsonb NOT NULL DEFAULT '[]',
    options jsonb NOT NULL,
    required_claims jsonb NOT NULL DEFAULT '{}',
    mapping jsonb NOT NULL DEFAULT '{}',
    create_users boolean NOT NULL DEFAULT false,
    login jsonb,
    enabled boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    keys_changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT issuers_pkey PRIMARY KEY (issuer),
    CONSTRAINT issuers_issuer_check CHECK (octet_length(issuer) BETWEEN 1 AND 255 AND issuer !~ '[[:space:][:cntrl:]]')
);
COMMENT ON TABLE bastion.issuers IS
'Identity providers whose tokens authenticate() and bastion.token accept; granted to nobody. The functions issuer_... write it and check the values';
COMMENT ON COLUMN bastion.issuers.issuer IS 'The exact claim iss of its tokens';
COMMENT ON COLUMN bastion.issuers.keys IS 'Its public keys, a JWK Set (RFC 7517); private parts are never stored';
COMMENT ON COLUMN bastion.issuers.skipped_keys IS 'The keys of the set that was given last that verify nothing: position, kid and reason of each';
COMMENT ON COLUMN bastion.issuers.options IS 'Conditions on its tokens, as options of jwt_verify(): aud, algorithms, typ, leeway, max_age';
COMMENT ON COLUMN bastion.issuers.required_claims IS 'Claims that its tokens must have: the value itself or an array that contains it; null for any value';
COMMENT ON COLUMN bastion.issuers.mapping IS
'The claims that name user, tenant, role, email and name; default_role is a role, not a claim';
COMMENT ON COLUMN bastion.issuers.create_users IS 'Whether authenticate() and login_id_token() create a user for an unknown subject';
COMMENT ON COLUMN bastion.issuers.login IS
'How users log in with its ID tokens, as issuer_login_set() says: audiences, email_domains, second_factors; NULL if they may not';
COMMENT ON COLUMN bastion.issuers.enabled IS 'Whether its tokens are accepted';
COMMENT ON COLUMN bastion.issuers.created_at IS 'When the issuer was added';
COMMENT ON COLUMN bastion.issuers.keys_changed_at IS 'When its keys were set';
SELECT pg_extension_config_dump('bastion.issuers', '');
ALTER TABLE bastion.issuers ENABLE ROW LEVEL SECURITY;
CREATE TRIGGER issuers_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.issuers
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('keys');
CREATE TRIGGER issuers_invalidate_truncate AFTER TRUNCATE ON bastion.issuers
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('keys');
ALTER TABLE bastion.issuers ENABLE ALWAYS TRIGGER issuers_invalidate;
ALTER TABLE bastion.issuers ENABLE ALWAYS TRIGGER issuers_invalidate_truncate;

CREATE TABLE bastion.user_identities (
    issuer text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT user_identities_pkey PRIMARY KEY (issuer, subject),
    CONSTRAINT user_identities_subject_check CHECK (octet_length(subject) BETWEEN 1 AND 255),
    CONSTRAINT user_identities_issuer_fkey FOREIGN KEY (issuer) REFERENCES bastion.issuers (issuer) ON DELETE CASCADE,
    CONSTRAINT user_identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES bastion.users (id) ON DELETE CASCADE
);
CREATE INDEX user_identities_user_id_issuer_idx ON bastion.user_identities (user_id, issuer);
COMMENT ON TABLE bastion.user_identities IS 'Links of subjects of issuers to users; granted to nobody';
COMMENT ON COLUMN bastion.user_identities.issuer IS 'The issuer';
COMMENT ON COLUMN bastion.user_identities.subject IS 'The permanent identifier of the user at the issuer: the claim sub, unless mapped otherwise';
COMMENT ON COLUMN bastion.user_identities.user_id IS 'The user';
COMMENT ON COLUMN bastion.user_identities.created_at IS 'When the link was created';
SELECT pg_extension_config_dump('bastion.user_identities', '');
ALTER TABLE bastion.user_identities ENABLE ROW LEVEL SECURITY;
-- An unknown subject is not cached, so a new row needs no message.
CREATE TRIGGER user_identities_invalidate AFTER UPDATE OR DELETE ON bastion.user_identities
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('keys');
CREATE TRIGGER user_identities_invalidate_truncate AFTER TRUNCATE ON bastion.user_identities
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('keys');
ALTER TABLE bastion.user_identities ENABLE ALWAYS TRIGGER user_identities_invalidate;
ALTER TABLE bastion.user_identities ENABLE ALWAYS TRIGGER user_identities_invalidate_truncate;
