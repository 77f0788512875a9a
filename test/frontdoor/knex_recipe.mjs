// Runs the recipe for Knex of docs/CLIENTS.md as it stands. Run by node.sh. Prints TAP.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import Knex from 'knex';
import { done, fails, ok, role, tests, token } from './frontdoor.mjs';
import { asUser } from './knex.mjs';

const connection = { host: process.env.PGHOST, port: 5432, database: process.env.PGDATABASE };
const knex = Knex({ client: 'pg', connection: { ...connection, user: role }, pool: { min: 1, max: 1 } });
const identity = async (db) => (await db.raw('SELECT bastion.user_id() AS who')).rows[0].who;

await tests('Knex', {
    titles: (who) => asUser(knex, who, (trx) => trx('documents').pluck('title')),
    fail: (who) => asUser(knex, who, (trx) => trx.raw('SELECT 1/0')),
    nested: (who) => knex.transaction(async (trx) => [await fails(() => asUser(trx, who, () => 1)), await identity(trx)]),
    inside: (who) => asUser(knex, who, (trx) => trx.transaction(async (inner) => (await identity(inner)) !== null)),
    who: async () => [Number((await knex('documents').count())[0].count), await identity(knex)],
});
await asUser(knex, token('bob'), (trx) => trx('documents').insert({ title: 'Wall' }));
ok(await asUser(knex, token('bob'), async (trx) => (await trx('documents')).length) === 2, 'Knex: a new row gets the tenant of the token');
await knex.destroy();

// Migrations in a guarded schema.
const psql = (query) => execFileSync('psql', ['-qXAt', '-v', 'ON_ERROR_STOP=1', '-c', query]).toString().trim();
psql(`DROP SCHEMA IF EXISTS knex_tables, knex_migrations CASCADE; DROP ROLE IF EXISTS bastion_frontdoor_knex;
    CREATE ROLE bastion_frontdoor_knex LOGIN; SELECT bastion.allow_migration_role('bastion_frontdoor_knex');
    CREATE SCHEMA knex_tables AUTHORIZATION bastion_frontdoor_knex; CREATE SCHEMA knex_migrations AUTHORIZATION bastion_frontdoor_knex;
    SELECT bastion.schema_guard('knex_tables')`);
mkdirSync('migrations', { recursive: true });
writeFileSync('migrations/1_tasks.mjs', `
export const up = async (knex) => {
    await knex.schema.createTable('tasks', (t) => { t.increments(); t.uuid('tenant_id'); });
    await knex.raw("SELECT bastion.protect('tasks')");
};
export const down = () => {};
`);
const migrating = (migrations) => Knex({ client: 'pg', searchPath: ['knex_tables'], connection: { ...connection, user: 'bastion_frontdoor_knex' },
    migrations: { directory: './migrations', loadExtensions: ['.mjs'], ...migrations } });
const apart = migrating({ schemaName: 'knex_migrations' });
await apart.migrate.latest();
ok((await apart.migrate.latest())[1].length === 0, 'Knex: a migration runs once');
ok(psql(`SELECT status FROM bastion.protection WHERE relation = 'knex_tables.tasks'::regclass`) === 'ok', 'Knex: and protects its table');
await apart.destroy();
const beside = migrating({});
ok(await fails(() => beside.migrate.latest()), 'Knex: with its own tables in the guarded schema, it fails');
await beside.destroy();
done();
