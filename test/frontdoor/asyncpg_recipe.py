# Runs the recipe for asyncpg of docs/INTEGRATIONS.md as it stands, over a pool. Run by python.sh. Prints TAP.
import asyncio
import contextlib
import os
import threading

import asyncpg
from frontdoor import ROLE, code, contract, done

as_user = code("docs/INTEGRATIONS.md", "python asyncpg")["as_user"]
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()


def wait(coroutine):
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result(60)


@contextlib.contextmanager
def waiting(manager):
    """The context manager of a coroutine, for the threads of the contract."""
    async def leave(*error):
        return await manager.__aexit__(*error)

    async def enter():
        return await manager.__aenter__()

    value = wait(enter())
    try:
        yield value
    except BaseException as error:
        if not wait(leave(type(error), error, error.__traceback__)):
            raise
    else:
        wait(leave(None, None, None))


class Asyncpg:
    def __init__(self, size, cache):
        async def create():
            return await asyncpg.create_pool(user=ROLE, database=os.environ["PGDATABASE"], min_size=1, max_size=size, statement_cache_size=cache)
        self.pool = wait(create())

    def block(self, token, tenant):
        return waiting(as_user(self.pool, token, tenant))

    def titles(self, on):
        return [row["title"] for row in wait(on.fetch("SELECT title FROM documents WHERE id > $1", 0))]

    def value(self, on, text):
        return wait((on or self.pool).fetchval(text))

    def savepoint(self, on):
        return waiting(on.transaction())

    def refused(self, token):
        async def nested():
            async with self.pool.acquire() as connection, connection.transaction():
                try:
                    async with as_user(connection, token):
                        return False
                except AttributeError:
                    return await connection.fetchval("SELECT bastion.user_id() IS NULL")
        return wait(nested())

    def close(self):
        wait(self.pool.close())


for cache in (0, 100):
    contract(f"asyncpg, statement_cache_size {cache}", lambda size: Asyncpg(size, cache), code("docs/INTEGRATIONS.md", "python retry"))
done()
