import type { BodyFacts } from './body-facts.js';
import { factsOf } from './body-inspection.js';
import { turnStartIn } from './message.js';
import { metadataPartOf } from './turn-metadata.js';
import { BudgetClaim, type ReplayBudget } from './replay-budget.js';

/** The `response.create` message of a turn on a WebSocket: its facts, and until the commit also its bytes. */
export class TurnMessage implements Disposable {
  #bytes: Buffer | null;
  #metadataPart: string | null = null;

  private constructor(
    message: Buffer,
    private readonly room: BudgetClaim,
    /** Whether it can be sent again: it is self-contained, and the process had room to keep it. */
    readonly isReplayable: boolean,
    /** Whether it refers to a response that only the client's current socket knows. */
    readonly isContinuation: boolean,
    /** Whether it asks for no output. */
    readonly isPrewarm: boolean,
    readonly facts: BodyFacts,
  ) {
    this.#bytes = message;
  }

  /** Reads a message. `sessionKey`: the session that the handshake named; null if it named none. */
  static async read(
    message: Buffer,
    sessionKey: string | null,
    maxBytes: number,
    budget: ReplayBudget,
  ): Promise<TurnMessage> {
    const { isWhole, isPrewarm, model, effort } = turnStartIn(message);
    const room = new BudgetClaim(budget);
    const isReplayable = isWhole && message.length <= maxBytes && room.more(message.length);
    const parsed = sessionKey === null ? await factsOf(message, undefined, budget) : null;
    const facts = {
      sessionKey: sessionKey ?? parsed?.sessionKey ?? null,
      model: model ?? parsed?.model ?? null,
      effort: effort ?? parsed?.effort ?? null,
    };
    return new TurnMessage(message, room, isReplayable, !isWhole, isPrewarm, facts);
  }

  /** Null once it was let go. */
  get bytes(): Buffer | null {
    return this.#bytes;
  }

  /** The part that begins with its turn metadata; null if it has none. */
  get metadataPart(): string | null {
    return this.#bytes === null ? this.#metadataPart : metadataPartOf(this.#bytes);
  }

  /** Forgets the bytes, except for the turn metadata, and returns their room. */
  letGo(): void {
    if (this.#bytes !== null) this.#metadataPart = metadataPartOf(this.#bytes);
    this.#bytes = null;
    this.room[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.letGo();
  }
}
