import { z } from 'zod';
import type { AppServer } from './app-server.js';

const threadStarted = z.object({ thread: z.object({ id: z.string() }) });
const turnStarted = z.object({ turn: z.object({ id: z.string() }) });
const turnBegun = z.object({ threadId: z.string(), turn: z.object({ id: z.string() }) });
const turnEnded = z.object({ turn: z.object({ id: z.string(), status: z.string(), error: z.unknown() }) });

/** The end of a turn, as reported to an IDE. */
export type TurnEnd = z.infer<typeof turnEnded>['turn'];

/** One conversation in an app server. */
export class Thread {
  readonly #turnIds = new Set<string>();

  private constructor(
    private readonly server: AppServer,
    readonly id: string,
  ) {}

  static async start(server: AppServer, workFolder: string, options: object = {}): Promise<Thread> {
    const started = await server.request('thread/start', { cwd: workFolder, ...options });
    return new Thread(server, threadStarted.parse(started).thread.id);
  }

  /** Sends a prompt and waits for the end of the turn. */
  async turn(text: string): Promise<TurnEnd> {
    const input = [{ type: 'text', text }];
    const started = await this.server.request('turn/start', { threadId: this.id, input });
    return this.#endOf(turnStarted.parse(started).turn.id);
  }

  /** Compacts the conversation; this is also a turn. */
  async compact(): Promise<TurnEnd> {
    await this.server.request('thread/compact/start', { threadId: this.id });
    const isNew = (params: unknown): boolean => {
      const begun = turnBegun.safeParse(params).data;
      return begun?.threadId === this.id && !this.#turnIds.has(begun.turn.id);
    };
    const begun = turnBegun.parse(await this.server.notification('turn/started', isNew));
    return this.#endOf(begun.turn.id);
  }

  async #endOf(turnId: string): Promise<TurnEnd> {
    this.#turnIds.add(turnId);
    const isIts = (params: unknown): boolean => turnEnded.safeParse(params).data?.turn.id === turnId;
    return turnEnded.parse(await this.server.notification('turn/completed', isIts)).turn;
  }
}
