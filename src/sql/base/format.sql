
-- The text formats that tables enforce and that functions check before they write. All are ASCII: a look-alike letter of another
-- script never makes a second account, and no comparison depends on the database's collation.

CREATE FUNCTION bastion.is_email(value text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN octet_length(value) > 254 OR position('@' in value) > 65 THEN false
                ELSE value COLLATE "C" ~ ('^[a-z0-9.!#$%&''*+/=?^_`{|}~-]+'
                                          '@[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?([.][a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$')
           END;
END
$$;
COMMENT ON FUNCTION bastion.is_email(text) IS
'Whether the value is a valid e-mail address in lower case. The definition is that of the HTML Living Standard. The lengths are those of RFC 5321 4.5.3.1: 64 octets before the @, 254 in all. An address outside ASCII is not valid.';

CREATE FUNCTION bastion.is_username(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN octet_length(value) > 63 THEN false
                ELSE value COLLATE "C" ~ '^[a-z0-9][a-z0-9._-]+$' END
$$;
COMMENT ON FUNCTION bastion.is_username(text) IS
'Whether the value is a user name: 2 to 63 lower-case letters, digits, dots, underscores and hyphens, the first a letter or digit. It contains no @, so it cannot be mistaken for an e-mail address.';

CREATE FUNCTION bastion_internal.lasts(value interval, shortest interval, longest interval) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT value BETWEEN shortest AND longest AND extract(year FROM value) >= 0 AND extract(month FROM value) >= 0
        AND extract(day FROM value) >= 0 AND value >= date_trunc('day', value)
$$;
COMMENT ON FUNCTION bastion_internal.lasts(interval, interval, interval) IS
'Whether a duration is in these limits, and no part of it is negative: intervals compare as if a month had 30 days, so that months less days could be any time.';

CREATE FUNCTION bastion_internal.uuid_or_null(value text) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN octet_length(value) = 36
                     AND value COLLATE "C" ~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$' THEN value::uuid END;
END
$$;
COMMENT ON FUNCTION bastion_internal.uuid_or_null(text) IS
'The value as a uuid if it is written in the form of RFC 9562 section 4, else NULL.';

CREATE FUNCTION bastion.is_slug(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN octet_length(value) > 63 THEN false
                WHEN bastion_internal.uuid_or_null(value) IS NOT NULL THEN false
                ELSE value COLLATE "C" ~ '^[a-z0-9]+(-[a-z0-9]+)*$' END
$$;
COMMENT ON FUNCTION bastion.is_slug(text) IS
'Whether the value can stand in a URL for a tenant or unit: up to 63 lower-case letters, digits and single hyphens. A uuid is not a slug, because arguments accept either.';

CREATE FUNCTION bastion_internal.is_label(value text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN octet_length(value) > 800 THEN false
                ELSE char_length(value) <= 200 AND btrim(value) <> '' AND value COLLATE "C" !~ E'[\\u0001-\\u001f\\u007f]' END;
END
$$;
COMMENT ON FUNCTION bastion_internal.is_label(text) IS
'Whether the value is a display name: 1 to 200 characters, not only spaces, no control characters.';

CREATE FUNCTION bastion_internal.label_or_null(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN bastion_internal.is_label(value) THEN value END;
END
$$;
COMMENT ON FUNCTION bastion_internal.label_or_null(text) IS 'The value if it is_label(), else NULL.';

CREATE FUNCTION bastion_internal.is_name(value text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The planner would evaluate IS NORMALIZED of a constant, which is an error in other encodings.
    IF getdatabaseencoding() <> 'UTF8' OR NOT bastion_internal.is_label(value) THEN
        RETURN bastion_internal.is_label(value);
    END IF;
    RETURN value IS NFC NORMALIZED
        AND value COLLATE "C" !~ E'[\\u0080-\\u009f\\u00ad\\u034f\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb\\U000e0000-\\U000e0fff]';
END
$$;
COMMENT ON FUNCTION bastion_internal.is_name(text) IS
'Whether the value names an object that is found by this name: a display name whose characters are composed (NFC) and visible. No marks of direction, no characters without width.';

CREATE FUNCTION bastion_internal.is_resource(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN octet_length(value) > 128 THEN false
                ELSE value COLLATE "C" ~ '^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)*$' END
$$;
COMMENT ON FUNCTION bastion_internal.is_resource(text) IS
'Whether the value is a resource name: words of lower-case letters, digits and underscores, joined by dots, at most 128 bytes.';
SELECT bastion_internal.callable_by('bastion_internal.is_resource(text)', 'migration');

CREATE FUNCTION bastion_internal.is_word(value text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN octet_length(value) > 63 THEN false
                ELSE value COLLATE "C" ~ '^[a-z][a-z0-9_]*$' END;
END
$$;
COMMENT ON FUNCTION bastion_internal.is_word(text) IS
'Whether the value is one word, such as the action of a permission or the kind of a unit: lower-case letters, digits and underscores, at most 63 bytes.';
SELECT bastion_internal.callable_by('bastion_internal.is_word(text)', 'migration');

CREATE FUNCTION bastion.is_permission_pattern(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN octet_length(value) > 192 THEN false
                ELSE value COLLATE "C" ~ '^([*]|[*][.][a-z][a-z0-9_]*|[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)*[.]([a-z][a-z0-9_]*|[*]))$'
           END
$$;
COMMENT ON FUNCTION bastion.is_permission_pattern(text) IS
'Whether the value is a permission (documents.read) or a pattern of permissions: * for all, *.read for one action on every resource, documents.* for everything below a resource.';

CREATE FUNCTION bastion_internal.is_reserved_resource(resource text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT split_part(resource, '.', 1) IN ('tenant', 'platform', 'bastion', 'own') $$;
COMMENT ON FUNCTION bastion_internal.is_reserved_resource(text) IS
'Whether the first word of a resource or permission belongs to the extension (tenant, platform, bastion, own). The wildcards * and *.action never cover these.';
SELECT bastion_internal.callable_by('bastion_internal.is_reserved_resource(text)', 'migration');
