import { SPARK_MODEL } from '../../src/fake-upstream/script/meter.js';
import type { SeededRandom } from '../support/seeded-random.js';

const SESSIONS = 200;
/** One session in this many uses a WebSocket. */
const SOCKET_EVERY = 4;
/** The models that count on the general meter. */
export const generalModels: readonly string[] = ['gpt-5.5', 'gpt-5.5-mini', 'gpt-5.4'];
const models = [...generalModels, SPARK_MODEL];

/** A conversation with one model and one turn at a time. */
export interface Session {
  readonly name: string;
  readonly model: string;
  /** Its turns travel over a WebSocket. */
  readonly isSocket: boolean;
  /** The account that served it last; null if none did or if it is uncertain which. */
  lastAccount: string | null;
  /** The account that served it before `lastAccount`. */
  previousAccount: string | null;
  isHistoryCertain: boolean;
  movedAt: number;
  /** Results of its latest requests, newest last; for the details of a breach. */
  history: readonly string[];
}

/** The sessions of a storm. Each belongs to one turn at a time. */
export class Sessions {
  moves = 0;
  readonly #all: Session[];
  readonly #free: Session[];

  constructor(private readonly random: SeededRandom) {
    this.#all = Array.from({ length: SESSIONS }, (_, index) => ({
      name: `session-${index}`,
      model: models[index % models.length] ?? '',
      isSocket: Math.floor(index / models.length) % SOCKET_EVERY === 0,
      lastAccount: null,
      previousAccount: null,
      isHistoryCertain: true,
      movedAt: 0,
      history: [],
    }));
    this.#free = [...this.#all];
  }

  take(): Session {
    const [session] = this.#free.splice(Math.floor(this.random.next() * this.#free.length), 1);
    if (session === undefined) throw new Error('every session is in use');
    return session;
  }

  giveBack(session: Session): void {
    this.#free.push(session);
  }

  served(session: Session, account: string | null, at: number): void {
    if (session.lastAccount === account) return;
    if (session.lastAccount !== null) {
      this.moves += 1;
      session.previousAccount = session.lastAccount;
      session.isHistoryCertain = true;
    }
    session.lastAccount = account;
    session.movedAt = at;
  }

  /** Marks the accounts of a session as uncertain. */
  setUncertain(session: Session): void {
    session.lastAccount = null;
    session.previousAccount = null;
    session.isHistoryCertain = false;
  }

  /** Marks the accounts of all sessions that moved at a matching time as uncertain. */
  forgetMoves(matches: (movedAt: number) => boolean): void {
    for (const it of this.#all) if (matches(it.movedAt)) this.setUncertain(it);
  }
}
