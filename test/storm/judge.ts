import type { Answered, Asked, Attempt } from './storm-turn.js';
import type { Oracle } from './upstream-model.js';
import { wholeOutput } from './attempt-faults.js';

/** What must not happen, not once. */
export const breaches = [
  'a turn failed that an account could have served',
  'two outputs',
  'ran again after output',
  'not on its account',
  'refused although an account could have served',
  'asked while out',
  'against the table',
] as const;
export type Breach = (typeof breaches)[number];

export interface Found {
  readonly breach: Breach;
  readonly why: string;
}

const FOREIGN = 'invalid encrypted content';

/** `PROXY_MAX_ATTEMPTS`. */
export const MAX_ATTEMPTS = 6;

/** Holds what the program does against what the oracle knows. */
export class Judge {
  affinityChecks = 0;

  constructor(
    private readonly oracle: Oracle,
    private readonly accounts: readonly string[],
  ) {}

  /** When an attempt arrives, before it is answered. */
  arrival(asked: Asked, attempt: Attempt): readonly Found[] {
    const { account, model, toldAt: now } = attempt;
    const found: Found[] = [];
    const previous = asked.attempts.at(-1);
    const since = previous?.toldAt ?? asked.sentAt;
    if (previous === undefined && asked.owner !== null && this.#isIn(asked.owner, model, since, now)) {
      this.affinityChecks += 1;
      const why = `its session is on ${asked.owner}, which was available; it went to ${account}`;
      if (asked.owner !== account) found.push({ breach: 'not on its account', why });
    }
    const spell = this.oracle.spells.surelyOut(account, model, since, now);
    // The same account is asked once more without a look at it; and for its own words where no other serves the model.
    const isChosen = previous?.account !== account;
    const isAnyOther = this.accounts.some((it) => this.#isIn(it, model, since, now));
    if (spell !== null && isChosen && (spell.model === null || isAnyOther)) {
      const why = `${account} was out (${spell.kind}) for ${Math.round(spell.endsFrom - now)} ms more`;
      found.push({ breach: 'asked while out', why });
    }
    if (previous?.told === FOREIGN && !isRecovery(asked, previous, attempt)) {
      found.push({
        breach: 'against the table',
        why: `went on to ${account} with what only another can read`,
      });
    }
    if (previous !== undefined && isOwnWord(previous)) {
      found.push({
        breach: 'against the table',
        why: `went on after the turn's own answer (${previous.told})`,
      });
    }
    return found;
  }

  /** When the client has its answer. */
  answer(asked: Asked, answered: Answered): readonly Found[] {
    const { attempts } = asked;
    const { output, errors, isComplete } = answered;
    const found: Found[] = [];
    const sources = new Set(output.map((it) => it.split(' ')[0] ?? ''));
    if (
      sources.size > 1 ||
      new Set(output).size < output.length ||
      (output.length > 0 && errors.length > 0)
    ) {
      found.push({
        breach: 'two outputs',
        why: `got output ${output.join(', ')} and errors ${errors.join(', ')}`,
      });
    }
    const again = this.ranAgain(asked, answered);
    if (again !== null) found.push(again);
    const last = attempts.at(-1);
    const [source] = sources;
    if (source !== undefined) {
      const expected = wholeOutput(source);
      const isWhole = output.join() === expected.join() && isComplete;
      const mayBreak = last?.told === 'breaks after output' && !isComplete;
      if (!isWhole && !mayBreak) found.push({ breach: 'against the table', why: 'the output is not whole' });
      if (answered.account !== last?.account)
        found.push({ breach: 'against the table', why: `says that ${answered.account} has served` });
    } else if (last?.told === FOREIGN) {
      const why = this.#whatWasLeft(asked, last, answered);
      if (!attempts.some((it) => it.told === FOREIGN && it.mark === errors.join()))
        found.push({ breach: 'against the table', why: 'did not get the original 400' });
      else if (why !== null) found.push({ breach: 'refused although an account could have served', why });
    } else if (last !== undefined && isOwnWord(last)) {
      // After a recovery that has come to nothing, the original refusal may be the client's.
      const isOriginal = attempts.some((it) => it.told === FOREIGN && it.mark === errors.join());
      if (errors.join() !== last.mark && !isOriginal)
        found.push({ breach: 'against the table', why: `did not get the turn's own answer` });
    } else {
      const better = this.#whoCouldHaveServed(asked, answered);
      const why = `${better} had not been tried and was available`;
      if (better !== null) found.push({ breach: 'refused although an account could have served', why });
    }
    return found;
  }

  /** Upstream saw an attempt after the one whose output the client has. */
  ranAgain({ attempts }: Asked, { output }: Answered): Found | null {
    const from = attempts.findIndex((it) => output.some((mark) => mark.startsWith(`${it.mark} `)));
    const after = from < 0 ? [] : attempts.slice(from + 1);
    const why = `attempts ${after.map((it) => it.mark).join(', ')} came after the output of ${attempts[from]?.mark}`;
    return after.length === 0 ? null : { breach: 'ran again after output', why };
  }

  /** When the client does not send the turn again, with nothing to show for it. */
  failure(asked: Asked, answered: Answered): readonly Found[] {
    const last = asked.attempts.at(-1);
    if (last !== undefined && (isOwnWord(last) || last.told === FOREIGN)) return [];
    const from = last?.toldAt ?? asked.sentAt;
    const could = this.accounts.filter((it) => this.#isIn(it, asked.model, from, answered.at));
    const untried = could.filter(
      (it) => answered.status !== 400 || asked.attempts.every((a) => a.account !== it),
    );
    const why = `${untried.join(', ')} was available all the time`;
    return untried.length === 0 ? [] : [{ breach: 'a turn failed that an account could have served', why }];
  }

  /** An account that the request could still have gone to by the table; null when it had to be refused. */
  #whoCouldHaveServed({ attempts, model, sentAt }: Asked, { at }: Answered): string | null {
    const count = (...told: string[]): number => attempts.filter((it) => told.includes(it.told)).length;
    if (attempts.length >= MAX_ATTEMPTS) return null;
    if (count('edge block') > 1 || count('overloaded', 'overloaded as first event') > 1) return null;
    const from = attempts.at(-1)?.toldAt ?? sentAt;
    const tried = new Set(attempts.map((it) => it.account));
    return this.accounts.find((it) => !tried.has(it) && this.#isIn(it, model, from, at)) ?? null;
  }

  /** What the recovery from foreign content had still to try; null when nothing. */
  #whatWasLeft(asked: Asked, last: Attempt, { at }: Answered): string | null {
    const home = last.account === asked.owner ? asked.former : asked.owner;
    if (!asked.isPastSure || home === null) return null; // it has always been here: the content is not foreign
    // Once it has been taken out, the session has come to stay.
    if (asked.attempts.some((it) => it.isStripped)) return null;
    const isTried = asked.attempts.some((it) => it.account === home);
    if (!isTried && this.#isIn(home, asked.model, last.toldAt, at))
      return `${home} made the content and was available`;
    return 'the foreign reasoning was not taken out';
  }

  #isIn(account: string, model: string, from: number, to: number): boolean {
    return this.oracle.spells.isSurelyIn(account, model, from, to);
  }
}

function isOwnWord({ told }: Attempt): boolean {
  return told === 'other 4xx' || told === 'failed with another code';
}

/** Back to an account that the session was with, or once more without what that one has made. */
function isRecovery({ owner, former, isPastSure }: Asked, refused: Attempt, next: Attempt): boolean {
  if (next.account === refused.account) return next.isStripped && !refused.isStripped;
  return next.account === owner || next.account === former || next.isStripped || !isPastSure;
}
