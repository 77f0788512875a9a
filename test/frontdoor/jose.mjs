// Tokens both ways between bastion.jwt_sign() / jws_verify() and the npm package jose: for each algorithm a key of either
// side, its token verified by the other, and a changed token refused by both. Run by jose.sh with the path of the package
// as argument; talks to the server through psql. Prints TAP.
import { execFileSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';

const jose = await import(pathToFileURL(process.argv[2]).href);
const algorithms = ['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
let number = 0;

function ok(holds, name) {
    console.log(`${holds ? 'ok' : 'not ok'} ${++number} - ${name}`);
}

// The answer of a query with text parameters :'p1', :'p2', …; undefined when it fails.
function sql(query, ...parameters) {
    const variables = parameters.flatMap((value, i) => ['-v', `p${i + 1}=${value}`]);
    try {
        return execFileSync('psql', ['-qXAt', '-v', 'ON_ERROR_STOP=1', ...variables, '-f', '-'],
            { input: query, stdio: ['pipe', 'pipe', 'ignore'] }).toString().trimEnd();
    } catch {
        return undefined;
    }
}

async function verifies(token, jwk, algorithm) {
    try {
        const { payload } = await jose.compactVerify(token, await jose.importJWK(jwk, algorithm), { algorithms: [algorithm] });
        return JSON.parse(new TextDecoder().decode(payload)).sub;
    } catch {
        return undefined;
    }
}

const verify = `SELECT convert_from(bastion.jws_verify(:'p1', :'p2', ARRAY[:'p3']), 'UTF8')::json ->> 'sub'`;
const changed = token => token.replace(/\.(.)/, (all, first) => '.' + (first === 'e' ? 'f' : 'e'));

for (const algorithm of algorithms) {
    const symmetric = algorithm.startsWith('HS');
    const key = JSON.parse(sql(`SELECT bastion.jwk_generate(:'p1')`, algorithm));
    const half = symmetric ? key : JSON.parse(sql(`SELECT bastion.jwk_public(:'p1')`, JSON.stringify(key)));
    const ours = sql(`SELECT bastion.jwt_sign('{"sub": "né", "exp": 4000000000}', :'p1')`, JSON.stringify(key));
    ok(await verifies(ours, half, algorithm) === 'né', `${algorithm}: jose verifies our token`);
    ok(await verifies(changed(ours), half, algorithm) === undefined, `${algorithm}: and not a changed one`);
    if (!symmetric)
        ok(await jose.calculateJwkThumbprint(half) === half.kid, `${algorithm}: the same thumbprint`);

    const pair = symmetric ? undefined : await jose.generateKeyPair(algorithm, { extractable: true, ...(algorithm === 'EdDSA' ? { crv: 'Ed25519' } : {}) });
    const secret = symmetric ? await jose.generateSecret(algorithm, { extractable: true }) : undefined;
    const theirs = await new jose.SignJWT({ sub: 'né' }).setProtectedHeader({ alg: algorithm }).setExpirationTime(4000000000)
        .sign(symmetric ? secret : pair.privateKey);
    const jwk = JSON.stringify(await jose.exportJWK(symmetric ? secret : pair.publicKey));
    ok(sql(verify, theirs, jwk, algorithm) === 'né', `${algorithm}: we verify a token of jose`);
    ok(sql(verify, changed(theirs), jwk, algorithm) === undefined, `${algorithm}: and not a changed one`);
    if (!symmetric) {
        const pem = JSON.stringify({ pem: await jose.exportSPKI(pair.publicKey) });
        ok(sql(verify, theirs, pem, algorithm) === 'né', `${algorithm}: with the key as PEM`);
        const back = sql(`SELECT bastion.jwt_sign('{"sub": "né"}', :'p1', jsonb_build_object('alg', :'p2'))`,
            JSON.stringify({ pem: await jose.exportPKCS8(pair.privateKey) }), algorithm);
        ok(await verifies(back, JSON.parse(jwk), algorithm) === 'né', `${algorithm}: signed by us with the key of jose as PEM`);
    }
}

// Claims: what jose calls expired, early or for somebody else, so do we.
const key = new Uint8Array(32).fill(7);
const jwk = JSON.stringify({ kty: 'oct', alg: 'HS256', k: jose.base64url.encode(key) });
const token = await new jose.SignJWT({}).setProtectedHeader({ alg: 'HS256' }).setIssuer('me').setAudience(['a', 'b']).setNotBefore(1000).setExpirationTime(2000).sign(key);
for (const [now, aud] of [[999, 'a'], [1000, 'a'], [1999, 'b'], [2000, 'a'], [1500, 'c']]) {
    const theirs = await jose.jwtVerify(token, key, { audience: aud, currentDate: new Date(now * 1000) }).then(() => true, () => false);
    const ours = sql(`SELECT bastion.jwt_verify(:'p1', :'p2', jsonb_build_object('now', :'p3'::int, 'aud', :'p4'))`, token, jwk, now, aud) !== undefined;
    ok(theirs === ours, `the same answer at ${now} for ${aud}`);
}
console.log(`1..${number}`);
