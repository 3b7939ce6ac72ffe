import type { FaultKind } from './fault-mix.js';

/**
 * Upstream's reply to an attempt: a fault, the 401 for a token refused earlier, or `none` for a turn without fault. Two
 * exist only on a WebSocket: no message at all (`silent`), and a 401 in the middle of a response.
 */
export type Reply = FaultKind | 'refused token' | 'silent' | 'rejected after output' | 'none';

/** Information that reaches the program through a response or from the operator. Times are epoch ms. */
export interface Notice {
  /** The earliest time at which the program may know. */
  readonly issuedAt: number;
  /** The time by which the program must know, because it has acted on something later; infinite until then. */
  knownAt: number;
}

/** One attempt as upstream sees it. */
export interface Attempt extends Notice {
  /** Identifies the attempt in everything that upstream sends in response. */
  readonly mark: string;
  readonly turn: number;
  /** Index of the attempt within its turn, across all client requests of the turn; from 0. */
  readonly nth: number;
  readonly account: string;
  readonly model: string;
  /** When upstream began to respond: at once, unless it was silent before. */
  answeredAt: number;
  reply: Reply;
  /** The same request already met a 401 on this account: a second one is blamed on the account and renews nothing. */
  readonly wasRefused: boolean;
  /** The body no longer contains another account's reasoning. */
  readonly isStripped: boolean;
  /** It is a message on a WebSocket, or the handshake for one. */
  readonly isSocket: boolean;
  /** The reply comes from a fault that began with an earlier attempt. */
  isPersistent: boolean;
}

/** One client request, and the attempts that upstream saw for it. */
export interface ClientRequest {
  readonly turn: number;
  /** Number of the request within its turn, from 1. */
  readonly number: number;
  readonly session: string;
  readonly model: string;
  /** It is sent over a WebSocket. */
  readonly isSocket: boolean;
  /** It continues the last response on its WebSocket, so only that socket's account can serve it. Set when it is sent. */
  isContinuing: boolean;
  readonly sentAt: number;
  /** The account that served the session last; null if none did or if it is uncertain which. */
  readonly lastAccount: string | null;
  /** The account that served the session before `lastAccount`; null if none did or if it is uncertain which. */
  readonly previousAccount: string | null;
  /** False if it is uncertain which accounts have served the session. */
  readonly isHistoryCertain: boolean;
  /** Results of the session's earlier requests, newest last; for the details of a breach. */
  readonly history: readonly string[];
  readonly attempts: Attempt[];
}

/** The client's view of the response to a request. */
export interface ClientResponse {
  /** Null if the connection ended before the head arrived. */
  readonly status: number | null;
  /** When the head arrived, epoch ms. */
  readonly at: number;
  readonly endedAt: number;
  readonly retryAfterMs: number | null;
  /** The code of a local response. */
  readonly poolError: string | null;
  /** Id of the request record in `GET /admin/requests/{id}`. */
  readonly id: string | null;
  readonly account: string | null;
  /** Marks of the attempts whose output it contains, one per piece, in order. */
  readonly output: readonly string[];
  /** Marks of the attempts whose error it contains. */
  readonly errors: readonly string[];
  /** The last event was `response.completed`, or the response is not a stream and arrived whole. */
  readonly isComplete: boolean;
  readonly isBroken: boolean;
  /** The code with which the WebSocket was closed in place of the response's end; null if it was not. */
  readonly closeCode: number | null;
  /** The beginning of the body; for the details of a breach. */
  readonly text: string;
}

export const markOf = (turn: number, nth: number): string => `${turn}.${nth}`;
export const outputOf = (mark: string, piece: number): string => `<<output ${mark} ${piece}>>`;
export const errorOf = (mark: string): string => `<<error ${mark}>>`;

/** The name of a client request, which the body of the turn contains. */
export const nameOf = (turn: number, number: number): string => `<<turn ${turn} request ${number}>>`;
/** Marks the encrypted content, which only one account can read. */
export const REASONING = 'made-up reasoning';

/** Replies that the program commits. */
export const committed: ReadonlySet<Reply> = new Set<Reply>([
  'none',
  'paused',
  'no stream',
  'labelled stream',
  'mislabelled stream',
  'breaks after output',
  'usage limit after output',
  'rejected after output',
]);
/** Replies with a refusal after output. The session's next turn avoids the account. */
export const late: ReadonlySet<Reply> = new Set<Reply>(['usage limit after output', 'rejected after output']);
/** Other replies whose head reports quota. It says that all meters have room, whatever limit they met before. */
export const reportsQuota: ReadonlySet<Reply> = new Set<Reply>([
  'overloaded as first event',
  'failed with another code',
  'usage limit as first event',
  'usage limit after output',
  'usage not included as first event',
  'model not supported',
  'credits exhausted',
  'breaks before output',
]);
/** Replies with status 401. */
export const unauthorized: ReadonlySet<Reply> = new Set<Reply>([
  'refused token',
  'expired token',
  'needs login',
  'rejected after a refresh',
  'rejected after output',
]);

/** The attempt that arrives now for a request; `nth` is its index within the turn. */
export function attemptOf(request: ClientRequest, account: string, nth: number, body: string): Attempt {
  const { turn, model, isSocket, attempts } = request;
  const now = Date.now();
  return {
    mark: markOf(turn, nth),
    turn,
    nth,
    account,
    model,
    issuedAt: now,
    answeredAt: now,
    knownAt: Infinity,
    reply: 'none',
    wasRefused: attempts.some((it) => it.account === account && unauthorized.has(it.reply)),
    isSocket,
    isStripped: !body.includes(REASONING),
    isPersistent: false,
  };
}
