import { z } from 'zod';
import { readClaims } from './access-token-claims.js';

/** A placeholder login's account id and refresh token begin with this; a real login's never do. */
export const PLACEHOLDER_PREFIX = 'codex-pool-';

/** Each kind of login that is no account of the pool, as the beginning of a sentence. */
const names = {
  api_key_only: 'this is only an API key, or an API key login (auth_mode), not a ChatGPT login',
  personal_access_token: 'this is a personal access token, not a ChatGPT login',
  agent_identity: 'this is an agent identity, not a ChatGPT login',
  bedrock_login: 'this is a login to Amazon Bedrock, not a ChatGPT login',
  organization_id:
    'account_id is an organization of the API platform (org-…), not a ChatGPT account, so upstream would refuse it',
  placeholder_login: 'this is a placeholder login that codex-pool made for Codex; it belongs to no account',
} as const;

/** A login that is no account of the pool; a stable code for programs. */
export type OtherLogin = keyof typeof names;

/** By `auth_mode` (docs/protocol.md, `auth.json`), in lower case and without separators. */
const byMode: ReadonlyMap<string, OtherLogin> = new Map([
  ['apikey', 'api_key_only'],
  ['personalaccesstoken', 'personal_access_token'],
  ['agentidentity', 'agent_identity'],
]);

const fileSchema = z.looseObject({
  auth_mode: z.string().nullish().catch(null),
  tokens: z
    .looseObject({ account_id: z.string().nullish().catch(null) })
    .nullish()
    .catch(null),
});

/**
 * Returns which other login a parsed file holds; null if it may be a ChatGPT login. An explicit `auth_mode` decides,
 * even beside tokens, which Codex would not use either. Otherwise tokens decide, and without them the other fields.
 */
export function otherLoginIn(document: unknown): OtherLogin | null {
  const parsed = fileSchema.safeParse(document);
  if (!parsed.success) return null;
  const { auth_mode: mode, tokens, ...fields } = parsed.data;
  const declared = declaredBy(mode ?? '');
  if (declared !== null) return declared;
  const token = tokens?.['access_token'];
  if (isSet(token)) return otherTokens(token, tokens?.['refresh_token'], tokens?.account_id ?? '');
  if (isSet(fields['personal_access_token'])) return 'personal_access_token';
  if (isSet(fields['agent_identity'])) return 'agent_identity';
  const isBedrock = Object.entries(fields).some(([name, it]) => name.startsWith('bedrock_') && isSet(it));
  if (isBedrock) return 'bedrock_login';
  return isSet(fields['OPENAI_API_KEY']) ? 'api_key_only' : null;
}

/** Names the login and says what helps, as a clause without a period. */
export function describeOtherLogin(kind: OtherLogin): string {
  return `${names[kind]}: ${WHAT_HELPS}`;
}

export const WHAT_HELPS = 'log in with `codex login` and use that auth.json';

function declaredBy(mode: string): OtherLogin | null {
  const plain = mode.toLowerCase().replaceAll(/[\s_-]/g, '');
  return byMode.get(plain) ?? (plain.includes('bedrock') ? 'bedrock_login' : null);
}

function otherTokens(access: unknown, refresh: unknown, accountId: string): OtherLogin | null {
  if (typeof access !== 'string') return null;
  if (access.startsWith('sk-')) return 'api_key_only';
  const claimed = readClaims(access).accountId;
  const isPlaceholder = [accountId, claimed, refresh].some(
    (it) => typeof it === 'string' && it.startsWith(PLACEHOLDER_PREFIX),
  );
  if (isPlaceholder) return 'placeholder_login';
  const used = accountId.trim() === '' ? (claimed ?? '') : accountId;
  return /^\s*org-/i.test(used) ? 'organization_id' : null;
}

function isSet(value: unknown): boolean {
  if (typeof value === 'string') return value.trim() !== '';
  return value !== null && value !== undefined && value !== false;
}
