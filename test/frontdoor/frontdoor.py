# Shared by the tests of Python clients: TAP, the code that a page shows, the users of people.sql, and what holds for the helper of any
# library.
import concurrent.futures
import json
import os
import re
import subprocess

ROLE = "bastion_frontdoor_app"
_number = 0


def ok(holds, name):
    global _number
    _number += 1
    print(f"{'ok' if holds else 'not ok'} {_number} - {name}", flush=True)


def done():
    print(f"1..{_number}")


def code(page, info):
    """The namespace after the block of a page that begins with ```info."""
    path = os.path.join(os.path.dirname(__file__), "..", "..", page)
    with open(path, encoding="utf-8") as file:
        text = re.search(rf"^```{info}\n(.*?)^```", file.read(), re.DOTALL | re.MULTILINE).group(1)
    return run(text, page)


def run(text, name):
    space = {"__name__": name}
    exec(compile(text, name, "exec"), space)
    return space


def psql(query):
    return subprocess.run(["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-c", query], check=True, capture_output=True, text=True).stdout.strip()


def token(name, tenant=None):
    return json.loads(psql(f"SELECT bastion_api.login('{name}@client.example', 'correct horse', tenant => '{tenant or name}')"))["access_token"]


def expired():
    return psql("""SELECT bastion_internal.access_token(u.id, t.id, NULL, NULL, now - 60, now - 1, gen_random_uuid(), '{pwd}', 'aal1', NULL)
        FROM bastion.users u, bastion.tenants t, floor(extract(epoch FROM clock_timestamp())) AS clock, CAST(clock AS bigint) AS now
        WHERE u.email = 'ann@client.example' AND t.slug = 'ann'""")


def forged(right):
    return right[:-20] + ("B" if right[-20] == "A" else "A") + right[-19:]


NOBODY = "SELECT bastion.user_id() IS NULL AND coalesce(current_setting('bastion.tenant', true), '') = '' AND NOT EXISTS (SELECT FROM documents)"


def contract(library, make, retry):
    """make(size) gives a library with a pool of that size:
    block(token, tenant)   a context manager with the helper; its value is the on of what follows
    titles(on)             titles by the library's own query
    value(on, text)        the first value of a statement; without on, outside of a block
    savepoint(on)          a context manager of a nested transaction
    refused(token)         undefined, or whether the helper is refused inside an open transaction, which stays without identity
    close()
    retry is the code of the page about repeated transactions."""
    ann, bob, cyd = token("ann"), token("bob"), token("cyd", "ann")
    sqlstate, retried = retry["sqlstate"], retry["retried"]
    db = make(1)

    def test(holds, name):
        ok(holds, f"{library}: {name}")

    def titles(who, tenant=None):
        with db.block(who, tenant) as on:
            return db.titles(on)

    def refusal(work, *arguments):
        try:
            work(*arguments)
        except Exception as error:
            return sqlstate(error) or type(error)

    def in_block(text):
        with db.block(ann, None) as on:
            db.value(on, text)

    def nobody():
        return db.value(None, NOBODY) is True

    test(titles(ann) == ["Plan"], "the rows of the tenant")
    test(titles(bob) == ["Roof"], "the next user of the connection sees the rows of another tenant only")
    test(nobody(), "without a token, nobody sees a row")
    test(refusal(db.value, None, "INSERT INTO documents (title) VALUES ('Wall') RETURNING 1") == "42501", "nor writes one")
    for tenant, title in (("ann", "Plan"), ("bob", "Roof"), (None, "Plan")):
        test(titles(cyd, tenant) == [title], f"a member of both, in {tenant or 'the tenant of the token'}")
    for name, who in {"expired": (expired(),), "forged": (forged(ann),), "of a stranger to the tenant": (ann, "bob")}.items():
        test(refusal(titles, *who) == "28000" and nobody(), f"a token {name} is refused, and leaves no identity")

    def own_error():
        with db.block(ann, None) as on:
            db.value(on, "INSERT INTO documents (title) VALUES ('Lost') RETURNING id")
            raise LookupError

    test(refusal(in_block, "SELECT 1/0") == "22012" and nobody(), "a block that fails leaves no identity")
    test(refusal(own_error) is LookupError and nobody(), "nor does one that raises")
    test(titles(ann) == ["Plan"] and titles(bob) == ["Roof"], "nor its rows, and the connection serves another user")

    def failing(on):
        with db.savepoint(on):
            db.value(on, "SELECT 1/0")

    with db.block(ann, None) as on:
        with db.savepoint(on):
            inside = db.titles(on)
        seen = (inside, refusal(failing, on), db.titles(on))
    test(seen == (["Plan"], "22012", ["Plan"]) and nobody(), "a savepoint keeps the identity, which ends with the block")
    if hasattr(db, "refused"):
        test(db.refused(ann) and nobody(), "a block inside an open transaction is refused, and leaves no identity")

    attempts = []

    def conflicting():
        with db.block(ann, None) as on:
            seen = db.titles(on)
            if not attempts:
                psql("UPDATE documents SET title = title WHERE id = 1001")
            attempts.append(1)
            db.value(on, "UPDATE documents SET title = title WHERE id = 1001 RETURNING id")
            return seen

    test(retried(conflicting) == ["Plan"] and len(attempts) == 2, "a block that conflicts (40001) is repeated with its identity")
    attempts.clear()
    test(refusal(retried, conflicting, 1) == "40001" and nobody(), "and leaves none when it is not")
    test([titles(bob if i % 2 else ann)[0] for i in range(8)] == ["Plan", "Roof"] * 4, "one prepared statement, two tenants")
    test(refusal(in_block, "SELECT pg_terminate_backend(pg_backend_pid())") is not None, "a connection that the server ends")
    # Some libraries notice when they use it the next time.
    refusal(nobody)
    test(nobody() and titles(bob) == ["Roof"], "is replaced")
    db.close()

    db = make(2)
    kinds = [((ann, None), "Plan"), ((bob, None), "Roof"), ((cyd, "bob"), "Roof"), ((forged(ann), None), "28000")]

    def one(i):
        who, expected = kinds[(i * 7 + i // 8) % len(kinds)]
        try:
            with db.block(*who) as on:
                before, after = db.titles(on), db.titles(on)
                if i % 5 == 0:
                    raise LookupError(before)
            return before == after == [expected]
        except LookupError as error:
            return error.args[0] == [expected]
        except Exception as error:
            return sqlstate(error) == expected

    with concurrent.futures.ThreadPoolExecutor(4) as clients:
        wrong = sum(not right for right in clients.map(one, range(200)))
    test(wrong == 0, f"200 interleaved blocks of two tenants over two connections ({wrong} wrong)")
    db.close()
