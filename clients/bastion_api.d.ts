// The answers of the functions of bastion_api. tools/api-types writes this file from bastion_api.schema().

/** A refusal (RFC 6749 section 5.2). error_description is a text for the user. */
export interface Refusal<Code extends string> {
    error: Code;
    error_description: string;
}

/** The address that the user now has, verified. */
export interface Address {
    email: string;
}

/** An API key, without its text. */
export interface ApiKey {
    cidrs: string[];
    created_at: string;
    created_by: User | null;
    disabled: boolean;
    expires_at: string | null;
    id: string;
    last_used_at: string | null;
    last_used_ip: string | null;
    limits: Record<string, unknown>;
    name: string;
    scopes: string[];
    secrets: ApiKeySecret[];
    unit: Unit | null;
    user: User;
}

/** Whether this changed the key. */
export interface ApiKeyDisabled {
    changed: boolean;
}

/** Whether this ended the key. */
export interface ApiKeyRevoked {
    revoked: boolean;
}

/** When a secret of an API key was made, and until when it is good. */
export interface ApiKeySecret {
    created_at: string;
    expires_at: string | null;
}

/** API keys of the tenant. */
export interface ApiKeys {
    api_keys: ApiKey[];
}

/** A code goes out if the address has an account; login_code() takes it together with the request. */
export interface CodeRequested {
    request: string;
}

/** The invitation that was declined. */
export interface Declined {
    declined: string;
}

/** An access token with which an actor acts for the user (RFC 8693 section 2.2.1). expires_in is in seconds. */
export interface Delegated {
    access_token: string;
    delegation: string;
    expires_in: number;
    issued_token_type: "urn:ietf:params:oauth:token-type:access_token";
    token_type: "Bearer";
}

/** A delegation that has not ended: actor acts for user, the last of actors. tenant is its id. */
export interface Delegation {
    actor: User;
    actors: string[];
    created_at: string;
    expires_at: string;
    id: string;
    offline: boolean;
    parent: string | null;
    scopes: string[];
    tenant: string;
    unit: Unit | null;
    user: User;
}

/** Whether this ended the delegation. */
export interface DelegationRevoked {
    revoked: boolean;
}

/** The delegations in which others act for the user, and those in which the user acts for others. */
export interface Delegations {
    given: Delegation[];
    held: Delegation[];
}

/** When the account or the tenant will be deleted. */
export interface Deleting {
    delete_at: string;
}

/** A known device of the user. */
export interface Device {
    confirmed_at: string | null;
    created_at: string;
    id: string;
    last_used_at: string;
    name: string | null;
}

/** Whether this changed a device. */
export interface DeviceChanged {
    changed: boolean;
}

/** Whether this made the device unknown. */
export interface DeviceRevoked {
    revoked: boolean;
}

/** The known devices of the user. */
export interface Devices {
    devices: Device[];
}

/** It is done. */
export type Done = Record<string, never>;

/** A second factor of the user. state is pending, active or suspended. phishing_resistant is whether it is a passkey. */
export interface Factor {
    created_at: string;
    id: string;
    kind: string;
    last_used_at: string | null;
    name: string;
    phishing_resistant: boolean;
    state: string;
}

/** The factor that was confirmed, and with the first one recovery codes, shown once. */
export interface FactorAdded {
    factor: Factor;
    recovery_codes: string[];
}

/** The factor that was removed. */
export interface FactorRemoved {
    removed: string;
}

/** The second factors of the user, and how many recovery codes are left. recovery_at is when an open recovery of the account removes all of them. */
export interface Factors {
    factors: Factor[];
    recovery_at: string | null;
    recovery_codes: number;
}

/** A login with an issuer begins: the nonce goes into the request to the issuer, the challenge stays with the client until login_id_token(). */
export interface IdTokenRequest {
    challenge: string;
    expires_in: number;
    nonce: string;
}

/** The accounts at issuers that are linked to the user. */
export interface Identities {
    identities: Identity[];
}

/** An account at an issuer that logs in to that of the user. subject is its identifier there. */
export interface Identity {
    created_at: string;
    enabled: boolean;
    issuer: string;
    subject: string;
}

/** Whether this linked the subject of the issuer to the user. */
export interface IdentityLinked {
    linked: boolean;
}

/** The link is removed. */
export interface IdentityUnlinked {
    unlinked: boolean;
}

/** An open invitation into the tenant, by address or of a user. */
export interface Invitation {
    created_at: string;
    email: string | null;
    expires_at: string;
    id: string;
    invited_by: User;
    role: string;
    unit: Unit | null;
    user: User | null;
    valid_from: string | null;
    valid_until: string | null;
}

/** The open invitations into the tenant. */
export interface Invitations {
    invitations: Invitation[];
}

/** Where the user has become a member, and logs in next. */
export interface Joined {
    tenant: Tenant;
    unit: Unit | null;
}

/** The ID token is right, its subject is unknown, and a user has verified its address. The user logs in as before, and identity_link() takes the challenge. */
export interface LinkRequired {
    challenge: string;
    error: "link_required";
    error_description: string;
    expires_in: number;
}

/** Tokens after a login that asked for a device_token, which is for the next login from this device. */
export interface LoggedIn {
    access_token: string;
    device_token: string;
    expires_at: string;
    expires_in: number;
    refresh_expires_in: number;
    refresh_token: string;
    tenant: Tenant | null;
    token_type: "Bearer";
    user: User;
}

/** How many sessions were ended. */
export interface LoggedOut {
    ended: number;
}

/** A second factor that login_mfa() takes. */
export interface LoginFactor {
    id: string;
    kind: string;
    name: string;
}

/** The identity of the transaction. */
export interface Me {
    actor_id: string;
    level: string;
    permissions: string[];
    roles: string[];
    tenant: Tenant | null;
    unit: Unit | null;
    user: User;
}

/** A member with all memberships in the tenant. */
export interface Member {
    memberships: Membership[];
    user: User;
}

/** Whether there was such a membership. */
export interface MemberRemoved {
    removed: boolean;
}

/** The membership that was changed, or the invitation of a user who is no member. */
export interface MemberSet {
    expires_at: string | null;
    invitation: string | null;
    membership: string | null;
}

/** A page of members; next is the argument after for the next page, null at the end. */
export interface Members {
    members: Member[];
    next: string | null;
}

/** A role of a member in the whole tenant, or in a unit and those below. */
export interface Membership {
    assigned_by: string | null;
    created_at: string;
    role: string;
    unit: Unit | null;
    valid_from: string | null;
    valid_until: string | null;
}

/** What was presented is right, and the user has a second factor: login_mfa() takes the challenge with one of the factors, or with a recovery code if any is left. passkeys has PublicKeyCredentialRequestOptionsJSON for each domain with passkeys of the user. */
export interface MfaRequired {
    challenge: string;
    error: "mfa_required";
    error_description: string;
    expires_in: number;
    factors: LoginFactor[];
    passkeys: Record<string, unknown>[];
    recovery_codes: boolean;
}

/** An open invitation of the user, with the role that it offers. */
export interface MyInvitation {
    created_at: string;
    expires_at: string;
    id: string;
    role: string;
    tenant: Tenant;
}

/** The open invitations of the user. */
export interface MyInvitations {
    invitations: MyInvitation[];
}

/** A new API key or secret; key is the text of the key, shown once. */
export interface NewApiKey {
    cidrs: string[];
    created_at: string;
    created_by: User | null;
    disabled: boolean;
    expires_at: string | null;
    id: string;
    key: string;
    last_used_at: string | null;
    last_used_ip: string | null;
    limits: Record<string, unknown>;
    name: string;
    scopes: string[];
    secrets: ApiKeySecret[];
    unit: Unit | null;
    user: User;
}

/** An authenticator to be confirmed: its secret in base32, as otpauth URI, and as QR code. Shown once. */
export interface NewTotp {
    factor: string;
    qr_svg: string;
    qr_text: string;
    secret: string;
    uri: string;
}

/** The tenant after the change. */
export interface OneTenant {
    tenant: Tenant;
}

/** The unit after the change. */
export interface OneUnit {
    unit: Unit;
}

/** What a browser is asked for a new passkey, and the challenge for passkey_confirm(). publicKey is PublicKeyCredentialCreationOptionsJSON (WebAuthn level 3). */
export interface PasskeyCreation {
    challenge: string;
    expires_in: number;
    publicKey: Record<string, unknown>;
}

/** What a browser is asked for the use of a passkey, and its challenge. publicKey is PublicKeyCredentialRequestOptionsJSON (WebAuthn level 3). */
export interface PasskeyRequest {
    challenge: string;
    expires_in: number;
    publicKey: Record<string, unknown>;
}

/** A unit, and the id of the unit above it. */
export interface PlacedUnit {
    parent: string | null;
    unit: Unit;
}

/** The user after the change. */
export interface Profile {
    user: User;
}

/** Whether this ended a recovery. */
export interface RecoveryCancelled {
    cancelled: boolean;
}

/** New recovery codes, shown once. */
export interface RecoveryCodes {
    recovery_codes: string[];
}

/** The mailed token is right, and 72 hours have not passed yet. */
export interface RecoveryPending {
    error: "recovery_pending";
    error_description: string;
    ready_at: string;
}

/** From when account_recovery_finish() takes the mailed token. */
export interface RecoveryStarted {
    ready_at: string;
}

/** Mail goes out if the address has an account; nothing is said about that. */
export type Requested = Record<string, never>;

/** Nothing is said about the token (RFC 7009 section 2.2). */
export type Revoked = Record<string, never>;

/** The JSON Schema of the answers of each function. */
export type Schemas = Record<string, Record<string, unknown>>;

/** A session that has not ended. */
export interface Session {
    amr: string[];
    created_at: string;
    current: boolean;
    device: string | null;
    expires_at: string;
    id: string;
    ip: string | null;
    last_seen_at: string;
    level: string;
    phishing_resistant: boolean;
    tenant: Tenant | null;
    user_agent: string | null;
}

/** Whether this changed the session. */
export interface SessionChanged {
    changed: boolean;
}

/** Whether this ended the session. */
export interface SessionRevoked {
    revoked: boolean;
}

/** The sessions of the user. */
export interface Sessions {
    sessions: Session[];
}

/** The settings of the tenant. */
export interface SettingsOfTenant {
    settings: TenantSettings;
}

/** The session does not prove enough, or not freshly enough (RFC 9470): acr_values is the level, max_age is in seconds. */
export interface StepUpRequired {
    acr_values: string;
    error: "insufficient_user_authentication";
    error_description: string;
    max_age: number | null;
}

/** What a session must prove to hold a permission or pattern. max_age is in seconds, null for any age; of_operator is a rule of every tenant; met is whether this session meets it. */
export interface StepUpRule {
    level: string;
    max_age: number | null;
    met: boolean;
    of_operator: boolean;
    permission: string;
}

/** The step-up rules of the tenant. */
export interface StepUpRules {
    rules: StepUpRule[];
}

/** A new access token of the same session, confirmed with a second factor. */
export interface SteppedUp {
    access_token: string;
    expires_at: string;
    expires_in: number;
    token_type: "Bearer";
}

/** A tenant, with the role of the user in the whole of it; null for a member of single units, and for no member. */
export interface Tenant {
    id: string;
    name: string;
    number: number;
    role: string | null;
    slug: string;
}

/** The tenant that the user left, with the role that the user had. */
export interface TenantLeft {
    left: Tenant;
}

/** The password is right, and the user is a member of several tenants: login_tenant() takes the challenge and one of them. After a mailed link or code there is none, and the client repeats its request. */
export interface TenantRequired {
    challenge: string | null;
    error: "tenant_required";
    error_description: string;
    expires_in: number | null;
    tenants: Tenant[];
}

/** Limits of sessions in the tenant, in seconds, and the fewest characters of a password; null is the setting of the server. mfa is off, required or phishing_resistant. mfa_remember is for how many seconds a remembered device stands in for a second factor; null is never. */
export interface TenantSettings {
    access_lifetime: number | null;
    idle_limit: number | null;
    mfa: string;
    mfa_remember: number | null;
    password_min_length: number | null;
    reuse_window: number | null;
    session_lifetime: number | null;
}

/** The tenant, with the new role of the user, and its new owner. */
export interface TenantTransferred {
    owner: User;
    tenant: Tenant;
}

/** The active tenants of the user. */
export interface Tenants {
    tenants: Tenant[];
}

/** A session has begun or goes on (RFC 6749 section 5.1). expires_in and refresh_expires_in are seconds. */
export interface Tokens {
    access_token: string;
    expires_at: string;
    expires_in: number;
    refresh_expires_in: number;
    refresh_token: string;
    tenant: Tenant | null;
    token_type: "Bearer";
    user: User;
}

/** Nothing was checked, because of earlier attempts. retry_after is in seconds. */
export interface TooManyAttempts {
    error: "too_many_attempts";
    error_description: string;
    retry_after: number;
}

/** The API key has reached a limit. retry_after is in seconds. */
export interface TooManyRequests {
    error: "too_many_requests";
    error_description: string;
    retry_after: number;
}

/** Nothing was checked. retry_after is in seconds, null when only an operator helps. */
export interface TooManyTries {
    error: "too_many_tries";
    error_description: string;
    retry_after: number | null;
}

/** A unit of a tenant: a team, a project. */
export interface Unit {
    id: string;
    kind: string;
    name: string;
    slug: string | null;
}

/** The unit that was deleted. */
export interface UnitDeleted {
    deleted: Unit;
}

/** A page of units; next is the argument after for the next page, null at the end. */
export interface Units {
    next: string | null;
    units: PlacedUnit[];
}

/** A user. Address and names are null where the caller may not see them. */
export interface User {
    display_name: string | null;
    email: string | null;
    id: string;
    username: string | null;
}

/** The account waits for verify_email(), with the mailed token and the password. */
export interface VerificationRequired {
    verification: "required";
}

/** The answer of each function, by its name. A refusal has the property error, a success never has. */
export interface BastionApi {
    account_convert: Tokens | VerificationRequired | TooManyRequests | Refusal<"email_taken" | "insufficient_scope" | "invalid_email" | "invalid_password" | "invalid_token" | "invalid_username" | "not_anonymous" | "signup_refused" | "temporarily_unavailable" | "unauthenticated" | "username_taken" | "weak_password">;
    account_delete: Deleting | TooManyAttempts | TooManyRequests | Refusal<"insufficient_scope" | "invalid_grant" | "invalid_token" | "last_owner" | "temporarily_unavailable" | "unauthenticated">;
    account_delete_cancel: Done | Refusal<"invalid_link">;
    account_recovery_cancel: RecoveryCancelled | TooManyRequests | Refusal<"insufficient_scope" | "invalid_link" | "invalid_token" | "unauthenticated">;
    account_recovery_finish: Done | RecoveryPending | Refusal<"invalid_link">;
    account_recovery_start: RecoveryStarted | Refusal<"invalid_grant" | "recovery_unavailable">;
    api_key_create: NewApiKey | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_request" | "invalid_scope" | "invalid_token" | "unauthenticated">;
    api_key_disable: ApiKeyDisabled | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_request" | "invalid_token" | "unauthenticated">;
    api_key_revoke: ApiKeyRevoked | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated">;
    api_key_rotate: NewApiKey | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_request" | "invalid_token" | "too_many_secrets" | "unauthenticated" | "unknown_api_key">;
    api_keys: ApiKeys | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated">;
    delegate: Delegated | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_request" | "invalid_scope" | "invalid_token" | "unauthenticated" | "unknown_object">;
    delegation_revoke: DelegationRevoked | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated">;
    delegations: Delegations | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated">;
    device_rename: DeviceChanged | TooManyRequests | Refusal<"insufficient_scope" | "invalid_request" | "invalid_token" | "unauthenticated">;
    device_revoke: DeviceRevoked | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated">;
    devices: Devices | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated">;
    email_change: Requested | TooManyAttempts | TooManyRequests | Refusal<"anonymous_account" | "insufficient_scope" | "invalid_email" | "invalid_grant" | "invalid_token" | "temporarily_unavailable" | "unauthenticated">;
    email_change_confirm: Address | TooManyRequests | Refusal<"insufficient_scope" | "invalid_link" | "invalid_token" | "unauthenticated">;
    email_undo: Done | Refusal<"invalid_link">;
    factor_remove: FactorRemoved | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "last_login" | "short_password" | "unauthenticated" | "unknown_factor">;
    factor_rename: Factor | TooManyRequests | Refusal<"insufficient_scope" | "invalid_request" | "invalid_token" | "unauthenticated" | "unknown_factor">;
    factors: Factors | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated">;
    id_token_options: IdTokenRequest | Refusal<"unknown_issuer">;
    identity_link: IdentityLinked | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_request" | "invalid_token" | "unauthenticated">;
    identity_links: Identities | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated">;
    identity_unlink: IdentityUnlinked | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "last_login" | "unauthenticated" | "unknown_identity">;
    invitation_accept: Joined | TooManyRequests | Refusal<"insufficient_scope" | "invalid_invitation" | "invalid_token" | "unauthenticated">;
    invitation_decline: Declined | TooManyRequests | Refusal<"insufficient_scope" | "invalid_invitation" | "invalid_token" | "unauthenticated">;
    invitation_decline_link: Declined | Refusal<"invalid_invitation">;
    invitations: Invitations | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated">;
    login: Tokens | MfaRequired | LoggedIn | TenantRequired | TooManyAttempts | Refusal<"invalid_grant" | "temporarily_unavailable">;
    login_code: Tokens | MfaRequired | TenantRequired | TooManyAttempts | Refusal<"invalid_link">;
    login_id_token: Tokens | MfaRequired | TenantRequired | LinkRequired | Refusal<"invalid_grant">;
    login_link: Tokens | MfaRequired | TenantRequired | Refusal<"invalid_link">;
    login_mfa: Tokens | TenantRequired | TooManyTries | Refusal<"invalid_code" | "invalid_grant">;
    login_tenant: Tokens | LoggedIn | Refusal<"invalid_grant">;
    logout: LoggedOut | TooManyRequests | Refusal<"insufficient_scope" | "invalid_scope" | "invalid_token" | "unauthenticated">;
    me: Me | TooManyRequests | Refusal<"invalid_token" | "unauthenticated">;
    member_add: MemberSet | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_request" | "invalid_token" | "last_owner" | "unauthenticated" | "unknown_object">;
    member_remove: MemberRemoved | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "last_owner" | "unauthenticated" | "unknown_object">;
    member_set: MemberSet | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_request" | "invalid_token" | "last_owner" | "unauthenticated" | "unknown_object">;
    members: Members | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated" | "unknown_object">;
    my_invitations: MyInvitations | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated">;
    passkey_add: PasskeyCreation | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated" | "unknown_relying_party">;
    passkey_confirm: FactorAdded | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_passkey" | "invalid_request" | "invalid_token" | "too_many_factors" | "unauthenticated">;
    passkey_login: Tokens | LoggedIn | TenantRequired | Refusal<"invalid_grant">;
    passkey_login_options: PasskeyRequest | Refusal<"unknown_relying_party">;
    passkey_options: PasskeyRequest | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated" | "unknown_relying_party">;
    password_change: LoggedOut | TooManyAttempts | TooManyRequests | Refusal<"insufficient_scope" | "invalid_password" | "invalid_token" | "temporarily_unavailable" | "unauthenticated" | "weak_password" | "wrong_password">;
    profile_update: Profile | TooManyRequests | Refusal<"anonymous_account" | "insufficient_scope" | "invalid_display_name" | "invalid_request" | "invalid_token" | "invalid_username" | "last_login" | "unauthenticated" | "username_taken">;
    recovery_codes_renew: RecoveryCodes | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated" | "unknown_factor">;
    refresh: Tokens | Refusal<"invalid_grant" | "session_ended">;
    request_login_code: CodeRequested | TooManyAttempts | Refusal<"invalid_email">;
    request_login_link: Requested | TooManyAttempts | Refusal<"invalid_email">;
    request_password_reset: Requested | TooManyAttempts | Refusal<"invalid_email">;
    resend_verification: Requested | TooManyAttempts | Refusal<"invalid_email">;
    reset_password: Done | Refusal<"invalid_link" | "invalid_password" | "temporarily_unavailable" | "weak_password">;
    schema: Schemas;
    session_rename: SessionChanged | TooManyRequests | Refusal<"insufficient_scope" | "invalid_request" | "invalid_token" | "unauthenticated">;
    session_revoke: SessionRevoked | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated">;
    sessions: Sessions | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated">;
    signup: Tokens | VerificationRequired | Refusal<"email_taken" | "invalid_display_name" | "invalid_email" | "invalid_password" | "invalid_tenant_name" | "invalid_username" | "signup_closed" | "signup_refused" | "temporarily_unavailable" | "username_taken" | "weak_password">;
    signup_anonymous: Tokens | TooManyAttempts | Refusal<"invalid_display_name" | "invalid_tenant_name" | "signup_closed" | "signup_refused">;
    signup_invited: Tokens | Refusal<"email_taken" | "invalid_display_name" | "invalid_invitation" | "invalid_password" | "invalid_username" | "signup_refused" | "temporarily_unavailable" | "username_taken" | "weak_password">;
    step_up: SteppedUp | TooManyTries | TooManyRequests | Refusal<"insufficient_scope" | "invalid_code" | "invalid_token" | "unauthenticated">;
    step_up_rules: StepUpRules | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated">;
    tenant_create: OneTenant | TooManyRequests | Refusal<"insufficient_scope" | "invalid_tenant_name" | "invalid_token" | "signup_closed" | "unauthenticated">;
    tenant_delete: Deleting | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_request" | "invalid_token" | "unauthenticated">;
    tenant_delete_cancel: OneTenant | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated" | "unknown_object">;
    tenant_leave: TenantLeft | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "last_owner" | "unauthenticated">;
    tenant_rename: OneTenant | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_tenant_name" | "invalid_token" | "unauthenticated">;
    tenant_settings: SettingsOfTenant | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated">;
    tenant_settings_set: SettingsOfTenant | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_request" | "invalid_token" | "unauthenticated">;
    tenant_switch: Tokens | Refusal<"invalid_grant" | "session_ended">;
    tenant_transfer: TenantTransferred | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated" | "unknown_object">;
    tenants: Tenants | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated">;
    token: Tokens | MfaRequired | TenantRequired | TooManyAttempts | Refusal<"invalid_grant" | "invalid_request" | "invalid_scope" | "temporarily_unavailable" | "unsupported_grant_type">;
    token_revoke: Revoked;
    totp_add: NewTotp | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_request" | "invalid_token" | "too_many_factors" | "unauthenticated">;
    totp_confirm: FactorAdded | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_code" | "invalid_token" | "unauthenticated" | "unknown_factor">;
    unit_create: OneUnit | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_request" | "invalid_token" | "slug_taken" | "unauthenticated" | "unknown_object">;
    unit_delete: UnitDeleted | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_request" | "invalid_token" | "unauthenticated" | "unit_in_use" | "unknown_object">;
    unit_rename: OneUnit | StepUpRequired | TooManyRequests | Refusal<"insufficient_scope" | "invalid_request" | "invalid_token" | "unauthenticated" | "unknown_object">;
    units: Units | TooManyRequests | Refusal<"insufficient_scope" | "invalid_token" | "unauthenticated" | "unknown_object">;
    verify_email: Tokens | Address | TooManyAttempts | TooManyRequests | Refusal<"insufficient_scope" | "invalid_grant" | "invalid_link" | "invalid_token" | "temporarily_unavailable" | "unauthenticated">;
}
