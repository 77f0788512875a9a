// Runs the recipe for Knex of docs/INTEGRATIONS.md as it stands. Run by node.sh. Prints TAP.
import { mkdirSync, writeFileSync } from 'node:fs';
import Knex from 'knex';
import { connection, contract, done, fails, ok, psql, token } from './frontdoor.mjs';
import { asUser } from './knex.mjs';
import { retried } from './retry.mjs';

const open = (max) => Knex({ client: 'pg', connection, pool: { min: 0, max } });
await contract('Knex', (max) => {
    const knex = open(max);
    const titles = (on) => on('documents').orderBy('title').pluck('title');
    return {
        asUser: (who, work) => asUser(knex, who, work),
        titles,
        query: async (on, text) => (await (on ?? knex).raw(text)).rows,
        savepoint: (on, work) => on.transaction(work),
        refused: (who) => knex.transaction(async (trx) => [await fails(() => asUser(trx, who, () => 1)), (await trx.raw('SELECT bastion.user_id() AS who')).rows[0].who]),
        prepared: (on) => on('documents').where('id', '>', 0).pluck('title'),
        close: () => knex.destroy(),
    };
}, retried);
const knex = open(1), bob = { token: token('bob') };
await asUser(knex, bob, (trx) => trx('documents').insert({ title: 'Wall' }));
ok(await asUser(knex, bob, async (trx) => (await trx('documents')).length) === 2, 'Knex: a new row gets the tenant of the token');
await knex.destroy();

// Migrations in a guarded schema.
psql(`SET client_min_messages = warning; DROP SCHEMA IF EXISTS knex_tables, knex_migrations CASCADE; 
    DO $$ BEGIN IF to_regrole('bastion_frontdoor_knex') IS NULL THEN CREATE ROLE bastion_frontdoor_knex LOGIN; END IF; END $$; SELECT bastion.allow_migration_role('bastion_frontdoor_knex');
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
