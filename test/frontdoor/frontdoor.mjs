// Shared by the tests of clients for Node: TAP, and the two users of people.sql.
import { execFileSync } from 'node:child_process';

export const role = 'bastion_frontdoor_app';
let number = 0;

export function ok(holds, name) {
    console.log(`${holds ? 'ok' : 'not ok'} ${++number} - ${name}`);
}

export const done = () => console.log(`1..${number}`);

export const fails = (promise) => Promise.resolve().then(promise).then(() => false, () => true);

export function token(name) {
    const query = `SELECT bastion_api.login('${name}@client.example', 'correct horse') ->> 'access_token'`;
    return execFileSync('psql', ['-qXAt', '-v', 'ON_ERROR_STOP=1', '-c', query]).toString().trim();
}

// What holds for the helper of any library, with a pool of one connection: titles(token) and fail(token) work as that user,
// nested(token) opens a block inside an open transaction, and who() returns [number of rows, user] without a token.
export async function tests(library, { titles, fail, nested, who, inside }) {
    const ann = token('ann'), bob = token('bob');
    const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
    const nobody = async () => same(await who(), [0, null]);
    ok(same(await titles(ann), ['Plan']), `${library}: the rows of the tenant`);
    ok(same(await titles(bob), ['Roof']), `${library}: the next user of the connection sees the rows of another tenant only`);
    ok(await nobody(), `${library}: without a token, nobody sees a row`);
    ok(await fails(() => fail(ann)), `${library}: a block that fails`);
    ok(await nobody(), `${library}: leaves no identity`);
    ok(same(await titles(bob), ['Roof']), `${library}: and the connection serves another user`);
    ok(same(await nested(ann), [true, null]), `${library}: a block inside an open transaction is refused, and leaves no identity`);
    ok(await inside(ann), `${library}: a savepoint inside a block keeps the identity`);
    ok(await nobody(), `${library}: which ends with the block`);
}
