# Runs the recipe for psycopg of docs/INTEGRATIONS.md as it stands, over a pool. Run by python.sh. Prints TAP.
import logging

import psycopg
from frontdoor import ROLE, code, contract, done
from psycopg_pool import ConnectionPool

logging.disable(logging.CRITICAL)
as_user = code("docs/INTEGRATIONS.md", "python psycopg")["as_user"]


class Psycopg:
    def __init__(self, size, threshold):
        self.pool = ConnectionPool(f"user={ROLE}", min_size=1, max_size=size, kwargs={"prepare_threshold": threshold})

    def block(self, token, tenant):
        return as_user(self.pool, token, tenant)

    def titles(self, on):
        return [title for (title,) in on.execute("SELECT title FROM documents WHERE id > %s", [0])]

    def value(self, on, text):
        if on:
            return on.execute(text).fetchone()[0]
        with self.pool.connection() as connection:
            return connection.execute(text).fetchone()[0]

    def savepoint(self, on):
        return on.transaction()

    def refused(self, token):
        with self.pool.connection() as connection, connection.transaction():
            try:
                with as_user(connection, token):
                    return False
            except (AttributeError, TypeError):
                return connection.execute("SELECT bastion.user_id() IS NULL").fetchone()[0]

    def close(self):
        self.pool.close()


for threshold in (0, None):
    contract(f"psycopg {psycopg.__version__}, prepare_threshold {threshold}", lambda size: Psycopg(size, threshold), code("docs/INTEGRATIONS.md", "python retry"))
done()
