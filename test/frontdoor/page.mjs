// The page of examples/agents, played by two people in a browser, one of them with the keyboard alone. Run by page.sh. Prints TAP.
import { execFileSync, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import puppeteer from 'puppeteer-core';
import { done, ok, psql, role } from './frontdoor.mjs';

const origin = process.env.ORIGIN;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const server = spawn(process.env.NODE, ['server.mjs'], { env: { ...process.env, GRAPHILE_ENV: 'production', NODE_ENV: 'production',
    DATABASE_URL: `postgres://agents_app@/agents?host=${process.env.PGHOST}` }, stdio: ['ignore', 'pipe', 'inherit'] });
process.on('exit', () => server.kill());
await once(server.stdout, 'data');

// The code of an authenticator app some steps of 30 seconds from now (RFC 6238), whose secret is in base32.
function code(secret, steps = 0) {
    const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
    const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + steps));
    const mac = createHmac('sha1', key).update(counter).digest();
    return String((mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff) % 1000000).padStart(6, '0');
}

// What no page may do, of all pages: break its policy, log an error, ask another host, run what people wrote.
const faults = [];
const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM, headless: true, args: ['--no-sandbox', '--disable-gpu'] });

// What everybody sees when the story stops.
process.on('uncaughtException', async (error) => {
    console.error(error);
    for (const [i, page] of (await browser.pages()).entries()) await page.screenshot({ path: `screenshots/stopped-${i}.png` });
    process.exit(1);
});

// A person with a browser of their own, and an authenticator in it.
async function person() {
    const page = await (await browser.createBrowserContext()).newPage();
    await page.setViewport({ width: 1280, height: 860 });
    page.setDefaultTimeout(15000);
    const devtools = await page.createCDPSession();
    await devtools.send('WebAuthn.enable');
    await devtools.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true,
        hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
    page.on('console', (message) => { if (['error', 'warn'].includes(message.type())) faults.push(`console: ${message.text()}`); });
    page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
    page.on('dialog', (dialog) => { faults.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on('request', (request) => { if (!/^data:/.test(request.url()) && new URL(request.url()).origin !== origin) faults.push(`request: ${request.url()}`); });
    await page.exposeFunction('violated', (what) => faults.push(`policy: ${what}`));
    await page.evaluateOnNewDocument(() => addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => window.violated(`${violatedDirective} ${blockedURI}`)));

    const aria = (name, kind) => `::-p-aria([name="${name}"][role="${kind}"])`;
    const at = async (title) => page.waitForFunction((t) => [...document.querySelectorAll('main > section:not([hidden]) h1')].some((h) => h.textContent === t), {}, title);
    const said = async (text) => page.waitForFunction((t) => [...document.querySelectorAll('[role=status], [role=alert]')].find((p) => p.textContent.includes(t)), {}, text)
        .then(() => true, async () => { console.log(`# said: ${await page.$$eval('[role=status], [role=alert]', (all) => all.map((p) => p.textContent).join(' | '))}`); return false; });
    return {
        page, at, said,
        fill: (name, text) => page.locator(aria(name, 'textbox')).fill(text),
        choose: (name, text) => page.evaluate((n, t) => {
            const label = [...document.querySelectorAll('section:not([hidden]) label')].find((one) => one.firstChild.textContent.trim() === n);
            const select = label.querySelector('select');
            select.value = [...select.options].find((option) => option.text.includes(t)).value;
            select.dispatchEvent(new Event('change', { bubbles: true }));
        }, name, text),
        click: (name, kind = 'button') => page.locator(aria(name, kind)).click(),
        open: async (name, title = name) => { await page.locator(aria(name, 'link')).click(); await at(title); },
        texts: (selector) => page.$$eval(selector, (all) => all.map((one) => one.textContent)),
        shows: (selector, text) => page.waitForFunction((s, t) => [...document.querySelectorAll(s)].some((e) => e.textContent.includes(t)), {}, selector, text).then(() => true, () => false),
        focused: () => page.evaluate(() => document.activeElement.textContent),
        shot: (name) => page.screenshot({ path: `screenshots/${name}.png`, fullPage: true }),
        dark: (is) => page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: is ? 'dark' : 'light' }]),
        // Moves to an element by Tab alone, and says whether it is reached.
        async tab(name) {
            for (let i = 0; i < 40; i++) {
                await page.keyboard.press('Tab');
                const { name: here } = await page.evaluate(() => { const e = document.activeElement; return { name: (e.labels?.[0] ?? e).innerText.split('\n')[0].trim() }; });
                if (here === name) return true;
            }
            throw new Error(`Tab does not reach ${name}`);
        },
        async accessible(name) {
            for (const is of [false, true]) {
                await this.dark(is);
                await page.evaluate(axe);
                const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
                for (const { id, nodes } of violations) console.log(`# ${id}: ${nodes.map((node) => node.html).join(' ').slice(0, 500)}`);
                ok(violations.length === 0, `page: ${name} is accessible in ${is ? 'dark' : 'light'} colours`);
                await this.shot(`${name.replaceAll(' ', '-')}${is ? '-dark' : ''}`);
            }
            await this.dark(false);
        },
    };
}

const hostile = '<img src=x onerror="alert(1)">';
const ann = await person();

// Ann signs up with an organization.
await ann.page.goto(origin);
await ann.at('Log in');
await ann.accessible('log in');
await ann.open('Create an organization');
await ann.fill('Organization', `Acme ${hostile}`);
await ann.fill('Your name', 'Ann');
await ann.fill('E-mail address', 'ann@page.example');
await ann.fill('Password', 'short');
await ann.click('Sign up');
ok(await ann.said('assword'), 'page: a sign-up is refused with the words of the database');
await ann.accessible('sign up');
await ann.fill('Password', 'correct horse battery staple');
await ann.click('Sign up');
await ann.at('Workflows');
ok((await ann.texts('#organization'))[0] === `Acme ${hostile} · owner`, 'page: a person signs up with an organization, whose name is text');

// She turns on codes by scanning.
await ann.open('Security');
await ann.click('Turn on codes of an app');
const qr = await ann.page.waitForSelector('#qr[src]');
await ann.page.waitForFunction(() => document.querySelector('#qr').complete);
await qr.screenshot({ path: 'screenshots/qr.png' });
const scanned = execFileSync('zbarimg', ['-q', '--raw', 'screenshots/qr.png']).toString().trim();
const secret = new URL(scanned).searchParams.get('secret');
ok(scanned.startsWith('otpauth://totp/') && (await ann.texts('#secret'))[0].replaceAll(' ', '') === secret, 'page: the QR code is one to scan, of the secret that is shown');
await ann.accessible('turn on codes');
await ann.fill('Code that the app shows', '12345x');
await ann.click('Turn on');
ok(await ann.said('code'), 'page: a wrong code turns nothing on');
const used = code(secret);
await ann.fill('Code that the app shows', used);
await ann.click('Turn on');
ok(await ann.said('from now on') && (await ann.texts('#recovery-list li')).length === 10, 'page: the code of the app turns it on, and recovery codes are shown');
ok(await ann.focused() === 'Recovery codes', 'page: and have the focus');
await ann.accessible('recovery codes');
await ann.click('Add a passkey');
ok(await ann.said('log out and in again'), 'page: a passkey needs a session with the second factor');

// She logs in with a code, adds a passkey, and logs in with it.
const logIn = async (who, identifier, password) => {
    await who.at('Log in');
    await who.fill('E-mail address or user name', identifier);
    await who.fill('Password', password);
    await who.click('Log in');
};
await ann.click('Log out');
ok(await ann.said('logged out'), 'page: log out');
await logIn(ann, 'ann@page.example', 'a wrong horse');
ok(await ann.said('Wrong user name or password'), 'page: a wrong password is refused');
await logIn(ann, 'ann@page.example', 'correct horse battery staple');
await ann.at('Confirm that it is you');
await ann.accessible('second factor');
await ann.fill('Code', used);
await ann.click('Confirm');
ok(await ann.said('code'), 'page: a code that was used is refused');
await ann.fill('Code', code(secret, 1));
await ann.click('Confirm');
await ann.at('Workflows');
ok(true, 'page: password and code let in');
await ann.open('Security');
await ann.click('Add a passkey');
ok(await ann.said('The passkey is added') && await ann.shows('#factor-list li', 'Passkey'), 'page: a passkey is added');
await ann.accessible('security');
await ann.click('Add a passkey');
ok(await ann.said('has a passkey of yours already'), 'page: and only one on an authenticator');
await ann.click('Log out');
await ann.at('Log in');
await ann.click('Log in with a passkey');
await ann.at('Workflows');
ok(true, 'page: the passkey lets in by itself');
await ann.page.reload();
await ann.at('Workflows');
const kept = await ann.page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length].join());
ok(kept === ',0,0', 'page: a reload continues the session, and scripts find no token');
const [cookie] = await ann.page.browserContext().cookies();
ok(cookie.httpOnly && cookie.secure && cookie.sameSite === 'Strict' && cookie.path === '/' && cookie.name === '__Host-refresh', 'page: the cookie is of this host alone');

await ann.click('Log out');
await logIn(ann, 'ann@page.example', 'correct horse battery staple');
await ann.at('Confirm that it is you');
await ann.choose('Confirm with', 'passkey');
await ann.click('Confirm');
await ann.at('Workflows');
ok(true, 'page: and beside the password');

// She makes a workflow, and invites Bob.
await ann.fill('Name', `Triage ${hostile}`);
await ann.fill('Description', '<script>alert(2)</script>');
await ann.click('Create');
ok(await ann.shows('#workflow-list a', `Triage ${hostile}`), 'page: a workflow is created, and its name is text');
await ann.fill('Name', `Triage ${hostile}`);
await ann.click('Create');
ok(await ann.said('There is one of this name already'), 'page: a second one of its name is refused');
await ann.accessible('workflows');
await ann.open('People');
await ann.fill('E-mail address', 'bob@page.example');
await ann.click('Invite');
ok(await ann.said('on its way') && await ann.shows('#invitation-list li', 'bob@page.example'), 'page: a colleague is invited');
await ann.accessible('people');

// Bob follows the link of the mail, with the keyboard alone.
const mailed = (address) => psql(`SELECT token FROM bastion.outbox_claim('test', 100) WHERE kind = 'invitation' AND address = '${address}'`);
const token = mailed('bob@page.example');
const bob = await person();
const keys = bob.page.keyboard;
await bob.page.goto(`${origin}/#invitation=${token}`);
await bob.at('Accept an invitation');
ok(await bob.page.evaluate(() => location.hash) === '#invitation', 'page: the token of an invitation leaves the address');
await bob.accessible('invitation');
await bob.page.reload();
await bob.at('Log in');
await bob.page.goto(`${origin}/#invitation=${token}`);
await bob.at('Accept an invitation');
await bob.tab('Your name');
await keys.type(`Bob ${hostile}`);
await bob.tab('Password');
await keys.type('another horse battery');
await keys.press('Enter');
await bob.at('Workflows');
ok((await bob.texts('#user'))[0] === `Bob ${hostile}` && (await bob.texts('#organization'))[0] === `Acme ${hostile} · colleague`, 'page: he accepts with the keyboard alone');
ok(await bob.focused() === 'Workflows', 'page: and the focus is at the title');
ok((await bob.texts('#workflow-list')).join() === 'No workflow that you may see.', 'page: he sees no workflow');
await bob.tab('Name');
await keys.type('Mine');
await bob.tab('Create');
await keys.press('Enter');
ok(await bob.said('You may not do this.'), 'page: and may create none');
await bob.open('Audit trail');
ok(await bob.said('Your role does not show you the audit trail.') && (await bob.texts('#audit-list tr')).length === 0, 'page: nor see the audit trail');
await bob.accessible('refused');

// She shares it, to read.
await ann.open('Workflows');
const share = async (level) => {
    await ann.choose('Person', 'Bob');
    await ann.choose('May', level);
    await ann.click('Share');
    return ann.said(level.startsWith('no') ? 'share has ended' : 'is shared');
};
await ann.open(`Triage ${hostile}`.replaceAll('"', '\\"'), `Triage ${hostile}`);
ok(await share('read it') && await ann.shows('#share-list li', 'may read it'), 'page: the workflow is shared to read');
await ann.accessible('workflow');
const rename = async (to) => {
    await bob.page.keyboard.press('Escape');
    await bob.tab('Name');
    await keys.down('Control'); await keys.press('a'); await keys.up('Control');
    await keys.type(to);
    await keys.press('Enter');
};
await bob.page.focus('nav a[href="#workflows"]');
await keys.press('Enter');
await bob.at('Workflows');
await bob.tab(`Triage ${hostile}`);
await keys.press('Enter');
await bob.at(`Triage ${hostile}`);
await rename('By Bob');
ok(await bob.said('You may read this workflow, but not change it.'), 'page: who may read it is refused to change it, in plain words');
await bob.accessible('viewer refused');

// And to write.
ok(await share('read and change it') && await ann.shows('#share-list li', 'may change it'), 'page: the workflow is shared to write');
await rename('By Bob');
ok(await bob.said('is saved') && await bob.shows('#workflow-title', 'By Bob'), 'page: who may write it changes it');
await ann.open('Workflows');
ok(await ann.shows('#workflow-list a', 'By Bob'), 'page: and the other person sees that');
await ann.open('By Bob');
await share('no longer see it');
await bob.open('Workflows');
ok((await bob.texts('#workflow-list')).join() === 'No workflow that you may see.', 'page: a share that has ended shows nothing');
await bob.page.evaluate((hash) => { location.hash = hash; }, await ann.page.evaluate(() => location.hash));
ok(await bob.said('There is no such workflow that you may see.'), 'page: nor does the link');

// Sessions of Bob in two browsers: one ends the other.
const phone = await person();
await phone.page.goto(origin);
await logIn(phone, 'bob@page.example', 'another horse battery');
await phone.at('Workflows');
await bob.open('Security');
ok((await bob.texts('#session-list li')).length === 2 && await bob.shows('#session-list li', '127.0.0.1'), 'page: a person sees their sessions');
await bob.accessible('sessions');
await bob.click('End the session of Chrome');
ok(await bob.said('has ended') && (await bob.texts('#session-list li')).length === 1, 'page: and ends another one');
await phone.page.locator('nav a[href="#people"]').click();
ok(await phone.said('session has ended'), 'page: which is told so');
await phone.at('Log in');
await phone.page.reload();
await phone.at('Log in');

// Gina has an account and an organization already.
await ann.open('People');
await ann.fill('E-mail address', 'gina@globex.example');
await ann.click('Invite');
await ann.said('on its way');
await logIn(phone, 'gina', 'gina of globex');
await phone.at('Workflows');
ok((await phone.texts('#workflow-list a')).join() === 'Inventory', 'page: another organization has its own workflows');
await phone.page.evaluate((hash) => { location.hash = hash; }, `invitation=${mailed('gina@globex.example')}`);
await phone.at('Accept an invitation');
await phone.click('Accept');
ok(await phone.said('You are a member of Acme'), 'page: a user with an account accepts an invitation');
await logIn(phone, 'gina', 'gina of globex');
await phone.at('Choose an organization');
await phone.accessible('choose');
await phone.choose('Organization', 'Acme');
await phone.click('Continue');
await phone.at('Workflows');
ok((await phone.texts('#organization'))[0] === `Acme ${hostile} · colleague`, 'page: and chooses an organization at the next login');

// The audit trail of the organization.
await ann.open('Audit trail');
const trail = (await ann.texts('#audit-list tr')).join('\n');
ok(trail.includes(`Bob ${hostile}workflows changedname: Triage ${hostile} → By Bob`), 'page: the owner sees who changed what');
ok(/^.*Annsharedlevel: write; table: agents.workflows$/m.test(trail) && /^.*Bob [^\n]*session revoked$/m.test(trail) && /^.*Annlogin$/m.test(trail), 'page: and what else has happened');
await ann.accessible('audit trail');
await ann.page.setViewport({ width: 390, height: 800 });
await ann.open('Workflows');
ok(await ann.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'page: on a small screen nothing is wider than it');
await ann.accessible('small screen');
ok(faults.length === 0, 'page: no breach of the policy, error, foreign request or foreign script');
for (const fault of faults) console.log(`# ${fault}`);

// The server itself.
const send = (path, headers = {}, method = 'POST') => fetch(origin + path, { method, headers: { 'content-type': 'application/json', ...headers }, body: method === 'POST' ? '{}' : undefined });
const stolen = `__Host-refresh=${(await ann.page.browserContext().cookies())[0].value}`;
ok((await send('/session/refresh', { cookie: stolen })).status === 403 && (await send('/session/refresh', { cookie: stolen, origin: 'http://localhost:1' })).status === 403
    && (await send('/session/refresh', { cookie: stolen, origin, 'content-type': 'text/plain' })).status === 403, 'page: /session refuses what its page has not sent');
const answer = await (await fetch(`${origin}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json', cookie: stolen }, body: '{"query": "{ apiMe }"}' })).json();
ok(answer.data.apiMe.error === 'unauthenticated', 'page: the cookie is nobody at /graphql');
const continued = await send('/session/refresh', { cookie: stolen, origin });
ok((await continued.json()).refresh_token === undefined && continued.headers.get('set-cookie').includes('HttpOnly; Secure; SameSite=Strict'), 'page: no answer has a refresh token outside the cookie');
const answers = await Promise.all(['/../server.mjs', '/%2e%2e/server.mjs', '//', '/api.sql', '/constructor', '/session/constructor', '/session/tenant_delete'].map((path) => send(path, { origin }, path.startsWith('/session') ? 'POST' : 'GET')));
ok(answers.every(({ status }) => status === 404), 'page: other files and functions are not served');
const first = await fetch(origin);
ok(first.headers.get('content-security-policy').startsWith("default-src 'none'; script-src 'self'; style-src 'self';"), 'page: the policy is strict');

await browser.close();
server.kill();
await once(server, 'exit');
done();
