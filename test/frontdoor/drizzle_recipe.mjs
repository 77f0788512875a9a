// Runs the recipe for Drizzle of docs/CLIENTS.md as it stands. Run by node.sh. Prints TAP.
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { done, fails, ok, role, tests, token } from './frontdoor.mjs';
import { asUser, documents } from './drizzle.mjs';

const pool = new pg.Pool({ host: process.env.PGHOST, port: 5432, database: process.env.PGDATABASE, user: role, max: 1 });
const db = drizzle(pool);
const identity = async (on) => (await on.execute(sql`SELECT bastion.user_id() AS who`)).rows[0].who;

await tests('Drizzle', {
    titles: (who) => asUser(db, who, async (tx) => (await tx.select().from(documents)).map((row) => row.title)),
    fail: (who) => asUser(db, who, (tx) => tx.execute(sql`SELECT 1/0`)),
    nested: (who) => db.transaction(async (tx) => [await fails(() => asUser(tx, who, () => 1)), await identity(tx)]),
    inside: (who) => asUser(db, who, (tx) => tx.transaction(async (inner) => (await identity(inner)) !== null)),
    who: async () => [await db.$count(documents), await identity(db)],
});
await asUser(db, token('ann'), (tx) => tx.insert(documents).values({ id: 501, title: 'Wall' }));
ok(await asUser(db, token('ann'), async (tx) => (await tx.select().from(documents)).some((row) => row.title === 'Wall')),
    'Drizzle: a new row gets the tenant of the token');
// The statement does without it, because Drizzle sends DEFAULT for what is missing; the type of values() does not.
ok(documents.tenantId.notNull && documents.tenantId.hasDefault, 'Drizzle: the model asks for no tenant');
await pool.end();
done();
