# Runs the recipe for asyncpg of docs/INTEGRATIONS.md as it stands, over a pool with one connection. Run by python.sh. Prints TAP.
import asyncio
import os

import asyncpg
from frontdoor import ROLE, code, done, ok, token

as_user = code("docs/INTEGRATIONS.md", "python asyncpg")["as_user"]
ann, bob = token("ann"), token("bob")


async def titles(pool, who):
    async with as_user(pool, who) as connection:
        return [row["title"] for row in await connection.fetch("SELECT title FROM documents ORDER BY title")]


async def seen_by_nobody(pool):
    return tuple(await pool.fetchrow("SELECT count(*), bastion.user_id() FROM documents")) == (0, None)


async def main():
    for cache in (0, 100):
        pool = await asyncpg.create_pool(user=ROLE, database=os.environ["PGDATABASE"], min_size=1, max_size=1, statement_cache_size=cache)
        ok(await titles(pool, ann) == ["Plan"], "asyncpg: the rows of the tenant")
        ok(await titles(pool, bob) == ["Roof"], "asyncpg: the next user of the connection sees the rows of another tenant only")
        ok(await seen_by_nobody(pool), "asyncpg: without a token, nobody sees a row")
        try:
            async with as_user(pool, ann) as connection:
                await connection.execute("SELECT 1/0")
        except asyncpg.DivisionByZeroError:
            pass
        ok(await seen_by_nobody(pool), "asyncpg: a block that fails leaves no identity")
        async with as_user(pool, ann) as connection:
            async with connection.transaction():
                await connection.execute("SELECT 1")
        ok(await seen_by_nobody(pool), "asyncpg: nor does a block with a savepoint")
        async with pool.acquire() as connection:
            async with connection.transaction():
                try:
                    async with as_user(connection, ann):
                        ok(False, "asyncpg: a block inside an open transaction is refused")
                except AttributeError:
                    ok(True, "asyncpg: a block inside an open transaction is refused")
                ok(await connection.fetchval("SELECT bastion.user_id()") is None, "asyncpg: and leaves no identity in it")
        ok(await titles(pool, bob) == ["Roof"], "asyncpg: the connection serves another user")
        await pool.close()


asyncio.run(main())
done()
