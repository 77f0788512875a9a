// Runs the recipe for node-postgres of docs/INTEGRATIONS.md as it stands, and the one of README.md. Run by node.sh. Prints TAP.
import pg from 'pg';
import { asUser, openPool } from './pg.mjs';
import { connection, contract, done } from './frontdoor.mjs';
import { retried } from './retry.mjs';

const make = (helper, pool) => ({
    asUser: (who, work) => helper(pool, who, work),
    titles: async (on) => (await on.query('SELECT title FROM documents ORDER BY title')).rows.map((row) => row.title),
    query: async (on, text) => (await (on ?? pool).query(text)).rows,
    savepoint: async (on, work) => {
        await on.query('SAVEPOINT inner_one');
        return work(on).catch(async (error) => { await on.query('ROLLBACK TO inner_one'); throw error; });
    },
    prepared: async (on) => (await on.query({ name: 'titles', text: 'SELECT title FROM documents WHERE id > $1', values: [0] })).rows.map((row) => row.title),
    close: () => pool.end(),
});
await contract('node-postgres', (max) => make(asUser, openPool({ ...connection, max })), retried);
process.env.DATABASE_URL = `postgres://${connection.user}@/${connection.database}?host=${connection.host}`;
await contract('README, node-postgres', async (max) => {
    pg.defaults.max = max;
    const readme = await import(`./readme.mjs?${max}`);
    const short = (pool, { token, tenant }, work) => readme.asUser(token, async (on) => {
        await on.query("SELECT set_config('bastion.tenant', $1, true)", [tenant]);
        return work(on);
    });
    return make(short, readme.pool);
}, retried);
done();
