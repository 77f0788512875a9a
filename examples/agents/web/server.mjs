// The page and its server, of one origin: static files, PostGraphile at /graphql, and /session, which begins, continues and ends
// sessions. Only /session sees refresh tokens. It keeps them in a cookie that no script reads and no other site sends.
//
//   DATABASE_URL=postgres://agents_app@/agents ORIGIN=http://localhost:8080 node server.mjs
//
// Behind a proxy with TLS, ORIGIN is what browsers see, and PORT where the proxy finds the server.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import pg from 'pg';
import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { GraphQLError } from 'postgraphile/graphql';
import { grafserv } from 'postgraphile/grafserv/node';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';

const origin = new URL(process.env.ORIGIN ?? 'http://localhost:8080');
const port = process.env.PORT ?? (origin.port || 8080);
// A request that costs too much ends: its statement after ten seconds, and so does the wait for a connection.
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 20, connectionTimeoutMillis: 10000, statement_timeout: 10000 });
pool.on('error', (error) => console.error(error.message)); // of an idle connection, which the pool replaces

// What a transaction knows of its request: who asks, from where, and in which team.
function settings(request) {
    const { authorization = '', 'user-agent': agent = '', 'x-team': team = '' } = request.headers;
    return {
        'bastion.token': /^Bearer +(.+)$/i.exec(authorization)?.[1] ?? '',
        'bastion.unit': team,
        'request.headers': JSON.stringify({ 'user-agent': agent, 'x-forwarded-for': request.socket.remoteAddress }),
    };
}

// Refusals that a statement raises, as bastion_api writes its own (docs/API.md). Anything else stays inside.
const refusals = {
    28000: ['invalid_token', 'your session has ended'],
    42501: ['insufficient_scope', 'you may not do this'],
    23505: ['name_taken', 'there is one of this name already'],
    BA006: ['quota_exceeded', 'the plan of your organization allows no more'],
    BA007: ['too_many_requests', 'too many requests; wait a little'],
};
for (const code of ['42704', 'P0002']) refusals[code] = ['unknown_object', 'there is no such thing that you may see'];
for (const code of ['22P02', '22023', '23514', '23502']) refusals[code] = ['invalid_request', 'this is not a valid value'];
function refusal(error) {
    const [code, description] = refusals[error?.code] ?? ['server_error', 'something went wrong'];
    if (code === 'server_error') console.error(error?.code, error?.message);
    return { error: code, error_description: description };
}

// PostGraphile 5.1 hides the tables of extensions, and fails at foreign keys to them: docs/INTEGRATIONS.md.
const foreignKeys = {
    name: 'ForeignKeysToExtensions',
    gather: {
        hooks: {
            pgIntrospection_introspection: {
                before: ['PgEnumTablesPlugin'],
                callback(info, { introspection }) {
                    for (const table of introspection.classes) {
                        const keys = table.getConstraints();
                        keys.splice(0, keys.length, ...keys.filter((key) => key.getClass));
                    }
                },
            },
        },
    },
};

const graphql = postgraphile({
    extends: [PostGraphileAmberPreset],
    plugins: [foreignKeys],
    pgServices: [makePgService({ pool, schemas: ['agents', 'api'] })],
    grafast: { context: ({ node }) => ({ pgSettings: settings(node.req) }) },
    grafserv: {
        graphiql: false,
        maskError(error) {
            if (!error.originalError || error.originalError instanceof GraphQLError) return error; // of the query itself
            const { error: code, error_description: description } = refusal(error.originalError);
            return new GraphQLError(description, { nodes: error.nodes, path: error.path, extensions: { code } });
        },
    },
});

// The functions of bastion_api that /session calls, with the arguments that it takes from the page.
const begins = {
    signup: ['email', 'password', 'tenant_name', 'display_name'],
    signup_invited: ['invitation', 'password', 'display_name'],
    login: ['identifier', 'password'],
    login_mfa: ['challenge', 'factor', 'response'],
    login_tenant: ['challenge', 'tenant'],
    passkey_login: ['challenge', 'credential'],
};

async function ask(request, name, values) {
    const client = await pool.connect();
    let lost;
    try {
        await client.query('BEGIN');
        await client.query('SELECT set_config(s.key, s.value, true) FROM json_each_text($1) s', [JSON.stringify(settings(request))]);
        const named = Object.keys(values).map((key, i) => `${key} => $${i + 1}`);
        const { rows } = await client.query(`SELECT bastion_api.${name}(${named}) AS answer`, Object.values(values));
        await client.query('COMMIT');
        return rows[0].answer;
    } catch (error) {
        await client.query('ROLLBACK').catch((gone) => { lost = gone; });
        return refusal(error);
    } finally {
        client.release(lost);
    }
}

async function body(request) {
    let text = '';
    for await (const piece of request.setEncoding('utf8')) {
        text += piece;
        if (text.length > 65536) throw new Error('too long');
    }
    return JSON.parse(text);
}

// The prefix keeps other hosts of the domain from setting one of this name.
const cookie = (token, seconds) => `__Host-refresh=${token}; Max-Age=${seconds}; Path=/; HttpOnly; Secure; SameSite=Strict`;

async function session(request, response, name) {
    // SameSite keeps other sites out, and this the other ports of the same host.
    if (request.method !== 'POST' || request.headers.origin !== origin.origin || request.headers['content-type'] !== 'application/json') return finish(response, 403);
    const args = await body(request).catch(() => null);
    if (args === null || typeof args !== 'object') return finish(response, 400);
    const kept = /(?:^|; )__Host-refresh=([\w.-]+)/.exec(request.headers.cookie)?.[1];
    let answer;
    if (Object.hasOwn(begins, name)) answer = await ask(request, name, Object.fromEntries(begins[name].map((key) => [key, args[key] ?? null])));
    else if (name === 'refresh') answer = kept ? await ask(request, 'refresh', { token: kept }) : { error: 'session_ended', error_description: 'nobody is logged in' };
    else if (name === 'logout') answer = kept ? await ask(request, 'token_revoke', { token: kept }) : {};
    else return finish(response, 404);
    const { refresh_token: token, refresh_expires_in: seconds, ...rest } = answer;
    if (token) response.setHeader('Set-Cookie', cookie(token, seconds));
    else if (name === 'logout' || ['session_ended', 'invalid_grant'].includes(rest.error)) response.setHeader('Set-Cookie', cookie('', 0));
    response.setHeader('Content-Type', 'application/json').setHeader('Cache-Control', 'no-store');
    finish(response, 200, JSON.stringify(rest));
}

function finish(response, status, text = '') {
    response.statusCode = status;
    response.end(text);
}

const types = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml' };
const files = Object.fromEntries(['index.html', 'app.css', 'app.js', 'client.js', 'icon.svg'].map((name) =>
    [name === 'index.html' ? '/' : `/${name}`, { type: types[extname(name)], text: readFileSync(new URL(`public/${name}`, import.meta.url)) }]));

// No script, style or frame but the page's own, no text that becomes a script, and forms that only scripts send.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    + "form-action 'none'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const headers = {
    'Content-Security-Policy': policy,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
};

const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const [pathname] = request.url.split('?');
    if (pathname === '/graphql') return answerGraphql(request, response);
    if (pathname.startsWith('/session/')) {
        return session(request, response, pathname.slice('/session/'.length)).catch((error) => {
            console.error(error.code, error.message);
            finish(response, 500);
        });
    }
    const file = Object.hasOwn(files, pathname) && request.method === 'GET' ? files[pathname] : null;
    if (!file) return finish(response, 404);
    response.setHeader('Content-Type', file.type).setHeader('Cache-Control', 'no-cache');
    return finish(response, 200, file.text);
});
const answerGraphql = graphql.createServ(grafserv).createHandler();
await graphql.getSchema(); // before the first request
server.listen(port, 'localhost', () => console.log(`${origin.origin} shows the page`));
