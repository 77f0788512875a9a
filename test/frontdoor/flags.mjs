// Feature flags: random rules and a million targeting keys, evaluated by the database and by flagd's evaluator for Node; a file of
// flagd both ways; and the provider under OpenFeature's SDK. Run by flags.sh beside its packages. Prints TAP.
import { FlagdCore } from '@openfeature/flagd-core';
import { OpenFeature } from '@openfeature/server-sdk';
import pg from 'pg';
import { makeRules } from './flag_rules.mjs';
import { BastionProvider } from './openfeature_provider.mjs';

const client = new pg.Client();
await client.connect();
let number = 0;

function ok(holds, name) {
    console.log(`${holds ? 'ok' : 'not ok'} ${++number} - ${name}`);
}

async function value(text, ...values) {
    return Object.values((await client.query(text, values)).rows[0])[0];
}

// The evaluator compiles rules otherwise, and then confuses comparisons inside comparisons.
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
function evaluatorOf(flags) {
    const core = new FlagdCore(undefined, quiet, { disableDynamicCodeGeneration: true });
    core.setConfigurations(JSON.stringify({ flags }));
    return core;
}

await client.query('BEGIN');
const make = makeRules(20261130);
const rules = Array.from({ length: 3000 }, make);
const expected = rules.map(({ key, flag, context }) => {
    const { variant, reason, errorCode } = evaluatorOf({ [key]: flag }).resolveBooleanEvaluation(key, false, context, quiet);
    return [reason, variant ?? null, errorCode ?? null].join(' ');
});
await client.query(`CREATE FUNCTION pg_temp.verdict(rule jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE details jsonb;
BEGIN
    PERFORM bastion.flag_set_for(NULL, rule ->> 'key', rule -> 'flag');
    details := bastion.flag_evaluate(rule ->> 'key', 'false', rule -> 'context');
    RETURN concat(details ->> 'reason', ' ', details ->> 'variant', ' ', details ->> 'errorCode');
END $$`);
const found = await value('SELECT array_agg(pg_temp.verdict(r.rule) ORDER BY r.n) FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY r (rule, n)', JSON.stringify(rules));
const differing = rules.filter((_, i) => found[i] !== expected[i].replaceAll('null', '')).slice(0, 3);
ok(differing.length === 0, `${rules.length} random rules choose as flagd chooses`);
for (const one of differing) console.log('# ' + JSON.stringify(one) + ' ' + found[rules.indexOf(one)] + ' / ' + expected[rules.indexOf(one)]);
ok(new Set(expected.map(e => e.split(' ')[0])).size === 4, 'among them matches, defaults, disabled flags and errors');

// Each key as one character: the variant of a roll-out over three
const million = 1_000_000;
const split = { state: 'ENABLED', variants: { a: 'a', b: 'b', c: 'c' }, defaultVariant: 'c', targeting: { fractional: [['a', 1], ['b', 333], ['c', 99_666]] } };
await value(`SELECT bastion.flag_set_for(NULL, 'split', $1)`, JSON.stringify(split));
const chosen = await value(`SELECT string_agg(bastion.flag_text('split', '-', jsonb_build_object('targetingKey', 'user-' || n)), '' ORDER BY n) FROM generate_series(1, $1::int) n`, million);
const core = evaluatorOf({ split });
let same = 0;
for (let n = 1; n <= million; ++n) same += core.resolveStringEvaluation('split', '-', { targetingKey: `user-${n}` }, quiet).value === chosen[n - 1];
ok(same === million, `${million} targeting keys are in the buckets of flagd`);
ok(chosen.includes('a') && chosen.split('b').length > 2000, 'among them some of one in a hundred thousand');

// A file both ways
const file = { flags: { staff: { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off', targeting: { if: [{ $ref: 'is_staff' }, 'on'] } } },
    $evaluators: { is_staff: { ends_with: [{ var: 'email' }, '@example.com'] } } };
await value('SELECT count(*) FROM bastion.flag_import_for(NULL, $1)', JSON.stringify(file));
const exported = new FlagdCore(undefined, quiet, { disableDynamicCodeGeneration: true });
exported.setConfigurations(JSON.stringify(await value('SELECT bastion.flag_export_for(NULL)')));
ok(exported.resolveBooleanEvaluation('staff', false, { email: 'ann@example.com' }, quiet).value === true, 'flagd reads what is exported, with references resolved');
ok(exported.resolveBooleanEvaluation('staff', true, { email: 'ann@example.org' }, quiet).value === false, 'and evaluates it alike');

// The SDK
await OpenFeature.setProviderAndWait(new BastionProvider((text, values) => client.query(text, values)));
const flags = OpenFeature.getClient();
await value(`SELECT bastion.flag_set_for(NULL, 'text', '{"variants": {"x": "é"}, "defaultVariant": "x"}') + bastion.flag_set_for(NULL, 'number', '{"variants": {"x": 0.5}, "defaultVariant": "x"}')
           + bastion.flag_set_for(NULL, 'object', '{"variants": {"x": {"a": [1]}}, "defaultVariant": "x", "metadata": {"owner": "team"}}')`);
ok(await flags.getBooleanValue('staff', false, { email: 'bob@example.com' }) === true, 'a boolean for a context');
ok(await flags.getBooleanValue('staff', true, {}) === false, 'and for another');
ok(await flags.getStringValue('text', '') === 'é', 'a string');
ok(await flags.getNumberValue('number', 1) === 0.5, 'a number');
const object = await flags.getObjectDetails('object', {});
ok(JSON.stringify(object.value) === '{"a":[1]}' && object.reason === 'STATIC' && object.variant === 'x' && object.flagMetadata.owner === 'team', 'an object with its details');
const missing = await flags.getStringDetails('missing', 'mine');
ok(missing.value === 'mine' && missing.errorCode === 'FLAG_NOT_FOUND' && missing.reason === 'ERROR', 'the default value without a flag');
const mistaken = await flags.getNumberDetails('text', 7);
ok(mistaken.value === 7 && mistaken.errorCode === 'TYPE_MISMATCH', 'and for a flag of another type');
const nobody = await flags.getStringDetails('split', '-');
ok(nobody.value === '-' && nobody.errorCode === 'TARGETING_KEY_MISSING', 'a percentage needs a key');
await client.query('ROLLBACK');
console.log(`1..${number}`);
await client.end();
