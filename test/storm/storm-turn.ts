import type { FaultKind } from './fault-mix.js';

/** What an attempt was answered: a fault, the 401 of a token that was refused before, or a turn that goes well. */
export type Told = FaultKind | 'refused token' | 'none';

/** Something that the program is told, by an answer or by the operator. Times are epoch ms. */
export interface Word {
  /** From here on it may know. */
  readonly toldAt: number;
  /** From here on it must know, since it has gone on to something that comes after it; infinite until then. */
  knownAt: number;
}

/** One attempt as upstream sees it. */
export interface Attempt extends Word {
  /** Names the attempt in whatever is answered to it. */
  readonly mark: string;
  readonly turn: number;
  /** The how manieth attempt of its turn it is, from 0, whatever request of the client it belongs to. */
  readonly nth: number;
  readonly account: string;
  readonly model: string;
  /** What it was answered. */
  told: Told;
  /** The account's token was refused before in the same request: another refusal is the account's, and renews nothing. */
  readonly wasRefused: boolean;
  /** Its body has no reasoning of another account any more. */
  readonly isStripped: boolean;
  /** Upstream had told the account so before. */
  isStill: boolean;
}

/** One request of the client, and what upstream saw of it. */
export interface Asked {
  readonly turn: number;
  /** The how manieth request of its turn, from 1. */
  readonly request: number;
  readonly session: string;
  readonly model: string;
  readonly sentAt: number;
  /** The account that served its session last; null when none has, or when it is not certain which. */
  readonly owner: string | null;
  /** The account that served its session before the owner; null when none did, or when that is not certain. */
  readonly former: string | null;
  /** False when it is not certain where the session was. */
  readonly isPastSure: boolean;
  /** What the requests of its session before this one came to, newest last; for the account of a fault. */
  readonly past: readonly string[];
  readonly attempts: Attempt[];
}

/** What the client got for a request. */
export interface Answered {
  /** Null when the connection ended before a head came. */
  readonly status: number | null;
  /** When the head came, epoch ms. */
  readonly at: number;
  readonly endedAt: number;
  readonly retryAfterMs: number | null;
  /** The code of a refusal by the program itself. */
  readonly poolError: string | null;
  /** Finds the decision in `GET /admin/requests/{id}`. */
  readonly id: string | null;
  readonly account: string | null;
  /** Marks of the attempts whose output is in it, one for each piece, in order. */
  readonly output: readonly string[];
  /** Marks of the attempts whose error is in it. */
  readonly errors: readonly string[];
  /** The last event was `response.completed`, or it is a whole answer of another kind. */
  readonly isComplete: boolean;
  readonly isBroken: boolean;
  /** Its beginning, for the account of a fault. */
  readonly text: string;
}

export const markOf = (turn: number, nth: number): string => `${turn}.${nth}`;
export const outputOf = (mark: string, piece: number): string => `<<output ${mark} ${piece}>>`;
export const errorOf = (mark: string): string => `<<error ${mark}>>`;

/** How a turn's body names the request of the client that it is. */
export const nameOf = (turn: number, request: number): string => `<<turn ${turn} request ${request}>>`;
/** In the encrypted content that only one account can read. */
export const REASONING = 'made-up reasoning';

/** What the program commits. */
export const output: ReadonlySet<Told> = new Set<Told>([
  'none',
  'paused',
  'no stream',
  'breaks after output',
]);
/** What is answered with a 401. */
export const unauthorized: ReadonlySet<Told> = new Set<Told>([
  'refused token',
  'expired token',
  'needs login',
  'rejected after a refresh',
]);

/** An attempt of the request that arrives now, the `nth` of its turn. */
export function attemptOf(asked: Asked, account: string, nth: number, body: string): Attempt {
  const { turn, model, attempts } = asked;
  return {
    mark: markOf(turn, nth),
    turn,
    nth,
    account,
    model,
    toldAt: Date.now(),
    knownAt: Infinity,
    told: 'none',
    wasRefused: attempts.some((it) => it.account === account && unauthorized.has(it.told)),
    isStripped: !body.includes(REASONING),
    isStill: false,
  };
}
