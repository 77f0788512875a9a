// What a client does with the answers, to be compiled by api.sh.
import type { BastionApi, Tenant, Tokens, User } from './bastion_api';

declare function rpc<Name extends keyof BastionApi>(name: Name, body?: object): Promise<BastionApi[Name]>;

export async function login(identifier: string, password: string, choose: (tenants: Tenant[]) => string): Promise<Tokens> {
    const answer = await rpc('login', { identifier, password });
    if (!('error' in answer)) return answer;
    if (answer.error === 'tenant_required') {
        const again = await rpc('login_tenant', { challenge: answer.challenge, tenant: choose(answer.tenants) });
        if (!('error' in again)) return again;
    }
    throw new Error(answer.error_description);
}

export async function names(): Promise<string[]> {
    const me = await rpc('me');
    if ('error' in me) return [];
    const user: User = me.user;
    const keys = await rpc('api_keys');
    const sessions = await rpc('sessions');
    return [user.display_name ?? user.email ?? user.id, me.tenant?.name ?? '', ...('error' in keys ? [] : keys.api_keys.map(key => key.name)),
        ...('error' in sessions ? [] : sessions.sessions.map(session => session.device ?? session.id))];
}

export function planted(answer: BastionApi['login']): string { return 'error' in answer ? answer.error : answer.access_token; }
