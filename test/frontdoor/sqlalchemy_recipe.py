# Runs the recipe for SQLAlchemy of docs/INTEGRATIONS.md as it stands, over a pool. Run by python.sh. Prints TAP.
import contextlib

from frontdoor import ROLE, code, contract, done, ok, token
from sqlalchemy import create_engine, text
from sqlalchemy.exc import InvalidRequestError

recipe = code("docs/INTEGRATIONS.md", "python sqlalchemy")
as_user, Document = recipe["as_user"], recipe["Document"]


def engine_of(size):
    return create_engine(f"postgresql+psycopg2://{ROLE}@/", pool_size=size, max_overflow=0)


class SQLAlchemy:
    def __init__(self, size):
        self.engine = engine_of(size)

    def block(self, token, tenant):
        return as_user(self.engine, token, tenant)

    def titles(self, on):
        return [title for (title,) in on.query(Document.title).order_by(Document.id)]

    def value(self, on, statement):
        with contextlib.nullcontext(on) if on else self.engine.begin() as connection:
            return connection.execute(text(statement)).scalar()

    def savepoint(self, on):
        return on.begin_nested()

    def refused(self, token):
        with self.engine.begin() as connection:
            try:
                with as_user(connection, token):
                    return False
            except TypeError:
                return connection.execute(text("SELECT bastion.user_id()")).scalar() is None

    def close(self):
        self.engine.dispose()


contract("SQLAlchemy", SQLAlchemy, code("docs/INTEGRATIONS.md", "python retry"))
engine, ann = engine_of(1), token("ann")
with as_user(engine, ann) as session:
    session.add_all([Document(title="Sketch"), Document(title="Draft")])
with as_user(engine, ann) as session:
    ok(session.query(Document).count() == 3, "SQLAlchemy: new rows get the tenant of the token")
try:
    with as_user(engine, ann) as session:
        session.commit()
        session.execute(text("SELECT 1"))
    ok(False, "SQLAlchemy: a block whose transaction ended is refused")
except InvalidRequestError:
    ok(True, "SQLAlchemy: a block whose transaction ended is refused")
automatic = engine.execution_options(isolation_level="AUTOCOMMIT")
with as_user(automatic, ann) as session:
    ok(session.query(Document).count() == 0, "SQLAlchemy: without transactions, a user sees nothing")
with engine.connect() as connection:
    ok(connection.execute(text("SELECT count(*), bastion.user_id() FROM documents")).fetchone() == (0, None), "SQLAlchemy: nor does the next")
done()
