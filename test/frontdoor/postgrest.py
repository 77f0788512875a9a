# docs/POSTGREST.md over HTTP: nginx with its configuration, in front of a driver that speaks PostgREST's statements, prepared and not.
# Run by postgrest.sh. Prints TAP.
import concurrent.futures
import http.client
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from frontdoor import done, ok, psql
from postgrest_driver import Driver, serve

PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "POSTGREST.md")


def block(language):
    with open(PAGE, encoding="utf-8") as file:
        return re.search(rf"^```{language} postgrest\n(.*?)^```", file.read(), re.DOTALL | re.MULTILINE).group(1)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(port, path, headers=None, method="GET", body=None):
    """Status, headers in lower case, and the body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, None if body is None else json.dumps(body), headers or {})
    response = connection.getresponse()
    data = response.read()
    connection.close()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, json.loads(data) if data and data[:1] in b'{["n' else data


def bearer(token, **more):
    return {"Authorization": f"Bearer {token}", **more}


class Nginx:
    """nginx with the block of the page, on other ports."""

    def __init__(self, upstream):
        self.folder, self.port = tempfile.mkdtemp(), free_port()
        site = block("nginx").replace("127.0.0.1:8080", f"127.0.0.1:{self.port}").replace("127.0.0.1:3000", f"127.0.0.1:{upstream}")
        temporary = " ".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(f"{self.folder}/nginx.conf", "w", encoding="utf-8") as file:
            file.write(f"daemon off; master_process off; pid {self.folder}/pid; error_log {self.folder}/error.log; events {{}}\n")
            file.write(f"http {{ access_log off; large_client_header_buffers 4 128k; {temporary}\n{site} }}\n")
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-p", self.folder, "-c", f"{self.folder}/nginx.conf"], stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit(f"nginx does not start: {open(f'{self.folder}/error.log', encoding='utf-8').read()}")

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)


def login(port, name, tenant):
    status, headers, answer = call(port, "/rpc/login", {"Content-Type": "application/json"}, "POST", {"identifier": f"{name}@door.example", "password": "correct horse battery", "tenant": tenant})
    ok(status == 200 and headers.get("cache-control") == "no-store", f"login of {name}: response.headers arrive")
    return answer["access_token"]


def titles(answer):
    return [row["title"] for row in answer[2]] if answer[0] == 200 else answer[0]


def set_up():
    subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1"], input=SETUP, check=True, text=True, stdout=subprocess.DEVNULL)


SETUP = f"""
DROP TABLE IF EXISTS documents;
{block("sql")}
GRANT USAGE ON SCHEMA public TO anon, authenticated;
SELECT bastion_api.signup('ann@door.example', 'correct horse battery', 'Oak'), bastion_api.signup('bob@door.example', 'correct horse battery', 'Elm');
SELECT bastion.membership_force((SELECT id FROM bastion.users WHERE email = 'ann@door.example'), 'elm', 'member');
BEGIN;
SELECT bastion.authenticate(bastion.token_issue(u.id, t.id)) FROM bastion.users u, bastion.tenants t WHERE u.email = 'ann@door.example' AND t.slug = 'oak';
SELECT bastion.unit_create('project', 'Web', 'web');
COMMIT;
CREATE OR REPLACE FUNCTION bastion_api.read_request() RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('headers', current_setting('request.headers')::jsonb, 'cookies', current_setting('request.cookies')::jsonb)
$$;
GRANT EXECUTE ON FUNCTION bastion_api.read_request() TO authenticated;
INSERT INTO documents (tenant_id, title) SELECT id, 'of ' || slug FROM bastion.tenants WHERE slug IN ('oak', 'elm');
"""


def requests(mode, port, direct, tokens, driver):
    """Each kind of request, through nginx unless it says otherwise."""
    ann, bob, key = tokens["ann"], tokens["bob"], tokens["key"]
    status, headers, answer = call(port, "/documents", bearer(ann))
    ok((status, [row["title"] for row in answer]) == (200, ["of oak"]), f"{mode}: valid")
    begin, settings, pre_request, _, commit = driver.statements
    ok(begin.endswith("READ ONLY") and settings.startswith("select set_config('search_path', %s, true), set_config(%s") and commit == "COMMIT"
       and pre_request == 'select "bastion"."pre_request"()', f"{mode}: the statements are PostgREST's")
    ok(call(port, "/documents")[0] == 401, f"{mode}: anonymous has no privilege on the table")
    ok(call(port, "/rpc/me")[2].get("error") == "unauthenticated", f"{mode}: and no identity")
    status, headers, answer = call(port, "/rpc/me")
    ok((status, headers["www-authenticate"], headers["cache-control"]) == (401, "Bearer", "no-store"), f"{mode}: response.status and response.headers of me()")
    ok(titles(call(port, "/documents", {"X-API-Key": key})) == ["of oak"], f"{mode}: API key")
    ok(titles(call(port, "/documents", {"Cookie": f"a=b; session={bob}"})) == ["of elm"], f"{mode}: cookie")

    forged = ann[:-20] + ("A" if ann[-20] != "A" else "B") + ann[-19:]
    for name, token in (("forged", forged), ("revoked", tokens["revoked"]), ("no token", "x"), ("JSON", '{"a":1}')):
        status, headers, answer = call(port, "/documents", bearer(token))
        ok((status, headers.get("www-authenticate"), answer["code"], answer["message"]) == (401, "Bearer", "PT401", "invalid token"), f"{mode}: {name}")
        ok(token not in json.dumps(answer), f"{mode}: {name} is not in the answer")
    ok(call(port, "/documents", bearer(ann, **{"X-API-Key": key}))[0] == 400, f"{mode}: two tokens")
    ok(call(port, "/rpc/login", bearer("x"), "POST", {"identifier": "a", "password": "b"})[0] == 401, f"{mode}: login() with a refused token answers itself")
    ok(call(port, "/rpc/logout", bearer("x"), "POST", {})[2].get("code") == "PT401", f"{mode}: logout() does not")

    status, _, answer = call(port, "/documents", bearer(ann), "POST", {"title": f"new in {mode}"})
    ok(status == 200 and answer[0]["title"] == f"new in {mode}", f"{mode}: a write")
    ok(psql(f"DELETE FROM documents WHERE title = 'new in {mode}' RETURNING (SELECT slug FROM bastion.tenants t WHERE t.id = tenant_id)").split()[:1] == ["oak"], f"{mode}: in the tenant")
    ok(call(port, "/rpc/tenant_rename?name=X", bearer(ann))[0] == 405, f"{mode}: READ ONLY")
    ok(call(port, "/documents", {"Cookie": f"session={ann}", "Sec-Fetch-Site": "cross-site"}, "POST", {"title": "x"})[0] == 403, f"{mode}: a cookie of another site")

    ok(titles(call(port, "/organizations/elm/documents", bearer(ann))) == ["of elm"], f"{mode}: the tenant of the path")
    ok(titles(call(port, "/documents", bearer(ann, **{"X-Organization": "elm"}))) == ["of elm"], f"{mode}: of the header")
    ok(call(port, "/organizations/oak/documents", bearer(ann, **{"X-Organization": "elm"}))[0] == 400, f"{mode}: a contradiction")
    ok(call(port, "/organizations/oak/projects/web/rpc/me", bearer(ann))[2]["unit"]["slug"] == "web", f"{mode}: the unit of the path")
    for name, path in (("stranger", "/organizations/oak/documents"), ("nobody's", "/organizations/no-such/documents")):
        status, headers, answer = call(port, path, bearer(bob))
        ok((status, answer["message"]) == (403, "no access to this tenant or unit"), f"{mode}: {name} tenant")
    for path in ("/organizations/oak/../elm/documents", "/organizations/oak%2f..%2felm/documents", "/organizations/oak/%2e%2e/elm/documents", "//organizations/oak/documents"):
        ok(call(port, path, bearer(ann))[0] in (400, 404), f"{mode}: {path}")
    ok(titles(call(port, "/documents", bearer(ann, **{"X-Original-URI": "/organizations/elm/documents"}))) == ["of oak"], f"{mode}: nginx replaces the client's X-Original-URI")
    ok(titles(call(port, "/documents", bearer(bob, **{"X-Access-Token": ann}))) == ["of elm"], f"{mode}: and its token")
    ok(call(port, "/documents", {"X-Access-Token": ann})[0] == 401, f"{mode}: which alone is none")

    long = "a" * 60000
    ok(titles(call(direct, "/documents", {"X-Access-Token": ann, "X-Other": long})) == ["of oak"], f"{mode}: a long header")
    ok(call(direct, "/documents", {"X-Access-Token": long})[0] == 401, f"{mode}: a long token")
    ok(call(direct, "/documents", {"X-Access-Token": ann, "X-Organization": long})[0] == 400, f"{mode}: a long tenant")
    ok(call(direct, "/documents", {"X-Access-Token": f"{ann}, {bob}"})[0] == 401, f"{mode}: two in one header")
    ok(call(direct, "/documents", {"X-Access-Token": ann, "X-Organization": "\u00fc"})[0] == 400, f"{mode}: a tenant outside ASCII")


def raw(port, lines):
    """Status of a request that http.client would not send."""
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(b"\r\n".join([*lines, b"Host: a", b"Connection: close", b"", b""]))
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return int(answer.split()[1])


def hostile(mode, port, direct, tokens):
    """Headers that two programs read in two ways, through nginx and without it: never the rows of the other token."""
    ann, bob = tokens["ann"].encode(), tokens["bob"].encode()
    get = b"GET /documents HTTP/1.1"
    ok(raw(port, [get, b"Authorization: Bearer " + ann, b"Authorization: Bearer " + bob]) == 400, f"{mode}: two Authorization headers")
    ok(raw(direct, [get, b"X-Access-Token: " + ann, b"X-API-Key: " + bob]) == 400, f"{mode}: two credentials at once")
    ok(raw(direct, [get, b"X-Access-Token: " + ann, b"Cookie: session=" + bob]) == 400, f"{mode}: a token and the cookie of another user")
    ok(raw(port, [get, b"Authorization: Bearer " + ann, b"X-Organization: oak", b"X-Organization: elm"]) in (200, 400, 403), f"{mode}: two tenants in two headers are one of them, or refused")
    ok(raw(port, [get, b"Authorization: Bearer \xff\xfe"]) == 401, f"{mode}: a token that is not UTF-8")
    ok(raw(port, [get, b"Authorization: Bearer " + ann, b"X-Organization: \xc3\x28"]) == 400, f"{mode}: a tenant that is not UTF-8")
    ok(raw(port, [get, b"Authorization: Bearer " + ann, b"X-Other: \xff"]) == 200, f"{mode}: another header that is not UTF-8")
    ok(raw(port, [get, b'Cookie: session={"token": "' + ann + b'"}']) == 401, f"{mode}: JSON in a cookie")
    ok(raw(port, [get, b"Cookie: session=" + ann + b"; session=" + bob]) in (200, 400), f"{mode}: two cookies of one name are one of them, or refused")
    ok(raw(direct, [get, b"X-Access-Token: " + ann, b"X-Other: " + b"a" * 65000]) == 200, f"{mode}: a header of 64 KiB")
    ok(raw(port, [b"GET /organizations/oak%2Fprojects%2Fweb/documents HTTP/1.1", b"Authorization: Bearer " + ann]) in (400, 404), f"{mode}: encoded slashes")


def read_by_code(mode, port, tokens):
    """What a function of the application reads of the request of its caller."""
    status, _, answer = call(port, "/rpc/read_request", bearer(tokens["ann"], Cookie="theme=dark"), "POST", {})
    ok(status == 200 and tokens["ann"] not in json.dumps(answer) and answer["cookies"] == {"theme": "dark"} and "host" in answer["headers"], f"{mode}: code of the application reads the request without its token")


def with_headers(mode, port, tokens):
    """The errors of PostgREST 12, with their headers, and a limit."""
    psql("ALTER ROLE authenticator SET bastion.request_errors = 'pgrst'; ALTER ROLE authenticator SET bastion.request_limits = 'door'")
    psql("SELECT bastion.rate_limit_set('door', 'user', 0.001, 2)")
    driver = Driver(CONFIG, mode == "prepared", 1)
    server = serve(driver)
    direct = server.server_address[1]
    status, headers, answer = call(direct, "/documents", {"X-Access-Token": "x"})
    ok((status, headers["www-authenticate"], headers["cache-control"], answer["code"]) == (401, 'Bearer error="invalid_token"', "no-store", "invalid_token"), f"{mode}: PGRST with headers")
    status, headers, _ = call(direct, "/documents", {"X-Access-Token": tokens["bob"], "X-Organization": "oak"})
    ok((status, headers["www-authenticate"]) == (403, 'Bearer error="insufficient_scope"'), f"{mode}: 403 with headers")
    answers = [call(direct, "/documents", {"X-Access-Token": tokens["bob"]}) for _ in range(3)]
    ok([answer[0] for answer in answers] == [200, 429, 429] and int(answers[2][1]["retry-after"]) > 0, f"{mode}: a limit of requests, which the refused one counts in")
    server.shutdown()
    psql("ALTER ROLE authenticator RESET bastion.request_errors; ALTER ROLE authenticator RESET bastion.request_limits; SELECT bastion.rate_limit_remove('door')")


def interleaved(mode, port, tokens):
    """Clients of two tenants share two connections: each sees its own rows alone."""
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    expected = {"ann": ["of oak"], "bob": ["of elm"], "key": ["of oak"], "revoked": 401, "none": 401}
    people = [chance.choice(list(expected)) for _ in range(300)]

    def one(name):
        headers = {} if name == "none" else {"X-API-Key": tokens[name]} if name == "key" else bearer(tokens[name])
        return titles(call(port, "/documents", headers)) == expected[name]

    with concurrent.futures.ThreadPoolExecutor(6) as clients:
        wrong = sum(not right for right in clients.map(one, people))
    ok(wrong == 0, f"{mode}: 300 interleaved requests over two connections ({wrong} wrong, seed {seed})")


set_up()
CONFIG = dict(re.findall(r'^([\w-]+) = "(.*)"$', block("ini"), re.MULTILINE))
short = psql("SET bastion.access_token_lifetime = 10; SET bastion.token_leeway = 0; SELECT bastion_api.login('bob@door.example', 'correct horse battery') ->> 'access_token'")
ends = time.time() + 11
for mode in ("prepared", "not prepared"):
    driver = Driver(CONFIG, mode == "prepared")
    server = serve(driver)
    nginx = Nginx(server.server_address[1])
    tokens = {"ann": login(nginx.port, "ann", "oak"), "bob": login(nginx.port, "bob", "elm"), "revoked": login(nginx.port, "bob", "elm")}
    status, _, answer = call(nginx.port, "/rpc/api_key_create", bearer(tokens["ann"]), "POST", {"name": f"door {mode}", "scopes": ["*"]})
    tokens["key"] = answer["key"]
    ok(call(nginx.port, "/rpc/logout", bearer(tokens["revoked"]), "POST", {})[0] == 200, f"{mode}: logout")
    requests(mode, nginx.port, server.server_address[1], tokens, driver)
    hostile(mode, nginx.port, server.server_address[1], tokens)
    read_by_code(mode, nginx.port, tokens)
    interleaved(mode, nginx.port, tokens)
    nginx.stop()
    server.shutdown()
    with_headers(mode, None, tokens)

# What changes takes effect in the next request.
psql("ALTER ROLE authenticator SET bastion.token_leeway = 0")
server = serve(Driver(CONFIG, True))
port = server.server_address[1]
time.sleep(max(0, ends - time.time()))
status, headers, answer = call(port, "/documents", {"X-Access-Token": short})
ok((status, answer["code"]) == (401, "PT401"), "expired")
ok(titles(call(port, "/documents", {"X-Access-Token": tokens["ann"], "X-Organization": "elm"})) == ["of elm"], "a member")
psql("DELETE FROM bastion.memberships m USING bastion.users u, bastion.tenants t WHERE u.id = m.user_id AND t.id = m.tenant_id AND u.email = 'ann@door.example' AND t.slug = 'elm'")
ok(call(port, "/documents", {"X-Access-Token": tokens["ann"], "X-Organization": "elm"})[0] == 403, "who left a second ago")
psql("ALTER ROLE authenticator RESET bastion.token_leeway; DROP FUNCTION bastion_api.read_request()")
server.shutdown()
done()
