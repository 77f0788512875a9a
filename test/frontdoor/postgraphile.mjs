// A server of PostGraphile with the preset of docs/INTEGRATIONS.md. Run by postgraphile.sh. Prints TAP.
import { createServer } from 'node:http';
import { createClient } from 'graphql-ws';
import { postgraphile } from 'postgraphile';
import { grafserv } from 'postgraphile/grafserv/node';
import WebSocket from 'ws';
import { done, expired, forged, ok, psql, token } from './frontdoor.mjs';
import { preset } from './preset.mjs';

const instance = postgraphile(preset);
const server = createServer();
await instance.createServ(grafserv).addTo(server);
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${server.address().port}/graphql`;
const bearer = (token, more) => ({ authorization: `Bearer ${token}`, ...more });

// The data of an operation, or the code of its first error.
async function ask(headers, query, variables) {
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ query, variables }) });
    const { data, errors } = await response.json();
    return errors ? errors[0].extensions?.code ?? 'error' : data;
}
const titles = async (headers) => {
    const data = await ask(headers, '{ allDocuments { nodes { title } } }');
    return data.allDocuments ? data.allDocuments.nodes.map(({ title }) => title).sort().join() : data;
};
const login = async (identifier, password, tenant) => (await ask({}, 'mutation ($input: ApiLoginInput!) { apiLogin(input: $input) { result } }',
    { input: { identifier, password, tenant } })).apiLogin.result;
const create = async (headers, title) => {
    const data = await ask(headers, 'mutation ($title: String) { createDocument(input: {document: {title: $title}}) { document { rowId title tenantId } } }', { title });
    return data.createDocument?.document ?? data;
};
const rename = async (headers, id, title) => {
    const data = await ask(headers, 'mutation ($id: Int!, $title: String) { updateDocumentByRowId(input: {rowId: $id, documentPatch: {title: $title}}) { document { title } } }', { id, title });
    return data.updateDocumentByRowId ? data.updateDocumentByRowId.document?.title : data;
};

const ann = await login('ann@client.example', 'correct horse'), bob = await login('bob@client.example', 'correct horse'), cyd = await login('cyd@client.example', 'correct horse', 'ann');
ok(ann.token_type === 'Bearer' && bob.tenant.slug === 'bob' && cyd.tenant.slug === 'ann', 'PostGraphile: login');
ok((await login('ann@client.example', 'wrong horse')).error === 'invalid_grant', 'PostGraphile: a wrong password is an answer');
const people = { ann: bearer(ann.access_token), bob: bearer(bob.access_token), cyd: bearer(cyd.access_token) };
ok((await ask(people.bob, '{ apiMe }')).apiMe.user.email === 'bob@client.example', 'PostGraphile: me()');
ok(await titles(people.ann) === 'Plan' && await titles(people.bob) === 'Roof', 'PostGraphile: two tenants, each its rows');
ok(await titles({}) === '', 'PostGraphile: without a token, no row');

const wall = await create(people.ann, 'Wall'), tile = await create(people.bob, 'Tile');
ok(wall.tenantId === ann.tenant.id && tile.tenantId === bob.tenant.id, 'PostGraphile: a new row gets the tenant of the token');
ok(await create({}, 'Door') === 'error', 'PostGraphile: without a token, none is made');
ok(await rename(people.ann, wall.rowId, 'Walls') === 'Walls' && await rename(people.bob, tile.rowId, 'Tiles') === 'Tiles', 'PostGraphile: a row is changed');
ok(await rename(people.bob, wall.rowId, 'Mine') === undefined && await titles(people.ann) === 'Plan,Walls', 'PostGraphile: that of another tenant is not');
ok(await ask(people.ann, 'mutation ($id: Int!, $tenant: UUID!) { updateDocumentByRowId(input: {rowId: $id, documentPatch: {tenantId: $tenant}}) { document { title } } }',
    { id: wall.rowId, tenant: bob.tenant.id }) === 'error', 'PostGraphile: nor is one moved there');

const other = (tenant) => ({ 'x-organization': tenant });
ok(await titles({ ...people.cyd, ...other('bob') }) === 'Roof,Tiles' && await titles(people.cyd) === 'Plan,Walls', 'PostGraphile: a member of both chooses the tenant');
const refused = { expired: bearer(expired()), forged: bearer(forged(ann.access_token)), 'of a stranger to the tenant': { ...people.ann, ...other('bob') }, 'that is none': bearer('x'),
    'in two tenants': { ...people.cyd, ...other('ann, bob') }, 'with a second one': bearer(`${ann.access_token}, ${bob.access_token}`), 'of 12 KiB': bearer('a'.repeat(12000)) };
for (const [name, headers] of Object.entries(refused)) {
    ok(await titles(headers) === 'UNAUTHENTICATED' && await create(headers, 'Door') === 'UNAUTHENTICATED', `PostGraphile: a token ${name} is refused`);
}
ok(await titles({}) === '', 'PostGraphile: and none stays');

// Requests of all kinds at the same time.
const kinds = [
    () => titles(people.ann), 'Plan,Walls', () => titles(people.bob), 'Roof,Tiles', () => titles({ ...people.cyd, ...other('bob') }), 'Roof,Tiles', () => titles({}), '',
    () => titles(refused.forged), 'UNAUTHENTICATED', () => titles(refused.expired), 'UNAUTHENTICATED', () => rename(people.ann, wall.rowId, 'Walls'), 'Walls',
    () => rename(people.bob, tile.rowId, 'Tiles'), 'Tiles', () => rename(people.bob, wall.rowId, 'Mine'), undefined, () => create({}, 'Door'), 'error'];
let next = 0, wrong = 0;
await Promise.all(Array.from({ length: 16 }, async () => {
    while (next < 1000) {
        const kind = (next++ * 7) % (kinds.length / 2);
        const answer = await kinds[2 * kind]();
        wrong += answer !== kinds[2 * kind + 1];
    }
}));
ok(wrong === 0, `PostGraphile: 1,000 mixed requests (${wrong} wrong)`);

// Each subscriber hears of each change, and sees the rows that it may read.
const seen = {};
const subscribers = await Promise.all(Object.entries({ ...people, nobody: {}, forged: refused.forged }).map(async ([name, connectionParams]) => {
    const client = createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, connectionParams, lazy: false, retryAttempts: 0 });
    await new Promise((resolve) => client.on('connected', resolve));
    client.subscribe({ query: 'subscription { documentChanged { document { title } } }' },
        { next: ({ data, errors }) => { seen[name] = errors ? errors[0].extensions?.code : data.documentChanged.document?.title ?? null; }, error: () => {}, complete: () => {} });
    return client;
}));
const until = async (holds) => {
    for (let i = 0; i < 400 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    return holds();
};
// The server confirms no subscription, so the first change is repeated until all have heard of it.
await until(() => { psql(`NOTIFY document_changed, '{"id": 0}'`); return Object.keys(seen).length === 5; });
await rename(people.ann, wall.rowId, 'Wall');
ok(await until(() => seen.ann === 'Wall' && seen.cyd === 'Wall') && seen.bob === null && seen.nobody === null, 'PostGraphile: a change reaches the subscribers of the tenant');
await rename(people.bob, tile.rowId, 'Tile');
ok(await until(() => seen.bob === 'Tile' && seen.ann === null && seen.nobody === null), 'PostGraphile: and one of the other tenant those of the other');
ok(seen.forged === 'UNAUTHENTICATED', 'PostGraphile: a subscriber with a forged token sees none');
psql(`UPDATE bastion.users SET status = 'disabled' WHERE email = 'bob@client.example'`);
psql(`UPDATE documents SET title = 'Slate' WHERE id = ${tile.rowId}`);
ok(await until(() => seen.bob === 'UNAUTHENTICATED'), 'PostGraphile: a subscriber who was disabled sees no further change');
psql(`UPDATE bastion.users SET status = 'active' WHERE email = 'bob@client.example'`);
await Promise.all(subscribers.map((client) => client.dispose()));
server.closeAllConnections();
server.close();
await instance.release();
done();
process.exit(0);
