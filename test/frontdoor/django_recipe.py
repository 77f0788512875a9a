# Runs the recipe for Django of docs/INTEGRATIONS.md as it stands: the helper, the middleware over HTTP, migrations and users of
# django.contrib.auth. Run by python.sh. Prints TAP.
import concurrent.futures
import contextlib
import io
import json
import logging
import os
import re
import sys
import tempfile
import threading
import urllib.error
import urllib.request
import wsgiref.simple_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from frontdoor import ROLE, code, contract, done, forged, ok, psql, token

logging.disable(logging.CRITICAL)
MIGRATIONS = "bastion_frontdoor_django"
PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "INTEGRATIONS.md")


def block(info):
    with open(PAGE, encoding="utf-8") as file:
        return re.search(rf"^```{info}\n(.*?)^```", file.read(), re.DOTALL | re.MULTILINE).group(1)


def written(name, text):
    with open(os.path.join(folder.name, name), "w", encoding="utf-8") as file:
        file.write(text)


VIEWS = """
import json
from django.http import HttpResponse, JsonResponse
from django.urls import path
from .models import Document

def titles(request):
    if request.method == "POST":
        Document.objects.create(title=request.body.decode())
    return JsonResponse(list(Document.objects.order_by("title").values_list("title", flat=True)), safe=False)

def broken(request):
    Document.objects.create(title="Lost")
    raise LookupError

urlpatterns = [path("titles", titles), path("broken", broken)]
"""
folder = tempfile.TemporaryDirectory()
sys.path.insert(0, folder.name)
os.makedirs(f"{folder.name}/papers/migrations")
for name, text in {"__init__": "", "migrations/__init__": "", "models": block("python django models"), "doors": block("python django"), "views": VIEWS}.items():
    written(f"papers/{name}.py", text)
place = {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"], "HOST": os.environ["PGHOST"], "PORT": 5432, "CONN_MAX_AGE": None}
settings.configure(
    DATABASES={"default": {**place, "USER": ROLE}, "migrations": {**place, "USER": MIGRATIONS, "OPTIONS": {"options": "-c search_path=django_tables"}}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "papers"], MIDDLEWARE=["papers.doors.TokenMiddleware"], ROOT_URLCONF="papers.views",
    DEFAULT_AUTO_FIELD="django.db.models.AutoField", ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="for tests", USE_TZ=True)
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import connections, transaction  # noqa: E402
from papers.doors import as_user  # noqa: E402
from papers.models import Document  # noqa: E402


class Django:
    """A thread has one connection, which it keeps."""

    def __init__(self, size):
        pass

    def block(self, token, tenant):
        connections["default"].close_if_unusable_or_obsolete()  # as at the beginning of a request
        return as_user(token, tenant)

    def titles(self, on):
        return list(Document.objects.order_by("id").values_list("title", flat=True))

    def value(self, on, text):
        if not on:
            connections["default"].close_if_unusable_or_obsolete()
        with connections["default"].cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchone()[0]

    def savepoint(self, on):
        return transaction.atomic()

    def refused(self, token):
        with transaction.atomic():
            try:
                with as_user(token):
                    return False
            except RuntimeError:
                return self.value(True, "SELECT bastion.user_id() IS NULL")

    def close(self):
        connections["default"].close()


contract(f"Django {django.get_version()}", Django, code("docs/INTEGRATIONS.md", "python retry"))

# The middleware, in one thread with one connection.
server = wsgiref.simple_server.make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=type(
    "Quiet", (wsgiref.simple_server.WSGIRequestHandler,), {"log_message": lambda *arguments: None}))
threading.Thread(target=server.serve_forever, daemon=True).start()


def ask(path, who=None, body=None, **headers):
    """The JSON of the answer, or its status."""
    if who:
        headers["Authorization"] = f"Bearer {who}"
    request = urllib.request.Request(f"http://127.0.0.1:{server.server_port}/{path}", body and body.encode(), headers)
    with contextlib.suppress(urllib.error.HTTPError):
        try:
            return json.load(urllib.request.urlopen(request, timeout=60))
        except urllib.error.HTTPError as error:
            return error.code


ann, bob, cyd = token("ann"), token("bob"), token("cyd", "ann")
ok(ask("titles", ann) == ["Plan"] and ask("titles", bob) == ["Roof"] and ask("titles") == [], "Django: each request sees the rows of its tenant")
ok(ask("titles", cyd, **{"X-Organization": "bob"}) == ["Roof"], "Django: a member of both chooses the tenant")
ok(ask("titles", ann, "Wall") == ["Plan", "Wall"] and ask("titles", bob) == ["Roof"], "Django: a new row gets the tenant of the token")
ok(ask("titles", None, "Wall") == 500, "Django: nobody makes one without a token")
ok(ask("broken", ann) == 500 and ask("titles", ann) == ["Plan", "Wall"], "Django: a request that fails leaves no row")
ok([ask("titles", who, **more) for who, more in ((forged(ann), {}), ("x", {}), (ann, {"X-Organization": "bob"}))] == [401] * 3 and ask("titles") == [], "Django: refused tokens are 401")
kinds = [((ann,), ["Plan", "Wall"]), ((bob,), ["Roof"]), ((), []), ((forged(ann),), 401)]
with concurrent.futures.ThreadPoolExecutor(4) as clients:
    wrong = sum(clients.map(lambda i: ask("titles", *kinds[i * 3 % 4][0]) != kinds[i * 3 % 4][1], range(200)))
ok(wrong == 0, f"Django: 200 interleaved requests over one connection ({wrong} wrong)")
server.shutdown()

# Migrations, and users who keep their passwords.
psql(f"""SET client_min_messages = warning; DO $$ BEGIN IF to_regrole('{MIGRATIONS}') IS NULL THEN CREATE ROLE {MIGRATIONS} LOGIN; END IF; END $$;
    SELECT bastion.allow_migration_role('{MIGRATIONS}'); DROP SCHEMA IF EXISTS django_tables CASCADE; CREATE SCHEMA django_tables AUTHORIZATION {MIGRATIONS}""")


def manage(*arguments, **options):
    output = io.StringIO()
    call_command(*arguments, stdout=output, **options)
    return output.getvalue()


def state():
    return psql("SELECT coalesce((SELECT status FROM bastion.protection WHERE relation = to_regclass('django_tables.documents')), 'none')")


manage("makemigrations", "papers")
written("papers/migrations/0002_protect.py", f"""from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("papers", "0001_initial")]
    operations = [{block("python django migration").strip()}]
""")
manage("migrate", database="migrations")
ok(state() == "ok", "Django: a migration protects its table")
ok("No changes" in manage("makemigrations", "papers", check_changes=True, dry_run=True), "Django: makemigrations leaves alone what protect() made")
manage("migrate", "papers", "0001", database="migrations")
ok(state() == "none", "Django: and the migration has a way back")
manage("migrate", database="migrations")

User.objects.db_manager("migrations").create_user("dora", "dora@client.example", "horse of Django", first_name="Dora")
User.objects.db_manager("migrations").create_user("eve", "eve@client.example")  # no password
outcomes = psql(f"SET search_path = django_tables; {block('sql django')}").splitlines()
ok([line.split("|")[1:3] for line in outcomes] == [["dora@client.example", "accepted"], ["eve@client.example", "accepted"]], f"Django: users move ({outcomes})")
answer = json.loads(psql("SELECT bastion_api.login('dora@client.example', 'horse of Django')"))
ok(answer.get("tenant", {}).get("slug") == "acme" and answer["user"]["display_name"] == "Dora", "Django: and log in with their passwords")
ok(json.loads(psql("SELECT bastion_api.login('eve@client.example', '!')")).get("error") == "invalid_grant", "Django: but not without one")
psql("SET client_min_messages = warning; DROP SCHEMA django_tables CASCADE")
done()
