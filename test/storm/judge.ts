import { completeOutput } from './attempt-faults.js';
import { LONGEST_WAIT_MS } from './codex-retries.js';
import { isEndOfSocket, isWrongPlace, mayBreakOff, socketFault } from './socket-rules.js';
import type { Attempt, ClientRequest, ClientResponse, Reply } from './storm-turn.js';
import type { UpstreamModel } from './upstream-model.js';

/** Breaches of the program's promises. A storm passes only without any. */
export const breaches = [
  'a turn failed although an account was available',
  'mixed output',
  'retried after output',
  'ignored the session affinity',
  'refused a request although an account was available',
  'used an unavailable account',
  'took an account out for a fault that was not its own',
  'against the failover table',
] as const;
export type Breach = (typeof breaches)[number];

export interface Finding {
  readonly breach: Breach;
  readonly reason: string;
}

const CROSS_ACCOUNT = 'invalid encrypted content';
const LATE = 'usage limit after output';
/** Replies about the turn or the network, which no other account would change. */
const turnReplies: ReadonlySet<Reply> = new Set([
  'other 4xx',
  'failed with another code',
  'wrong place',
  'names another model',
]);

/** `PROXY_MAX_ATTEMPTS`. */
export const MAX_ATTEMPTS = 6;

/** Compares the program's behaviour with the upstream model. */
export class Judge {
  affinityChecks = 0;

  constructor(
    private readonly upstream: UpstreamModel,
    private readonly accounts: readonly string[],
  ) {}

  /** Checks an attempt when it arrives, before the response. */
  checkAttempt(request: ClientRequest, attempt: Attempt): readonly Finding[] {
    const { account, model, issuedAt: now } = attempt;
    const { lastAccount } = request;
    const findings: Finding[] = [];
    const previous = request.attempts.at(-1);
    const since = previous?.answeredAt ?? request.sentAt;
    if (previous === undefined && lastAccount !== null && this.#isAvailable(lastAccount, model, since, now)) {
      this.affinityChecks += 1;
      const reason = `the session's account ${lastAccount} was available, but the request went to ${account}`;
      if (lastAccount !== account) findings.push({ breach: 'ignored the session affinity', reason });
    }
    const outage = this.upstream.outages.certainOutage(account, model, since, now);
    // A same-account retry does not check availability. An account that lacks the model may be used if none is
    // available, and by a continuation, for which there is no other account.
    const isSelected = previous?.account !== account;
    const isAnyAvailable =
      !request.isContinuing && this.accounts.some((it) => this.#isAvailable(it, model, since, now));
    if (outage !== null && isSelected && (outage.kind !== 'model' || isAnyAvailable)) {
      const reason = `${account} was unavailable (${outage.kind}) for ${Math.round(outage.endsFrom - now)} ms more`;
      findings.push({ breach: 'used an unavailable account', reason });
    }
    if (previous?.reply === CROSS_ACCOUNT && !isRecovery(request, previous, attempt)) {
      findings.push({
        breach: 'against the failover table',
        reason: `sent content to ${account} that only another account can read`,
      });
    }
    if (previous?.reply === 'none')
      findings.push({
        breach: 'retried after output',
        reason: `ran the turn again although ${previous.account} had served it`,
      });
    if (previous !== undefined && concernsTurn(previous, request)) {
      findings.push({
        breach: 'against the failover table',
        reason: `made another attempt after a response that concerns the turn (${previous.reply})`,
      });
    }
    return findings;
  }

  /** Checks the response when the client has all of it. */
  checkResponse(request: ClientRequest, response: ClientResponse): readonly Finding[] {
    const { attempts } = request;
    const { output, errors, isComplete } = response;
    const findings: Finding[] = [];
    const sources = new Set(output.map((it) => it.split(' ')[0] ?? ''));
    const last = attempts.at(-1);
    const failedLate = last?.reply === LATE && errors.join() === last.mark;
    if (
      sources.size > 1 ||
      new Set(output).size < output.length ||
      (output.length > 0 && errors.length > 0 && !failedLate)
    ) {
      findings.push({
        breach: 'mixed output',
        reason: `received output ${output.join(', ')} and errors ${errors.join(', ')}`,
      });
    }
    if ((response.retryAfterMs ?? 0) > LONGEST_WAIT_MS)
      findings.push({
        breach: 'against the failover table',
        reason: `asked the client to wait ${response.retryAfterMs} ms`,
      });
    if (response.status === 401)
      findings.push({ breach: 'against the failover table', reason: 'the client got a 401' });
    const onSocket = socketFault(request, response, (account) =>
      this.#isAvailable(account, request.model, request.sentAt, response.at),
    );
    if (onSocket !== null) findings.push({ breach: 'against the failover table', reason: onSocket });
    const again = this.ranAgain(request, response);
    if (again !== null) findings.push(again);
    const [source] = sources;
    if (source !== undefined) {
      const expected = completeOutput(source);
      const isWhole = output.join() === expected.join() && isComplete;
      const mayBreak = mayBreakOff(request) && !isComplete;
      if (!isWhole && !mayBreak && !failedLate)
        findings.push({ breach: 'against the failover table', reason: 'the output is incomplete' });
      if (response.account !== last?.account)
        findings.push({
          breach: 'against the failover table',
          reason: `names ${response.account} as the account that served`,
        });
    } else if (isEndOfSocket(request, response)) {
      // The client connects again and sends the whole turn.
    } else if (last?.reply === CROSS_ACCOUNT) {
      const reason = this.#missingRecovery(request, last, response);
      if (!attempts.some((it) => it.reply === CROSS_ACCOUNT && it.mark === errors.join()))
        findings.push({
          breach: 'against the failover table',
          reason: 'the client did not get the original 400',
        });
      else if (reason !== null)
        findings.push({ breach: 'refused a request although an account was available', reason });
    } else if (last !== undefined && concernsTurn(last, request)) {
      // After a failed recovery the client may get the original refusal.
      const isOriginal = attempts.some((it) => it.reply === CROSS_ACCOUNT && it.mark === errors.join());
      if (errors.join() !== last.mark && !isOriginal && !isWrongPlace(request, response))
        findings.push({
          breach: 'against the failover table',
          reason: 'the client did not get the response that concerns the turn',
        });
    } else {
      const untried = this.#untriedAccount(request, response);
      const reason = `${untried} was available and had not been tried`;
      if (untried !== null)
        findings.push({ breach: 'refused a request although an account was available', reason });
    }
    return findings;
  }

  /** The breach if upstream saw an attempt after the one whose output the client received, or null. */
  ranAgain({ attempts }: ClientRequest, { output }: ClientResponse): Finding | null {
    const from = attempts.findIndex((it) => output.some((mark) => mark.startsWith(`${it.mark} `)));
    const after = from < 0 ? [] : attempts.slice(from + 1);
    const reason = `attempts ${after.map((it) => it.mark).join(', ')} came after the output of ${attempts[from]?.mark}`;
    return after.length === 0 ? null : { breach: 'retried after output', reason };
  }

  /** Checks the last response of a turn that ends without success. */
  checkFailedTurn(request: ClientRequest, response: ClientResponse): readonly Finding[] {
    const last = request.attempts.at(-1);
    if (last !== undefined && (concernsTurn(last, request) || last.reply === CROSS_ACCOUNT)) return [];
    const from = last?.answeredAt ?? request.sentAt;
    const available = this.accounts.filter((it) => this.#isAvailable(it, request.model, from, response.at));
    // The client was given the refusal of an account, which may itself be available for other requests.
    const isPassedOn = response.poolError === null || response.status === 400;
    const untried = available.filter(
      (it) => !isPassedOn || request.attempts.every((attempt) => attempt.account !== it),
    );
    const reason = `${untried.join(', ')} was available all the time`;
    return untried.length === 0
      ? []
      : [{ breach: 'a turn failed although an account was available', reason }];
  }

  /** An account that the failover table still allowed for the request, or null. */
  #untriedAccount({ attempts, model, sentAt }: ClientRequest, { at }: ClientResponse): string | null {
    const count = (...replies: string[]): number =>
      attempts.filter((it) => replies.includes(it.reply)).length;
    if (attempts.length >= MAX_ATTEMPTS) return null;
    if (count('edge block') > 1 || count('overloaded', 'overloaded as first event') > 1) return null;
    const from = attempts.at(-1)?.answeredAt ?? sentAt;
    const tried = new Set(attempts.map((it) => it.account));
    return this.accounts.find((it) => !tried.has(it) && this.#isAvailable(it, model, from, at)) ?? null;
  }

  /** The step of the cross-account recovery that the program left out, or null. */
  #missingRecovery(request: ClientRequest, last: Attempt, { at }: ClientResponse): string | null {
    const { lastAccount, previousAccount, attempts } = request;
    const origin = last.account === lastAccount ? previousAccount : lastAccount;
    // A session that never moved has no cross-account content.
    if (!request.isHistoryCertain || origin === null) return null;
    // Once the content is removed, the session stays with its new account.
    if (attempts.some((it) => it.isStripped)) return null;
    const isTried = attempts.some((it) => it.account === origin);
    if (!isTried && this.#isAvailable(origin, request.model, last.answeredAt, at))
      return `${origin} made the content and was available`;
    return 'the cross-account reasoning was not removed';
  }

  #isAvailable(account: string, model: string, from: number, to: number): boolean {
    return this.upstream.outages.isCertainlyAvailable(account, model, from, to);
  }
}

/** Whether the reply is about the turn itself. A second account's 403 with the same code is. */
function concernsTurn({ reply }: Attempt, { attempts }: ClientRequest): boolean {
  if (reply === 'forbidden') return attempts.filter((it) => it.reply === reply).length > 1;
  return turnReplies.has(reply);
}

/** Whether the attempt returns to an account of the session, or repeats the request without the content it refused. */
function isRecovery(request: ClientRequest, refused: Attempt, next: Attempt): boolean {
  const { lastAccount, previousAccount, isHistoryCertain } = request;
  if (next.account === refused.account) return next.isStripped && !refused.isStripped;
  const isReturn = next.account === lastAccount || next.account === previousAccount;
  return isReturn || next.isStripped || !isHistoryCertain;
}
