// How the page asks. The access token is in the memory of this module and nowhere else; the refresh token is in a cookie that scripts
// cannot read. /session begins, continues and ends sessions, and /graphql does the rest.
let token = null;
export let team = '';
export const chooseTeam = (id) => { team = id; };

// What was refused, with the members of the answer: error is the code, error_description the text for the user.
export class Refusal extends Error {
    constructor(answer) {
        super(answer.error_description);
        Object.assign(this, answer);
    }
}

async function post(path, body, headers = {}) {
    const unreachable = { error: 'unreachable', error_description: 'the server does not answer' };
    const response = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) })
        .catch(() => { throw new Refusal(unreachable); });
    return response.json().catch(() => { throw new Refusal(unreachable); });
}

// Calls a function that answers with tokens.
export async function begin(name, args = {}) {
    const answer = await post(`/session/${name}`, args);
    if (answer.error) throw new Refusal(answer);
    token = answer.access_token;
    return answer;
}

export async function logOut() {
    token = null;
    team = '';
    await post('/session/logout', {});
}

// Requests that find their token expired at the same time continue the session once.
let continuing = null;
export const resume = () => (continuing ??= begin('refresh').finally(() => { continuing = null; }));

async function graphql(query, variables) {
    const headers = { ...token && { authorization: `Bearer ${token}` }, ...team && { 'x-team': team } };
    const { data, errors } = await post('/graphql', { query, variables }, headers);
    const answer = errors ? { error: errors[0].extensions?.code ?? 'server_error', error_description: errors[0].message } : data.answer?.result ?? data.answer;
    if (answer?.error) throw new Refusal(answer);
    return answer;
}

// The answer of an operation whose field is called answer. An expired token is replaced, once.
export async function ask(query, variables) {
    try {
        return await graphql(query, variables);
    } catch (refusal) {
        if (refusal.error !== 'invalid_token' || !token) throw refusal;
        await resume();
        return graphql(query, variables);
    }
}

// Functions of the schema api: those that change nothing and have no argument, and the others.
export const read = (name) => ask(`{ answer: api${name} }`);
export const change = (name, input = {}) => ask(`mutation ($input: Api${name}Input!) { answer: api${name}(input: $input) { result } }`, { input });

const use = async (publicKey) => (await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) })).toJSON();

export async function passkeyLogIn() {
    const { publicKey, challenge } = await change('PasskeyLoginOptions');
    return begin('passkey_login', { challenge, credential: await use(publicKey) });
}

// The second step of a login: a passkey, a code of an app, or without a factor a recovery code.
export async function confirm({ challenge, passkeys }, factor, code) {
    const response = factor?.kind === 'webauthn' ? { credential: await use(passkeys[0]) } : { code };
    return begin('login_mfa', { challenge, factor: factor?.id, response });
}

export async function passkeyAdd(name) {
    const { publicKey, challenge } = await change('PasskeyAdd');
    const made = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
    return change('PasskeyConfirm', { challenge, credential: made.toJSON(), name });
}
