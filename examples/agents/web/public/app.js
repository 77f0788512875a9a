// The page: one section of index.html for each hash, forms that name their action, and lists. It knows no rights. It offers everything,
// and shows what the database refuses. All texts of people become text nodes.
import { Refusal, ask, begin, change, chooseTeam, confirm, logOut, passkeyAdd, passkeyLogIn, read, resume } from './client.js';

const $ = (id) => document.getElementById(id);
const field = (page, name) => $(page).querySelector('form').elements[name];
let me = null; // the answer of me()
let asked = null; // of a login that goes on: the challenge, and what it asks for
let invited = null; // the token of an invitation, while it is open
let opened = null; // the id of the workflow that is shown

function element(tag, properties, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
}

function fill(id, items, empty) {
    $(id).replaceChildren(...items.length ? items : [element('li', { className: 'empty' }, empty)]);
}

const time = (text) => element('time', { dateTime: text }, new Date(text).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' }));
const name = (user) => user.display_name ?? user.username ?? user.email ?? 'Somebody';
const option = (value, text) => element('option', { value }, text);
const button = (text, label, action) => element('button', { type: 'button', className: 'quiet', ariaLabel: label, onclick: () => attempt(action) }, text);

// Messages

const hints = {
    insufficient_user_authentication: 'For this, log out and in again with a second factor, and repeat it within ten minutes.',
    session_ended: 'Your session has ended. Log in again.',
    NotAllowedError: 'The passkey was not used.',
    InvalidStateError: 'This device has a passkey of yours already.',
};

function words(error) {
    const text = hints[error.error ?? error.name] ?? (error instanceof Refusal ? error.message : 'something went wrong');
    return text[0].toUpperCase() + text.slice(1).replace(/[^.!?]$/, '$&.');
}

function tell(text) {
    $('problem').textContent = '';
    $('message').textContent = text;
}

function complain(error) {
    $('message').textContent = '';
    $('problem').textContent = words(error);
    if (!(error instanceof Refusal || error instanceof DOMException)) console.error(error);
}

// Runs what a person asked for; what is refused becomes a message. Of a session that has ended, only the login remains.
async function attempt(action) {
    tell('');
    try {
        await action();
    } catch (error) {
        if (me && ['invalid_token', 'invalid_grant', 'session_ended', 'unauthenticated'].includes(error.error)) await leave();
        complain(error);
    }
}

// Who is logged in

function identify(user) {
    me = user;
    for (const part of document.querySelectorAll('.of-user')) part.hidden = !me;
    for (const part of document.querySelectorAll('.of-guest')) part.hidden = Boolean(me);
    for (const input of document.querySelectorAll('.of-guest input')) input.disabled = Boolean(me);
    $('user').textContent = me ? name(me.user) : '';
    $('organization').textContent = me ? [me.tenant?.name, me.roles.join(', ')].filter(Boolean).join(' · ') : '';
}

async function enter() {
    chooseTeam('');
    const teams = await read('Teams');
    $('team').replaceChildren(...teams.map(({ id, name }) => option(id, name)));
    chooseTeam(teams[0]?.id ?? '');
    $('team').closest('label').hidden = teams.length < 2;
    identify(await read('Me'));
    asked = null;
    for (const form of document.forms) form.reset();
    return visit(invited ? 'invitation' : 'workflows');
}

function leave() {
    identify(null);
    for (const list of document.querySelectorAll('ul, tbody')) list.replaceChildren();
    for (const form of document.forms) form.reset();
    for (const panel of document.querySelectorAll('.panel')) panel.hidden = true;
    return visit('login');
}

// A login ends with tokens, or asks for one thing more.
async function login(step) {
    try {
        await step();
    } catch (error) {
        if (error.error === 'mfa_required') return askFactor(error);
        if (error.error === 'tenant_required') return askTenant(error);
        throw error;
    }
    return enter();
}

function askFactor(answer) {
    asked = answer;
    const choices = answer.factors.map(({ id, name, kind }) => option(id, kind === 'webauthn' ? `${name} (passkey)` : `${name} (code)`));
    if (answer.recovery_codes) choices.push(option('', 'A recovery code'));
    field('second-factor', 'factor').replaceChildren(...choices);
    askCode();
    show('second-factor');
}

const askedFactor = () => asked.factors.find(({ id }) => id === field('second-factor', 'factor').value);
function askCode() {
    const code = field('second-factor', 'code'), needless = askedFactor()?.kind === 'webauthn';
    code.required = !needless;
    code.closest('label').hidden = needless;
}

function askTenant(answer) {
    asked = answer;
    field('choice', 'tenant').replaceChildren(...answer.tenants.map(({ slug, name }) => option(slug, name)));
    show('choice');
}

// What the forms do

const actions = {
    login: (values) => login(() => begin('login', values)),
    confirm: ({ code }) => login(() => confirm(asked, askedFactor(), code)),
    choose: ({ tenant }) => login(() => begin('login_tenant', { challenge: asked.challenge, tenant })),
    signup: (values) => login(() => begin('signup', values)),

    async accept(values) {
        const token = invited;
        if (!me) {
            invited = null;
            return login(() => begin('signup_invited', { ...values, invitation: token })).catch((error) => { invited = token; throw error; });
        }
        const { tenant } = await change('InvitationAccept', { token });
        invited = null;
        await actions.logout();
        tell(`You are a member of ${tenant.name} now. Log in to work there.`);
    },

    async logout() {
        await logOut().finally(leave);
        tell('You are logged out.');
    },

    async create({ name, description }, form) {
        await ask('mutation ($input: CreateWorkflowInput!) { answer: createWorkflow(input: $input) { workflow { rowId } } }', { input: { workflow: { name, description } } });
        form.reset();
        await pages.workflows();
        tell(`The workflow ${name} is there.`);
    },

    async save({ name, description }) {
        await change('WorkflowSave', { id: opened, name, description });
        await pages.workflow(opened);
        tell('The workflow is saved.');
    },

    async share({ person, level }) {
        await change('WorkflowShare', { id: opened, person, level });
        await pages.workflow(opened);
        tell(level === 'none' ? 'The share has ended.' : 'The workflow is shared.');
    },

    async invite({ email, role }, form) {
        await change('Invite', { email, role });
        form.reset();
        await pages.people();
        tell(`An invitation is on its way to ${email}.`);
    },

    async totp({ code }, form) {
        const { recovery_codes: codes } = await change('TotpConfirm', { factor: form.dataset.factor, code });
        form.reset();
        form.hidden = true;
        await secured(codes, 'Codes of your app are asked for from now on.');
    },
};

// With the first second factor come recovery codes.
async function secured(codes, text) {
    await pages.security();
    $('recovery').hidden = !codes.length;
    fill('recovery-list', codes.map((code) => element('li', {}, element('code', {}, code))), '');
    if (codes.length) $('recovery').querySelector('h3').focus();
    tell(text);
}

async function totpBegin() {
    const { factor, qr_svg: svg, secret } = await change('TotpAdd', { name: 'App' });
    $('totp').dataset.factor = factor;
    $('qr').src = `data:image/svg+xml,${encodeURIComponent(svg)}`; // an image runs no script
    $('secret').textContent = secret;
    $('totp').hidden = false;
    field('security', 'code').focus();
}

async function passkeyBegin() {
    const { recovery_codes: codes } = await passkeyAdd('Passkey');
    await secured(codes, 'The passkey is added. It logs you in by itself.');
}

// What the pages show

const workflows = `{ answer: allWorkflows(orderBy: NAME_ASC) { nodes { rowId name description environment version updatedAt } } }`;
const workflow = 'query ($id: UUID!) { answer: workflowByRowId(rowId: $id) { name description } }';
const shares = 'query ($id: UUID!) { answer: apiWorkflowShares(id: $id) }';
const levels = { read: 'may read it', write: 'may change it', deploy: 'may run it', manage: 'may do everything' };
const methods = { pwd: 'password', otp: 'code', pop: 'passkey', hwk: 'passkey' };
const operations = { INSERT: 'added', UPDATE: 'changed', DELETE: 'deleted' };

// A list that the user may not see is no reason to hide the rest of its page.
const orRefused = (promise) => promise.catch((error) => { if (error instanceof Refusal) return null; throw error; });

const pages = {
    login() {},
    signup() {},
    invitation() {},

    async workflows() {
        const { nodes } = await ask(workflows);
        fill('workflow-list', nodes.map((w) => element('li', {},
            element('h2', {}, element('a', { href: `#workflow=${w.rowId}` }, w.name)),
            element('p', {}, w.description || 'No description'),
            element('p', { className: 'hint' }, element('span', { className: 'tag' }, w.environment), ` Version ${w.version}, `, time(w.updatedAt)))),
        'No workflow that you may see.');
    },

    async workflow(id) {
        const [row, people, list] = await Promise.all([ask(workflow, { id }), orRefused(read('Members')), orRefused(ask(shares, { id }))]);
        if (!row) throw new Refusal({ error: 'unknown_object', error_description: 'there is no such workflow that you may see' });
        opened = id;
        $('workflow-title').textContent = row.name;
        field('workflow', 'name').value = row.name;
        field('workflow', 'description').value = row.description ?? '';
        const [, form] = $('workflow').querySelectorAll('form');
        form.hidden = !people || !list;
        form.elements.person.replaceChildren(...(people?.members ?? []).filter(({ user }) => user.id !== me.user.id).map(({ user }) => option(user.id, name(user))));
        fill('share-list', (list ?? []).map((s) => element('li', {}, element('span', {}, s.name ?? 'Somebody'), element('span', { className: 'hint' }, levels[s.level]))),
            list ? 'With nobody beside those whose role covers it.' : 'Those who manage the workflow see this.');
    },

    async people() {
        const [{ members }, list] = await Promise.all([read('Members'), orRefused(read('Invitations'))]);
        fill('member-list', members.map(({ user, memberships }) => element('li', {}, element('span', {}, name(user)), element('span', { className: 'hint' },
            `${user.email ?? ''} · ${memberships.map(({ role, unit }) => (unit ? `${role} in ${unit.name}` : role)).join(', ')}`))), '');
        fill('invitation-list', (list?.invitations ?? []).map((i) => element('li', {}, element('span', {}, i.email ?? name(i.user)), element('span', { className: 'hint' },
            `${i.role}, until `, time(i.expires_at)))), 'None is open.');
    },

    async security() {
        const [{ factors }, { sessions }] = await Promise.all([read('Factors'), read('Sessions')]);
        $('recovery').hidden = true;
        fill('factor-list', factors.map((f) => element('li', {}, element('span', {}, f.name),
            element('span', { className: 'hint' }, `${f.kind === 'webauthn' ? 'passkey' : 'codes of an app'}, ${f.state}, since `, time(f.created_at)),
            button('Remove', `Remove ${f.name}`, async () => {
                await change('FactorRemove', { factor: f.id });
                await pages.security();
                tell(`${f.name} is removed.`);
            }))), 'None: the password alone lets you in.');
        fill('session-list', sessions.map((s) => {
            const browser = /(Firefox|Edg|Chrome|Safari)/.exec(s.user_agent)?.[1] ?? 'A program';
            return element('li', {}, element('span', {}, browser, s.current ? element('span', { className: 'tag' }, 'this one') : ''),
                element('span', { className: 'hint' }, `${[...new Set(s.amr.map((m) => methods[m]).filter(Boolean))].join(' and ')} from ${s.ip ?? 'this host'}, `, time(s.last_seen_at)),
                s.current ? '' : button('End', `End the session of ${browser}`, async () => {
                    await change('SessionRevoke', { id: s.id });
                    await pages.security();
                    tell('The session has ended.');
                }));
        }), '');
    },

    async audit() {
        const [{ entries }, people] = await Promise.all([read('AuditTrail'), orRefused(read('Members'))]);
        const names = new Map((people?.members ?? []).map(({ user }) => [user.id, name(user)]));
        // The key of an event is the user whom it is about: of a login, who has logged in.
        $('audit-list').replaceChildren(...entries.map((e) => element('tr', {}, element('td', {}, time(e.at)),
            element('td', {}, names.get(e.actor_id) ?? names.get(e.key?.user) ?? 'Somebody'),
            element('td', {}, operations[e.op] ? `${e.relation.replace('agents.', '')} ${operations[e.op]}` : e.op.replaceAll('_', ' ')), element('td', {}, details(e)))));
    },
};

// What an entry says to a person: no ids and times. Of a change, with the value before.
function details({ kind, op, old, new: now }) {
    const { details: more, outcome, ...rest } = (op === 'DELETE' ? old : now) ?? {};
    const values = kind === 'event' ? { ...JSON.parse(more ?? '{}'), ...outcome !== 'success' && { outcome } } : rest;
    const text = (value) => (typeof value === 'string' ? value : JSON.stringify(value));
    return Object.entries(values).filter(([key, value]) => value !== null && !/(^|_)(id|at)$/.test(key) && !/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(value))
        .map(([key, value]) => `${key}: ${op === 'UPDATE' && old?.[key] ? `${text(old[key])} → ` : ''}${text(value)}`).slice(0, 5).join('; ');
}

// Which page is shown

let visits = 0;
const open = ['login', 'signup', 'invitation']; // without a login

function show(page) {
    for (const section of document.querySelectorAll('main > section')) section.hidden = section.id !== page;
    for (const link of document.querySelectorAll('nav a')) link.ariaCurrent = link.hash === `#${page === 'workflow' ? 'workflows' : page}` ? 'page' : null;
    const title = $(page).querySelector('h1');
    document.title = `${title.textContent} – Agents`;
    title.focus();
}

// Goes there at once, so that what is told next stays. The browser's own ways there are events.
function visit(hash) {
    if (location.hash !== `#${hash}`) history.pushState(null, '', `#${hash}`);
    return route();
}

async function route() {
    const [page, value] = location.hash.slice(1).split('=');
    if (page === 'main') return; // the link that skips
    if (page === 'invitation' && value) {
        invited = value;
        return history.replaceState(null, '', '#invitation'), route(); // so that the token is not in the history
    }
    if (!Object.hasOwn(pages, page) || !me && !open.includes(page)) return visit(me ? 'workflows' : 'login');
    if (me && (page === 'login' || page === 'signup') || page === 'invitation' && !invited) return visit(me ? 'workflows' : 'login');
    const mine = ++visits;
    await attempt(() => pages[page](value));
    if (mine === visits) show(page); // unless the user is elsewhere meanwhile
}

document.addEventListener('submit', (event) => {
    event.preventDefault();
    const form = event.target, values = Object.fromEntries(new FormData(form));
    attempt(() => actions[form.dataset.action](values, form));
});
$('logout').addEventListener('click', () => attempt(actions.logout));
$('passkey-login').addEventListener('click', () => attempt(() => login(passkeyLogIn)));
$('passkey-add').addEventListener('click', () => attempt(passkeyBegin));
$('totp-add').addEventListener('click', () => attempt(totpBegin));
$('team').addEventListener('change', ({ target }) => { chooseTeam(target.value); route(); });
field('second-factor', 'factor').addEventListener('change', askCode);
addEventListener('hashchange', route);

identify(null);
try {
    await resume();
    const { hash } = location;
    await enter();
    if (hash.length > 1) await visit(hash.slice(1));
} catch (error) {
    if (!(error instanceof Refusal)) throw error;
    await route();
}
