import type { AccountState } from '../../api/account.js';
import { accountShapes, accountWords } from '../../wording/account-words.js';
import { ago, clock, clockAndWait } from '../../wording/times.js';
import { now } from '../state/clock.js';

/** "–", with the reason why the value is unknown. */
export function Unknown({ why }: { why: string }) {
  return (
    <span class="quiet" title={why}>
      –<span class="visually-hidden"> ({why})</span>
    </span>
  );
}

interface TimeProps {
  /** Epoch ms. */
  readonly at: number;
  /** `clock`: `14:20`; `wait`: `14:20 (in 38 min)`; `ago`: `3 min ago`. */
  readonly as?: 'clock' | 'wait' | 'ago';
}

/** A time that counts with the page's clock; its title has the date and the zone. */
export function Time({ at, as = 'clock' }: TimeProps) {
  const words = { clock, wait: clockAndWait, ago }[as](at, now.value);
  return (
    <time dateTime={new Date(at).toISOString()} title={fullTime(at)}>
      {words}
    </time>
  );
}

const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'long' });

/** Returns date, time and zone. */
export function fullTime(at: number): string {
  return full.format(at);
}

/** The state of an account: a shape, a word, and a colour on top of them. */
export function StateWord({ state }: { state: AccountState }) {
  return (
    <span class={`state state-${state}`}>
      <span aria-hidden="true">{accountShapes[state]} </span>
      {accountWords[state]}
    </span>
  );
}

/** A name that a person or a client has chosen: shown as text in its own direction, cut if it is long. */
export function Name({ of }: { of: string }) {
  return (
    <bdi class="name" title={of}>
      {of}
    </bdi>
  );
}
