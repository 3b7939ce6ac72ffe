import { type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { RequestView } from '../../api/request.js';
import type { Problem } from '../../api/shared-shapes.js';
import { call } from '../state/api-client.js';
import { nextPage } from '../state/next-page.js';
import { matchesFilters, requestsQuery, type TurnFilters } from './turn-filters.js';
import { TurnList } from './turn-list.js';

/** Turns of one page. */
const PAGE = 200;

interface Page {
  readonly value: readonly RequestView[];
  readonly headers: Headers;
}

/** The list of turns for one set of filters: loads older pages one at a time, and takes live turns on top. */
export class TurnsLoader {
  readonly list = new TurnList();
  private readonly changes = signal(0);
  readonly problem = signal<Problem | null>(null);
  readonly isLoading = signal(false);
  /** Why older turns may be missing, in the program's words; null if none are. */
  readonly warning = signal<string | null>(null);
  /** Path of the next page; null after the last one. */
  private readonly next: Signal<string | null>;
  private readonly first: string;
  private running: AbortController | null = null;
  /** Whether turns that came while the connection was lost may be missing. */
  private isBehind = false;

  constructor(private readonly filters: TurnFilters) {
    this.first = `/admin/requests?${requestsQuery(filters, PAGE).toString()}`;
    this.next = signal(this.first);
  }

  /** Grows with each change of the list. */
  get version(): ReadonlySignal<number> {
    return this.changes;
  }

  /** Renders the reading component when it changes. */
  get hasMore(): boolean {
    return this.next.value !== null;
  }

  /** Loads the next page, unless one is being loaded, or the last one failed. */
  async more(): Promise<void> {
    if (this.running !== null || this.problem.peek() !== null) return;
    if (!this.isBehind && !(await this.loadOlder())) return;
    if (this.isBehind) await this.loadNewest();
  }

  /** Tries again after a problem. */
  async retry(): Promise<void> {
    this.problem.value = null;
    await this.more();
  }

  /**
   * Fetches the newest page anew, after a page that is being loaded: after a lost connection, turns are missing between it
   * and the live ones. If more than a page is missing, the older turns leave the list, to be loaded again.
   */
  async refresh(): Promise<void> {
    this.isBehind = true;
    if (this.running === null) await this.loadNewest();
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

  /** Returns whether the next page has come. */
  private async loadOlder(): Promise<boolean> {
    const path = this.next.peek();
    if (path === null) return false;
    const page = await this.load(path);
    if (page === null) return false;
    this.next.value = nextPage(page.headers);
    this.take(page);
    return true;
  }

  private async loadNewest(): Promise<void> {
    const page = await this.load(this.first);
    if (page === null) return;
    this.isBehind = false;
    const oldest = page.value.at(-1);
    const next = nextPage(page.headers);
    const hasGap = oldest !== undefined && next !== null && this.list.find(oldest.id) === null;
    if (hasGap) this.list.dropBefore(oldest.at);
    if (hasGap || this.next.peek() === this.first) this.next.value = next;
    this.take(page);
  }

  private take({ headers, value }: Page): void {
    this.warning.value = headers.get('x-codex-pool-warning');
    this.list.append(value);
    this.changes.value += 1;
  }

  /** Returns null after a problem, and if the list was stopped meanwhile. */
  private async load(path: string): Promise<Page | null> {
    const own = new AbortController();
    this.running = own;
    this.isLoading.value = true;
    const reply = await call<RequestView[]>(path, { signal: own.signal });
    if (this.running !== own) return null;
    this.running = null;
    this.isLoading.value = false;
    this.problem.value = reply.ok ? null : reply.problem;
    return reply.ok ? reply : null;
  }
}
