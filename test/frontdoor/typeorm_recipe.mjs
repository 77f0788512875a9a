// Runs the recipe for TypeORM of docs/INTEGRATIONS.md as it stands. Run by node.sh. Prints TAP.
import { DataSource } from 'typeorm';
import { connection, contract, done, fails, ok, token } from './frontdoor.mjs';
import { asUser, Document } from './typeorm.mjs';
import { retried } from './retry.mjs';

const { user: username, ...place } = connection;
const open = (max) => new DataSource({ type: 'postgres', ...place, username, entities: [Document], extra: { max }, poolErrorHandler: () => {} }).initialize();
await contract('TypeORM', async (max) => {
    const source = await open(max);
    const titles = async (on) => (await on.getRepository(Document).find({ order: { title: 'ASC' } })).map((row) => row.title);
    return {
        asUser: (who, work) => asUser(source, who, work),
        titles,
        query: (on, text) => (on ?? source).query(text),
        savepoint: (on, work) => on.transaction(work),
        refused: (who) => source.transaction(async (manager) => [await fails(() => asUser(manager, who, () => 1)), (await manager.query('SELECT bastion.user_id() AS who'))[0].who]),
        prepared: titles,
        close: () => source.destroy(),
    };
}, retried);
const source = await open(1), ann = { token: token('ann') };
const saved = await asUser(source, ann, (manager) => manager.getRepository(Document).save({ title: 'Wall' }));
ok(await asUser(source, ann, (manager) => manager.getRepository(Document).countBy({ tenantId: saved.tenantId })) === 2, 'TypeORM: a new row gets the tenant of the token');
await source.destroy();
done();
