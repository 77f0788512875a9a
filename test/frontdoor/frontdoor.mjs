// Shared by the tests of clients for Node: TAP, the users of people.sql, and what holds for the helper of any library.
import { execFileSync } from 'node:child_process';

export const role = 'bastion_frontdoor_app';
export const connection = { host: process.env.PGHOST, port: 5432, database: process.env.PGDATABASE, user: role };
let number = 0;

export function ok(holds, name) {
    console.log(`${holds ? 'ok' : 'not ok'} ${++number} - ${name}`);
}

export const done = () => console.log(`1..${number}`);

export const fails = (promise) => Promise.resolve().then(promise).then(() => false, () => true);

export const psql = (query) => execFileSync('psql', ['-qXAt', '-v', 'ON_ERROR_STOP=1', '-c', query]).toString().trim();

export function token(name, tenant = name) {
    return psql(`SELECT bastion_api.login('${name}@client.example', 'correct horse', tenant => '${tenant}') ->> 'access_token'`);
}

// One that ended a second ago, and one whose signature is another.
export const expired = () => psql(`SELECT bastion_internal.access_token(u.id, t.id, NULL, NULL, now - 60, now - 1, gen_random_uuid(), '{pwd}', 'aal1', NULL)
    FROM bastion.users u, bastion.tenants t, floor(extract(epoch FROM clock_timestamp())) AS clock, CAST(clock AS bigint) AS now
    WHERE u.email = 'ann@client.example' AND t.slug = 'ann'`);
export const forged = (right) => right.slice(0, -20) + (right.at(-20) === 'A' ? 'B' : 'A') + right.slice(-19);

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

// The SQLSTATE of an error, which libraries wrap.
const sqlstate = (error) => {
    const inner = error.cause ?? error.driverError ?? error.meta?.driverAdapterError?.cause ?? error;
    return inner.originalCode ?? inner.code;
};
const refusal = (promise) => promise.then(() => 'none', sqlstate);

// make(size, retried) gives a library with a pool of that size:
//   asUser(who, work)      the helper; who is { token, tenant }
//   titles(on)             titles by the library's own query; on is what work gets
//   query(on, text)        rows of a statement; without on, outside of a transaction
//   savepoint(on, work)    undefined, or a nested transaction
//   refused()              undefined, or work with the helper inside an open transaction: [it is refused, the user afterwards]
//   prepared(on)           titles by a prepared statement
//   lost                   false where a connection that is lost within a transaction ends the process
//   close()
export async function contract(library, make, retried) {
    const test = (holds, name) => ok(holds, `${library}: ${name}`);
    const ann = { token: token('ann') }, bob = { token: token('bob') }, cyd = token('cyd', 'ann');
    const db = await make(1);
    const titles = (who) => db.asUser(who, (on) => db.titles(on));
    const nobody = async () => {
        const rows = await db.query(undefined, `SELECT bastion.user_id() AS who, current_setting('bastion.tenant', true) AS tenant, (SELECT count(*) FROM documents)::int AS rows`);
        return !rows[0].who && !rows[0].tenant && rows[0].rows === 0;
    };
    test(same(await titles(ann), ['Plan']), 'the rows of the tenant');
    test(same(await titles(bob), ['Roof']), 'the next user of the connection sees the rows of another tenant only');
    test(await nobody(), 'without a token, nobody sees a row');
    test(await refusal(db.query(undefined, `INSERT INTO documents (title) VALUES ('Wall')`)) === '42501', 'nor writes one');

    for (const [tenant, title] of [['ann', 'Plan'], ['bob', 'Roof'], [undefined, 'Plan']]) {
        test(same(await titles({ token: cyd, tenant }), [title]), `a member of both, in ${tenant ?? 'the tenant of the token'}`);
    }
    const wrong = { expired: { token: expired() }, forged: { token: forged(ann.token) }, 'of a stranger to the tenant': { ...ann, tenant: 'bob' } };
    for (const [name, who] of Object.entries(wrong)) {
        test(await refusal(titles(who)) === '28000', `a token ${name} is refused`);
        test(await nobody(), 'and leaves no identity');
    }

    test(await refusal(db.asUser(ann, (on) => db.query(on, 'SELECT 1/0'))) === '22012', 'a block that fails');
    test(await nobody(), 'leaves no identity');
    test((await refusal(db.asUser(ann, async (on) => { await db.query(on, `INSERT INTO documents (title) VALUES ('Lost')`); throw { code: 'own' }; }))) === 'own' && await nobody(), 'nor does one that throws');
    test(same(await titles(ann), ['Plan']) && same(await titles(bob), ['Roof']), 'nor its rows, and the connection serves another user');

    if (db.savepoint) {
        const inner = await db.asUser(ann, async (on) => [await db.savepoint(on, (nested) => db.titles(nested)),
            await fails(() => db.savepoint(on, (nested) => db.query(nested, 'SELECT 1/0'))), await db.titles(on)]);
        test(same(inner, [['Plan'], true, ['Plan']]) && await nobody(), 'a savepoint keeps the identity, which ends with the block');
    }
    if (db.refused) test(same(await db.refused(ann), [true, null]) && await nobody(), 'a block inside an open transaction is refused, and leaves no identity');

    let attempts = 0;
    const conflicting = () => db.asUser(ann, async (on) => {
        const seen = await db.titles(on);
        if (++attempts === 1) psql('UPDATE documents SET title = title WHERE id = 1001');
        await db.query(on, 'UPDATE documents SET title = title WHERE id = 1001');
        return seen;
    });
    test(same(await retried(conflicting), ['Plan']) && attempts === 2, 'a block that conflicts (40001) is repeated with its identity');
    attempts = 0;
    test(await refusal(retried(conflicting, 1)) === '40001' && await nobody(), 'and leaves none when it is not');

    const seen = [];
    for (let i = 0; i < 8; i++) seen.push((await db.asUser(i % 2 ? bob : ann, (on) => db.prepared(on))).join());
    test(same(seen, Array(4).fill(['Plan', 'Roof']).flat()), 'one prepared statement, two tenants');

    if (db.lost !== false) {
        test(await fails(() => db.asUser(ann, (on) => db.query(on, 'SELECT pg_terminate_backend(pg_backend_pid())'))), 'a connection that the server ends');
        test(await nobody() && same(await titles(bob), ['Roof']), 'is replaced');
    }
    await db.close();

    const shared = await make(2);
    const kinds = [[ann, 'Plan'], [bob, 'Roof'], [{ token: cyd, tenant: 'bob' }, 'Roof'], [wrong.forged, '28000']];
    const one = async (i) => {
        const [who, expected] = kinds[(i * 7 + (i >> 3)) % kinds.length];
        const got = await shared.asUser(who, async (on) => {
            const before = await shared.titles(on);
            if (i % 5 === 0) throw { code: before.join() };
            return before.concat(await shared.prepared(on)).filter((title, at, all) => all.indexOf(title) === at).join();
        }).catch(sqlstate);
        return got === expected;
    };
    const clients = await Promise.all([...Array(8).keys()].map(async (client) => {
        let wrongs = 0;
        for (let i = 0; i < 25; i++) wrongs += !(await one(client * 25 + i));
        return wrongs;
    }));
    test(clients.every((wrongs) => wrongs === 0), `200 interleaved blocks of two tenants over two connections (${clients.reduce((a, b) => a + b)} wrong)`);
    await shared.close();
}
