# Scrapes the database by Prometheus in two ways: metrics() behind a few lines of HTTP, and postgres_exporter with the queries of
# docs/OPERATIONS.md. Both must show what the views show, as a role that may read nothing else. Run by metrics.sh. Prints TAP.
import http.server
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from frontdoor import done, ok, psql  # noqa: E402

FOLDER = sys.argv[1]
MONITOR = "bastion_frontdoor_monitor"
HOSTILE = 'metrics "of\\" {x="1"} 2 ä\nbastion_info 7'
PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "..", "docs", "OPERATIONS.md")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def block(info):
    with open(PAGE, encoding="utf-8") as file:
        return re.search(rf"^```{info}\n(.*?)^```", file.read(), re.DOTALL | re.MULTILINE).group(1)


def written(name, text):
    path = os.path.join(FOLDER, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def connect(database, role=MONITOR):
    connection = psycopg2.connect(dbname=database, user=role)
    connection.autocommit = True
    return connection


def value(database, query, role=MONITOR):
    connection = connect(database, role)
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone()[0]
    finally:
        connection.close()


class Relay(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        database = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)["database"][0]
        body = value(database, "SELECT bastion.metrics()").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def until(holds, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if holds():
                return True
        except (OSError, LookupError, ValueError):
            pass
        time.sleep(0.3)
    return False


def sample(prometheus, query):
    with urllib.request.urlopen(f"http://127.0.0.1:{prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": query}), timeout=10) as answer:
        found = json.load(answer)["data"]["result"]
    if len(found) != 1:
        raise LookupError(query)
    return found[0]


def number(prometheus, query):
    return float(sample(prometheus, query)["value"][1])


def same(prometheus, query, view):
    """Whether the last scrape has what the view has."""
    return until(lambda: number(prometheus, query) == float(value(DATABASE, f"SELECT {view}")))


DATABASE = os.environ["PGDATABASE"]
psql(f"DO $$ BEGIN IF to_regrole('{MONITOR}') IS NULL THEN CREATE ROLE {MONITOR} LOGIN; END IF; END $$")
psql(f"SELECT bastion.allow_monitoring_role('{MONITOR}')")
psql("SELECT bastion.stats_reset()")
owner = connect(DATABASE, "postgres")
for _ in range(3):
    with owner.cursor() as cursor:
        try:
            cursor.execute("SELECT bastion.authenticate('x')")
        except psycopg2.Error:
            pass
with owner.cursor() as cursor:
    cursor.execute("SELECT bastion_api.login('nobody@metrics.example', 'wrong horse')")

# A copy of the database under a name that would end a label, a line or a sample.
owner.close()
template = connect("postgres", "postgres")
with template.cursor() as cursor:
    cursor.execute('DROP DATABASE IF EXISTS "%s"' % HOSTILE.replace('"', '""'))
    cursor.execute('CREATE DATABASE "%s" TEMPLATE "%s"' % (HOSTILE.replace('"', '""'), DATABASE))

for database in (DATABASE, HOSTILE):
    text = value(database, "SELECT bastion.metrics()")
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    ok(checked.returncode == 0 and checked.stdout + checked.stderr == "", f"promtool accepts the metrics of {database!r}, without advice")
    if checked.stdout + checked.stderr:
        print("# " + (checked.stdout + checked.stderr).replace("\n", "\n# "))

relay = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Relay)
threading.Thread(target=relay.serve_forever, daemon=True).start()
exporter_port, prometheus_port = free_port(), free_port()
queries = written("queries.yaml", block("yaml"))
configuration = written("prometheus.yml", f"""
global: {{scrape_interval: 1s}}
scrape_configs:
- job_name: relay
  params: {{database: [{json.dumps(DATABASE)}]}}
  static_configs: [{{targets: ['127.0.0.1:{relay.server_port}']}}]
- job_name: hostile
  params: {{database: [{json.dumps(HOSTILE)}]}}
  static_configs: [{{targets: ['127.0.0.1:{relay.server_port}']}}]
- job_name: exporter
  static_configs: [{{targets: ['127.0.0.1:{exporter_port}']}}]
""")
source = f"user={MONITOR} dbname={DATABASE} host={os.environ['PGHOST']} port={os.environ.get('PGPORT', '5432')} sslmode=disable"
with open(os.path.join(FOLDER, "log"), "w", encoding="utf-8") as log:
    running = [
        subprocess.Popen(["prometheus-postgres-exporter", f"--extend.query-path={queries}", "--disable-default-metrics", "--disable-settings-metrics",
                          f"--web.listen-address=127.0.0.1:{exporter_port}"], env={**os.environ, "DATA_SOURCE_NAME": source}, stdout=log, stderr=log),
        subprocess.Popen(["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={FOLDER}/tsdb",
                          f"--web.listen-address=127.0.0.1:{prometheus_port}"], stdout=log, stderr=log)]
try:
    for job in ("relay", "hostile", "exporter"):
        ok(until(lambda job=job: number(prometheus_port, f'up{{job="{job}"}}') == 1), f"Prometheus scrapes the {job}")
    refused = "(SELECT count FROM bastion.stat_verifications WHERE kind = 'token' AND outcome = 'token_refused')"
    ok(value(DATABASE, f"SELECT {refused}") == 3, "three refused tokens")
    ok(same(prometheus_port, 'bastion_verifications_total{job="relay",kind="token",outcome="token_refused"}', refused), "and Prometheus has them of metrics()")
    ok(same(prometheus_port, 'bastion_verifications_count{job="exporter",kind="token",outcome="token_refused"}', refused), "and of the exporter")
    wrong = "(SELECT count FROM bastion.stat_verifications WHERE kind = 'password' AND outcome = 'wrong')"
    ok(value(DATABASE, f"SELECT {wrong}") == 1, "a wrong password")
    ok(same(prometheus_port, 'bastion_verifications_total{job="relay",kind="password",outcome="wrong"}', wrong), "and Prometheus has it")
    ok(number(prometheus_port, 'sum(bastion_verifications_total{job="hostile"})') == 0, "another database counts for itself")
    ok(sample(prometheus_port, 'bastion_info{job="hostile"}')["metric"]["database"] == HOSTILE, "a hostile name is one value of one label")
    for metric in ("cache_hits_total", "denials_total", "throttled_total", "limit_requests_total", "queue_waiting", "outbox_dead", "events_written_total"):
        ok(until(lambda metric=metric: number(prometheus_port, f'count(bastion_{metric}{{job="relay"}})') > 0), f"bastion_{metric}")
    for metric in ("caches_hits", "denials_count", "throttles_refused", "limits_refused", "queues_waiting"):
        ok(until(lambda metric=metric: number(prometheus_port, f'count(bastion_{metric}{{job="exporter"}})') > 0), f"the exporter's bastion_{metric}")
    # More is counted, and the next scrape shows it.
    try:
        value(DATABASE, "SELECT bastion.authenticate('x')", "postgres")
    except psycopg2.Error:
        pass
    ok(until(lambda: number(prometheus_port, 'bastion_verifications_total{job="relay",kind="token",outcome="token_refused"}') == 4), "the next scrape shows the next refusal")
finally:
    for process in running:
        process.terminate()
        process.wait()
    relay.shutdown()
    with template.cursor() as cursor:
        cursor.execute('DROP DATABASE "%s" WITH (FORCE)' % HOSTILE.replace('"', '""'))
done()
