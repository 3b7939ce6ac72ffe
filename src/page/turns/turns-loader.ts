import { type ReadonlySignal, signal } from '@preact/signals';
import type { RequestView } from '../../api/request.js';
import type { Problem } from '../../api/shared-shapes.js';
import { call } from '../state/api-client.js';
import { nextPage } from '../state/next-page.js';
import { matchesFilters, requestsQuery, type TurnFilters } from './turn-filters.js';
import { TurnList } from './turn-list.js';

/** Turns of one page. */
const PAGE = 200;

/** The list of turns for one set of filters: loads older pages one at a time, and takes live turns on top. */
export class TurnsLoader {
  readonly list = new TurnList();
  private readonly changes = signal(0);
  readonly problem = signal<Problem | null>(null);
  readonly isLoading = signal(false);
  /** Why older turns may be missing, in the program's words; null if none are. */
  readonly warning = signal<string | null>(null);
  /** Path of the next page; null after the last one. */
  private next: string | null;
  private readonly first: string;
  private running: AbortController | null = null;

  constructor(private readonly filters: TurnFilters) {
    this.first = `/admin/requests?${requestsQuery(filters, PAGE).toString()}`;
    this.next = this.first;
  }

  /** Grows with each change of the list. */
  get version(): ReadonlySignal<number> {
    return this.changes;
  }

  get hasMore(): boolean {
    return this.next !== null;
  }

  /** Loads the next page, unless one is being loaded, or the last one failed. */
  async more(): Promise<void> {
    if (this.running !== null || this.next === null || this.problem.peek() !== null) return;
    const headers = await this.load(this.next);
    if (headers !== null) this.next = nextPage(headers);
  }

  /** Tries again after a problem. */
  async retry(): Promise<void> {
    this.problem.value = null;
    await this.more();
  }

  /** Fetches the newest page anew: after a lost connection, turns are missing between it and the live ones. */
  async refresh(): Promise<void> {
    if (this.running === null) await this.load(this.first);
  }

  /** Takes live turns; those that no longer match the filters leave the list. */
  takeLive(turns: readonly RequestView[]): void {
    const { matching = [], others = [] } = Object.groupBy(turns, (it) =>
      matchesFilters(it, this.filters) ? 'matching' : 'others',
    );
    const hasGrown = this.list.put(matching);
    const hasShrunk = this.list.remove(others.map((it) => it.id));
    if (hasGrown || hasShrunk) this.changes.value += 1;
  }

  stop(): void {
    this.running?.abort();
    this.running = null;
  }

  /** Returns the headers of the page; null after a problem. */
  private async load(path: string): Promise<Headers | null> {
    const own = new AbortController();
    this.running = own;
    this.isLoading.value = true;
    const reply = await call<RequestView[]>(path, { signal: own.signal });
    if (this.running !== own) return null;
    this.running = null;
    this.isLoading.value = false;
    this.problem.value = reply.ok ? null : reply.problem;
    if (!reply.ok) return null;
    this.warning.value = reply.headers.get('x-codex-pool-warning');
    this.list.append(reply.value);
    this.changes.value += 1;
    return reply.headers;
  }
}
