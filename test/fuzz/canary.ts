/** In every credential that a client sends. It must never reach upstream. */
export const CLIENT_CANARY = 'canary-of-the-client';
/** In every token that a fuzzed answer or file brings. It must never reach a client. */
export const TOKEN_CANARY = 'canary-of-a-token';

/** The credentials of a client: none of them may leave the machine. */
export const clientCredentials: Readonly<Record<string, string>> = {
  authorization: `Bearer ${CLIENT_CANARY}-bearer`,
  cookie: `session=${CLIENT_CANARY}-cookie`,
  'chatgpt-account-id': `${CLIENT_CANARY}-account`,
  'proxy-authorization': `Basic ${CLIENT_CANARY}-proxy`,
};
