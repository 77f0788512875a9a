# Every function of bastion_api in each of its shapes, against bastion_api.schema(): the answer as the schema says, with no property
# beside, and status and headers as PostgREST reads them. Then no shape of a schema may be left that was not seen. Prints TAP.
import base64
import copy
import datetime
import hashlib
import hmac
import json
import time
import uuid

import jsonschema
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ROLE = "bastion_frontdoor_api"
STATUS = {"unauthenticated": 401, "invalid_token": 401, "invalid_grant": 401, "session_ended": 401, "insufficient_scope": 403, "signup_closed": 403,
          "insufficient_user_authentication": 401, "too_many_tries": 429, "too_many_attempts": 429, "too_many_requests": 429}
# It needs a server that hashes passwords meanwhile: test/tap/t/hash_slots.pl.
ELSEWHERE = {"temporarily_unavailable"}
number = 0


def ok(holds, name, why=""):
    global number
    number += 1
    print(f"{'ok' if holds else 'not ok'} {number} - {name}")
    for line in str(why).splitlines() if not holds else []:
        print("#", line)


formats = jsonschema.FormatChecker(formats=())


@formats.checks("uuid", ValueError)
def is_uuid(value):
    return not isinstance(value, str) or str(uuid.UUID(value)) == value


@formats.checks("date-time", ValueError)
def is_time(value):
    return not isinstance(value, str) or ("T" in value and datetime.datetime.fromisoformat(value).tzinfo is not None)


def closed(schema):
    """The schema with no other properties in its objects."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        schema["additionalProperties"] = False
    return schema


owner = psycopg.connect(autocommit=True)
owner.execute(f"DO $$ BEGIN IF to_regrole('{ROLE}') IS NULL THEN CREATE ROLE {ROLE}; END IF; END $$")
owner.execute("SELECT bastion.allow_app_role(%s)", [ROLE])
schemas = owner.execute("SELECT bastion_api.schema()").fetchone()[0]
validators, expected, seen = {}, set(), set()
for name, schema in schemas.items():
    jsonschema.Draft202012Validator.check_schema(schema)
    validators[name] = jsonschema.Draft202012Validator(closed(schema), format_checker=formats)
    for shape in schema["anyOf"]:
        definition = shape["$ref"].rsplit("/", 1)[1]
        if definition == "Refusal":
            expected |= {(name, code) for code in schema["$defs"]["Refusal"]["properties"]["error"]["enum"]}
        else:
            expected.add((name, definition))
functions = {row[0] for row in owner.execute("SELECT proname FROM pg_proc WHERE pronamespace = 'bastion_api'::regnamespace")}
ok(functions == set(schemas), "a schema for each function", functions ^ set(schemas))


def shape_of(name, answer):
    for part in schemas[name]["anyOf"]:
        definition = part["$ref"].rsplit("/", 1)[1]
        one = dict(closed(schemas[name]), anyOf=[part])
        if definition != "Refusal" and jsonschema.Draft202012Validator(one).is_valid(answer):
            return definition
    return answer.get("error", "nothing")


def faults(name, answer, status, headers):
    found = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in validators[name].iter_errors(answer)]
    # RFC 6749 section 5.2, but for what RFC 6585 has a status
    wanted = "" if "error" not in answer else str(400 if name == "token" and STATUS.get(answer["error"]) != 429 else STATUS.get(answer["error"], 400))
    if status != wanted:
        found.append(f"status {status!r}, not {wanted!r}")
    pairs = json.loads(headers)
    if not all(isinstance(pair, dict) and len(pair) == 1 and all(isinstance(v, str) for v in pair.values()) for pair in pairs):
        found.append(f"no headers of PostgREST: {headers}")
    values = {key: value for pair in pairs for key, value in pair.items()}
    if values.get("Cache-Control") != "no-store":
        found.append(f"may be kept: {headers}")
    if "retry_after" in answer and answer["error"] in ("too_many_attempts", "too_many_requests") and values.get("Retry-After") != str(answer["retry_after"]):
        found.append(f"another time to retry: {headers}")
    if (status in ("401", "403")) != values.get("WWW-Authenticate", "").startswith("Bearer") and answer.get("error") != "signup_closed":
        found.append(f"a wrong challenge: {headers}")
    return found


def call(token, name, *arguments, settings={}, types=()):
    """One request, in a transaction of its own."""
    with psycopg.connect() as connection:
        connection.execute(f"SET LOCAL ROLE {ROLE}")
        for setting, value in {"bastion.token": token or "", "response.status": "299", "response.headers": "[]", **settings}.items():
            connection.execute("SELECT set_config(%s, %s, true)", [setting, value])
        marks = ", ".join(f"%s{'::' + types[i] if i < len(types) else ''}" for i in range(len(arguments)))
        answer = connection.execute(f"SELECT bastion_api.{name}({marks})", arguments).fetchone()[0]
        status, headers = connection.execute("SELECT current_setting('response.status'), current_setting('response.headers')").fetchone()
    shape = shape_of(name, answer)
    seen.add((name, shape))
    wrong = faults(name, answer, status, headers)
    ok(not wrong, f"{name}: {shape}", "\n".join(wrong))
    return answer


def admin(query, *parameters):
    return owner.execute(query, parameters).fetchone()[0]


mail = "{}@api.example".format
PASSWORD = "correct horse"
ann = call(None, "signup", mail("ann"), PASSWORD, "Ann's", "Ann", "ann.api")
ben = call(None, "signup", mail("ben"), PASSWORD, "Ben's")
for arguments in [("ann", PASSWORD, "X"), (mail("x"), "short", "X"), (mail("x"), "password", "X"), (mail("x"), PASSWORD, ""), (mail("x"), PASSWORD, "X", ""),
                  (mail("x"), PASSWORD, "X", None, "!"), (mail("ann"), PASSWORD, "X"), (mail("x"), PASSWORD, "X", None, "ann.api")]:
    call(None, "signup", *arguments)
owner.execute("ALTER ROLE CURRENT_USER SET bastion.signup_mode = 'closed'")
call(None, "signup", mail("x"), PASSWORD, "X")
owner.execute("ALTER ROLE CURRENT_USER RESET bastion.signup_mode")
owner.execute("CREATE FUNCTION public.nobody(jsonb) RETURNS jsonb LANGUAGE sql RETURN '{\"refuse\": true}'::jsonb")
owner.execute(f"GRANT USAGE ON SCHEMA public TO {ROLE}")
owner.execute(f"SELECT bastion.hook_set('before_signup', 'public.nobody(jsonb)', '{ROLE}')")
call(None, "signup", mail("x"), PASSWORD, "X")
owner.execute("SELECT bastion.hook_remove('before_signup')")
call(None, "login", mail("ann"), "wrong horse")
call(None, "login", "nobody", PASSWORD)
logged_in = call(None, "login", "ann.api", PASSWORD, None, None, "phone", "")
token = logged_in["access_token"]
call(None, "refresh", ann["refresh_token"])
call(None, "refresh", "bsr_unknown")
guest = ben["access_token"]
by_user = admin("SELECT (bastion.membership_force(%s, %s, 'viewer')) IS NOT NULL", ben["user"]["id"], ann["tenant"]["slug"])
challenge = call(None, "login", mail("ben"), PASSWORD)["challenge"]
call(None, "login_tenant", challenge, ann["tenant"]["slug"], "")
call(None, "login_tenant", challenge, ann["tenant"]["slug"])
call(None, "login_tenant", call(None, "login", mail("ben"), PASSWORD)["challenge"], ann["tenant"]["slug"])
for arguments in [(), ("password",), ("password", mail("ann"), PASSWORD), ("password", mail("ben"), PASSWORD), ("password", mail("ann"), "wrong horse"), ("password", mail("ann"), PASSWORD, None, "read")]:
    call(None, "token", *(arguments or ("x",)))
ben_here = call(None, "login", mail("ben"), PASSWORD, ann["tenant"]["slug"])["access_token"]

# API keys, of every kind and with everything that they can have
key = call(token, "api_key_create", "full", ["*", "tenant.*"], datetime.datetime(2100, 1, 1), ["10.0.0.0/8"], "default", json.dumps({"a": 1}),
           types=("text", "text[]", "timestamptz", "text[]", "text", "jsonb"))
everything = call(token, "api_key_create", "second", ["*", "tenant.*", "own.*"], types=("text", "text[]"))
call(token, "api_key_create", "never", ["*"], "infinity", types=("text", "text[]", "timestamptz"))
call(everything["key"], "me")
call(token, "api_key_create", "", ["*"], types=("text", "text[]"))
call(token, "api_key_create", "x", ["nothing.read"], types=("text", "text[]"))
for _ in range(4):
    call(token, "api_key_rotate", key["id"], types=("uuid",))
call(token, "api_key_rotate", key["id"], types=("uuid",))
call(token, "api_key_rotate", key["id"], "91 days", types=("uuid", "interval"))
call(token, "api_key_rotate", str(uuid.uuid4()), types=("uuid",))
call(token, "api_keys")
call(ben_here, "api_keys")
call(token, "api_key_disable", everything["id"], None, types=("uuid", "boolean"))
call(token, "api_key_disable", everything["id"], False, types=("uuid", "boolean"))

# delegations: by a login and by an actor
agent = call(token, "delegate", ben["user"]["id"], ["*", "tenant.*"], "default", types=("text", "text[]", "text"))
call(agent["access_token"], "delegate", ben["user"]["id"], ["tenant.*"], types=("text", "text[]"))
call(agent["access_token"], "delegate", ben["user"]["id"], ["own.*"], types=("text", "text[]"))
call(token, "delegate", str(uuid.uuid4()), ["*"], types=("text", "text[]"))
call(token, "delegate", ben["user"]["id"], ["*"], None, "1 s", types=("text", "text[]", "text", "interval"))
call(token, "delegate", ben["user"]["id"], ["*"], None, "1 hour", True, types=("text", "text[]", "text", "interval", "boolean"))
call(agent["access_token"], "me")
call(agent["access_token"], "sessions")
call(token, "delegations")
call(agent["access_token"], "delegations")
call(token, "delegation_revoke", agent["delegation"], types=("uuid",))
call(token, "delegation_revoke", agent["delegation"], types=("uuid",))

# invitations by address and of a user, with and without a unit
with psycopg.connect() as connection:
    connection.execute("SELECT bastion.authenticate(%s)", [token])
    invited = connection.execute("SELECT bastion.invite(%s, 'viewer', 'default', '1 day', '2100-01-01')", [mail("cat")]).fetchone()[0]["token"]
    dog = connection.execute("SELECT bastion.invite(%s, 'viewer')", [mail("dog")]).fetchone()[0]["token"]
    connection.execute("INSERT INTO bastion.users (email) VALUES (%s)", [mail("eve")])
    connection.execute("SELECT bastion.membership_set(u.id, 'viewer') FROM bastion.users u WHERE u.email = %s", [mail("eve")])
cat = call(None, "signup", mail("cat"), PASSWORD, "Cat's")
call(token, "invitations")
call(cat["access_token"], "invitation_accept", invited, types=("text",))
call(cat["access_token"], "invitation_accept", invited, types=("text",))
for password, display_name, username in [("short", None, None), ("password", None, None), (PASSWORD, "", None), (PASSWORD, None, "!"), (PASSWORD, None, "ann.api")]:
    call(None, "signup_invited", dog, password, display_name, username)
owner.execute(f"SELECT bastion.hook_set('before_signup', 'public.nobody(jsonb)', '{ROLE}')")
call(None, "signup_invited", dog, PASSWORD)
owner.execute("SELECT bastion.hook_remove('before_signup')")
owner.execute("INSERT INTO bastion.users (email) VALUES (%s)", [mail("dog")])
call(None, "signup_invited", dog, PASSWORD)
owner.execute("DELETE FROM bastion.users WHERE email = %s", [mail("dog")])
call(None, "signup_invited", dog, PASSWORD)
call(None, "signup_invited", dog, PASSWORD)
eve = admin("SELECT bastion.token_issue(u.id, NULL::uuid) FROM bastion.users u WHERE u.email = %s", mail("eve"))
invitation = call(eve, "my_invitations")["invitations"][0]["id"]
call(eve, "me")
call(eve, "invitation_decline", invitation, types=("uuid",))
call(eve, "invitation_decline", invitation, types=("uuid",))

# the account, and the tenants of a user
for profile in [{"display_name": "Ann"}, {"email": "x"}, {"display_name": ""}, {"username": "!"}]:
    call(token, "profile_update", json.dumps(profile), types=("jsonb",))
call(ben_here, "profile_update", json.dumps({"username": "ann.api"}), types=("jsonb",))
for old, new in [("wrong horse", PASSWORD), (PASSWORD, "short"), (PASSWORD, "a" * 20), (PASSWORD, "correct horse battery")]:
    call(cat["access_token"], "password_change", old, new)
moving = call(None, "login", mail("ben"), PASSWORD, ann["tenant"]["slug"])
call(None, "tenant_switch", moving["refresh_token"], ben["tenant"]["slug"])
call(None, "tenant_switch", "bsr_unknown", ben["tenant"]["slug"])
admin("SELECT bastion.user_sessions_revoke(%s::uuid)", ben["user"]["id"])
call(None, "tenant_switch", moving["refresh_token"], ben["tenant"]["slug"])
ben_here = call(None, "login", mail("ben"), PASSWORD, ann["tenant"]["slug"])["access_token"]
guest = call(None, "login", mail("ben"), PASSWORD, ben["tenant"]["slug"])["access_token"]
session = call(token, "sessions")["sessions"][0]["id"]
for device in ["a phone", "", None]:
    call(token, "session_rename", session, device, types=("uuid", "text"))
    call(token, "device_rename", session, device, types=("uuid", "text"))
call(token, "devices")
call(token, "device_revoke", session, types=("uuid",))
call(token, "session_revoke", str(uuid.uuid4()), types=("uuid",))
call(token, "tenants")
call(token, "tenant_create", "Annex")
call(token, "tenant_create", "")
owner.execute("ALTER ROLE CURRENT_USER SET bastion.signup_mode = 'closed'")
call(token, "tenant_create", "Annex")
owner.execute("ALTER ROLE CURRENT_USER RESET bastion.signup_mode")
call(token, "tenant_rename", "Ann's")
call(token, "tenant_rename", "")
call(token, "tenant_settings")
owner.execute("SELECT bastion.platform_step_up_rule_set('api_docs.read', 'aal2', '1 hour')")
call(token, "step_up_rules")
owner.execute("SELECT bastion.platform_step_up_rule_remove('api_docs.read')")
call(token, "tenant_settings_set", json.dumps({"idle_limit": 3600}), types=("jsonb",))
call(token, "tenant_settings_set", json.dumps({"idle_limit": "x"}), types=("jsonb",))
call(token, "tenant_settings_set", json.dumps({"idle_limit": None}), types=("jsonb",))
for arguments in [("team", "North", "north"), ("team", "North", "north"), ("A team", "x"), ("team", "x", "x", "nowhere")]:
    call(token, "unit_create", *arguments)
for arguments in [("north", "Far North"), ("north", ""), ("nowhere", "x")]:
    call(token, "unit_rename", *arguments)
call(token, "unit_create", "team", "Lane", "lane", "north")
for arguments in [(None,), ("north",), ("nowhere",), ("lane",)]:
    call(token, "unit_delete", *arguments, types=("text",))
call(token, "units", None, None, 1, types=("text", "uuid", "integer"))
call(token, "units", None, str(uuid.uuid4()), types=("text", "uuid"))
for arguments in [(mail("ben"), "viewer", "north", datetime.datetime(2020, 1, 1), datetime.datetime(2100, 1, 1)), (admin("SELECT u.id::text FROM bastion.users u WHERE u.email = %s", mail("eve")), "viewer"), (mail("ann"), "viewer"), (mail("ben"), "nothing"),
                  (mail("ben"), "viewer", None, datetime.datetime(2100, 1, 1), datetime.datetime(2020, 1, 1))]:
    for name in ("member_set", "member_add"):
        call(token, name, *arguments, types=("text", "text", "text", "timestamptz", "timestamptz"))
call(token, "member_add", mail("ann"), "owner", None, None, datetime.datetime(2100, 1, 1), types=("text", "text", "text", "timestamptz", "timestamptz"))
call(token, "members", None, None, None, 1, types=("text", "text", "uuid", "integer"))
call(token, "members", "ben", types=("text",))
call(token, "members", None, "nowhere", types=("text", "text"))
for arguments in [(mail("ben"), "north"), (mail("ben"), "nowhere"), (mail("ann"),)]:
    call(token, "member_remove", *arguments)
call(token, "tenant_transfer", "nobody")
call(token, "tenant_leave")
call(token, "tenant_delete_cancel", "nowhere")
call(token, "tenant_delete", "nowhere")
with_one = call(None, "signup", mail("end"), PASSWORD, "The end")
call(with_one["access_token"], "tenant_delete", "the-end")
call(call(None, "login", mail("end"), PASSWORD)["access_token"], "tenant_delete_cancel", "the-end")
call(ben_here, "tenant_leave")
call(cat["access_token"], "tenant_transfer", admin("SELECT u.id::text FROM bastion.users u WHERE u.email = %s", mail("dog")))
with psycopg.connect() as connection:
    connection.execute("SELECT bastion.membership_force(u.id, %s, 'viewer') FROM bastion.users u WHERE u.email = %s", [cat["tenant"]["slug"], mail("dog")])
call(cat["access_token"], "tenant_transfer", admin("SELECT u.id::text FROM bastion.users u WHERE u.email = %s", mail("dog")))

# mail: each flow to its end, with the tokens that the sender would get
LINK = "bst_ot_" + "0" * 32 + "_" + "A" * 43


def mailed(kind):
    rows = owner.execute("SELECT kind, coalesce(token, code) FROM bastion.outbox_claim('api', 100) ORDER BY id DESC").fetchall()
    return next(row[1] for row in rows if row[0] == kind)


owner.execute("ALTER ROLE CURRENT_USER SET bastion.outbox = 'on'")
# anonymous accounts
call(None, "signup_anonymous", "Guest")
owner.execute("ALTER ROLE CURRENT_USER SET bastion.anonymous_signup = on")
call(None, "signup_anonymous", "")
call(None, "signup_anonymous", "Guest", "")
visitor, other = (call(None, "signup_anonymous", "Guest")["access_token"] for _ in range(2))
call(visitor, "profile_update", json.dumps({"username": "guest.api"}), types=("jsonb",))
call(visitor, "email_change", mail("guest"))
owner.execute(f"SELECT bastion.hook_set('before_signup', 'public.nobody(jsonb)', '{ROLE}')")
call(None, "signup_anonymous", "Guest")
call(visitor, "account_convert", mail("guest"), PASSWORD)
owner.execute("SELECT bastion.hook_remove('before_signup')")
for credential, arguments in [(None, (mail("guest"), PASSWORD)), ("x", (mail("guest"), PASSWORD)), (everything["key"], (mail("guest"), PASSWORD)),
                              (visitor, ("x", PASSWORD)), (visitor, (None, PASSWORD, "!")), (visitor, (mail("guest"), "short")), (visitor, (mail("guest"), "guest.api guest.api", "guest.api")),
                              (visitor, (mail("ben"), PASSWORD)), (visitor, (None, PASSWORD, "ann.api"))]:
    call(credential, "account_convert", *arguments, types=("text", "text", "text"))
converted = call(visitor, "account_convert", mail("guest"), PASSWORD, "guest.api")["access_token"]
call(converted, "account_convert", mail("guest"), PASSWORD)

mia = call(None, "signup", mail("mia"), PASSWORD, "Mia's")["access_token"]
link = mailed("verify_email")
for credential in [everything["key"], None, "x", mia]:
    call(credential, "verify_email", link)
call(None, "verify_email", LINK)
call(None, "signup", mail("noa"), PASSWORD, "Noa's")
unused = mailed("verify_email")
call(None, "resend_verification", mail("mia"))
call(None, "resend_verification", "mia")
for name in ("request_password_reset", "request_login_link", "request_login_code"):
    call(None, name, "mia")
    asked = call(None, name, mail("mia"))
    if name == "request_password_reset":
        link = mailed("reset_password")
        for password in ("short", "password", PASSWORD):
            call(None, "reset_password", link, password)
        call(None, "reset_password", link, PASSWORD)
owner.execute("INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT u.id, t.id, r.id FROM bastion.users u, bastion.tenants t, bastion.roles r"
              " WHERE u.email = %s AND t.slug = 'ann-s' AND r.system AND r.name = 'owner'", [mail("mia")])
code = mailed("code")
call(None, "login_code", asked["request"], code, types=("uuid",))
call(None, "login_code", asked["request"], code, "mia-s", types=("uuid",))
call(None, "login_code", asked["request"], code, "mia-s", types=("uuid",))
owner.execute("UPDATE bastion.one_time_tokens SET mailed_at = mailed_at - interval '1 hour'")
call(None, "request_login_link", mail("mia"))
link = mailed("magic_link")
call(None, "login_link", link)
mia = call(None, "login_link", link, "mia-s")["access_token"]
call(None, "login_link", link)
for credential, address, password in [(mia, "x", PASSWORD), (mia, mail("mia2"), "wrong"), (mia, mail("mia2"), PASSWORD), (None, mail("x"), ""), ("x", mail("x"), ""), (everything["key"], mail("x"), "")]:
    call(credential, "email_change", address, password)
for credential in [None, "x", everything["key"], mia]:
    call(credential, "email_change_confirm", LINK)
call(mia, "email_change_confirm", mailed("email_change"))
call(None, "email_undo", mailed("email_undo"))
call(None, "email_undo", LINK)
call(None, "reset_password", mailed("reset_password"), PASSWORD)
mia = call(None, "login", mail("mia"), PASSWORD, "mia-s")["access_token"]
for credential, password in [(None, ""), ("x", ""), (everything["key"], ""), (mia, "wrong"), (mia, PASSWORD)]:
    call(credential, "account_delete", password)
owner.execute("INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT u.id, t.id, r.id FROM bastion.users u, bastion.tenants t, bastion.roles r"
              " WHERE u.email = %s AND t.slug = 'mia-s' AND r.system AND r.name = 'owner'", [mail("ann")])
call(mia, "account_delete", PASSWORD)
link = mailed("delete_cancel")
call(None, "account_delete_cancel", link)
call(None, "account_delete_cancel", link)
# recovery of an account whose second factor is lost
call(None, "signup", mail("lou"), PASSWORD, "Lou's")
owner.execute("INSERT INTO bastion.user_factors (user_id, kind, name, state) SELECT u.id, 'totp', 'x', 'suspended' FROM bastion.users u WHERE u.email = %s", [mail("lou")])
call(None, "account_recovery_start", "x")
call(None, "account_recovery_start", call(None, "login", mail("lou"), PASSWORD)["challenge"])
owner.execute("UPDATE bastion.users SET email_verified_at = now() WHERE email = %s", [mail("lou")])
call(None, "account_recovery_start", call(None, "login", mail("lou"), PASSWORD)["challenge"])
link = mailed("account_recovery")
call(None, "account_recovery_finish", link)
call(None, "account_recovery_finish", LINK)
owner.execute("UPDATE bastion.one_time_tokens SET created_at = created_at - interval '73 hours' WHERE purpose = 'account_recovery'")
call(None, "account_recovery_finish", link)
for credential, arguments in [(None, (link,)), (None, ()), ("x", ()), (everything["key"], ()), (converted, ())]:
    call(credential, "account_recovery_cancel", *arguments)
owner.execute("ALTER ROLE CURRENT_USER SET bastion.signup_verification = 'required'")
call(None, "signup", mail("new"), PASSWORD, "New")
link = mailed("verify_email")
call(None, "verify_email", link, "wrong")
call(None, "verify_email", link, PASSWORD)
call(other, "account_convert", mail("other"), PASSWORD)
call(None, "verify_email", mailed("verify_email"), PASSWORD)

# too many attempts, on an account and from a network
call(None, "signup", mail("jay"), PASSWORD, "Jay")
link = mailed("verify_email")
for _ in range(11):
    call(None, "verify_email", link, "wrong")
owner.execute("ALTER ROLE CURRENT_USER RESET bastion.signup_verification")
kim = call(None, "signup", mail("kim"), PASSWORD, "Kim's")["access_token"]
asked = call(None, "request_login_code", mail("kim"))
owner.execute("SELECT bastion_internal.throttle_try('code_of_user', 'user ' || u.id) FROM bastion.users u, generate_series(1, 5) WHERE u.email = %s", [mail("kim")])
call(None, "login_code", asked["request"], mailed("code"), types=("uuid",))
for _ in range(10):
    call(None, "login", mail("kim"), "wrong")
call(None, "login", mail("kim"), PASSWORD)
call(None, "token", "password", mail("kim"), PASSWORD)
call(kim, "password_change", PASSWORD, "another correct horse", types=("text", "text"))
call(kim, "email_change", mail("kim2"), PASSWORD)
call(kim, "account_delete", PASSWORD)
owner.execute("ALTER ROLE CURRENT_USER SET bastion.trusted_hops = 1")
owner.execute("SELECT bastion_internal.throttle_try('mail', '192.0.2.0/24') FROM generate_series(1, 20)")
for name in ("request_password_reset", "request_login_link", "request_login_code", "resend_verification"):
    call(None, name, mail("kim"), settings={"request.headers": json.dumps({"x-forwarded-for": "192.0.2.7"})})
owner.execute("SELECT bastion_internal.throttle_try('signup', '192.0.2.0/24') FROM generate_series(1, 20)")
call(None, "signup_anonymous", "Guest", settings={"request.headers": json.dumps({"x-forwarded-for": "192.0.2.7"})})
owner.execute("ALTER ROLE CURRENT_USER RESET bastion.anonymous_signup")
owner.execute("ALTER ROLE CURRENT_USER RESET bastion.trusted_hops")

with psycopg.connect() as connection:
    connection.execute("SELECT bastion.authenticate(%s)", [token])
    connection.execute("SELECT bastion.invite(%s, 'viewer')", [mail("fox")])
link = mailed("invitation")
call(None, "invitation_decline_link", link)
call(None, "invitation_decline_link", link)
owner.execute("ALTER ROLE CURRENT_USER RESET bastion.outbox")

# second factors: codes as RFC 6238 makes them
def totp(secret, step):
    mac = hmac.new(base64.b32decode(secret), (int(time.time()) // 30 + step).to_bytes(8, "big"), "sha1").digest()
    return f"{(int.from_bytes(mac[mac[19] & 15:][:4], 'big') & 0x7fffffff) % 1000000:06}"


some_factor = str(uuid.uuid4())
fay = call(None, "signup", mail("fay"), PASSWORD, "Fay's")["access_token"]
call(fay, "recovery_codes_renew")
call(fay, "totp_add", "")
added = call(fay, "totp_add")
call(fay, "totp_confirm", some_factor, "x", types=("uuid", "text"))
call(fay, "totp_confirm", added["factor"], "x", types=("uuid", "text"))
codes = call(fay, "totp_confirm", added["factor"], totp(added["secret"], 0), types=("uuid", "text"))["recovery_codes"]
call(fay, "factors")
call(fay, "factor_rename", added["factor"], "", types=("uuid", "text"))
call(fay, "factor_rename", some_factor, "Phone", types=("uuid", "text"))
call(fay, "factor_rename", added["factor"], "Phone", types=("uuid", "text"))
for name, arguments in {"totp_add": (), "recovery_codes_renew": (), "factor_remove": (some_factor,), "totp_confirm": (some_factor, "x")}.items():
    call(fay, name, *arguments, types=("uuid", "text")[:len(arguments)])
fay_confirmed = call(fay, "step_up", None, json.dumps({"code": codes[0]}), types=("uuid", "jsonb"))["access_token"]
recovery = [json.dumps({"code": c}) for c in call(fay_confirmed, "recovery_codes_renew")["recovery_codes"]]
# the second factor of a login, by password, link and code
mfa = ("text", "uuid", "jsonb")
asked = call(None, "login", mail("fay"), PASSWORD)["challenge"]
call(None, "login_mfa", asked, None, '{"code": "x"}', types=mfa)
call(None, "login_mfa", asked, None, recovery[0], types=mfa)
call(None, "login_mfa", asked, None, recovery[1], types=mfa)
call(None, "token", "password", mail("fay"), PASSWORD)
owner.execute("UPDATE bastion.users SET email_verified_at = now() WHERE email = %s", [mail("fay")])
owner.execute("ALTER ROLE CURRENT_USER SET bastion.outbox = 'on'")
call(None, "request_login_link", mail("fay"))
call(None, "login_link", mailed("magic_link"))
asked = call(None, "request_login_code", mail("fay"))
call(None, "login_code", asked["request"], mailed("code"), types=("uuid",))
owner.execute("ALTER ROLE CURRENT_USER RESET bastion.outbox")
admin("SELECT (bastion.membership_force(id, %s, 'viewer')) IS NOT NULL FROM bastion.users WHERE email = %s", ann["tenant"]["slug"], mail("fay"))
call(None, "login_mfa", call(None, "login", mail("fay"), PASSWORD)["challenge"], None, recovery[1], types=mfa)
owner.execute("INSERT INTO bastion.user_factors (user_id, kind, name, state) SELECT u.id, 'totp', 'x', 'suspended' FROM bastion.users u, generate_series(1, 9) WHERE u.email = %s", [mail("fay")])
call(fay_confirmed, "totp_add")
call(fay_confirmed, "factor_remove", some_factor, types=("uuid",))
owner.execute("UPDATE bastion.user_passwords p SET is_short = true FROM bastion.users u WHERE u.id = p.user_id AND u.email = %s", [mail("fay")])
call(fay_confirmed, "factor_remove", added["factor"], types=("uuid",))
owner.execute("UPDATE bastion.user_passwords SET is_short = false")
owner.execute("CREATE TEMP TABLE password_of_fay AS SELECT p.* FROM bastion.user_passwords p JOIN bastion.users u ON u.id = p.user_id WHERE u.email = %s", [mail("fay")])
owner.execute("DELETE FROM bastion.user_passwords WHERE user_id IN (SELECT user_id FROM password_of_fay)")
owner.execute("UPDATE bastion.users SET username = 'fay.api' WHERE email = %s", [mail("fay")])
call(fay_confirmed, "factor_remove", added["factor"], types=("uuid",))
call(fay_confirmed, "profile_update", json.dumps({"username": None}), types=("jsonb",))
owner.execute("UPDATE bastion.users SET username = NULL WHERE email = %s", [mail("fay")])
owner.execute("INSERT INTO bastion.user_passwords SELECT * FROM password_of_fay")
call(fay_confirmed, "factor_remove", added["factor"], types=("uuid",))
for _ in range(6):
    call(fay, "step_up", some_factor, '{"code": "000000"}', types=("uuid", "jsonb"))
call(None, "login_mfa", call(None, "login", mail("fay"), PASSWORD)["challenge"], None, recovery[2], types=mfa)
for name, arguments, types in [("factors", (), ()), ("totp_add", (), ()), ("recovery_codes_renew", (), ()), ("factor_remove", (some_factor,), ("uuid",)),
                               ("totp_confirm", (some_factor, "x"), ("uuid", "text")), ("factor_rename", (some_factor, "x"), ("uuid", "text")),
                               ("step_up", (some_factor, "{}"), ("uuid", "jsonb"))]:
    for credential in [None, "x", everything["key"]]:
        call(credential, name, *arguments, types=types)


# passkeys, of a browser and an authenticator in Python
def base64url(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


class Authenticator:
    def __init__(self):
        self.key, self.id, self.count, self.user = Ed25519PrivateKey.generate(), uuid.uuid4().bytes, 0, ""

    def signed(self, kind, options, flags, credential=b""):
        self.count += 1
        client = json.dumps({"type": kind, "challenge": options["publicKey"]["challenge"], "origin": "https://app.example", "crossOrigin": False}).encode()
        data = hashlib.sha256(b"app.example").digest() + bytes([flags]) + self.count.to_bytes(4, "big") + credential
        return client, data

    def answer(self, client, **response):
        return json.dumps({"id": base64url(self.id), "rawId": base64url(self.id), "type": "public-key", "clientExtensionResults": {},
                           "response": {"clientDataJSON": base64url(client), **response}})

    def create(self, options):
        self.user = options["publicKey"]["user"]["id"]
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        cose = bytes.fromhex("a4010103272006215820") + public  # {1: 1, 3: -8, -1: 6, -2: public}
        client, data = self.signed("webauthn.create", options, 0x45, bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cose)
        made = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58" + bytes([len(data)]) + data
        return self.answer(client, attestationObject=base64url(made))

    def get(self, options):
        client, data = self.signed("webauthn.get", options, 0x05)
        return self.answer(client, authenticatorData=base64url(data), userHandle=self.user,
                           signature=base64url(self.key.sign(data + hashlib.sha256(client).digest())))


admin("SELECT bastion.relying_party_set('app.example', 'App', '{https://app.example}')")
confirm, enter = ("text", "jsonb", "text"), ("text", "jsonb", "text")
pip, phone = call(None, "signup", mail("pip"), PASSWORD, "Pip's")["access_token"], Authenticator()
call(pip, "passkey_add", "nowhere.example")
made = call(pip, "passkey_add")
call(pip, "passkey_confirm", made["challenge"], "{}", types=confirm)
call(pip, "passkey_confirm", made["challenge"], "{}", "", types=confirm)
call(pip, "passkey_confirm", made["challenge"], phone.create(made), types=confirm)
call(pip, "passkey_add")
call(pip, "passkey_confirm", made["challenge"], "{}", types=confirm)
call(pip, "passkey_options")
call(pip, "passkey_options", "nowhere.example")
call(None, "passkey_login_options", "nowhere.example")
options = call(None, "passkey_login_options")
confirmed = call(None, "passkey_login", options["challenge"], phone.get(options), types=enter)["access_token"]
call(None, "passkey_login", options["challenge"], phone.get(options), types=enter)
options = call(None, "passkey_login_options")
call(None, "passkey_login", options["challenge"], phone.get(options), None, None, None, "", types=enter)
admin("SELECT (bastion.membership_force(id, %s, 'viewer')) IS NOT NULL FROM bastion.users WHERE email = %s", ann["tenant"]["slug"], mail("pip"))
options = call(None, "passkey_login_options")
call(None, "passkey_login", options["challenge"], phone.get(options), types=enter)
made = call(confirmed, "passkey_add")
owner.execute("INSERT INTO bastion.user_factors (user_id, kind, name, state) SELECT u.id, 'totp', 'x', 'suspended' FROM bastion.users u, generate_series(1, 9) WHERE u.email = %s", [mail("pip")])
call(confirmed, "passkey_confirm", made["challenge"], Authenticator().create(made), types=confirm)
for credential in [None, "x", everything["key"]]:
    call(credential, "passkey_add")
    call(credential, "passkey_options")
    call(credential, "passkey_confirm", "x", "{}", types=confirm)
admin("SELECT bastion.relying_party_remove('app.example')")

# ID tokens of an issuer, and an API key of another system
issuer, signer = "https://idp.api.example", json.dumps(admin("SELECT bastion.jwk_generate('EdDSA', 'api')"))
owner.execute("SELECT bastion.issuer_add(%s, bastion.jwk_public(%s::jsonb), '{api}', '{EdDSA}', create_users => true)", [issuer, signer])
owner.execute("SELECT bastion.issuer_login_set(%s, '{web}')", [issuer])


def id_token(subject, **claims):
    options = call(None, "id_token_options", issuer)
    claims = {"iss": issuer, "aud": "web", "sub": subject, "nonce": options["nonce"], "iat": int(time.time()), "exp": int(time.time()) + 60, **claims}
    return options["challenge"], admin("SELECT bastion.jwt_sign(%s::jsonb, %s::jsonb)", json.dumps(claims), signer)


call(None, "id_token_options", "https://nowhere.example")
call(None, "login_id_token", *id_token("ida"))
call(None, "login_id_token", "x", "x")
owner.execute("UPDATE bastion.users SET email_verified_at = now() WHERE email = %s", [mail("ben")])
link = call(None, "login_id_token", *id_token("ben", email=mail("ben"), email_verified=True))["challenge"]
call(pip, "identity_link", link)
call(guest, "identity_link", link)
call(guest, "identity_link", link)
owner.execute("SELECT bastion.membership_force(%s, t.slug, 'viewer') FROM bastion.tenants t WHERE t.id NOT IN (SELECT tenant_id FROM bastion.memberships WHERE user_id = %s) LIMIT 1",
              [ben["user"]["id"], ben["user"]["id"]])
call(None, "login_id_token", *id_token("ben"))
owner.execute("SELECT bastion.identity_add(%s, 'fay', %s)", [issuer, mail("fay")])
call(None, "login_id_token", *id_token("fay"))
for credential in [None, "x", everything["key"]]:
    call(credential, "identity_link", "x")
    call(credential, "identity_links")
    call(credential, "identity_unlink", "x", "x")
call(guest, "identity_links")
call(guest, "identity_unlink", issuer, "x")
owner.execute("UPDATE bastion.sessions SET authenticated_at = authenticated_at - interval '1 hour'")
call(guest, "identity_unlink", issuer, "ben")
owner.execute("UPDATE bastion.sessions SET authenticated_at = authenticated_at + interval '1 hour'")
owner.execute("UPDATE bastion.users SET email_verified_at = NULL WHERE email = %s", [mail("ben")])
owner.execute("CREATE TEMP TABLE password_of_ben AS SELECT p.* FROM bastion.user_passwords p JOIN bastion.users u ON u.id = p.user_id WHERE u.email = %s", [mail("ben")])
owner.execute("DELETE FROM bastion.user_passwords WHERE user_id IN (SELECT user_id FROM password_of_ben)")
call(guest, "identity_unlink", issuer, "ben")
owner.execute("INSERT INTO bastion.user_passwords SELECT * FROM password_of_ben")
call(guest, "identity_unlink", issuer, "ben")
owner.execute("SELECT bastion.api_key_scheme_add('api', 'sha256')")
owner.execute("SELECT bastion.import_api_keys(%s)", [json.dumps([{"scheme": "api", "hash": hashlib.sha256(b"an old key").hexdigest(), "user": mail("ann"),
                                                                  "tenant": ann["tenant"]["slug"], "name": "old", "scopes": ["*"]}])])
ok(call("an old key", "me")["user"]["email"] == mail("ann"), "an imported API key")
call("another old key", "me")
call(token, "api_keys")

# a step-up rule withholds the permission
owner.execute("SELECT bastion.platform_step_up_rule_set('tenant.*'), bastion.membership_force(%s, %s, 'viewer')", [mail("ben"), ann["tenant"]["slug"]])
for name, arguments, types in [("tenant_delete", ("x",), ()), ("unit_delete", ("north",), ()), ("tenant_rename", ("x",), ()), ("tenant_settings", (), ()), ("step_up_rules", (), ()), ("tenant_settings_set", ("{}",), ()), ("invitations", (), ()),
                               ("api_key_revoke", (str(uuid.uuid4()),), ("uuid",)), ("api_key_disable", (str(uuid.uuid4()),), ("uuid",)), ("members", (), ()),
                               ("member_set", (mail("ben"), "viewer"), ("text", "text")), ("member_add", (mail("ben"), "viewer"), ("text", "text")), ("member_remove", (mail("ben"),), ("text",)),
                               ("tenant_transfer", (mail("ben"),), ("text",)), ("unit_create", ("team", "x"), ("text", "text")), ("unit_rename", ("north", "x"), ("text", "text"))]:
    call(token, name, *arguments, types=types)
owner.execute("SELECT bastion.platform_step_up_rule_remove('tenant.*')")
# where the tenant requires a second factor, a session without one makes no API key, which needs none
owner.execute("UPDATE bastion.tenants SET mfa = 'required'")
call(token, "api_key_create", "x", ["*"], types=("text", "text[]"))
call(token, "api_key_rotate", key["id"], types=("uuid",))
owner.execute("UPDATE bastion.tenants SET mfa = 'off'")

# those that ask who calls: nobody, a refused token, an API key
calls = {"me": (), "logout": (), "sessions": (), "api_keys": (), "invitations": (), "my_invitations": (), "api_key_create": ("x", ["*"]), "delegate": ("x", ["*"]), "delegations": (),
         "delegation_revoke": (str(uuid.uuid4()),),
         "api_key_rotate": (str(uuid.uuid4()),), "api_key_revoke": (str(uuid.uuid4()),), "api_key_disable": (str(uuid.uuid4()),),
         "invitation_accept": (str(uuid.uuid4()),), "invitation_decline": (str(uuid.uuid4()),), "session_rename": (str(uuid.uuid4()), "x"), "devices": (), "device_rename": (str(uuid.uuid4()), "x"), "device_revoke": (str(uuid.uuid4()),),
         "session_revoke": (str(uuid.uuid4()),), "profile_update": ("{}",), "password_change": ("x", PASSWORD), "tenants": (), "tenant_create": ("x",),
         "tenant_rename": ("x",), "tenant_settings": (), "step_up_rules": (), "tenant_settings_set": ("{}",), "tenant_leave": (), "tenant_transfer": ("x",), "members": (),
         "member_set": ("x", "viewer"), "member_add": ("x", "viewer"), "member_remove": ("x",), "units": (), "unit_create": ("team", "x"), "unit_rename": ("north", "x"), "unit_delete": ("north",), "tenant_delete": ("x",), "tenant_delete_cancel": ("x",)}
of_text = {"password_change", "tenant_create", "tenant_rename", "tenant_transfer", "member_set", "member_add", "member_remove", "unit_create", "unit_rename", "unit_delete", "tenant_delete", "tenant_delete_cancel"}
for name, arguments in calls.items():
    types = ("text", "text[]") if name in {"api_key_create", "delegate"} else ("text",) if name in of_text else ("jsonb",) if arguments == ("{}",) else ("uuid",)
    for credential in [None, "x", everything["key"], eve]:
        if name == "me" and credential not in (None, "x") or credential == eve and name in {"logout", "sessions", "my_invitations", "invitation_accept", "invitation_decline", "profile_update",
                                                                                             "password_change", "devices", "device_rename", "device_revoke", "session_rename", "session_revoke", "tenants", "tenant_create", "tenant_delete_cancel"}:
            continue
        call(credential, name, *arguments, types=types)
call(token, "sessions", settings={"request.headers": json.dumps({"user-agent": "Test/1"})})
call(guest, "sessions")
call(token, "api_key_revoke", key["id"], types=("uuid",))
call(token, "api_key_revoke", key["id"], types=("uuid",))
# an API key beyond its limit, in every function that asks who calls
limited = call(token, "api_key_create", "limited", ["*"], None, [], None, '{"concurrent": 1}', types=("text", "text[]", "timestamptz", "text[]", "text", "jsonb"))
with psycopg.connect() as busy:
    busy.execute("SELECT bastion.authenticate(%s)", [limited["key"]])
    for name, types in owner.execute("""SELECT p.proname, ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY x (t, n) WHERE n <= p.pronargs - p.pronargdefaults ORDER BY n)
                                        FROM pg_proc p WHERE p.pronamespace = 'bastion_api'::regnamespace ORDER BY 1""").fetchall():
        if (name, "TooManyRequests") in expected:
            call(limited["key"], name, *([None] * len(types) if name != "verify_email" else [unused]), types=types)
call(token, "logout", "nowhere")
call(token, "logout", "all")
call(token, "me")
call(None, "token_revoke", ann["refresh_token"])
call(None, "refresh", ann["refresh_token"])  # its session has ended
call(None, "token_revoke", "x")
call(None, "schema")

left = {pair for pair in expected - seen if pair[1] not in ELSEWHERE}
ok(not left, "every shape of every schema was seen", sorted(left))
# the validator bites
broken = copy.deepcopy(ann)
broken["tenant"]["number"] = "1"
ok(list(validators["login"].iter_errors(broken)), "a wrong type is found")
ok(list(validators["login"].iter_errors({**ann, "more": 1})), "a property beside is found")
ok(list(validators["login"].iter_errors({**ann, "expires_at": "tomorrow"})), "a time that is none is found")
ok(list(validators["login"].iter_errors({"error": "surprise", "error_description": "x"})), "an unknown code is found")
print(f"1..{number}")
