// An OpenFeature provider for Node (https://openfeature.dev): the feature flags of pg_bastion, evaluated in the database by one query.
//
//   import { OpenFeature } from '@openfeature/server-sdk';
//   await OpenFeature.setProviderAndWait(new BastionProvider((text, values) => pool.query(text, values)));
//   await OpenFeature.getClient().getBooleanValue('new_editor', false, { targetingKey: 'user-1' });
//
// `query` runs a statement with its parameters, and resolves to an object with `rows`, as node-postgres does. Run in a transaction
// that presented a token, it knows the user, the tenant and their roles; without one, only flags of the installation are there, and
// percentages need a targetingKey. The context is what a rule asks for by {"var": ...}.
export class BastionProvider {
    metadata = { name: 'pg_bastion' };
    runsOn = 'server';

    constructor(query) {
        this.query = query;
    }

    resolveBooleanEvaluation(key, defaultValue, context) {
        return this.#evaluate(key, defaultValue, context);
    }

    resolveStringEvaluation(key, defaultValue, context) {
        return this.#evaluate(key, defaultValue, context);
    }

    resolveNumberEvaluation(key, defaultValue, context) {
        return this.#evaluate(key, defaultValue, context);
    }

    resolveObjectEvaluation(key, defaultValue, context) {
        return this.#evaluate(key, defaultValue, context);
    }

    // value, variant, reason, errorCode and flagMetadata, as the SDK takes them.
    async #evaluate(key, defaultValue, context = {}) {
        const { rows } = await this.query('SELECT bastion.flag_evaluate($1, $2::jsonb, $3::jsonb) AS details',
            [key, JSON.stringify(defaultValue), JSON.stringify(context)]);
        return rows[0].details;
    }
}
