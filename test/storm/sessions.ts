import type { SeededRandom } from '../support/seeded-random.js';

const SESSIONS = 200;
const models = ['gpt-5.5', 'gpt-5.5-mini', 'gpt-5.4'];

/** A conversation; it has one turn at a time, and one model. */
export interface Session {
  readonly name: string;
  readonly model: string;
  /** The account that served it last; null when none has, or when it is not certain which. */
  owner: string | null;
  /** The account before that one. */
  former: string | null;
  isPastSure: boolean;
  movedAt: number;
  /** What its last requests came to, newest last; for the account of a fault. */
  past: readonly string[];
}

/** The sessions of a storm, each handed to one turn at a time. */
export class Sessions {
  moves = 0;
  readonly #all: Session[];
  readonly #free: Session[];

  constructor(private readonly random: SeededRandom) {
    this.#all = Array.from({ length: SESSIONS }, (_, index) => ({
      name: `session-${index}`,
      model: models[index % models.length] ?? '',
      owner: null,
      former: null,
      isPastSure: true,
      movedAt: 0,
      past: [],
    }));
    this.#free = [...this.#all];
  }

  take(): Session {
    const [session] = this.#free.splice(Math.floor(this.random.next() * this.#free.length), 1);
    if (session === undefined) throw new Error('every session has a turn already');
    return session;
  }

  giveBack(session: Session): void {
    this.#free.push(session);
  }

  served(session: Session, account: string | null, at: number): void {
    if (session.owner === account) return;
    if (session.owner !== null) {
      this.moves += 1;
      session.former = session.owner;
      session.isPastSure = true;
    }
    session.owner = account;
    session.movedAt = at;
  }

  uncertain(session: Session): void {
    session.owner = null;
    session.former = null;
    session.isPastSure = false;
  }

  /** Where these sessions are is not known any more. */
  forget(isOf: (movedAt: number) => boolean): void {
    for (const it of this.#all) if (isOf(it.movedAt)) this.uncertain(it);
  }
}
