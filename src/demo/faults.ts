import { setTimeout as pause } from 'node:timers/promises';
import type { AccountScript } from '../fake-upstream/script/account-script.js';
import type { ScriptedResponse } from '../fake-upstream/script/scripted-response.js';
import { refuses, streamOf } from '../fake-upstream/script/responses.js';
import { quotaHeaders } from '../fake-upstream/script/quota.js';
import {
  edgeBlock,
  overloaded,
  rateLimit,
  unauthorized,
  usageLimit,
} from '../fake-upstream/script/refusals.js';
import { created, delta, messageAdded, messageTurn } from '../fake-upstream/script/turn-events.js';
import { spentWindows } from './made-up-people.js';
import { wordsOf } from './word-stream.js';

/** A way in which the turns of an account fail. */
export interface Fault {
  /** Description for `--help`. */
  readonly means: string;
  /** Title of the step, after the account's name. */
  readonly title: string;
  /** Makes all turns of the account fail until another response is scripted. */
  readonly inject: (account: AccountScript, wordPauseMs: number) => void;
}

const RATE_LIMIT_SECONDS = 20;

const always =
  (response: () => ScriptedResponse): Fault['inject'] =>
  (account) =>
    void account.always(response());

/** The faults, keyed by the name passed to `--fault`. */
export const faults = {
  'usage-limit': {
    means: '429 usage_limit_reached: the account is out until its quota resets; another serves',
    title: 'has reached its usage limit',
    inject: (account) => {
      const [shortest] = spentWindows;
      const resetsInSeconds = shortest?.resetsInSeconds ?? 0;
      const headers = quotaHeaders(spentWindows, account.plan);
      account.usage(...spentWindows).always(usageLimit({ resetsInSeconds, plan: account.plan, headers }));
    },
  },
  'rate-limit': {
    means: `429 with Retry-After: the account is out for ${RATE_LIMIT_SECONDS} s; another serves`,
    title: 'is rate-limited',
    inject: always(() => rateLimit(RATE_LIMIT_SECONDS)),
  },
  unauthorized: {
    means: '401, even with a refreshed token: the account is out for 5 min; another serves',
    title: 'has its token rejected',
    inject: always(unauthorized),
  },
  'server-error': {
    means: '500: one retry, then another serves; after three in a row the account is out',
    title: 'responds with a server error',
    inject: always(() => refuses(500, { error: { message: 'made-up failure', type: 'server_error' } })),
  },
  cut: {
    means: 'breaks off after a few words: the client stream breaks off too, and no text is sent twice',
    title: 'breaks off in the middle of its response',
    inject: (account, wordPauseMs) =>
      void account.always(
        streamOf(() => [created(), messageAdded(), ...firstWords()], {
          ending: 'cut',
          pauseBetweenMs: wordPauseMs,
        }),
      ),
  },
  overloaded: {
    means: '503 server_is_overloaded: one other account is tried',
    title: 'has no capacity left for the model',
    inject: always(overloaded),
  },
  'edge-block': {
    means: '403 page from the edge network: no account is blamed; one other is tried',
    title: 'is stopped by the edge network',
    inject: always(edgeBlock),
  },
  slow: {
    means: 'silent at first, then slow: no other account is tried',
    title: 'is slow',
    inject: (account, wordPauseMs) =>
      void account.always(
        streamOf(
          () => [
            { gate: pause(wordPauseMs * 20) },
            ...messageTurn(
              wordsOf('Slow is not broken: no other account is tried, and no time limit ends it.'),
            ),
          ],
          { pauseBetweenMs: wordPauseMs * 3 },
        ),
      ),
  },
} as const satisfies Record<string, Fault>;

const firstWords = () => wordsOf('These words had been sent when the ').map((it) => delta(it));

export type FaultName = keyof typeof faults;

export const faultNames = [
  'usage-limit',
  'rate-limit',
  'unauthorized',
  'server-error',
  'cut',
  'overloaded',
  'edge-block',
  'slow',
] as const satisfies readonly FaultName[];

export function isFaultName(text: string): text is FaultName {
  return Object.hasOwn(faults, text);
}
