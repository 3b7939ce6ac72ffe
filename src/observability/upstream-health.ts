import { limits } from '../config/limits.js';

/** What an attempt or a poll has shown of upstream as a whole, whatever it said of its account. `at` is epoch ms. */
export type UpstreamEvent =
  /** A turn was served, or a poll told what was asked. */
  | { readonly kind: 'served' }
  /** An answer that shows no more than that upstream can be reached. */
  | { readonly kind: 'answered' }
  /** 5xx, or overloaded. */
  | { readonly kind: 'failing'; readonly accountId: string; readonly at: number }
  /** A page of the network edge in place of an answer. */
  | { readonly kind: 'blocked'; readonly accountId: string; readonly at: number }
  /** No answer at all: DNS, connect, TLS, a reset; `code` of the error where it has one. */
  | { readonly kind: 'unreachable'; readonly code: string | null; readonly at: number };

/** A fault that nothing has ended yet: since when, and which accounts have met it (bounded). */
interface Met {
  readonly since: number;
  readonly accounts: ReadonlySet<string>;
}

/** What was last seen of upstream. What is wrong with it is derived from this, never stored. */
export interface UpstreamState {
  readonly unreachable: { readonly since: number; readonly code: string | null } | null;
  readonly failing: Met | null;
  readonly blocked: Met | null;
}

export const nothingWrong: UpstreamState = { unreachable: null, failing: null, blocked: null };

export const troubleKinds = ['offline', 'edge-block', 'provider'] as const;

/** What no account is to be blamed for; `code` of a network fault where it has one. */
export interface UpstreamTrouble {
  readonly kind: (typeof troubleKinds)[number];
  /** Epoch ms. */
  readonly since: number;
  readonly code: string | null;
}

/** The only place where the view changes; what shows nothing new leaves the very same one. */
export function seen(view: UpstreamState, event: UpstreamEvent): UpstreamState {
  switch (event.kind) {
    case 'served':
      return isClear(view) ? view : nothingWrong;
    case 'answered':
      return reached(view);
    case 'failing':
      return withMet(reached(view), 'failing', event);
    case 'blocked':
      return withMet(reached(view), 'blocked', event);
    case 'unreachable':
      return view.unreachable === null
        ? { ...view, unreachable: { since: event.at, code: event.code } }
        : view;
    default:
      return event satisfies never;
  }
}

/**
 * What is wrong with upstream, what hides the others first. A fault is upstream's once two accounts have met it, or
 * all of the `accounts` that there are; that of one account among several may be its own.
 */
export function troublesIn(view: UpstreamState, accounts: number): UpstreamTrouble[] {
  const isEverybodys = (met: Met | null) => met !== null && met.accounts.size >= Math.min(2, accounts);
  const troubles: UpstreamTrouble[] = [];
  if (view.unreachable !== null) troubles.push({ kind: 'offline', ...view.unreachable });
  for (const [kind, met] of [
    ['edge-block', view.blocked],
    ['provider', view.failing],
  ] as const) {
    if (met !== null && isEverybodys(met)) troubles.push({ kind, since: met.since, code: null });
  }
  return troubles;
}

function isClear({ unreachable, failing, blocked }: UpstreamState): boolean {
  return unreachable === null && failing === null && blocked === null;
}

function reached(view: UpstreamState): UpstreamState {
  return view.unreachable === null ? view : { ...view, unreachable: null };
}

function withMet(
  view: UpstreamState,
  name: 'failing' | 'blocked',
  { accountId, at }: { readonly accountId: string; readonly at: number },
): UpstreamState {
  const { since, accounts } = view[name] ?? { since: at, accounts: new Set<string>() };
  if (accounts.has(accountId) || accounts.size >= limits.upstreamTroubleAccounts) return view;
  return { ...view, [name]: { since, accounts: new Set([...accounts, accountId]) } };
}
