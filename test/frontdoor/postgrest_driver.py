# An HTTP server that speaks to PostgreSQL as PostgREST does: for each request one transaction with the settings of the request, the
# pre-request function, one statement that also reads the response.* settings, and a commit. Few connections serve all clients, so that an
# identity that outlives its transaction would show. Used by postgrest.py.
import http.server
import json
import queue
import threading
import urllib.parse

import psycopg

READING = {"GET", "HEAD"}
RESPONSE = (
    "nullif(current_setting('response.headers', true), '') AS response_headers, "
    "nullif(current_setting('response.status', true), '') AS response_status"
)


class Driver:
    """What the handlers share: connections, and the configuration as PostgREST's file has it."""

    def __init__(self, config, prepared, connections=2):
        self.config, self.prepared = config, prepared
        self.pool = queue.Queue()
        for _ in range(connections):
            connection = psycopg.connect(user="authenticator", autocommit=True)
            connection.prepare_threshold = 0 if prepared else None
            self.pool.put(connection)
        self.statements = []  # of the last request

    def run(self, cursor, statement, parameters=()):
        self.statements.append(statement)
        return cursor.execute(statement, parameters, prepare=self.prepared)

    def settings(self, method, path, headers, cookies):
        values = [
            ("search_path", '"public"'), ("role", self.config["db-anon-role"]), ("request.jwt.claims", '{"role":"anon"}'),
            ("request.method", method), ("request.path", path), ("request.headers", json.dumps(headers)), ("request.cookies", json.dumps(cookies)),
        ]
        calls = ["set_config('search_path', %s, true)"] + ["set_config(%s, %s, true)"] * (len(values) - 1)
        return "select " + ", ".join(calls), [values[0][1]] + [text for pair in values[1:] for text in pair]

    def request(self, method, path, headers, cookies, statement, parameters):
        connection = self.pool.get()
        self.statements = []
        try:
            cursor = connection.cursor()
            self.run(cursor, f"BEGIN ISOLATION LEVEL READ COMMITTED READ {'ONLY' if method in READING else 'WRITE'}")
            self.run(cursor, *self.settings(method, path, headers, cookies))
            self.run(cursor, 'select "' + self.config["db-pre-request"].replace(".", '"."') + '"()')
            row = self.run(cursor, statement, parameters).fetchone()
            self.run(cursor, "COMMIT")
            return row
        except psycopg.Error:
            connection.execute("ROLLBACK")
            raise
        finally:
            self.pool.put(connection)


def main_statement(method, path, query, body):
    """The statement for a table or function, as PostgREST writes it, and its parameters."""
    name = path.split("/")[-1]
    if path.startswith("/rpc/"):
        arguments = ", ".join(f'"{key}" := %s' for key in body)
        source = f'WITH pgrst_source AS (SELECT "bastion_api"."{name}"({arguments}) AS pgrst_scalar)'
        return f"{source} SELECT (json_agg(_postgrest_t.pgrst_scalar)->0) AS body, {RESPONSE} FROM pgrst_source _postgrest_t", list(body.values())
    if method == "POST":
        columns = ", ".join(f'"{key}"' for key in body)
        source = (
            f'WITH pgrst_source AS (INSERT INTO "public"."{name}"({columns}) SELECT {columns} FROM json_to_record(%s) '
            f'AS _ ("title" text) RETURNING "public"."{name}".*)'
        )
        return f"{source} SELECT coalesce(json_agg(_postgrest_t), '[]') AS body, {RESPONSE} FROM pgrst_source _postgrest_t", [json.dumps(body)]
    source = f'WITH pgrst_source AS (SELECT "public"."{name}".* FROM "public"."{name}" ORDER BY "id")'
    return f"{source} SELECT coalesce(json_agg(_postgrest_t), '[]') AS body, {RESPONSE} FROM pgrst_source _postgrest_t", []


def answer_of_error(error):
    """Status, headers and body, as PostgREST makes them of an error."""
    code, found = error.sqlstate, error.diag
    body = {"code": code, "message": found.message_primary, "details": found.message_detail, "hint": found.message_hint}
    if code == "PGRST":
        response = json.loads(found.message_detail)
        return response["status"], response["headers"], json.loads(found.message_primary)
    if code.startswith("PT"):
        return int(code[2:]), {"WWW-Authenticate": "Bearer"} if code == "PT401" else {}, body
    status = {"42501": 401, "25006": 405}.get(code, 403 if code.startswith("28") else 500)
    return status, {"WWW-Authenticate": "Bearer"} if status == 401 else {}, body


def cookies_of(header):
    return dict(pair.strip().split("=", 1) for pair in header.split(";") if "=" in pair)


def handler(driver):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments):
            pass

        def handle_request(self):
            size = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(size) or b"{}")
            path, _, query = self.path.partition("?")
            if self.command in READING and path.startswith("/rpc/"):
                body = dict(urllib.parse.parse_qsl(query))
            # The last of several wins, as in a map. Cookies are no header.
            headers = {name.lower(): value for name, value in self.headers.items()}
            cookies = cookies_of(headers.pop("cookie", ""))
            try:
                statement, parameters = main_statement(self.command, path, query, body)
                answer, response_headers, response_status = driver.request(self.command, path, headers, cookies, statement, parameters)
                status = int(response_status) if response_status else 200
                self.answer(status, dict(item for each in json.loads(response_headers or "[]") for item in each.items()), answer)
            except psycopg.Error as error:
                self.answer(*answer_of_error(error))

        do_GET = do_POST = do_HEAD = handle_request

        def answer(self, status, headers, body):
            data = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

    return Handler


def serve(driver):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(driver))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
