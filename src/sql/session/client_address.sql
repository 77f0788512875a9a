
-- The address of the client, and networks that it may be in.

CREATE FUNCTION bastion.client_address() RETURNS inet
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_client_address';
COMMENT ON FUNCTION bastion.client_address() IS
'The address of the client.
It is the address of the connection. With bastion.trusted_hops, it is the entry at that position from the end of the X-Forwarded-For header of request.headers. What an earlier transaction has set there does not count. NULL on a Unix socket, and when the header has fewer entries. An IPv4 address mapped into IPv6 is returned as IPv4.
SQLSTATE F0000 when the stored value of bastion.trusted_hops is invalid.';
SELECT bastion_internal.callable_by('bastion.client_address()', 'application');

CREATE FUNCTION bastion_internal.network_or_null(value text) RETURNS cidr
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_network_or_null';
COMMENT ON FUNCTION bastion_internal.network_or_null(text) IS
'The value as a network, with the bits after the prefix cleared and mapped IPv4 as IPv4; NULL for other text.';

CREATE FUNCTION bastion_internal.request_user_agent() RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_request_user_agent';
COMMENT ON FUNCTION bastion_internal.request_user_agent() IS
'The user agent of the HTTP request, at most 500 characters, if a front door such as PostgREST sets request.headers; else NULL. Never raises an error. The client chooses this text.';

CREATE FUNCTION bastion_internal.request_languages() RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_request_languages';
COMMENT ON FUNCTION bastion_internal.request_languages() IS
'The Accept-Language header of the HTTP request, at most 100 characters, if a front door such as PostgREST sets request.headers; else NULL. Never raises an error. The client chooses this text.';
