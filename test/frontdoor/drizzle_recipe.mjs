// Runs the recipe for Drizzle of docs/INTEGRATIONS.md as it stands. Run by node.sh. Prints TAP.
import { gt, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { connection, contract, done, fails, ok, token } from './frontdoor.mjs';
import { asUser, documents } from './drizzle.mjs';
import { openPool } from './pg.mjs';
import { retried } from './retry.mjs';

const open = (max) => {
    const pool = openPool({ ...connection, max });
    return [drizzle(pool), pool];
};
await contract('Drizzle', (max) => {
    const [db, pool] = open(max);
    return {
        asUser: (who, work) => asUser(db, who, work),
        titles: async (on) => (await on.select().from(documents)).map((row) => row.title),
        query: async (on, text) => (await (on ?? db).execute(sql.raw(text))).rows,
        savepoint: (on, work) => on.transaction(work),
        refused: (who) => db.transaction(async (tx) => [await fails(() => asUser(tx, who, () => 1)), (await tx.execute(sql`SELECT bastion.user_id() AS who`)).rows[0].who]),
        prepared: async (on) => (await on.select().from(documents).where(gt(documents.id, 0)).prepare('drizzle_titles').execute()).map((row) => row.title),
        close: () => pool.end(),
    };
}, retried);
const [db, pool] = open(1), ann = { token: token('ann') };
await asUser(db, ann, (tx) => tx.insert(documents).values({ id: 501, title: 'Wall' }));
ok(await asUser(db, ann, async (tx) => (await tx.select().from(documents)).some((row) => row.title === 'Wall')), 'Drizzle: a new row gets the tenant of the token');
// The statement does without it, because Drizzle sends DEFAULT for what is missing; the type of values() does not.
ok(documents.tenantId.notNull && documents.tenantId.hasDefault, 'Drizzle: the model asks for no tenant');
await pool.end();
done();
