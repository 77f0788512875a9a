# Runs the recipe for SQLAlchemy of docs/INTEGRATIONS.md as it stands, over a pool with one connection. Run by python.sh. Prints TAP.
from frontdoor import ROLE, code, done, ok, token
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.orm import Session

recipe = code("docs/INTEGRATIONS.md", "python sqlalchemy")
as_user, Document = recipe["as_user"], recipe["Document"]
engine = create_engine(f"postgresql+psycopg2://{ROLE}@/", pool_size=1, max_overflow=0)
ann, bob = token("ann"), token("bob")


def titles(who):
    with as_user(engine, who) as session:
        return [title for (title,) in session.query(Document.title).order_by(Document.id)]


def seen_by_nobody():
    with engine.connect() as connection:
        return connection.execute(text("SELECT count(*), bastion.user_id() FROM documents")).fetchone() == (0, None)


with as_user(engine, ann) as session:
    session.add_all([Document(title="Sketch"), Document(title="Draft")])
ok(titles(ann) == ["Sketch", "Draft", "Plan"], "SQLAlchemy: new rows get the tenant of the token")
ok(titles(bob) == ["Roof"], "SQLAlchemy: the next user of the connection sees the rows of another tenant only")
ok(seen_by_nobody(), "SQLAlchemy: without a token, nobody sees a row")
try:
    with as_user(engine, ann) as session:
        session.execute(text("SELECT 1/0"))
except DBAPIError:
    pass
ok(seen_by_nobody(), "SQLAlchemy: a block that fails leaves no identity")
try:
    with as_user(engine, ann) as session:
        with session.begin_nested():
            session.execute(text("SELECT 1"))
        session.commit()
        session.execute(text("SELECT 1"))
    ok(False, "SQLAlchemy: a block whose transaction ended is refused")
except InvalidRequestError:
    ok(True, "SQLAlchemy: a block whose transaction ended is refused")
ok(seen_by_nobody() and titles(bob) == ["Roof"], "SQLAlchemy: and the connection serves another user")
with engine.connect() as connection, connection.begin():
    try:
        with as_user(connection, ann):
            ok(False, "SQLAlchemy: a block inside an open transaction is refused")
    except TypeError:
        ok(True, "SQLAlchemy: a block inside an open transaction is refused")
    ok(connection.execute(text("SELECT bastion.user_id()")).scalar() is None, "SQLAlchemy: and leaves no identity in it")
automatic = engine.execution_options(isolation_level="AUTOCOMMIT")
with as_user(automatic, ann) as session:
    ok(session.query(Document).count() == 0, "SQLAlchemy: without transactions, a user sees nothing")
ok(seen_by_nobody(), "SQLAlchemy: nor does the next")
done()
