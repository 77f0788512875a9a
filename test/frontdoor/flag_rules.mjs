// Random flags and contexts, the same for the same seed. Rules compare values of every type; they leave out what differs by design:
// a list inside a text, and text outside ASCII in a bucket, which the library for JavaScript hashes in another way than flagd.
export function makeRules(seed) {
    const random = () => {
        seed = (seed + 0x6d2b79f5) | 0;
        let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    const pick = list => list[Math.floor(random() * list.length)];
    const literals = [null, true, false, 0, 1, -1, 2.5, 10, '', 'a', 'ab', 'abc', 'zz', '10', '1.2.3', 'v1.2', '2.0.0-rc.1', ' 5 ', '\ue000', '\u{1F600}', 'on', 'off'];
    const paths = ['plan', 'age', 'version', 'nested.deep', 'list.1', 'missing', 'flag', 'targetingKey', '$flagd.flagKey'];
    const variable = () => (random() < 0.2 ? { var: [pick(paths), pick(literals)] } : { var: pick(paths) });
    const makers = {
        if: e => ({ if: [e(), e()] }),
        chain: e => ({ if: [e(), e(), e(), e(), e()] }),
        and: e => ({ and: [e(), e(), e()] }),
        or: e => ({ or: [e(), e()] }),
        not: e => ({ '!': random() < 0.5 ? [e()] : [variable()] }),
        compare: e => ({ [pick(['==', '!=', '<', '<=', '>', '>='])]: [e(), e()] }),
        between: () => ({ [pick(['<', '<='])]: [pick([0, 1, 5, 10]), { var: 'age' }, pick([20, 30, 50])] }),
        in: e => ({ in: [e(), random() < 0.5 ? { var: 'list' } : e()] }),
        among: e => ({ in: [e(), [e(), pick(literals), pick(literals)]] }),
        starts: e => ({ starts_with: [e(), e()] }),
        ends: e => ({ ends_with: [e(), e()] }),
        join: () => ({ cat: [pick(['s', 1, null, true, { var: 'age' }]), { var: pick(['plan', 'nested.deep', 'targetingKey']) }] }),
        version: () => ({ sem_ver: [pick([{ var: 'version' }, ...literals]), pick(['=', '!=', '<', '<=', '>', '>=', '^', '~', '?']), pick(['1.0.0', '1.2.3', 'v1.2', '2.0.0-rc.1', '2', '2.0.0-rc.2+x', '01.2'])] }),
        share: () => ({ fractional: [['on', Math.floor(random() * 100)], ['off', Math.floor(random() * 100)], ['other']] }),
        shareBy: () => ({ fractional: [pick(['seed', { var: 'targetingKey' }, { cat: ['s', { var: 'targetingKey' }] }]), ['on', pick([0, 1, 50, -3])], [pick(['off', { var: 'plan' }]), pick([1, 50, 1.5, { var: 'age' }])]] }),
    };
    const expression = depth => {
        if (depth <= 0 || random() < 0.25) return random() < 0.5 ? pick(literals) : variable();
        return makers[pick(Object.keys(makers))](() => expression(depth - 1));
    };
    return () => {
        const rule = expression(3);
        const targeting = rule !== null && typeof rule === 'object' ? rule : { if: [true, rule] };
        return {
            key: pick(['f', 'new-checkout', 'g']),
            flag: {
                state: pick(['ENABLED', 'ENABLED', 'ENABLED', 'ENABLED', 'DISABLED']),
                variants: { on: true, off: false, other: true, true: true, false: false, a: true, ab: false, 10: true, 2.5: false, 1: true, zz: false },
                defaultVariant: pick(['on', 'off']),
                targeting,
            },
            context: {
                targetingKey: pick(['user-1', 'user-2', 'xxxxxxxxx']),
                plan: pick(literals),
                age: pick([0, 5, 18, 21, 99, '30', null, true]),
                version: pick(['1.2.3', '2.0.0-rc.1', '1.10.0', 'v1.2', '3', 'x', 7, '1.2.3-alpha.beta', '1.2.3-alpha.1', '10.0.0+b']),
                nested: { deep: pick(literals), x: 1 },
                list: pick([[], ['a', 'ab', 1], [true, null, '10']]),
                flag: pick([true, false]),
            },
        };
    };
}
