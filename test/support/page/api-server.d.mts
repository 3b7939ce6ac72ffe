/** A request of the page that waits for its response. */
export interface AskedOfApi {
  readonly path: string;
  /** Responds with JSON. `next`: path of the next page; `warning`: why the list may be incomplete. */
  responds(body: unknown, head?: { status?: number; next?: string; warning?: string }): void;
  /** Refuses with a problem of this code and these words. */
  refuses(status: number, code: string, detail: string): void;
  /** Breaks the connection off. */
  cuts(): void;
  /** Resolves when the page has given up, or has the response. */
  isOver(): Promise<void>;
}

/** An HTTP server in the place of the program. Until it is closed, `fetch` sends paths to it. */
export class ApiServer {
  private constructor();
  static start(): Promise<ApiServer>;
  /** How many requests have come. */
  readonly count: number;
  /** Takes the next request, in the order of their arrival. */
  next(): Promise<AskedOfApi>;
  close(): Promise<void>;
}
