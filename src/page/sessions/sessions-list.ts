import { signal } from '@preact/signals';
import type { SessionView } from '../../api/session.js';
import type { Problem } from '../../api/shared-shapes.js';
import { call } from '../state/api-client.js';
import { nextPage } from '../state/next-page.js';

/** Sessions of one page. */
const PAGE = 100;

/** The sessions of one account, or of all: page by page, newest use first. */
export class SessionsList {
  readonly sessions = signal<readonly SessionView[] | null>(null);
  readonly next = signal<string | null>(null);
  readonly problem = signal<Problem | null>(null);
  readonly isLoading = signal(false);
  private running: AbortController | null = null;

  /** `account`: empty for the sessions of all accounts. */
  constructor(private readonly account: string) {}

  /** Loads the newest page; the list stays until it is there. */
  async load(): Promise<void> {
    const query = new URLSearchParams({ limit: String(PAGE) });
    if (this.account !== '') query.set('account', this.account);
    await this.take(`/admin/affinity?${query.toString()}`, 'instead');
  }

  async more(): Promise<void> {
    const path = this.next.peek();
    if (path !== null) await this.take(path, 'below');
  }

  /** Takes the response to a change. */
  put(changed: SessionView): void {
    this.sessions.value = (this.sessions.peek() ?? []).map((it) =>
      it.session === changed.session ? changed : it,
    );
  }

  remove(session: string): void {
    this.sessions.value = (this.sessions.peek() ?? []).filter((it) => it.session !== session);
  }

  stop(): void {
    this.running?.abort();
    this.running = null;
  }

  private async take(path: string, place: 'instead' | 'below'): Promise<void> {
    this.stop();
    const own = new AbortController();
    this.running = own;
    this.isLoading.value = true;
    const reply = await call<SessionView[]>(path, { signal: own.signal });
    if (this.running !== own) return;
    this.running = null;
    this.isLoading.value = false;
    this.problem.value = reply.ok ? null : reply.problem;
    if (!reply.ok) return;
    // As they are now: one may have been moved or forgotten while the page was on its way.
    const before = place === 'below' ? (this.sessions.peek() ?? []) : [];
    const known = new Set(before.map((it) => it.session));
    this.sessions.value = [...before, ...reply.value.filter((it) => !known.has(it.session))];
    this.next.value = nextPage(reply.headers);
  }
}
