// A passkey from its registration to the end, as a browser and the backend of an application use it. Run by passkeys.sh. Prints TAP.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import pg from 'pg';
import puppeteer from 'puppeteer-core';
import { done, ok, role } from './frontdoor.mjs';

const psql = (query) => execFileSync('psql', ['-qXAt', '-v', 'ON_ERROR_STOP=1', '-c', query]).toString().trim();
const client = new pg.Client({ host: process.env.PGHOST, database: process.env.PGDATABASE, user: role });
await client.connect();

// A function of bastion_api, with a token if there is one: its answer.
async function call(token, name, ...args) {
    await client.query('BEGIN');
    await client.query("SELECT set_config('bastion.token', $1, true)", [token ?? '']);
    const places = args.map((_, i) => `$${i + 1}`).join(', ');
    const { rows } = await client.query(`SELECT bastion_api.${name}(${places}) AS answer`, args);
    await client.query('COMMIT');
    return rows[0].answer;
}

// Two origins of one domain: the second is not one of the relying party.
const serve = () => new Promise((resolve) => {
    const server = createServer((_, response) => response.end('<!doctype html><title>App</title>'));
    server.listen(0, 'localhost', () => resolve(server));
});
const servers = [await serve(), await serve()];
const origins = servers.map((server) => `http://localhost:${server.address().port}`);

// The page is the test's own, and the sandbox of Chromium does not run as root.
const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM, headless: true, args: ['--no-sandbox', '--disable-gpu'] });
const page = await browser.newPage();
const devtools = await page.createCDPSession();
await devtools.send('WebAuthn.enable');
const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', { options: {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
    automaticPresenceSimulation: true } });
// The functions of docs/PASSKEYS.md, in the page; their calls are made here.
let token = null;
await page.exposeFunction('ask', (name, ...args) => call(token, name, ...args));
const library = readFileSync('page.mjs', 'utf8');
const open = async (origin) => {
    await page.goto(origin);
    await page.evaluate(async (source) => {
        window.passkeys = await import(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
    }, library);
};
const inPage = (name, ...args) => page.evaluate((n, a) => window.passkeys[n](window.ask, ...a), name, args);
const refused = async (promise) => promise.then(() => null, (error) => error.message);

psql(`SELECT bastion.relying_party_set('localhost', 'App', ARRAY['${origins[0]}'])`);
const address = `passkey-${process.pid}@client.example`;
const acr = (answer) => JSON.parse(Buffer.from(answer.access_token.split('.')[1], 'base64url')).acr;
await open(origins[0]);
token = (await call(null, 'signup', address, 'correct horse battery staple', 'Passkeys')).access_token;
const added = await inPage('addPasskey', 'Laptop');
ok(added.factor?.kind === 'webauthn' && added.recovery_codes.length === 10, 'a browser makes a passkey, and it is a factor');
const factor = added.factor.id;
ok(acr(await inPage('stepUp', factor)) === 'phr', 'it confirms the session');

// as second factor
const asked = await call(null, 'login', address, 'correct horse battery staple');
ok(asked.error === 'mfa_required' && asked.passkeys.length === 1, 'the password alone does not let in');
const entered = await inPage('confirmLogin', asked, factor);
ok(entered.token_type === 'Bearer' && acr(entered) === 'phr', 'with the passkey, it does');
ok((await inPage('confirmLogin', asked, factor)).error === 'invalid_grant', 'once for each login');
token = entered.access_token;
ok((await call(token, 'me')).user.email === address, 'as the user of the passkey');
ok(await refused(inPage('addPasskey', 'Again')) !== null, 'a browser makes no second passkey on one authenticator');

// alone, without a user name
token = null;
const session = await inPage('logIn');
ok(session.user?.email === address && acr(session) === 'phr', 'a passkey logs in by itself');

// from a page of another origin of the same domain
await open(origins[1]);
ok((await inPage('logIn')).error === 'invalid_grant', 'a page of another origin is refused');
await open(origins[0]);

// an authenticator that does not verify its user
await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
ok(await refused(inPage('logIn')) !== null, 'a browser whose user is not verified does not log in');
await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });

// a copy of the authenticator, whose counter is behind
const { credentials: [credential] } = await devtools.send('WebAuthn.getCredentials', { authenticatorId });
await devtools.send('WebAuthn.removeCredential', { authenticatorId, credentialId: credential.credentialId });
await devtools.send('WebAuthn.addCredential', { authenticatorId, credential: { ...credential, signCount: 1 } });
ok((await inPage('logIn')).error === 'invalid_grant', 'a copy with an older counter is refused');
ok(psql(`SELECT state FROM bastion.user_factors WHERE id = '${factor}'`) === 'suspended', 'and the passkey is suspended');

await browser.close();
await client.end();
for (const server of servers) server.close();
done();
