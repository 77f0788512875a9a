// Runs the recipe for Prisma of docs/INTEGRATIONS.md as it stands, with the client generated from its model. Run by node.sh. Prints TAP.
import { PrismaPg } from '@prisma/adapter-pg';
import { connection, contract, done, fails, ok, token } from './frontdoor.mjs';
import { asUser } from './prisma.mjs';
import client from './client/index.js';
import { retried } from './retry.mjs';

const open = (max) => new client.PrismaClient({ adapter: new PrismaPg({ ...connection, max }, { onConnectionError: () => {} }),
    transactionOptions: { maxWait: 60000, timeout: 60000 } });
await contract('Prisma', (max) => {
    const prisma = open(max);
    const titles = async (on) => (await on.document.findMany({ orderBy: { title: 'asc' } })).map((row) => row.title);
    return {
        asUser: (who, work) => asUser(prisma, who, work),
        titles,
        query: (on, text) => (on ?? prisma).$queryRawUnsafe(text),
        savepoint: (on, work) => on.$transaction(work),
        refused: (who) => prisma.$transaction(async (tx) => [await fails(() => asUser(tx, who, () => 1)), (await tx.$queryRaw`SELECT bastion.user_id()::text AS who`)[0].who]),
        prepared: titles,
        close: () => prisma.$disconnect(),
    };
}, retried);
const prisma = open(1), ann = { token: token('ann') };
const made = await asUser(prisma, ann, (tx) => tx.document.create({ data: { title: 'Wall' } }));
ok(await asUser(prisma, ann, (tx) => tx.document.count({ where: { tenantId: made.tenantId } })) === 2, 'Prisma: a new row gets the tenant of the token');
await prisma.$disconnect();
done();
