# Runs the Python of the README as it stands: the identity ends with its block, and a block inside an open transaction, where it
# would not, is refused. Run by python.sh. Prints TAP.
import psycopg
from frontdoor import ROLE, code, done, ok

helper = code("README.md", "python")
connection = psycopg.connect(user=ROLE)


def identity():
    return connection.execute("SELECT bastion.user_id()").fetchone()[0]


token = helper["login"](connection, "ann@client.example", "correct horse")["access_token"]
ok(helper["titles"](connection, token) == [("Plan",)], "psycopg: the helper shows the rows of the tenant")
ok(identity() is None, "psycopg: the identity ends with the block")
try:
    with helper["as_user"](connection, token):
        ok(False, "psycopg: a block inside an open transaction is refused")
except RuntimeError:
    ok(True, "psycopg: a block inside an open transaction is refused")
ok(identity() is None, "psycopg: and leaves no identity")
connection.rollback()
try:
    with helper["as_user"](connection, token):
        raise ValueError
except ValueError:
    pass
ok(identity() is None, "psycopg: a block that fails leaves none either")
connection.rollback()
ok(helper["titles"](connection, token) == [("Plan",)], "psycopg: and the connection serves again")
done()
