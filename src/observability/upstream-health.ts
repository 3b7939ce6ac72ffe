import { limits } from '../config/limits.js';
import { type NetworkFault, remedyFor } from './network-fault.js';

/** Evidence from an attempt or a poll about upstream as a whole, apart from its account. `at` is epoch ms. */
export type UpstreamEvent =
  /** A turn was served. */
  | { readonly kind: 'served' }
  /** A poll succeeded. Turns may fail nevertheless. */
  | { readonly kind: 'polled' }
  /** A response that shows only that upstream can be reached. */
  | { readonly kind: 'answered' }
  /** A turn got a 5xx, or upstream is overloaded. */
  | { readonly kind: 'failing'; readonly accountId: string; readonly at: number }
  /** A poll got a 5xx. */
  | { readonly kind: 'poll-failing'; readonly accountId: string; readonly at: number }
  /** A page of the network edge in place of a response. */
  | { readonly kind: 'blocked'; readonly accountId: string; readonly at: number }
  /** A refusal because of the country that this machine seems to be in. */
  | { readonly kind: 'misplaced'; readonly accountId: string; readonly at: number }
  /** No response: DNS, connect, TLS, a reset. */
  | ({ readonly kind: 'unreachable'; readonly at: number } & NetworkFault);

/** A fault that has not ended: its start, and the accounts that saw it (bounded). */
interface OngoingFault {
  readonly since: number;
  readonly accounts: ReadonlySet<string>;
}

/** The latest observations about upstream. Its problems are derived from them, never stored. */
export interface UpstreamState {
  readonly unreachable: ({ readonly since: number } & NetworkFault) | null;
  /** Errors that turns have met; only a served turn ends them. */
  readonly failing: OngoingFault | null;
  /** Errors that polls have met. */
  readonly failingPolls: OngoingFault | null;
  readonly blocked: OngoingFault | null;
  readonly misplaced: OngoingFault | null;
}

export const nothingWrong: UpstreamState = {
  unreachable: null,
  failing: null,
  failingPolls: null,
  blocked: null,
  misplaced: null,
};

export const troubleKinds = ['offline', 'wrong-place', 'edge-block', 'provider'] as const;

/** A fault in upstream or the network, not in an account. */
export interface UpstreamTrouble extends NetworkFault {
  readonly kind: (typeof troubleKinds)[number];
  /** Epoch ms. */
  readonly since: number;
}

/** Returns the state after an event; the same object if the event changes nothing. */
export function afterEvent(state: UpstreamState, event: UpstreamEvent): UpstreamState {
  switch (event.kind) {
    case 'served':
      return isClear(state) ? state : nothingWrong;
    case 'polled':
      return state.failingPolls === null ? reached(state) : { ...reached(state), failingPolls: null };
    case 'answered':
      return reached(state);
    case 'failing':
      return withFault(reached(state), 'failing', event);
    case 'poll-failing':
      return withFault(reached(state), 'failingPolls', event);
    case 'blocked':
      return withFault(reached(state), 'blocked', event);
    case 'misplaced':
      return withFault(reached(state), 'misplaced', event);
    case 'unreachable':
      return state.unreachable === null
        ? { ...state, unreachable: { since: event.at, ...faultIn(event) } }
        : state;
    default:
      return event satisfies never;
  }
}

/**
 * Returns upstream's current problems; one that masks the others comes first. A fault counts as upstream's once two
 * accounts have seen it, or all of the `accounts` usable ones. With several accounts, a fault seen by only one of them
 * may be that account's own.
 */
export function troublesIn(state: UpstreamState, accounts: number): UpstreamTrouble[] {
  const troubles: UpstreamTrouble[] = [];
  if (state.unreachable !== null) troubles.push({ kind: 'offline', ...state.unreachable });
  // One account's refusal is enough: the place is the same for all of them.
  if (state.misplaced !== null)
    troubles.push({ kind: 'wrong-place', since: state.misplaced.since, code: null });
  for (const [kind, fault] of [
    ['edge-block', state.blocked],
    ['provider', failingIn(state)],
  ] as const) {
    if (fault !== null && fault.accounts.size >= Math.min(2, accounts))
      troubles.push({ kind, since: fault.since, code: null });
  }
  return troubles;
}

/** Returns the errors that turns and polls have met, taken together; null if none. */
export function failingIn({ failing, failingPolls }: UpstreamState): OngoingFault | null {
  if (failing === null || failingPolls === null) return failing ?? failingPolls;
  return {
    since: Math.min(failing.since, failingPolls.since),
    accounts: new Set([...failing.accounts, ...failingPolls.accounts]),
  };
}

/** The cause of a problem in a few words, to follow `The way to chatgpt.com is blocked:`. */
export function troubleInShort({ kind, code }: UpstreamTrouble): string {
  switch (kind) {
    case 'offline':
      return `this machine cannot reach it${code === null ? '' : ` (${code})`}`;
    case 'wrong-place':
      return 'it refuses the country that this machine seems to be in';
    case 'edge-block':
      return 'the network edge in front of it refuses this machine';
    case 'provider':
      return 'it fails for every account';
    default:
      return kind satisfies never;
  }
}

/**
 * Describes a problem for the operator: the fault, its start, and the remedy. Contains no account, and no address but
 * that of an egress proxy.
 */
export function describeTrouble(trouble: UpstreamTrouble): string {
  const since = `since ${new Date(trouble.since).toISOString()}`;
  switch (trouble.kind) {
    case 'offline': {
      const code = trouble.code === null ? '' : ` (${trouble.code})`;
      const cause = trouble.detail === undefined ? '' : `${trouble.detail}; `;
      return `This machine cannot reach upstream ${since}${code}: ${cause}${remedyFor(trouble.code)}; turns resume as soon as upstream responds.`;
    }
    case 'wrong-place':
      return `Upstream refuses the country that this machine seems to be in, ${since}: check its VPN or proxy; turns resume as soon as upstream accepts one.`;
    case 'edge-block':
      return `The network edge in front of upstream blocks this machine for every account, ${since}: try another network, or turn off your VPN or proxy.`;
    case 'provider':
      return `Upstream itself is failing for every account, ${since}: its errors count against no account; wait, or check https://status.openai.com.`;
    default:
      return trouble.kind satisfies never;
  }
}

function faultIn({ code, detail }: NetworkFault): NetworkFault {
  return detail === undefined ? { code } : { code, detail };
}

function isClear({ unreachable, failing, failingPolls, blocked, misplaced }: UpstreamState): boolean {
  return [unreachable, failing, failingPolls, blocked, misplaced].every((it) => it === null);
}

function reached(state: UpstreamState): UpstreamState {
  return state.unreachable === null ? state : { ...state, unreachable: null };
}

function withFault(
  state: UpstreamState,
  name: 'failing' | 'failingPolls' | 'blocked' | 'misplaced',
  { accountId, at }: { readonly accountId: string; readonly at: number },
): UpstreamState {
  const { since, accounts } = state[name] ?? { since: at, accounts: new Set<string>() };
  if (accounts.has(accountId) || accounts.size >= limits.upstreamTroubleAccounts) return state;
  return { ...state, [name]: { since, accounts: new Set([...accounts, accountId]) } };
}
