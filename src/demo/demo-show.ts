import { setTimeout as pause } from 'node:timers/promises';
import { accountTable } from './account-table.js';
import type { ShownAccount } from './admin-responses.js';
import { decisionLines } from './decision-lines.js';
import type { DemoClient, TurnResult } from './demo-client.js';
import type { DemoPool } from './demo-pool.js';
import { type FaultName, faults } from './faults.js';
import { first, people } from './made-up-people.js';
import type { Stage } from './stage.js';
import { lengthOfTime, timeLeft } from './time-left.js';

const TOKEN_ENDS_IN_SECONDS = 45;
const PATIENCE_MS = 5_000;
const LOOK_AGAIN_MS = 25;

/** The session of the show, and a second one beside it. */
const session = 'demo-session-1';
const otherSession = 'demo-session-2';

/** The show, step by step; ends early when aborted. */
export class DemoShow {
  #turns = 0;

  constructor(
    private readonly pool: DemoPool,
    private readonly client: DemoClient,
    private readonly stage: Stage,
    private readonly signal: AbortSignal,
  ) {}

  async run(fault: FaultName): Promise<void> {
    await this.#whoIsThere();
    await this.#aTurn();
    const served = await this.#fault(fault);
    const owner = await this.#session(served);
    await this.#renewal(owner);
    await this.#afterwards();
  }

  async #whoIsThere(): Promise<void> {
    await this.stage.step(`The pool: ${people.length} made-up accounts`);
    const accounts = await this.#accountsWhen((all) => all.every((it) => it.windows.length > 0));
    const [names, plans] = [widest(accounts, (it) => it.name), widest(accounts, (it) => it.plan ?? '')];
    for (const { name, plan, windows } of accounts) {
      const used = windows.map(
        (it) =>
          `${Math.round(it.usedRatio * 100)} % of its ${lengthOfTime(it.durationSeconds * 1_000)} quota`,
      );
      this.stage.note(`${name.padEnd(names)}  ${(plan ?? '').padEnd(plans)}  used ${used.join(', ')}`);
    }
  }

  async #aTurn(): Promise<void> {
    await this.stage.step('A turn: words are passed on as they arrive');
    this.pool.says('Hello. I am {account}, and each of these words was passed on as it arrived.');
    const turn = await this.#ask('hello');
    const times = `first word after ${ms(turn.firstWordMs)}, last after ${ms(turn.tookMs)}`;
    this.stage.note(`${summary(turn)}, which has the most quota left; ${times}`);
  }

  /** Makes the account of the session fail; returns the account that finally served. */
  async #fault(fault: FaultName): Promise<string> {
    await this.stage.step(`${first.name} ${faults[fault].title}, and the session goes on`);
    const text = 'Nothing to see here: now you are talking to {account}.';
    this.pool.says(text);
    this.pool.befalls(fault);
    const seen = await this.#ask('and now?');
    this.pool.says(text);
    const resent = seen.isBroken ? await this.#resend() : null;
    const turn = resent ?? seen;
    const ids = [seen, resent].flatMap((it) => (it === null ? [] : [it.requestId]));
    const decisions = await Promise.all(ids.map((it) => this.client.decision(it)));
    const attempts = decisions.flatMap((it) => decisionLines(it));
    const unseen = attempts.length > 1 ? 'behind the scenes' : 'no failover was needed';
    this.stage.note(`${summary(turn)}; ${unseen}, by GET /admin/requests/{id}:`);
    this.stage.note(...attempts.map((it) => `  ${it}`));
    return turn.account ?? first.name;
  }

  /** Sends the turn again, as Codex does when a response breaks off. */
  async #resend(): Promise<TurnResult> {
    this.stage.note(
      'cut off upstream, so cut off here: no text is sent twice, and Codex sends the turn again',
    );
    return this.#ask('and now?');
  }

  /** Returns the account of the first session. */
  async #session(expected: string): Promise<string> {
    await this.stage.step(`The session stays with ${expected}, where its context is cached`);
    this.pool.says('Still {account}: this session stays here, and a second one beside it does not wait.');
    const begun = Promise.withResolvers<void>();
    const asked = this.#ask('still there?', begun.resolve);
    await Promise.race([begun.promise, asked]);
    const beside = this.client.turn({ session: otherSession, prompt: 'and me?' });
    const [turn, other] = await Promise.all([asked, beside]);
    this.#turns += 1;
    this.stage.note(`${summary(turn)}; a second session, at the same time: ${summary(other)}`);
    return turn.account ?? expected;
  }

  async #renewal(name: string): Promise<void> {
    await this.stage.step(`${name}'s token is about to expire: it is refreshed on the way`);
    this.pool.says('With a new token, which was on disk before it was used.');
    // Holds the refresh until the turn is under way, so that the demo can read the short lifetime first.
    const renewal = this.pool.fakeUpstream.tokens.hold();
    let before: ShownAccount | null;
    let asked: Promise<TurnResult>;
    try {
      await this.pool.putShortLogin(name, TOKEN_ENDS_IN_SECONDS);
      await this.client.reload();
      before = await this.client.account(name);
      asked = this.#ask('once more');
      await Promise.race([renewal.arrived, asked]);
    } finally {
      renewal.release();
    }
    const turn = await asked;
    const after = await this.client.account(name);
    this.stage.note(
      `${summary(turn)}; its token was valid for ${leftOf(before)} before, ${leftOf(after)} after`,
    );
  }

  async #afterwards(): Promise<void> {
    await this.stage.step('The pool afterwards, by GET /admin/accounts');
    const accounts = await this.#accountsWhen(
      (all) => all.reduce((sum, it) => sum + it.totals.turns, 0) >= this.#turns,
    );
    this.stage.note(...accountTable(accounts, Date.now()));
  }

  /** Sends a turn of the session and shows it while it streams. */
  async #ask(prompt: string, onWord?: () => void): Promise<TurnResult> {
    this.stage.prompt(prompt);
    const show = (word: string) => {
      this.stage.word(word);
      onWord?.();
    };
    const turn = await this.client.turn({ session, prompt, onWord: show });
    this.stage.endWords();
    if (!turn.isBroken) this.#turns += 1;
    return turn;
  }

  /** Returns the accounts as soon as the condition holds, or as they are after PATIENCE_MS. */
  async #accountsWhen(
    isSo: (accounts: readonly ShownAccount[]) => boolean,
  ): Promise<readonly ShownAccount[]> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const accounts = await this.client.accounts();
      if (isSo(accounts) || performance.now() > deadline) return accounts;
      await pause(LOOK_AGAIN_MS, undefined, { signal: this.signal });
    }
  }
}

const summary = ({ status, account }: TurnResult) => `HTTP ${status}, served by ${account ?? 'no account'}`;

const leftOf = (account: ShownAccount | null) =>
  account?.expiresAt == null ? 'an unknown time' : timeLeft(account.expiresAt, Date.now());

const ms = (time: number | null) => (time === null ? 'never' : `${Math.round(time)} ms`);

function widest(accounts: readonly ShownAccount[], cell: (account: ShownAccount) => string): number {
  return Math.max(...accounts.map((it) => cell(it).length));
}
